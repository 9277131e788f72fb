#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "apiserver/authz/rules.h"

namespace coxswain::apiserver {

/// One rule of a role. Lists are comma separated; "*" is anything; the core group is written `""`.
struct PolicyRule {
  std::string_view role;
  std::string_view apiGroups;
  std::string_view resources;  ///< "pods", "pods/log", "*/scale"
  std::string_view verbs;
  std::string_view nonResourceUrls = {};  ///< "/api/*"; then the two above are empty
  std::string_view resourceNames = {};    ///< empty: any
};

/// Whose role or binding it is: every API server's; ours for the server itself; ours for the parts
/// that we bring along (name server, volumes of folders).
enum class PolicyOrigin : uint8_t { Upstream, Server, Parts };

/// A role as an object. "namespace/name" of one that belongs to a namespace.
struct PolicyRole {
  std::string_view name;
  std::string_view aggregatesTo = {};  ///< "edit": it is part of that role
  std::string_view aggregates = {};    ///< "admin": it is made of the parts that say so
  PolicyOrigin origin = PolicyOrigin::Upstream;
};

/// Who has a role.
struct PolicyBinding {
  std::string_view subject;  ///< "User:alice", "Group:system:nodes", "ServiceAccount:ns/name"
  std::string_view role;
  std::string_view ns = {};    ///< empty: everywhere
  std::string_view name = {};  ///< as an object; empty: the role's
  PolicyOrigin origin = PolicyOrigin::Upstream;
};

/// The roles and bindings that every cluster begins with: upstream's bootstrap policy, and a few of
/// our own. Text is literal. What counts afterwards is what became of them in the store.
std::span<const PolicyRole> bootstrapRoles();
std::span<const PolicyRule> bootstrapRules();
std::span<const PolicyBinding> bootstrapBindings();

/// The rule as an object has it.
api::rbac::v1::PolicyRule wireRule(const PolicyRule& rule);
/// All of the role's.
Rules bootstrapRulesOf(std::string_view role);

}  // namespace coxswain::apiserver
