#include "api/gen/meta_v1.h"
#include "api/gen/rbac_v1.h"
#include "apiserver/registry/core/pod_spec.h"
#include "apiserver/registry/rules.h"
#include "apiserver/registry/strategies.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::rbac::v1::ClusterRole;
using api::rbac::v1::PolicyRule;
using api::rbac::v1::Role;

namespace {

void checkRule(const PolicyRule& rule, bool namespaced, const FieldPath& path,
               FieldErrors& errors) {
  if (rule.verbs.empty()) {
    errors.required(path.child("verbs"), "verbs must contain at least one value");
  }
  if (!rule.nonResourceURLs.empty()) {
    const auto at = path.child("nonResourceURLs");
    if (namespaced) {
      errors.invalid(at, rule.nonResourceURLs,
                     "namespaced rules cannot apply to non-resource URLs");
    }
    if (!rule.apiGroups.empty() || !rule.resources.empty() || !rule.resourceNames.empty()) {
      errors.invalid(at, rule.nonResourceURLs,
                     "rules cannot apply to both regular resources and non-resource URLs");
    }
    return;
  }
  if (rule.apiGroups.empty()) {
    errors.required(path.child("apiGroups"), "resource rules must supply at least one api group");
  }
  if (rule.resources.empty()) {
    errors.required(path.child("resources"), "resource rules must supply at least one resource");
  }
}

void checkRules(const std::vector<PolicyRule>& rules, bool namespaced, FieldErrors& errors) {
  const FieldPath path("rules");
  for (size_t i = 0; i < rules.size(); ++i) {
    checkRule(rules[i], namespaced, path.index(i), errors);
  }
}

StrategyTraits roleTraits() {
  return StrategyTraits{.allowCreateOnUpdate = true};
}

class RoleStrategy final : public TypedStrategy<Role> {
 public:
  RoleStrategy() : TypedStrategy(roleTraits()) {}
  [[nodiscard]] std::vector<std::string> checkName(std::string_view name,
                                                   bool prefix) const override {
    return pathSegmentNameRule(name, prefix);
  }

 protected:
  void check(const Role& role, FieldErrors& errors) const override {
    checkRules(role.rules, true, errors);
  }
};

class ClusterRoleStrategy final : public TypedStrategy<ClusterRole> {
 public:
  ClusterRoleStrategy() : TypedStrategy(roleTraits()) {}
  [[nodiscard]] std::vector<std::string> checkName(std::string_view name,
                                                   bool prefix) const override {
    return pathSegmentNameRule(name, prefix);
  }

 protected:
  void check(const ClusterRole& role, FieldErrors& errors) const override {
    checkRules(role.rules, false, errors);
    if (!role.aggregationRule) return;
    const auto path = FieldPath("aggregationRule").child("clusterRoleSelectors");
    const auto& selectors = role.aggregationRule->clusterRoleSelectors;
    if (selectors.empty()) {
      errors.required(path,
                      "at least one clusterRoleSelector required if aggregationRule is non-nil");
    }
    for (size_t i = 0; i < selectors.size(); ++i) {
      FieldErrors found;
      validateLabelSelector(selectors[i], path.index(i), found);
      if (found.empty()) continue;
      errors.append(std::move(found));
      errors.invalid(path.index(i), nullptr, "invalid label selector.");
    }
  }
};

}  // namespace

std::unique_ptr<Strategy> makeRoleStrategy() {
  return std::make_unique<RoleStrategy>();
}
std::unique_ptr<Strategy> makeClusterRoleStrategy() {
  return std::make_unique<ClusterRoleStrategy>();
}

}  // namespace coxswain::apiserver
