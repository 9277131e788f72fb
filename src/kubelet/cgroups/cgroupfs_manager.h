#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "kubelet/cgroups/cgroup_manager.h"
#include "kubelet/cgroups/layout.h"

namespace coxswain {
class Files;
}

namespace coxswain::kubelet {

/// Writes the kernel's files: driver "cgroupfs", versions 1 and 2.
class CgroupfsManager final : public CgroupManager {
 public:
  using KillFunction = std::function<void(int pid)>;

  /// `cgroupRoot` is the group below which `kubepods` stands ("/", "/coxswain"). `kill` ends a
  /// process by force.
  CgroupfsManager(Files& files, CgroupLayout layout, std::string cgroupRoot, KillFunction kill);

  Status setUp(const CgroupResources& allocatable) override;
  Status ensurePod(std::string_view uid, std::string_view qos,
                   const CgroupResources& resources) override;
  [[nodiscard]] std::string podParent(std::string_view uid, std::string_view qos) const override;
  Status removePod(std::string_view uid) override;
  [[nodiscard]] std::vector<std::string> pods() const override;
  Status setBurstableShares(uint64_t shares) override;
  [[nodiscard]] bool isV2() const override { return layout_.v2; }

 private:
  Status make(const std::string& group);
  Status makeV2(const std::string& group);
  Status copyCpuset(const std::string& folder);
  Status limit(const std::string& group, const CgroupResources& resources);
  Status limitV1(const std::string& group, const CgroupResources& resources);
  Status limitV2(const std::string& group, const CgroupResources& resources);
  Status writeKnob(std::string_view controller, const std::string& group, std::string_view knob,
                   const std::string& value);
  Status removeTree(const std::string& folder);
  void killAll(const std::string& folder);

  Files& files_;
  CgroupLayout layout_;
  std::string base_;  // "/kubepods", "/coxswain/kubepods"
  KillFunction kill_;
};

}  // namespace coxswain::kubelet
