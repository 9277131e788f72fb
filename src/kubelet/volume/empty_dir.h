#pragma once

#include "kubelet/volume/plugin.h"

namespace coxswain::kubelet {

/// A folder that lives as long as the pod, on disk or (medium Memory) in a tmpfs; 0777, the pod's
/// fsGroup. Bounded by sizeLimit, the pod's memory limit and the node's memory where it is memory.
/// Upstream: pkg/volume/emptydir.
class EmptyDirPlugin final : public VolumePlugin {
 public:
  explicit EmptyDirPlugin(const VolumeHost& host) : host_(host) {}
  [[nodiscard]] std::string_view name() const override { return "kubernetes.io/empty-dir"; }
  [[nodiscard]] bool handles(const api::core::v1::Volume& volume) const override;
  Task<Result<VolumeReady>> setUp(VolumeRequest request, std::stop_token stop) override;

 private:
  VolumeHost host_;
};

}  // namespace coxswain::kubelet
