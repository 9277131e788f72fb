#pragma once

#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "apiserver/authz/authorizer.h"
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

/// A role as an object. "namespace/name" of one that belongs to a namespace.
struct PolicyRole {
  std::string_view name;
  std::string_view aggregatesTo = {};  ///< "edit": it is part of that role
  std::string_view aggregates = {};    ///< "admin": it is made of the parts that say so
};

/// Who has a role.
struct PolicyBinding {
  std::string_view subject;  ///< "User:alice", "Group:system:nodes", "ServiceAccount:ns/name"
  std::string_view role;
  std::string_view ns = {};    ///< empty: everywhere
  std::string_view name = {};  ///< as an object; empty: the role's
  bool own = false;            ///< of ours, not among upstream's objects
};

/// The roles and bindings that every cluster has (upstream's bootstrap policy), of our parts and of
/// upstream's. Text is literal.
std::span<const PolicyRole> bootstrapRoles();
std::span<const PolicyRule> bootstrapRules();
std::span<const PolicyBinding> bootstrapBindings();

/// Allows what a fixed table of roles and bindings allows; never denies.
class PolicyAuthorizer final : public Authorizer, public RuleSource {
 public:
  /// The text behind both outlives the authorizer.
  PolicyAuthorizer(std::span<const PolicyRule> rules, std::span<const PolicyBinding> bindings);
  [[nodiscard]] Verdict authorize(const Attributes& attributes) const override;
  void appendRules(const UserInfo& user, std::string_view ns, Rules& to) const override;

 private:
  struct Grant {
    const PolicyRule* rule;
    const PolicyBinding* binding;
  };
  /// What one subject was given, found by "pods", "pods/log", "*/scale" or "*".
  struct Grants {
    std::vector<Grant> all;
    std::unordered_map<std::string, std::vector<Grant>> byResource;
    std::vector<Grant> paths;
  };
  [[nodiscard]] static bool allows(const Grants& grants, const RequestInfo& info);
  std::unordered_map<std::string, Grants> grants_;  // by subject
};

/// Does the rule cover the request?
bool ruleAllows(const PolicyRule& rule, const RequestInfo& info);
/// The rule as an object has it.
api::rbac::v1::PolicyRule wireRule(const PolicyRule& rule);

}  // namespace coxswain::apiserver
