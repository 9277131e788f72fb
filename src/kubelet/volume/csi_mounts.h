#pragma once

#include <map>
#include <memory>
#include <stop_token>
#include <string>

#include "kubelet/csi/volumes.h"
#include "kubelet/volume/bound_claim.h"
#include "kubelet/volume/plugin.h"

namespace coxswain::api::storage::v1 {
struct CSIDriver;
}

namespace coxswain::kubelet {

/// CSI volumes in the cluster's terms: what PersistentVolumes, pods, CSIDrivers, VolumeAttachments
/// and Secrets say becomes calls of csi::Volumes. One executor.
/// Upstream: pkg/volume/csi/{csi_plugin,csi_mounter,csi_attacher}.go.
class CsiMounts {
 public:
  explicit CsiMounts(const VolumeHost& host) : host_(host) {}

  /// For a claim whose volume has spec.csi: waits until it is attached, stages, publishes.
  Task<Result<VolumeReady>> setUpClaim(VolumeRequest request, BoundClaim bound,
                                       std::stop_token stop);
  /// For pod.spec.volumes[].csi.
  Task<Result<VolumeReady>> setUpInline(VolumeRequest request, std::stop_token stop);
  /// Of a volume that is mounted: it grows where its claim wants more, and is published again where
  /// the driver wants that. Nullptr answers: it is not mounted by this process, set it up.
  Task<std::unique_ptr<VolumeReady>> recheckClaim(VolumeRequest request, std::stop_token stop);
  Task<Result<VolumeUsage>> usage(VolumeRequest request, std::stop_token stop);
  void forgetPod(const std::string& uid);

 private:
  using CsiDriver = std::shared_ptr<const api::storage::v1::CSIDriver>;
  using SpecPointer = std::shared_ptr<const csi::MountSpec>;
  struct Mounted {
    VolumeReady ready;
    SpecPointer spec;
    CsiDriver driver;      ///< null: inline, or there is no object
    bool expands = false;  ///< the driver does something on nodes when a volume grows
    int64_t size = 0;      ///< of the claim, as this node knows it
    Duration growBackoff{};
    MonotonicTime growAt{};
  };
  static constexpr Duration kRepublishAfter = 1min;
  /// Pod's uid and the volume's name in it.
  using Key = std::pair<std::string, std::string>;
  static Key keyOf(const VolumeRequest& request);

  Task<Result<CsiDriver>> driverObject(std::string name, std::stop_token stop);
  Task<Result<api::Map<std::string>>> attached(VolumeRequest request, SpecPointer spec,
                                               std::stop_token stop);
  Task<Result<api::Map<std::string>>> secretData(std::string ns, std::string name,
                                                 std::string_view what, std::stop_token stop);
  /// Pod information and tokens, as the driver's object asks.
  Task<Status> addPodFacts(VolumeRequest request, CsiDriver driver, csi::MountSpec& spec,
                           std::stop_token stop);
  Task<Result<VolumeReady>> publish(VolumeRequest request, CsiDriver driver, SpecPointer spec,
                                    bool singleWriter, std::stop_token stop);
  // csi_growth.cc
  Task<void> grow(VolumeRequest request, BoundClaim bound, std::stop_token stop);
  Task<std::unique_ptr<BoundClaim>> claimIfGrown(VolumeRequest request, int64_t size,
                                                 std::stop_token stop);
  /// With the time when to look at it again.
  [[nodiscard]] VolumeReady readyAgain(Mounted& mounted) const;

  VolumeHost host_;
  std::map<Key, Mounted> mounted_;
};

/// pod.spec.volumes[].csi.
class CsiInlinePlugin final : public VolumePlugin {
 public:
  explicit CsiInlinePlugin(const VolumeHost& host) : mounts_(host) {}
  [[nodiscard]] std::string_view name() const override { return "kubernetes.io/csi"; }
  [[nodiscard]] bool handles(const api::core::v1::Volume& volume) const override;
  Task<Result<VolumeReady>> setUp(VolumeRequest request, std::stop_token stop) override {
    return mounts_.setUpInline(std::move(request), std::move(stop));
  }
  void forgetPod(const std::string& uid) override { mounts_.forgetPod(uid); }
  Task<Result<VolumeUsage>> usage(VolumeRequest request, std::stop_token stop) override {
    return mounts_.usage(std::move(request), std::move(stop));
  }

 private:
  CsiMounts mounts_;
};

}  // namespace coxswain::kubelet
