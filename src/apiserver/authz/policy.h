#pragma once

#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "apiserver/authz/authorizer.h"

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

/// Who has a role.
struct PolicyBinding {
  std::string_view subject;  ///< "User:alice", "Group:system:nodes", "ServiceAccount:ns/name"
  std::string_view role;
  std::string_view ns = {};  ///< empty: everywhere
};

/// The roles and bindings that every cluster has (upstream's bootstrap policy), of our parts and of
/// upstream's. Text is literal.
std::span<const PolicyRule> bootstrapRules();
std::span<const PolicyBinding> bootstrapBindings();

/// Allows what a fixed table of roles and bindings allows; never denies.
class PolicyAuthorizer final : public Authorizer {
 public:
  /// The text behind both outlives the authorizer.
  PolicyAuthorizer(std::span<const PolicyRule> rules, std::span<const PolicyBinding> bindings);
  [[nodiscard]] Verdict authorize(const Attributes& attributes) const override;
  /// Whatever the user may do in a namespace, and anywhere.
  [[nodiscard]] std::vector<const PolicyRule*> rulesFor(const UserInfo& user,
                                                        std::string_view ns) const;

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

}  // namespace coxswain::apiserver
