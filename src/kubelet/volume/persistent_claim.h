#pragma once

#include "kubelet/volume/plugin.h"

namespace coxswain::kubelet {

/// What a claim is bound to, for volumes of the node itself: hostPath and local. Others are refused
/// with a message. Upstream: volumemanager/populator, pkg/volume/local.
class PersistentClaimPlugin final : public VolumePlugin {
 public:
  explicit PersistentClaimPlugin(const VolumeHost& host) : host_(host) {}
  [[nodiscard]] std::string_view name() const override { return "kubernetes.io/local-volume"; }
  [[nodiscard]] bool handles(const api::core::v1::Volume& volume) const override;
  Task<Result<VolumeReady>> setUp(VolumeRequest request, std::stop_token stop) override;

 private:
  Task<Result<std::shared_ptr<const api::core::v1::PersistentVolume>>> bound(VolumeRequest request,
                                                                             std::stop_token stop);
  Result<std::string> bindLocal(const VolumeRequest& request,
                                const api::core::v1::PersistentVolume& volume, bool readOnly);
  VolumeHost host_;
};

}  // namespace coxswain::kubelet
