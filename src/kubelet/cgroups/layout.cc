#include "kubelet/cgroups/layout.h"

#include <algorithm>

namespace coxswain::kubelet {
namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    auto end = std::min(text.find(separator), text.size());
    if (end > 0) parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

/// Options of the super block that are not names of controllers.
bool isController(std::string_view option) {
  static constexpr std::string_view kOthers[] = {"rw",       "ro",  "xattr", "clone_children",
                                                 "noprefix", "all", "none"};
  return option.find('=') == std::string_view::npos &&
         std::find(std::begin(kOthers), std::end(kOthers), option) == std::end(kOthers);
}

}  // namespace

std::vector<std::string> CgroupLayout::roots() const {
  if (v2) return {unified};
  std::vector<std::string> all;
  for (const auto& [name, path] : controllers) all.push_back(path);
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

std::vector<std::string> CgroupLayout::allRoots() const {
  auto all = roots();
  if (!v2 && !unified.empty()) all.push_back(unified);
  return all;
}

std::string CgroupLayout::rootOf(std::string_view controller) const {
  auto found = controllers.find(std::string(controller));
  return found == controllers.end() ? "" : found->second;
}

Result<CgroupLayout> findCgroups(std::string_view mountInfo) {
  CgroupLayout layout;
  std::string unified;
  for (auto line : split(mountInfo, '\n')) {
    // 32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu
    auto dash = line.find(" - ");
    if (dash == std::string_view::npos) continue;
    auto before = split(line.substr(0, dash), ' ');
    auto after = split(line.substr(dash + 3), ' ');
    if (before.size() < 5 || after.size() < 3) continue;
    std::string path(before[4]);
    if (after[0] == "cgroup2") {
      layout.unified = path;
    } else if (after[0] == "cgroup") {
      for (auto option : split(after[2], ',')) {
        if (option.starts_with("name=")) {
          layout.controllers.emplace(option.substr(5), path);
        } else if (isController(option)) {
          layout.controllers.emplace(option, path);
        }
      }
    }
  }
  bool anyV1 = std::any_of(layout.controllers.begin(), layout.controllers.end(),
                           [](const auto& entry) { return entry.first != "systemd"; });
  if (anyV1) return layout;
  if (layout.unified.empty()) {
    return internalError("no cgroup file system is mounted; mount one at /sys/fs/cgroup");
  }
  layout.controllers.clear();
  layout.v2 = true;
  return layout;
}

}  // namespace coxswain::kubelet
