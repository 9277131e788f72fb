#include "apiserver/authz/policy_index.h"

#include <algorithm>

#include "api/names/quote.h"
#include "apiserver/authz/authorizer.h"

namespace coxswain::apiserver {
namespace {

constexpr std::string_view kAccount = "system:serviceaccount:";

std::string keyOf(std::string_view ns, std::string_view name) {
  std::string key;
  key.reserve(ns.size() + 1 + name.size());
  key.append(ns).append("/").append(name);
  return key;
}

/// The user that an account is; empty: the subject names no namespace and has none.
std::string accountUser(const api::rbac::v1::Subject& subject, std::string_view bindingNs) {
  const auto ns = subject.namespace_.empty() ? bindingNs : std::string_view(subject.namespace_);
  if (ns.empty()) return {};
  return std::string(kAccount) + std::string(ns) + ":" + subject.name;
}

struct ByNamespace {
  bool operator()(const PolicyIndex::Binding* a, std::string_view ns) const { return a->ns < ns; }
  bool operator()(std::string_view ns, const PolicyIndex::Binding* a) const { return ns < a->ns; }
};

std::string describeSubject(const PolicyIndex::Subject& subject) {
  if (subject.group) return "Group " + api::goQuote(subject.name);
  std::string_view name = subject.name;
  if (name.starts_with(kAccount)) {
    name.remove_prefix(kAccount.size());
    const auto colon = name.find(':');
    if (colon != std::string_view::npos) {
      return "ServiceAccount " + api::goQuote(std::string(name.substr(colon + 1)) + "/" +
                                              std::string(name.substr(0, colon)));
    }
  }
  return "User " + api::goQuote(subject.name);
}

}  // namespace

PolicyIndex::PolicyIndex() = default;
PolicyIndex::~PolicyIndex() = default;

PolicyIndex::Role& PolicyIndex::roleAt(std::string_view ns, std::string_view name) {
  auto key = keyOf(ns, name);
  auto found = roles_.find(key);
  if (found != roles_.end()) return *found->second;
  auto made = std::make_unique<Role>();
  made->ns = ns;
  made->name = name;
  return *roles_.emplace(std::move(key), std::move(made)).first->second;
}

void PolicyIndex::setPresent(Role& role, bool present) {
  if (role.present == present) return;
  role.present = present;
  if (role.bindings == 0) return;
  if (present) {
    --dangling_;
  } else {
    ++dangling_;
  }
}

void PolicyIndex::name(Role& role) {
  if (role.bindings++ == 0 && !role.present) ++dangling_;
}

void PolicyIndex::unname(Role& role) {
  if (--role.bindings == 0 && !role.present) --dangling_;
}

void PolicyIndex::drop(Role& role) {
  if (role.present || role.bindings > 0) return;
  role.rules.clear(symbols_);
  roles_.erase(keyOf(role.ns, role.name));
}

void PolicyIndex::setRole(std::string_view ns, std::string_view name, const Rules& rules) {
  auto& role = roleAt(ns, name);
  role.rules.assign(symbols_, rules);
  setPresent(role, true);
}

void PolicyIndex::removeRole(std::string_view ns, std::string_view name) {
  auto found = roles_.find(keyOf(ns, name));
  if (found == roles_.end()) return;
  auto& role = *found->second;
  role.rules.clear(symbols_);
  setPresent(role, false);
  drop(role);
}

PolicyIndex::Subject& PolicyIndex::subjectAt(bool group, std::string name) {
  auto& subjects = group ? groups_ : users_;
  auto& slot = subjects[name];
  if (!slot) {
    slot = std::make_unique<Subject>();
    slot->name = std::move(name);
    slot->group = group;
  }
  return *slot;
}

void PolicyIndex::setBinding(std::string_view ns, std::string_view name,
                             const api::rbac::v1::RoleRef& reference,
                             const std::vector<api::rbac::v1::Subject>& subjects) {
  auto& slot = bindings_[keyOf(ns, name)];
  // The new role is named before the old one is let go, which may be the same.
  auto& role = roleAt(reference.kind == "Role" ? ns : std::string_view(), reference.name);
  this->name(role);
  if (slot) {
    unlink(*slot);
  } else {
    slot = std::make_unique<Binding>();
    slot->ns = ns;
    slot->name = name;
  }
  auto& binding = *slot;
  binding.role = &role;
  for (const auto& wire : subjects) {
    const bool group = wire.kind == "Group";
    std::string who;
    if (group || wire.kind == "User") who = wire.name;
    if (wire.kind == "ServiceAccount") who = accountUser(wire, ns);
    if (who.empty()) continue;
    auto& subject = subjectAt(group, std::move(who));
    auto& known = binding.subjects;
    if (std::find(known.begin(), known.end(), &subject) != known.end()) continue;
    known.push_back(&subject);
    if (ns.empty()) {
      subject.everywhere.push_back(&binding);
    } else {
      auto& within = subject.within;
      within.insert(std::upper_bound(within.begin(), within.end(), ns, ByNamespace()), &binding);
    }
  }
  binding.subjects.shrink_to_fit();
}

void PolicyIndex::unlink(Binding& binding) {
  for (auto* subject : binding.subjects) {
    auto& list = binding.ns.empty() ? subject->everywhere : subject->within;
    list.erase(std::find(list.begin(), list.end(), &binding));
    if (!subject->everywhere.empty() || !subject->within.empty()) continue;
    auto& subjects = subject->group ? groups_ : users_;
    subjects.erase(subjects.find(subject->name));
  }
  binding.subjects.clear();
  if (!binding.role) return;
  unname(*binding.role);
  drop(*binding.role);
  binding.role = nullptr;
}

void PolicyIndex::removeBinding(std::string_view ns, std::string_view name) {
  auto found = bindings_.find(keyOf(ns, name));
  if (found == bindings_.end()) return;
  unlink(*found->second);
  bindings_.erase(found);
}

void PolicyIndex::clear() {
  bindings_.clear();
  users_.clear();
  groups_.clear();
  for (auto& [key, role] : roles_) role->rules.clear(symbols_);
  roles_.clear();
  dangling_ = 0;
}

template <typename Visit>
void PolicyIndex::visitSubjects(const UserInfo& user, Visit&& visit) const {
  if (auto found = users_.find(std::string_view(user.name)); found != users_.end()) {
    if (visit(*found->second)) return;
  }
  for (const auto& group : user.groups) {
    auto found = groups_.find(std::string_view(group));
    if (found != groups_.end() && visit(*found->second)) return;
  }
}

PolicyIndex::Grant PolicyIndex::find(const Attributes& attributes) const {
  const RuleQuestion question(symbols_, attributes);
  Grant grant;
  auto take = [&](const Subject& subject, const Binding* binding) {
    if (!binding->role->rules.allows(symbols_, question)) return false;
    grant = {binding, &subject};
    return true;
  };
  const auto ns = attributes.info.isResource ? attributes.ns() : std::string_view();
  visitSubjects(attributes.user, [&](const Subject& subject) {
    for (const auto* binding : subject.everywhere) {
      if (take(subject, binding)) return true;
    }
    if (ns.empty() || subject.within.empty()) return false;
    auto range = std::equal_range(subject.within.begin(), subject.within.end(), ns, ByNamespace());
    return std::any_of(range.first, range.second,
                       [&](const Binding* binding) { return take(subject, binding); });
  });
  return grant;
}

std::string PolicyIndex::describe(const Grant& grant) {
  const auto& binding = *grant.binding;
  const auto& role = *binding.role;
  auto text = binding.ns.empty() ? "ClusterRoleBinding " + api::goQuote(binding.name)
                                 : "RoleBinding " + api::goQuote(binding.name + "/" + binding.ns);
  return "RBAC: allowed by " + text + " of " + (role.ns.empty() ? "ClusterRole " : "Role ") +
         api::goQuote(role.name) + " to " + describeSubject(*grant.subject);
}

std::vector<const PolicyIndex::Binding*> PolicyIndex::bindingsOf(const UserInfo& user,
                                                                 std::string_view ns) const {
  std::vector<const Binding*> all;
  visitSubjects(user, [&](const Subject& subject) {
    all.insert(all.end(), subject.everywhere.begin(), subject.everywhere.end());
    if (ns.empty()) return false;
    auto range = std::equal_range(subject.within.begin(), subject.within.end(), ns, ByNamespace());
    all.insert(all.end(), range.first, range.second);
    return false;
  });
  std::sort(all.begin(), all.end(), [](const Binding* a, const Binding* b) {
    if (a->ns != b->ns) return a->ns < b->ns;
    return a->name < b->name;
  });
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

}  // namespace coxswain::apiserver
