#include "apiserver/discovery/documents.h"

#include <algorithm>

namespace coxswain::apiserver {
namespace {

using namespace api::meta::v1;  // NOLINT
using api::apidiscovery::v2::APIGroupDiscovery;
using api::apidiscovery::v2::APIGroupDiscoveryList;
using api::apidiscovery::v2::APIResourceDiscovery;

GroupVersionForDiscovery versionOf(std::string_view group, std::string_view version) {
  GroupVersionForDiscovery out;
  out.groupVersion = groupVersionText(group, version);
  out.version = version;
  return out;
}

APIGroup groupOf(const ServedGroup& group) {
  APIGroup out;
  out.name = group.name;
  for (const auto& version : group.versions) {
    out.versions.push_back(versionOf(group.name, version));
  }
  if (!out.versions.empty()) out.preferredVersion = out.versions.front();
  return out;
}

/// Those of one group and version, by plural.
std::vector<const ServedResource*> select(std::span<const ServedResource> resources,
                                          std::string_view group, std::string_view version) {
  std::vector<const ServedResource*> out;
  for (const auto& resource : resources) {
    if (resource.group == group && resource.version == version && !resource.plural.empty()) {
      out.push_back(&resource);
    }
  }
  std::ranges::sort(
      out, std::less<>(), [](const auto* r) -> const auto& { return r->plural; });
  return out;
}

bool isStale(std::span<const ServedResource> resources, std::string_view group,
             std::string_view version) {
  return std::ranges::any_of(resources, [&](const ServedResource& each) {
    return each.stale && each.group == group && each.version == version;
  });
}

std::vector<const ServedSubresource*> subresourcesOf(const ServedResource& resource) {
  std::vector<const ServedSubresource*> out;
  for (const auto& subresource : resource.subresources) out.push_back(&subresource);
  std::ranges::sort(
      out, std::less<>(), [](const auto* s) -> const auto& { return s->name; });
  return out;
}

void addResource(const ServedResource& resource, APIResourceList& list) {
  APIResource& out = list.resources.emplace_back();
  out.name = resource.plural;
  out.singularName = resource.singular;
  out.namespaced = resource.namespaced;
  out.kind = resource.kind;
  out.verbs = resource.verbs;
  out.shortNames = resource.shortNames;
  out.categories = resource.categories;
  out.storageVersionHash = resource.storageVersionHash;
  for (const ServedSubresource* subresource : subresourcesOf(resource)) {
    APIResource& sub = list.resources.emplace_back();
    sub.name = resource.plural + "/" + subresource->name;
    sub.namespaced = resource.namespaced;
    sub.group = subresource->group;
    sub.version = subresource->version;
    sub.kind = subresource->kind;
    sub.verbs = subresource->verbs;
  }
}

APIResourceDiscovery discoveryOf(const ServedResource& resource) {
  APIResourceDiscovery out;
  out.resource = resource.plural;
  out.responseKind.emplace().kind = resource.kind;
  out.scope = resource.namespaced ? "Namespaced" : "Cluster";
  out.singularResource = resource.singular;
  out.verbs = resource.verbs;
  out.shortNames = resource.shortNames;
  out.categories = resource.categories;
  for (const ServedSubresource* subresource : subresourcesOf(resource)) {
    auto& sub = out.subresources.emplace_back();
    sub.subresource = subresource->name;
    auto& kind = sub.responseKind.emplace();
    kind.group = subresource->group;
    kind.version = subresource->version;
    kind.kind = subresource->kind;
    sub.verbs = subresource->verbs;
  }
  return out;
}

}  // namespace

APIVersions apiVersionsDocument(std::string_view serverAddress) {
  APIVersions out;
  out.versions.emplace_back("v1");
  auto& address = out.serverAddressByClientCIDRs.emplace_back();
  address.clientCIDR = "0.0.0.0/0";
  address.serverAddress = serverAddress;
  return out;
}

APIGroupList groupListDocument(std::span<const ServedResource> resources) {
  APIGroupList out;
  for (const auto& group : servedGroups(resources)) {
    if (!group.name.empty()) out.groups.push_back(groupOf(group));
  }
  return out;
}

std::optional<APIGroup> groupDocument(std::span<const ServedResource> resources,
                                      std::string_view group) {
  if (group.empty()) return std::nullopt;
  for (const auto& served : servedGroups(resources)) {
    if (served.name == group) return groupOf(served);
  }
  return std::nullopt;
}

std::optional<APIResourceList> resourceListDocument(std::span<const ServedResource> resources,
                                                    std::string_view group,
                                                    std::string_view version) {
  const auto selected = select(resources, group, version);
  if (selected.empty()) return std::nullopt;
  APIResourceList out;
  out.groupVersion = groupVersionText(group, version);
  for (const ServedResource* resource : selected) addResource(*resource, out);
  return out;
}

APIGroupDiscoveryList aggregatedDocument(std::span<const ServedResource> resources, bool core) {
  APIGroupDiscoveryList out;
  for (const auto& group : servedGroups(resources)) {
    if (group.name.empty() != core) continue;
    APIGroupDiscovery& item = out.items.emplace_back();
    item.metadata.name = group.name;
    for (const auto& name : group.versions) {
      auto& version = item.versions.emplace_back();
      version.version = name;
      version.freshness = isStale(resources, group.name, name) ? "Stale" : "Current";
      for (const ServedResource* resource : select(resources, group.name, name)) {
        version.resources.push_back(discoveryOf(*resource));
      }
    }
  }
  return out;
}

}  // namespace coxswain::apiserver
