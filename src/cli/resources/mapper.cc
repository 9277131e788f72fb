#include "cli/resources/mapper.h"

#include <algorithm>

#include "api/names/quote.h"
#include "base/text.h"
#include "cli/framework/errors.h"

namespace coxswain::cli {

namespace {

bool isCalled(const ApiResource& resource, std::string_view name) {
  return resource.plural == name || resource.singular == name || lowerCase(resource.kind) == name;
}

bool hasShortName(const ApiResource& resource, std::string_view name) {
  return std::ranges::find(resource.shortNames, name) != resource.shortNames.end();
}

/// "v1", "v1beta2".
bool looksLikeVersion(std::string_view text) {
  return text.size() > 1 && text[0] == 'v' && text[1] >= '0' && text[1] <= '9';
}

}  // namespace

Result<const ApiResource*> Mapper::byName(std::string_view given) const {
  const auto name = lowerCase(given);
  const auto dot = name.find('.');
  const auto base = name.substr(0, dot);
  std::string group;
  std::string version;
  if (dot != std::string::npos) {
    group = name.substr(dot + 1);
    const auto next = group.find('.');
    const auto first = group.substr(0, next);
    if (looksLikeVersion(first)) {
      version = first;
      group = next == std::string::npos ? std::string() : group.substr(next + 1);
    }
  }
  for (auto matches : {isCalled, hasShortName}) {
    for (const auto& resource : discovery_.resources) {
      if (!matches(resource, base)) continue;
      if (!version.empty() && resource.version != version) continue;
      const bool groupFits =
          dot == std::string::npos ||
          (version.empty() ? resource.group.starts_with(group) : resource.group == group);
      if (groupFits) return &resource;
    }
  }
  return fault("the server doesn't have a resource type " + api::goQuote(given));
}

Result<std::vector<const ApiResource*>> Mapper::byNameOrCategory(std::string_view name) const {
  std::vector<const ApiResource*> found;
  for (const auto& resource : discovery_.resources) {
    if (std::ranges::find(resource.categories, name) == resource.categories.end()) continue;
    const bool known = std::ranges::any_of(found, [&](const auto* other) {
      return other->group == resource.group && other->plural == resource.plural;
    });
    if (!known && resource.can("list")) found.push_back(&resource);
  }
  if (!found.empty()) return found;
  TRY(const auto* one, byName(name));
  found.push_back(one);
  return found;
}

const ApiResource* Mapper::byKind(std::string_view apiVersion, std::string_view kind) const {
  for (const auto& resource : discovery_.resources) {
    if (resource.kind == kind && resource.apiVersion() == apiVersion) return &resource;
  }
  return nullptr;
}

const ApiResource* Mapper::byPlural(std::string_view group, std::string_view plural) const {
  for (const auto& resource : discovery_.resources) {
    if (resource.plural == plural && resource.group == group) return &resource;
  }
  return nullptr;
}

}  // namespace coxswain::cli
