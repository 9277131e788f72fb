#include "kubelet/cgroups/cgroupfs_manager.h"

#include <charconv>
#include <set>

#include "runtime/files.h"

namespace coxswain::kubelet {
namespace {

constexpr std::string_view kClasses[] = {"", "/burstable", "/besteffort"};

std::string_view classOf(std::string_view qos) {
  if (qos == "Burstable") return kClasses[1];
  if (qos == "BestEffort") return kClasses[2];
  return kClasses[0];
}

std::string cleanRoot(std::string root) {
  while (!root.empty() && root.back() == '/') root.pop_back();
  if (!root.empty() && root.front() != '/') root.insert(0, 1, '/');
  return root;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  return text;
}

}  // namespace

CgroupfsManager::CgroupfsManager(Files& files, CgroupLayout layout, std::string cgroupRoot,
                                 KillFunction kill)
    : files_(files),
      layout_(std::move(layout)),
      base_(cleanRoot(std::move(cgroupRoot)) + "/kubepods"),
      kill_(std::move(kill)) {}

Status CgroupfsManager::setUp(const CgroupResources& allocatable) {
  TRY_STATUS(make(base_));
  TRY_STATUS(limit(base_, allocatable));
  CgroupResources least;
  least.cpuShares = kSharesMin;
  for (auto qosClass : {kClasses[1], kClasses[2]}) {
    std::string group = base_ + std::string(qosClass);
    TRY_STATUS(make(group));
    TRY_STATUS(limit(group, least));
  }
  return {};
}

Status CgroupfsManager::ensurePod(std::string_view uid, std::string_view qos,
                                  const CgroupResources& resources) {
  std::string group = podParent(uid, qos);
  TRY_STATUS(make(group));
  return limit(group, resources);
}

std::string CgroupfsManager::podParent(std::string_view uid, std::string_view qos) const {
  return base_ + std::string(classOf(qos)) + "/pod" + std::string(uid);
}

Status CgroupfsManager::setBurstableShares(uint64_t shares) {
  CgroupResources resources;
  resources.cpuShares = shares;
  return limit(base_ + std::string(kClasses[1]), resources);
}

Status CgroupfsManager::make(const std::string& group) {
  if (layout_.v2) return makeV2(group);
  for (const auto& root : layout_.roots()) {
    std::string folder = root + group;
    if (files_.exists(folder)) continue;
    TRY_STATUS(files_.mkdirs(folder));
    if (root == layout_.rootOf("cpuset")) TRY_STATUS(copyCpuset(folder));
  }
  return {};
}

/// Version 2: a group's controllers must be handed down at each step from the root.
Status CgroupfsManager::makeV2(const std::string& group) {
  for (size_t at = 0; at != std::string::npos; at = group.find('/', at + 1)) {
    std::string folder = layout_.unified + group.substr(0, at);
    TRY_STATUS(files_.mkdirs(folder));
    TRY(auto controllers, files_.read(folder + "/cgroup.controllers"));
    std::string wanted;
    for (std::string_view name : {"cpuset", "cpu", "io", "memory", "hugetlb", "pids"}) {
      if ((" " + std::string(trim(controllers)) + " ").find(" " + std::string(name) + " ") ==
          std::string::npos) {
        continue;
      }
      wanted += (wanted.empty() ? "+" : " +") + std::string(name);
    }
    if (!wanted.empty()) TRY_STATUS(files_.write(folder + "/cgroup.subtree_control", wanted));
  }
  return files_.mkdirs(layout_.unified + group);
}

/// Version 1: an empty set of CPUs takes no process, so a new group gets its parent's.
Status CgroupfsManager::copyCpuset(const std::string& folder) {
  std::string parent(parentPath(folder));
  for (const char* knob : {"/cpuset.cpus", "/cpuset.mems"}) {
    TRY(auto own, files_.read(folder + knob));
    if (!trim(own).empty()) continue;
    TRY(auto above, files_.read(parent + knob));
    if (trim(above).empty()) {
      TRY_STATUS(copyCpuset(parent));
      TRY(above, files_.read(parent + knob));
    }
    TRY_STATUS(files_.write(folder + knob, trim(above)));
  }
  return {};
}

Status CgroupfsManager::limit(const std::string& group, const CgroupResources& resources) {
  return layout_.v2 ? limitV2(group, resources) : limitV1(group, resources);
}

Status CgroupfsManager::writeKnob(std::string_view controller, const std::string& group,
                                  std::string_view knob, const std::string& value) {
  std::string root = layout_.v2 ? layout_.unified : layout_.rootOf(controller);
  if (root.empty()) return {};  // this host does not have the controller
  return files_.write(root + group + "/" + std::string(knob), value);
}

Status CgroupfsManager::limitV1(const std::string& group, const CgroupResources& resources) {
  if (resources.cpuShares) {
    TRY_STATUS(writeKnob("cpu", group, "cpu.shares", std::to_string(*resources.cpuShares)));
  }
  if (resources.cpuPeriodUs && *resources.cpuPeriodUs > 0) {
    TRY_STATUS(
        writeKnob("cpu", group, "cpu.cfs_period_us", std::to_string(*resources.cpuPeriodUs)));
  }
  if (resources.cpuQuotaUs) {
    TRY_STATUS(writeKnob("cpu", group, "cpu.cfs_quota_us", std::to_string(*resources.cpuQuotaUs)));
  }
  if (resources.memoryBytes) {
    TRY_STATUS(writeKnob("memory", group, "memory.limit_in_bytes",
                         std::to_string(*resources.memoryBytes)));
  }
  if (resources.pidsMax) {
    TRY_STATUS(writeKnob("pids", group, "pids.max", std::to_string(*resources.pidsMax)));
  }
  for (const auto& [size, bytes] : resources.hugePages) {
    TRY_STATUS(
        writeKnob("hugetlb", group, "hugetlb." + size + ".limit_in_bytes", std::to_string(bytes)));
  }
  return {};
}

Status CgroupfsManager::limitV2(const std::string& group, const CgroupResources& resources) {
  auto orMax = [](int64_t value) { return value < 0 ? std::string("max") : std::to_string(value); };
  if (resources.cpuShares) {
    TRY_STATUS(writeKnob("cpu", group, "cpu.weight",
                         std::to_string(sharesToWeight(*resources.cpuShares))));
  }
  if (resources.cpuQuotaUs) {
    TRY_STATUS(writeKnob("cpu", group, "cpu.max",
                         orMax(*resources.cpuQuotaUs) + " " +
                             std::to_string(resources.cpuPeriodUs.value_or(100000))));
  }
  if (resources.memoryBytes) {
    TRY_STATUS(writeKnob("memory", group, "memory.max", orMax(*resources.memoryBytes)));
  }
  if (resources.pidsMax) {
    TRY_STATUS(writeKnob("pids", group, "pids.max", orMax(*resources.pidsMax)));
  }
  for (const auto& [size, bytes] : resources.hugePages) {
    TRY_STATUS(writeKnob("hugetlb", group, "hugetlb." + size + ".max", std::to_string(bytes)));
  }
  return {};
}

Status CgroupfsManager::removePod(std::string_view uid) {
  Status first;
  for (const auto& root : layout_.allRoots()) {
    for (auto qosClass : kClasses) {
      std::string folder = root + base_ + std::string(qosClass) + "/pod" + std::string(uid);
      if (!files_.exists(folder)) continue;
      Status removed = removeTree(folder);
      if (removed.ok()) continue;
      killAll(folder);
      removed = removeTree(folder);
      if (!removed.ok() && first.ok()) {
        first = Status(Reason::Conflict, 409, "removing " + folder + ": " + removed.message());
      }
    }
  }
  return first;
}

/// Children first. The kernel's files in a group go with it.
Status CgroupfsManager::removeTree(const std::string& folder) {
  auto names = files_.list(folder);
  if (!names.ok()) return isNotFound(names.status()) ? Status() : names.status();
  for (const auto& name : *names) {
    auto info = files_.lstat(joinPath(folder, name));
    if (info.ok() && info->isDirectory()) TRY_STATUS(removeTree(joinPath(folder, name)));
  }
  return files_.remove(folder);
}

void CgroupfsManager::killAll(const std::string& folder) {
  if (auto names = files_.list(folder); names.ok()) {
    for (const auto& name : *names) {
      auto info = files_.lstat(joinPath(folder, name));
      if (info.ok() && info->isDirectory()) killAll(joinPath(folder, name));
    }
  }
  auto text = files_.read(folder + "/cgroup.procs");
  if (!text.ok()) return;
  const char* at = text->data();
  const char* end = at + text->size();
  while (at < end) {
    int pid = 0;
    auto [next, error] = std::from_chars(at, end, pid);
    if (error == std::errc() && pid > 1) kill_(pid);
    at = next + 1;
    if (error != std::errc()) break;
  }
}

std::vector<std::string> CgroupfsManager::pods() const {
  std::set<std::string> uids;
  for (const auto& root : layout_.allRoots()) {
    for (auto qosClass : kClasses) {
      auto names = files_.list(root + base_ + std::string(qosClass));
      if (!names.ok()) continue;
      for (const auto& name : *names) {
        if (name.starts_with("pod")) uids.insert(name.substr(3));
      }
    }
  }
  return {uids.begin(), uids.end()};
}

}  // namespace coxswain::kubelet
