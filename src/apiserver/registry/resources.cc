#include "apiserver/registry/resources.h"

#include <algorithm>

#include "apiserver/registry/table.h"

namespace coxswain::apiserver {

namespace {

ResourceTable makeTable() {
  ResourceTable table;
  addApiRegistration(table);
  addApps(table);
  addAutoscaling(table);
  addBatch(table);
  addCertificates(table);
  addCoordination(table);
  addCore(table);
  addDiscovery(table);
  addEvents(table);
  addFlowControl(table);
  addNetworking(table);
  addNode(table);
  addPolicy(table);
  addRbac(table);
  addResource(table);
  addScheduling(table);
  addStorage(table);
  table.sort();
  return table;
}

const std::vector<Resource>& table() {
  static const ResourceTable kTable = makeTable();
  return kTable.rows();
}

}  // namespace

const Subresource* Resource::findSubresource(std::string_view name) const {
  for (const auto& each : subresources) {
    if (each.name == name) return &each;
  }
  return nullptr;
}

const Strategy* Resource::subresourceStrategy(std::string_view name) const {
  for (const auto& [subresource, each] : subresourceStrategies) {
    if (subresource == name) return each;
  }
  return nullptr;
}

bool Resource::hasVerb(std::string_view verb) const {
  return std::find(verbs.begin(), verbs.end(), verb) != verbs.end();
}

std::string Resource::qualifiedName() const {
  std::string out(plural);
  if (!group.empty()) out.append(".").append(group);
  return out;
}

std::string Resource::qualifiedKind() const {
  // Upstream names what it keeps: an events.k8s.io Event is "Event".
  std::string out(storageInfo->kind->kind);
  if (!storageInfo->kind->group.empty()) out.append(".").append(storageInfo->kind->group);
  return out;
}

std::span<const Resource> resources() {
  return table();
}

const Resource* findResource(std::string_view group, std::string_view version,
                             std::string_view plural) {
  for (const auto& row : table()) {
    if (row.plural == plural && row.version == version && row.group == group) return &row;
  }
  return nullptr;
}

const Resource* findResourceByKind(std::string_view group, std::string_view version,
                                   std::string_view kind) {
  for (const auto& row : table()) {
    if (row.kind == kind && row.version == version && row.group == group) return &row;
  }
  return nullptr;
}

}  // namespace coxswain::apiserver
