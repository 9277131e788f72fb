#pragma once

#include <map>
#include <string>
#include <utility>

#include "kubelet/volume/bound_claim.h"
#include "kubelet/volume/csi_mounts.h"
#include "kubelet/volume/plugin.h"

namespace coxswain::kubelet {

/// What a claim is bound to: hostPath and local volumes of the node itself, and CSI. Others are
/// refused with a message. Upstream: pkg/volume/local.
class PersistentClaimPlugin final : public VolumePlugin {
 public:
  explicit PersistentClaimPlugin(const VolumeHost& host) : host_(host), csi_(host) {}
  [[nodiscard]] std::string_view name() const override { return "kubernetes.io/local-volume"; }
  [[nodiscard]] bool handles(const api::core::v1::Volume& volume) const override;
  Task<Result<VolumeReady>> setUp(VolumeRequest request, std::stop_token stop) override;
  void forgetPod(const std::string& uid) override;
  Task<Result<VolumeUsage>> usage(VolumeRequest request, std::stop_token stop) override;

 private:
  Task<Status> growLocal(BoundClaim bound, std::stop_token stop);
  Result<std::string> linkLocal(const VolumeRequest& request,
                                const api::core::v1::PersistentVolume& volume);
  Result<std::string> bindLocal(const VolumeRequest& request,
                                const api::core::v1::PersistentVolume& volume, bool readOnly);
  VolumeHost host_;
  CsiMounts csi_;
  std::map<std::pair<std::string, std::string>, std::string> local_;  // uid, volume -> folder
};

}  // namespace coxswain::kubelet
