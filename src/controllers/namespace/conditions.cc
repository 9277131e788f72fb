#include "controllers/namespace/conditions.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/gen/core_v1.h"

namespace coxswain::controllers::nspace {

using api::core::v1::NamespaceCondition;

namespace {

struct Wanted {
  std::string_view type;
  bool bad;
  std::string_view reason;
  std::string message;
};

template <typename M, typename F>
std::string joined(const M& items, F format) {
  std::string text;
  for (const auto& item : items) {
    if (!text.empty()) text += ", ";
    text += format(item);
  }
  return text;
}

Wanted discoveryFailure(const Remains& remains) {
  if (remains.undiscovered.empty()) {
    return {"NamespaceDeletionDiscoveryFailure", false, "ResourcesDiscovered",
            "All resources successfully discovered"};
  }
  return {"NamespaceDeletionDiscoveryFailure", true, "DiscoveryFailed",
          fmt::format("Discovery failed for some groups, {} failing: {}",
                      remains.undiscovered.size(), discoveryError(remains))};
}

Wanted contentFailure(const Remains& remains) {
  if (remains.failures.empty()) {
    return {"NamespaceDeletionContentFailure", false, "ContentDeleted",
            "All content successfully deleted, may be waiting on finalization"};
  }
  auto failures = remains.failures;
  std::sort(failures.begin(), failures.end());
  return {"NamespaceDeletionContentFailure", true, "ContentDeletionFailed",
          fmt::format("Failed to delete all resource types, {} remaining: {}", failures.size(),
                      fmt::join(failures, ", "))};
}

Wanted contentRemaining(const Remains& remains) {
  if (remains.resources.empty()) {
    return {"NamespaceContentRemaining", false, "ContentRemoved",
            "All content successfully removed"};
  }
  const auto text = joined(remains.resources, [](const auto& item) {
    return fmt::format("{} has {} resource instances", item.first, item.second);
  });
  return {"NamespaceContentRemaining", true, "SomeResourcesRemain",
          "Some resources are remaining: " + text};
}

Wanted finalizersRemaining(const Remains& remains) {
  if (remains.finalizers.empty()) {
    return {"NamespaceFinalizersRemaining", false, "ContentHasNoFinalizers",
            "All content-preserving finalizers finished"};
  }
  const auto text = joined(remains.finalizers, [](const auto& item) {
    return fmt::format("{} in {} resource instances", item.first, item.second);
  });
  return {"NamespaceFinalizersRemaining", true, "SomeFinalizersRemain",
          "Some content in the namespace has finalizers remaining: " + text};
}

bool update(std::vector<NamespaceCondition>& conditions, const Wanted& wanted, WallTime now) {
  NamespaceCondition condition;
  condition.type = wanted.type;
  condition.status = wanted.bad ? "True" : "False";
  condition.reason = wanted.reason;
  condition.message = wanted.message;
  condition.lastTransitionTime = api::Time(now);
  for (auto& known : conditions) {
    if (known.type != wanted.type) continue;
    if (known.status == condition.status && known.reason == condition.reason &&
        known.message == condition.message) {
      return false;
    }
    known = std::move(condition);
    return true;
  }
  conditions.push_back(std::move(condition));
  return true;
}

}  // namespace

std::string discoveryError(const Remains& remains) {
  const auto groups = joined(remains.undiscovered,
                             [](const auto& item) { return item.first + ": " + item.second; });
  return "unable to retrieve the complete list of server APIs: " + groups;
}

bool updateConditions(std::vector<NamespaceCondition>& conditions, const Remains& remains,
                      WallTime now) {
  const Wanted all[] = {
      discoveryFailure(remains),
      {"NamespaceDeletionGroupVersionParsingFailure", false, "ParsedGroupVersions",
       "All legacy kube types successfully parsed"},
      contentFailure(remains),
      contentRemaining(remains),
      finalizersRemaining(remains),
  };
  bool changed = false;
  for (const auto& wanted : all) changed = update(conditions, wanted, now) || changed;
  return changed;
}

}  // namespace coxswain::controllers::nspace
