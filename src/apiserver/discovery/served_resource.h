#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace coxswain::apiserver {

struct Resource;

/// A subresource as clients see it.
struct ServedSubresource {
  std::string name;  ///< "status"
  std::string kind;  ///< "Pod", "Scale"
  /// Of the kind; empty where it is that of the resource.
  std::string group;
  std::string version;
  std::vector<std::string> verbs;  ///< sorted
};

/// A resource in one group and version, as discovery and OpenAPI tell of it. Values; no order.
struct ServedResource {
  std::string group;  ///< empty: core
  std::string version;
  std::string plural;  ///< empty: of the group version nothing else is known (another serves it)
  std::string singular;
  std::string kind;
  bool namespaced = false;
  std::vector<std::string> verbs;  ///< sorted
  std::vector<std::string> shortNames;
  std::vector<std::string> categories;
  std::vector<ServedSubresource> subresources;
  /// As discovery shows it (see storageVersionHash); empty: not stored.
  std::string storageVersionHash;
  /// Where another server serves it: as its APIService says; 0: see groupPriority, versionPriority.
  int groupPriority = 0;
  int versionPriority = 0;
  bool stale = false;  ///< that server cannot be reached now
};

/// What discovery tells of a row of registry/resources.h.
ServedResource servedResource(const Resource& resource);

/// "v1" or "apps/v1".
std::string groupVersionText(std::string_view group, std::string_view version);

/// Which group stands first in discovery: higher is earlier. groupPriorityMinimum of APIService.
int groupPriority(std::string_view group);
/// Likewise of a group's versions: versionPriority of APIService. Ties: see versionPrecedes.
int versionPriority(std::string_view group, std::string_view version);
/// v2 before v1 before v1beta2 before v1alpha1 before other names, these by letter.
bool versionPrecedes(std::string_view left, std::string_view right);

/// Groups and their versions in the order of discovery. The core group has the empty name.
struct ServedGroup {
  std::string name;
  std::vector<std::string> versions;
};
std::vector<ServedGroup> servedGroups(std::span<const ServedResource> resources);

}  // namespace coxswain::apiserver
