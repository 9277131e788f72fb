#include "apiserver/discovery/served_resource.h"

#include <algorithm>
#include <charconv>
#include <tuple>

#include "apiserver/registry/resources.h"

namespace coxswain::apiserver {
namespace {

struct GroupRank {
  std::string_view group;
  int priority;
};

constexpr GroupRank kRanks[] = {
    {"", 18000},
    {"apiregistration.k8s.io", 18000},
    {"apps", 17800},
    {"events.k8s.io", 17750},
    {"authentication.k8s.io", 17700},
    {"authorization.k8s.io", 17600},
    {"autoscaling", 17500},
    {"batch", 17400},
    {"certificates.k8s.io", 17300},
    {"networking.k8s.io", 17200},
    {"policy", 17100},
    {"rbac.authorization.k8s.io", 17000},
    {"storage.k8s.io", 16800},
    {"apiextensions.k8s.io", 16700},
    {"admissionregistration.k8s.io", 16700},
    {"scheduling.k8s.io", 16600},
    {"coordination.k8s.io", 16500},
    {"node.k8s.io", 16300},
    {"discovery.k8s.io", 16200},
    {"flowcontrol.apiserver.k8s.io", 16100},
    {"internal.apiserver.k8s.io", 16000},
    {"resource.k8s.io", 15900},
    {"storagemigration.k8s.io", 15800},
};
constexpr int kCustomGroupPriority = 1000;

/// A version's name taken apart; `stage` 3 is stable, 0 is not a Kubernetes-like name.
struct VersionRank {
  int stage = 0;
  int major = 0;
  int minor = 0;
};

/// False: there is no number here, or it is too large.
bool takeNumber(std::string_view& text, int& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0) return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return true;
}

VersionRank rankOf(std::string_view version) {
  VersionRank rank;
  if (!version.starts_with("v")) return {};
  version.remove_prefix(1);
  if (!takeNumber(version, rank.major)) return {};
  if (version.empty()) {
    rank.stage = 3;
    return rank;
  }
  if (version.starts_with("beta")) {
    rank.stage = 2;
    version.remove_prefix(4);
  } else if (version.starts_with("alpha")) {
    rank.stage = 1;
    version.remove_prefix(5);
  }
  if (rank.stage == 0 || !takeNumber(version, rank.minor) || !version.empty()) return {};
  return rank;
}

}  // namespace

ServedResource servedResource(const Resource& resource) {
  ServedResource out;
  out.group = resource.group;
  out.version = resource.version;
  out.plural = resource.plural;
  out.singular = resource.singular;
  out.kind = resource.kind;
  out.namespaced = resource.namespaced;
  out.verbs.assign(resource.verbs.begin(), resource.verbs.end());
  out.shortNames.assign(resource.shortNames.begin(), resource.shortNames.end());
  out.categories.assign(resource.categories.begin(), resource.categories.end());
  out.storageVersionHash = resource.storageVersionHash;
  for (const Subresource& subresource : resource.subresources) {
    ServedSubresource& sub = out.subresources.emplace_back();
    sub.name = subresource.name;
    sub.kind = subresource.kind;
    sub.verbs.assign(subresource.verbs.begin(), subresource.verbs.end());
    // Told only where it differs.
    if (subresource.group != resource.group || subresource.version != resource.version) {
      sub.group = subresource.group;
      sub.version = subresource.version;
    }
  }
  return out;
}

std::string groupVersionText(std::string_view group, std::string_view version) {
  return group.empty() ? std::string(version) : std::string(group) + "/" + std::string(version);
}

int groupPriority(std::string_view group) {
  const auto* found = std::ranges::find(kRanks, group, &GroupRank::group);
  return found == std::end(kRanks) ? kCustomGroupPriority : found->priority;
}

int versionPriority(std::string_view group, std::string_view version) {
  constexpr int kPreferred = 30;
  constexpr int kFlowControl = 21;
  constexpr int kStable = 15;
  constexpr int kBeta = 9;
  constexpr int kCustom = 100;
  if (group.empty()) return 1;
  if (std::ranges::find(kRanks, group, &GroupRank::group) == std::end(kRanks)) return kCustom;
  if (group == "autoscaling" && version == "v2") return kPreferred;
  if (group == "flowcontrol.apiserver.k8s.io") return kFlowControl;
  return rankOf(version).stage == 3 ? kStable : kBeta;
}

bool versionPrecedes(std::string_view left, std::string_view right) {
  const VersionRank a = rankOf(left);
  const VersionRank b = rankOf(right);
  const auto key = [](const VersionRank& r) { return std::tuple(r.stage, r.major, r.minor); };
  return key(a) != key(b) ? key(a) > key(b) : left < right;
}

namespace {

struct RankedGroup {
  std::string_view name;
  int priority = 0;
  std::vector<std::pair<int, std::string_view>> versions;
};

bool precedes(const std::pair<int, std::string_view>& a,
              const std::pair<int, std::string_view>& b) {
  return a.first != b.first ? a.first > b.first : versionPrecedes(a.second, b.second);
}

std::vector<RankedGroup> rankedGroups(std::span<const ServedResource> resources) {
  std::vector<RankedGroup> groups;
  for (const auto& resource : resources) {
    auto found = std::ranges::find(groups, resource.group, &RankedGroup::name);
    if (found == groups.end()) found = groups.insert(found, {resource.group, 0, {}});
    const int priority =
        resource.groupPriority > 0 ? resource.groupPriority : groupPriority(resource.group);
    found->priority = std::max(found->priority, priority);
    const bool known = std::ranges::any_of(
        found->versions, [&](const auto& each) { return each.second == resource.version; });
    if (known) continue;
    found->versions.emplace_back(resource.versionPriority > 0
                                     ? resource.versionPriority
                                     : versionPriority(resource.group, resource.version),
                                 resource.version);
  }
  for (auto& group : groups) std::ranges::sort(group.versions, precedes);
  std::ranges::sort(groups, [](const RankedGroup& a, const RankedGroup& b) {
    return std::tuple(-a.priority, a.name) < std::tuple(-b.priority, b.name);
  });
  return groups;
}

}  // namespace

std::vector<ServedGroup> servedGroups(std::span<const ServedResource> resources) {
  std::vector<ServedGroup> groups;
  for (const auto& ranked : rankedGroups(resources)) {
    auto& group = groups.emplace_back();
    group.name = ranked.name;
    for (const auto& [priority, version] : ranked.versions) group.versions.emplace_back(version);
  }
  return groups;
}

}  // namespace coxswain::apiserver
