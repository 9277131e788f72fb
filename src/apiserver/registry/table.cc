#include "apiserver/registry/table.h"

#include <algorithm>
#include <tuple>

namespace coxswain::apiserver {

Resource& ResourceTable::add(const api::MessageInfo& info, const api::MessageInfo& listInfo,
                             ResourceRow row, std::unique_ptr<Strategy> strategy) {
  const auto& kind = *info.kind;
  if (row.status) {
    row.subresources.push_back({"status", kind.group, kind.version, kind.kind, kReadAndWrite});
  }
  std::sort(row.subresources.begin(), row.subresources.end(),
            [](const Subresource& a, const Subresource& b) { return a.name < b.name; });
  subresources_.push_back(std::move(row.subresources));
  rows_.push_back({.group = kind.group,
                   .version = kind.version,
                   .plural = row.plural,
                   .singular = row.singular,
                   .kind = kind.kind,
                   .shortNames = keepName(row.shortName),
                   .categories = keepName(row.category),
                   .namespaced = row.namespaced,
                   .keyPrefix = row.keyPrefix,
                   .storageVersionHash = row.storageVersionHash,
                   .verbs = row.verbs,
                   .subresources = subresources_.back(),
                   .info = &info,
                   .listInfo = &listInfo,
                   .storageInfo = &info,
                   .deprecation = row.deprecation,
                   .strategy = keep(std::move(strategy))});
  return rows_.back();
}

const Strategy* ResourceTable::keep(std::unique_ptr<Strategy> strategy) {
  strategies_.push_back(std::move(strategy));
  return strategies_.back().get();
}

std::span<const std::string_view> ResourceTable::keepName(std::string_view name) {
  if (name.empty()) return {};
  names_.push_back(name);
  return {&names_.back(), 1};
}

void ResourceTable::sort() {
  std::sort(rows_.begin(), rows_.end(), [](const Resource& a, const Resource& b) {
    return std::tie(a.group, a.version, a.plural) < std::tie(b.group, b.version, b.plural);
  });
}

}  // namespace coxswain::apiserver
