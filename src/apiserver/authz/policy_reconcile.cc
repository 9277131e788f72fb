#include <algorithm>

#include "api/gen/meta_v1.h"
#include "api/gen/rbac_v1.h"
#include "apiserver/authz/policy_objects.h"
#include "apiserver/authz/rules.h"

namespace coxswain::apiserver {
namespace {

using namespace api::rbac::v1;  // NOLINT

constexpr const char* kAutoUpdate = "rbac.authorization.kubernetes.io/autoupdate";

/// False as Go reads it.
bool isProtected(const api::Object& present) {
  const auto* text = api::objectMeta(present)->annotations.get(kAutoUpdate);
  if (!text) return false;
  constexpr const char* kFalse[] = {"0", "f", "F", "false", "FALSE", "False"};
  return std::any_of(std::begin(kFalse), std::end(kFalse),
                     [text](const char* one) { return *text == one; });
}

bool addMissing(const api::Map<std::string>& wanted, api::Map<std::string>& present) {
  bool changed = false;
  for (const auto& [key, value] : wanted) {
    if (present.contains(key)) continue;
    present.insert_or_assign(key, value);
    changed = true;
  }
  return changed;
}

bool addMissing(const Rules& wanted, Rules& present) {
  auto missing = compact(uncovered(present, wanted));
  for (auto& rule : missing) present.push_back(std::move(rule));
  return !missing.empty();
}

template <typename T>
bool addMissing(const std::vector<T>& wanted, std::vector<T>& present) {
  bool changed = false;
  for (const auto& one : wanted) {
    if (std::find(present.begin(), present.end(), one) != present.end()) continue;
    present.push_back(one);
    changed = true;
  }
  return changed;
}

bool mend(const Role& wanted, Role& present) {
  return addMissing(wanted.rules, present.rules);
}

bool mend(const ClusterRole& wanted, ClusterRole& present) {
  bool changed = false;
  // The rules of a role that is made of parts are a controller's to write.
  if (!wanted.aggregationRule || !present.aggregationRule) {
    changed = addMissing(wanted.rules, present.rules);
  }
  if (!wanted.aggregationRule) return changed;
  if (!present.aggregationRule) {
    present.aggregationRule = wanted.aggregationRule;
    return true;
  }
  return addMissing(wanted.aggregationRule->clusterRoleSelectors,
                    present.aggregationRule->clusterRoleSelectors) ||
         changed;
}

bool mend(const RoleBinding& wanted, RoleBinding& present) {
  return addMissing(wanted.subjects, present.subjects);
}
bool mend(const ClusterRoleBinding& wanted, ClusterRoleBinding& present) {
  return addMissing(wanted.subjects, present.subjects);
}

/// False also where they are no T.
template <typename T>
bool mendIf(const api::Object& wanted, api::Object& present) {
  const auto* one = wanted.as<T>();
  auto* other = present.as<T>();
  return one && other && mend(*one, *other);
}

template <typename T>
bool otherRole(const api::Object& wanted, const api::Object& present) {
  const auto* one = wanted.as<T>();
  const auto* other = present.as<T>();
  return one && other && !(one->roleRef == other->roleRef);
}

}  // namespace

bool mustRecreate(const api::Object& wanted, const api::Object& present) {
  return !isProtected(present) && (otherRole<RoleBinding>(wanted, present) ||
                                   otherRole<ClusterRoleBinding>(wanted, present));
}

bool reconcilePolicyObject(const api::Object& wanted, api::Object& present) {
  if (isProtected(present)) return false;
  const auto& wantedMeta = *api::objectMeta(wanted);
  auto& meta = *api::objectMeta(present);
  bool changed = addMissing(wantedMeta.labels, meta.labels);
  changed |= addMissing(wantedMeta.annotations, meta.annotations);
  changed |= mendIf<ClusterRole>(wanted, present) || mendIf<Role>(wanted, present) ||
             mendIf<ClusterRoleBinding>(wanted, present) || mendIf<RoleBinding>(wanted, present);
  return changed;
}

}  // namespace coxswain::apiserver
