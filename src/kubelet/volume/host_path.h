#pragma once

#include "kubelet/volume/plugin.h"

namespace coxswain::kubelet {

/// A path of the node, checked or made by its type. Upstream: pkg/volume/hostpath.
class HostPathPlugin final : public VolumePlugin {
 public:
  explicit HostPathPlugin(const VolumeHost& host) : host_(host) {}
  [[nodiscard]] std::string_view name() const override { return "kubernetes.io/host-path"; }
  [[nodiscard]] bool handles(const api::core::v1::Volume& volume) const override;
  Task<Result<VolumeReady>> setUp(VolumeRequest request, std::stop_token stop) override;

 private:
  VolumeHost host_;
};

/// The check of hostPath.type alone ("" and unset: none): "hostPath type check failed: /x is not a
/// directory".
Status checkHostPath(Files& files, const std::string& path, std::string_view type);

}  // namespace coxswain::kubelet
