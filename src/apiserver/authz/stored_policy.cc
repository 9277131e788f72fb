#include "apiserver/authz/stored_policy.h"

#include <algorithm>
#include <set>

#include "api/gen/meta_v1.h"
#include "api/select/labels.h"

namespace coxswain::apiserver {
namespace {

using api::rbac::v1::ClusterRole;
using api::rbac::v1::ClusterRoleBinding;
using api::rbac::v1::Role;
using api::rbac::v1::RoleBinding;
using api::rbac::v1::RoleRef;
using api::rbac::v1::Subject;

/// `ns`: of the binding, for accounts that name none.
bool isSubject(const Subject& subject, const UserInfo& user, std::string_view ns) {
  if (subject.kind == "User") return subject.name == user.name;
  if (subject.kind == "Group") return user.inGroup(subject.name);
  if (subject.kind != "ServiceAccount") return false;
  auto within = subject.namespace_.empty() ? ns : std::string_view(subject.namespace_);
  if (within.empty()) return false;
  return user.name == "system:serviceaccount:" + std::string(within) + ":" + subject.name;
}

bool concerns(const std::vector<Subject>& subjects, const UserInfo& user, std::string_view ns) {
  return std::any_of(subjects.begin(), subjects.end(),
                     [&](const Subject& subject) { return isSubject(subject, user, ns); });
}

std::vector<api::ConstObject> all(const GenericRegistry& registry, std::string_view ns) {
  ListRequest request;
  request.ns = ns;
  std::vector<api::ConstObject> objects;
  auto answer = registry.list(request);
  if (!answer.ok()) return objects;
  for (const auto& item : answer->items) {
    if (auto object = item.object(); object.ok()) objects.push_back(std::move(*object));
  }
  return objects;
}

void append(const Rules& rules, Rules& to) {
  to.insert(to.end(), rules.begin(), rules.end());
}

bool isPart(const ClusterRole& part, const api::rbac::v1::AggregationRule& rule) {
  return std::any_of(rule.clusterRoleSelectors.begin(), rule.clusterRoleSelectors.end(),
                     [&part](const api::meta::v1::LabelSelector& text) {
                       auto selector = api::LabelSelector::from(text);
                       return selector.ok() && selector->matches(part.metadata.labels);
                     });
}

/// The role's own rules and, where it is made of parts, theirs (which may be made of parts).
void appendRole(const std::vector<api::ConstObject>& roles, const ClusterRole& role,
                std::set<std::string>& seen, Rules& to) {
  if (!seen.insert(role.metadata.name).second) return;
  append(role.rules, to);
  if (!role.aggregationRule) return;
  for (const auto& object : roles) {
    const auto& part = *object.as<ClusterRole>();
    if (isPart(part, *role.aggregationRule)) appendRole(roles, part, seen, to);
  }
}

}  // namespace

Result<Rules> StoredPolicyAuthorizer::rulesOf(const RoleRef& reference, std::string_view ns) const {
  if (reference.kind == "Role") {
    TRY(auto object, registries_.roles.get(ns, reference.name));
    return object.as<Role>()->rules;
  }
  TRY(auto object, registries_.clusterRoles.get("", reference.name));
  const auto& role = *object.as<ClusterRole>();
  if (!role.aggregationRule) return role.rules;
  Rules rules;
  std::set<std::string> seen;
  appendRole(all(registries_.clusterRoles, ""), role, seen, rules);
  return rules;
}

bool StoredPolicyAuthorizer::visitRules(const UserInfo& user, std::string_view ns,
                                        const Visit& visit) const {
  auto visitRole = [&](const RoleRef& reference, std::string_view where) {
    auto rules = rulesOf(reference, where);
    return rules.ok() && std::any_of(rules->begin(), rules->end(), visit);
  };
  for (const auto& object : all(registries_.clusterRoleBindings, "")) {
    const auto& binding = *object.as<ClusterRoleBinding>();
    if (concerns(binding.subjects, user, "") && visitRole(binding.roleRef, "")) return true;
  }
  if (ns.empty()) return false;
  for (const auto& object : all(registries_.roleBindings, ns)) {
    const auto& binding = *object.as<RoleBinding>();
    if (concerns(binding.subjects, user, ns) && visitRole(binding.roleRef, ns)) return true;
  }
  return false;
}

Verdict StoredPolicyAuthorizer::authorize(const Attributes& attributes) const {
  const auto& info = attributes.info;
  auto ns = info.isResource ? std::string_view(info.ns) : std::string_view();
  const bool allowed =
      visitRules(attributes.user, ns, [&info](const auto& rule) { return ruleAllows(rule, info); });
  return allowed ? Verdict{Decision::Allow, ""} : Verdict{};
}

void StoredPolicyAuthorizer::appendRules(const UserInfo& user, std::string_view ns,
                                         Rules& to) const {
  visitRules(user, ns, [&to](const auto& rule) {
    to.push_back(rule);
    return false;
  });
}

}  // namespace coxswain::apiserver
