#include <algorithm>
#include <array>
#include <set>

#include "api/gen/core_v1.h"
#include "api/helpers/resources.h"
#include "api/names/names.h"
#include "apiserver/registry/core/resource_names.h"
#include "apiserver/registry/rules.h"
#include "apiserver/registry/strategies.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::core::v1::ResourceQuota;
using api::core::v1::ResourceQuotaSpec;

namespace {

constexpr std::array<std::string_view, 9> kCounts = {"configmaps",
                                                     "persistentvolumeclaims",
                                                     "pods",
                                                     "replicationcontrollers",
                                                     "resourcequotas",
                                                     "secrets",
                                                     "services",
                                                     "services.loadbalancers",
                                                     "services.nodeports"};
constexpr std::array<std::string_view, 10> kAmounts = {"cpu",
                                                       "ephemeral-storage",
                                                       "limits.cpu",
                                                       "limits.ephemeral-storage",
                                                       "limits.memory",
                                                       "memory",
                                                       "requests.cpu",
                                                       "requests.ephemeral-storage",
                                                       "requests.memory",
                                                       "requests.storage"};
constexpr std::array<std::string_view, 7> kPodResources = {
    "cpu", "limits.cpu", "limits.memory", "memory", "pods", "requests.cpu", "requests.memory"};
constexpr std::array<std::string_view, 7> kScopes = {
    "BestEffort",  "CrossNamespacePodAffinity", "NotBestEffort", "NotTerminating", "PriorityClass",
    "Terminating", "VolumeAttributesClass"};

bool in(const auto& list, std::string_view value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

bool scopeFits(std::string_view scope, std::string_view resource) {
  if (scope == "BestEffort") return resource == "pods";
  if (scope == "VolumeAttributesClass") {
    return resource == "persistentvolumeclaims" || resource == "requests.storage";
  }
  return in(kPodResources, resource);
}

/// Limits that the scope says nothing about: each is told of.
ptrdiff_t misfits(std::string_view scope, const ResourceQuotaSpec& spec) {
  if (!in(kScopes, scope)) return 0;
  return std::count_if(spec.hard.begin(), spec.hard.end(), [&](const auto& each) {
    return isStandardQuotaResource(each.first) && !scopeFits(scope, each.first);
  });
}

/// The selector as upstream's internal type prints it.
api::FieldValue shown(const api::core::v1::ScopeSelector& selector) {
  std::string text = "{\"MatchExpressions\":[";
  for (const auto& each : selector.matchExpressions) {
    if (text.back() == '}') text += ",";
    text += "{\"ScopeName\":" + api::FieldValue(each.scopeName).text() +
            ",\"Operator\":" + api::FieldValue(each.operator_).text() +
            ",\"Values\":" + (each.values.empty() ? "null" : api::FieldValue(each.values).text()) +
            "}";
  }
  return api::FieldValue::json(text + "]}");
}

bool conflicts(const std::set<std::string_view>& scopes) {
  return (scopes.contains("BestEffort") && scopes.contains("NotBestEffort")) ||
         (scopes.contains("Terminating") && scopes.contains("NotTerminating"));
}

void checkAmounts(const api::Map<api::Quantity>& amounts, const FieldPath& path,
                  FieldErrors& errors) {
  for (const auto& [name, quantity] : amounts) {
    const auto at = path.key(name);
    checkResourceName(name, at, errors);
    if (name.find('/') == std::string::npos && !isStandardQuotaResource(name)) {
      errors.invalid(at, name, "must be a standard resource for quota");
    }
    checkNonNegative(quantity, at, errors);
    if (isIntegerResource(name) && !quantity.isExactAt(api::Quantity::Unit)) {
      errors.invalid(at, quantity, "must be an integer");
    }
  }
}

void checkScopes(const ResourceQuotaSpec& spec, const FieldPath& path, FieldErrors& errors) {
  std::set<std::string_view> seen;
  for (const auto& scope : spec.scopes) {
    if (!in(kScopes, scope)) {
      errors.invalid(path, spec.scopes, "unsupported scope");
    }
    for (auto left = misfits(scope, spec); left > 0; --left) {
      errors.invalid(path, spec.scopes, "unsupported scope applied to resource");
    }
    seen.insert(scope);
  }
  if (conflicts(seen)) errors.invalid(path, spec.scopes, "conflicting scopes");
}

void checkOperator(const api::core::v1::ScopedResourceSelectorRequirement& each,
                   const FieldPath& path, FieldErrors& errors) {
  const bool plain = each.scopeName != "PriorityClass" && each.scopeName != "VolumeAttributesClass";
  if (plain && in(kScopes, each.scopeName) && each.operator_ != "Exists") {
    errors.invalid(path.child("operator"), each.operator_,
                   "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, "
                   "ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, "
                   "ResourceQuotaScopeNotBestEffort or "
                   "ResourceQuotaScopeCrossNamespacePodAffinity");
  }
  if (each.operator_ == "In" || each.operator_ == "NotIn") {
    if (each.values.empty()) {
      errors.required(path.child("values"),
                      "must be at least one value when `operator` is 'In' or 'NotIn' for scope "
                      "selector");
    }
  } else if (each.operator_ == "Exists" || each.operator_ == "DoesNotExist") {
    if (!each.values.empty()) {
      errors.invalid(path.child("values"), each.values,
                     "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope "
                     "selector");
    }
  } else {
    errors.invalid(path.child("operator"), each.operator_, "not a valid selector operator");
  }
}

void checkScopeSelector(const ResourceQuotaSpec& spec, const FieldPath& parent,
                        FieldErrors& errors) {
  if (!spec.scopeSelector) return;
  const auto path = parent.child("matchExpressions");
  std::set<std::string_view> seen;
  for (const auto& each : spec.scopeSelector->matchExpressions) {
    if (!in(kScopes, each.scopeName)) {
      errors.invalid(path.child("scopeName"), each.scopeName, "unsupported scope");
    }
    for (auto left = misfits(each.scopeName, spec); left > 0; --left) {
      errors.invalid(path, shown(*spec.scopeSelector), "unsupported scope applied to resource");
    }
    checkOperator(each, path, errors);
    seen.insert(each.scopeName);
  }
  if (conflicts(seen)) errors.invalid(path, spec.scopes, "conflicting scopes");
}

class ResourceQuotaStrategy final : public TypedStrategy<ResourceQuota> {
 public:
  ResourceQuotaStrategy() : TypedStrategy(StrategyTraits{.returnsDeleted = true}) {}

 protected:
  void defaults(ResourceQuota& quota) const override {
    roundResources(quota.spec.hard);
    roundResources(quota.status.hard);
    roundResources(quota.status.used);
  }
  void check(const ResourceQuota& quota, FieldErrors& errors) const override {
    const FieldPath path("spec");
    checkAmounts(quota.spec.hard, path.child("hard"), errors);
    checkScopes(quota.spec, path.child("scopes"), errors);
    checkScopeSelector(quota.spec, path.child("scopeSelector"), errors);
  }
  void checkUpdate(const ResourceQuota& next, const ResourceQuota& current,
                   FieldErrors& errors) const override {
    check(next, errors);
    const std::set<std::string_view> a(next.spec.scopes.begin(), next.spec.scopes.end());
    const std::set<std::string_view> b(current.spec.scopes.begin(), current.spec.scopes.end());
    if (a != b) {
      errors.invalid(FieldPath("spec").child("scopes"), next.spec.scopes, kImmutableText);
    }
  }
  void checkStatusUpdate(const ResourceQuota& next, const ResourceQuota&,
                         FieldErrors& errors) const override {
    const FieldPath path("status");
    checkAmounts(next.status.hard, path.child("hard"), errors);
    checkAmounts(next.status.used, path.child("used"), errors);
  }
};

}  // namespace

bool isStandardQuotaResource(std::string_view name) {
  return in(kCounts, name) || in(kAmounts, name) || name.starts_with("hugepages-") ||
         name.starts_with("requests.hugepages-");
}

bool isIntegerResource(std::string_view name) {
  return in(kCounts, name) || api::isExtendedResource(name);
}

void checkResourceName(std::string_view name, const FieldPath& path, FieldErrors& errors) {
  const auto messages = api::validateQualifiedName(name);
  errors.invalidEach(path, name, messages);
  if (!messages.empty()) return;
  if (name.find('/') == std::string_view::npos && !in(kCounts, name) && !in(kAmounts, name) &&
      name != "storage" && name.find("hugepages-") == std::string_view::npos) {
    errors.invalid(path, name, "must be a standard resource type or fully qualified");
  }
}

std::unique_ptr<Strategy> makeResourceQuotaStrategy() {
  return std::make_unique<ResourceQuotaStrategy>();
}

}  // namespace coxswain::apiserver
