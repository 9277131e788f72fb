#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace coxswain::kubelet {

/// The control group trees of a host.
struct CgroupLayout {
  bool v2 = false;
  /// Version 1: the folder of each controller ("cpu", "memory", "systemd" for name=systemd).
  /// Several may share one. Version 2: empty.
  std::map<std::string, std::string> controllers;
  std::string unified;  ///< version 2: the folder; on a hybrid host the empty tree beside

  /// Every tree in which limits are set, once.
  [[nodiscard]] std::vector<std::string> roots() const;
  /// These, and a hybrid host's version 2 tree, where runtimes make groups too.
  [[nodiscard]] std::vector<std::string> allRoots() const;
  /// Of a version 1 controller; empty: the host has none.
  [[nodiscard]] std::string rootOf(std::string_view controller) const;
};

/// From /proc/self/mountinfo's text. It is version 2 only where no version 1 controllers are
/// mounted. InternalError: there are none.
Result<CgroupLayout> findCgroups(std::string_view mountInfo);

}  // namespace coxswain::kubelet
