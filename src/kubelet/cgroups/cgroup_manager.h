#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kubelet/cgroups/resources.h"

namespace coxswain::kubelet {

/// The groups of pods. Calls block shortly (the kernel's files); one executor. Implementations:
/// CgroupfsManager, NoCgroups.
class CgroupManager {
 public:
  virtual ~CgroupManager() = default;

  /// Makes `kubepods` with its classes, limited to what pods may use of the node. Idempotent.
  virtual Status setUp(const CgroupResources& allocatable) = 0;
  /// The pod's group, made or changed; before its sandbox is. `qos` is "Guaranteed", "Burstable" or
  /// "BestEffort".
  virtual Status ensurePod(std::string_view uid, std::string_view qos,
                           const CgroupResources& resources) = 0;
  /// What the runtime gets as cgroup_parent. Empty: its own default.
  [[nodiscard]] virtual std::string podParent(std::string_view uid, std::string_view qos) const = 0;
  /// Ends what still runs in it and removes it, wherever its class put it. Success where it is
  /// absent; Conflict: processes are still ending, call again.
  virtual Status removePod(std::string_view uid) = 0;
  /// Uids of pods that have a group.
  [[nodiscard]] virtual std::vector<std::string> pods() const = 0;
  /// CPU shares of the burstable class: the sum of its pods'.
  virtual Status setBurstableShares(uint64_t shares) = 0;
  [[nodiscard]] virtual bool isV2() const { return false; }
};

/// For `cgroupsPerQos: false`: the runtime puts containers where it likes.
class NoCgroups final : public CgroupManager {
 public:
  Status setUp(const CgroupResources&) override { return {}; }
  Status ensurePod(std::string_view, std::string_view, const CgroupResources&) override {
    return {};
  }
  [[nodiscard]] std::string podParent(std::string_view, std::string_view) const override {
    return {};
  }
  Status removePod(std::string_view) override { return {}; }
  [[nodiscard]] std::vector<std::string> pods() const override { return {}; }
  Status setBurstableShares(uint64_t) override { return {}; }
};

}  // namespace coxswain::kubelet
