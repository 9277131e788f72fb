#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "apiserver/authz/authorizer.h"
#include "apiserver/authz/rules.h"
#include "apiserver/generic/generic_registry.h"

namespace coxswain::apiserver {

/// The registries of rbac.authorization.k8s.io/v1. They outlive what uses them.
struct PolicyRegistries {
  const GenericRegistry& roles;
  const GenericRegistry& clusterRoles;
  const GenericRegistry& roleBindings;
  const GenericRegistry& clusterRoleBindings;
};

/// Allows what stored roles and bindings allow; never denies. Roles that are aggregated from others
/// are so at each question, without waiting for a controller. One executor.
/// Upstream: plugin/pkg/auth/authorizer/rbac.
class StoredPolicyAuthorizer final : public Authorizer, public RuleSource {
 public:
  explicit StoredPolicyAuthorizer(const PolicyRegistries& registries) : registries_(registries) {}
  [[nodiscard]] Verdict authorize(const Attributes& attributes) const override;
  void appendRules(const UserInfo& user, std::string_view ns, Rules& to) const override;
  /// Of a Role in `ns`, or of a ClusterRole. NotFound.
  [[nodiscard]] Result<Rules> rulesOf(const api::rbac::v1::RoleRef& reference,
                                      std::string_view ns) const;

 private:
  /// Calls `visit` with each rule of the user's, until it answers true.
  using Visit = std::function<bool(const api::rbac::v1::PolicyRule&)>;
  bool visitRules(const UserInfo& user, std::string_view ns, const Visit& visit) const;
  PolicyRegistries registries_;
};

}  // namespace coxswain::apiserver
