#include "apiserver/authz/stored_policy.h"

#include <algorithm>

#include "api/gen/meta_v1.h"
#include "base/log.h"

namespace coxswain::apiserver {
namespace {

using api::rbac::v1::ClusterRole;
using api::rbac::v1::ClusterRoleBinding;
using api::rbac::v1::Role;
using api::rbac::v1::RoleBinding;
using api::rbac::v1::RoleRef;

const Logger kLog("apiserver.authz");

constexpr size_t kBatch = 512;

const ObjectHeader& headerOf(const ObjectEvent& event) {
  return static_cast<const ObjectHeader&>(*event.entry->header());
}

template <typename T>
void storeRole(PolicyIndex& index, const ObjectEvent& event, const api::ConstObject* object) {
  const auto& header = headerOf(event);
  if (object) {
    index.setRole(header.ns, header.name, object->as<T>()->rules);
  } else {
    index.removeRole(header.ns, header.name);
  }
}

template <typename T>
void storeBinding(PolicyIndex& index, const ObjectEvent& event, const api::ConstObject* object) {
  const auto& header = headerOf(event);
  if (object) {
    const auto& binding = *object->as<T>();
    index.setBinding(header.ns, header.name, binding.roleRef, binding.subjects);
  } else {
    index.removeBinding(header.ns, header.name);
  }
}

std::string missingRole(const PolicyIndex::Role& role) {
  auto kind =
      role.ns.empty() ? "clusterrole.rbac.authorization.k8s.io" : "role.rbac.authorization.k8s.io";
  return notFound(kind, role.name).message();
}

/// As Go joins failures: each once, several in brackets.
std::string joinFailures(const std::vector<std::string>& failures) {
  if (failures.size() == 1) return failures.front();
  std::string text = "[";
  for (size_t i = 0; i < failures.size(); ++i) text += (i > 0 ? ", " : "") + failures[i];
  return text + "]";
}

}  // namespace

StoredPolicyAuthorizer::StoredPolicyAuthorizer(const PolicyRegistries& registries)
    : registries_(registries),
      sources_{{{&registries.clusterRoles, &storeRole<ClusterRole>, nullptr},
                {&registries.roles, &storeRole<Role>, nullptr},
                {&registries.clusterRoleBindings, &storeBinding<ClusterRoleBinding>, nullptr},
                {&registries.roleBindings, &storeBinding<RoleBinding>, nullptr}}} {}

void StoredPolicyAuthorizer::drain(Source& source, bool& broken) const {
  if (!source.watch) {
    GenericRegistry::WatchRequest request;
    request.notify = [changed = changed_] { changed->store(true); };
    auto watch = source.registry->watch(std::move(request));
    if (!watch.ok()) {
      kLog.error("roles cannot be read: nobody has their rights", {{"why", watch.status()}});
      broken = true;
      return;
    }
    source.watch = std::move(*watch);
  }
  while (true) {
    auto events = source.watch->take(kBatch);
    if (!events.ok()) {
      broken = true;
      return;
    }
    if (events->empty()) return;
    for (const auto& event : *events) {
      if (event.type == ObjectEvent::Type::Bookmark) continue;
      if (event.type == ObjectEvent::Type::Deleted) {
        source.store(index_, event, nullptr);
        continue;
      }
      auto object = source.registry->decode(event.entry);
      if (!object.ok()) kLog.error("a role or binding is unreadable", {{"why", object.status()}});
      source.store(index_, event, object.ok() ? &*object : nullptr);
    }
  }
}

void StoredPolicyAuthorizer::refresh() const {
  if (!changed_->load(std::memory_order_relaxed) || !changed_->exchange(false)) return;
  // A watch that fell behind, or whose cache was made anew, is followed by a new one once.
  for (int attempt = 0; attempt < 2; ++attempt) {
    bool broken = false;
    for (auto& source : sources_) drain(source, broken);
    if (!broken) return;
    for (auto& source : sources_) source.watch.reset();
    index_.clear();
  }
  changed_->store(true);
}

const PolicyIndex& StoredPolicyAuthorizer::index() const {
  refresh();
  return index_;
}

Verdict StoredPolicyAuthorizer::authorize(const Attributes& attributes) const {
  const auto& current = index();
  const auto grant = current.find(attributes);
  if (grant.binding) {
    return {Decision::Allow, attributes.explain ? PolicyIndex::describe(grant) : std::string()};
  }
  if (!current.dangling()) return {};
  const auto& info = attributes.info;
  std::vector<std::string> failures;
  for (const auto* binding :
       current.bindingsOf(attributes.user, info.isResource ? attributes.ns() : "")) {
    if (binding->role->present) continue;
    auto failure = missingRole(*binding->role);
    if (std::find(failures.begin(), failures.end(), failure) == failures.end()) {
      failures.push_back(std::move(failure));
    }
  }
  if (failures.empty()) return {};
  return {Decision::NoOpinion, "RBAC: " + joinFailures(failures)};
}

void StoredPolicyAuthorizer::appendRules(const UserInfo& user, std::string_view ns,
                                         RulesAnswer& to) const {
  for (const auto* binding : index().bindingsOf(user, ns)) {
    RoleRef reference;
    reference.kind = binding->role->ns.empty() ? "ClusterRole" : "Role";
    reference.name = binding->role->name;
    auto rules = rulesOf(reference, binding->ns);
    if (rules.ok()) {
      to.rules.insert(to.rules.end(), rules->begin(), rules->end());
    } else {
      auto failure = missingRole(*binding->role);
      if (std::find(to.errors.begin(), to.errors.end(), failure) == to.errors.end()) {
        to.errors.push_back(std::move(failure));
      }
    }
  }
}

Result<Rules> StoredPolicyAuthorizer::rulesOf(const RoleRef& reference, std::string_view ns) const {
  if (reference.kind == "Role") {
    TRY(auto object, registries_.roles.get(ns, reference.name));
    return object.as<Role>()->rules;
  }
  TRY(auto object, registries_.clusterRoles.get("", reference.name));
  return object.as<ClusterRole>()->rules;
}

}  // namespace coxswain::apiserver
