#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <string_view>

#include "apiserver/authz/authorizer.h"
#include "apiserver/authz/policy_index.h"
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

/// Allows what stored roles and bindings allow; never denies, but names roles that are missing. It
/// watches the four collections: an answer knows of every write that was acknowledged before the
/// question, and costs a look into an index. One executor, the registries'.
/// Upstream: plugin/pkg/auth/authorizer/rbac.
class StoredPolicyAuthorizer final : public Authorizer, public RuleSource {
 public:
  explicit StoredPolicyAuthorizer(const PolicyRegistries& registries);
  [[nodiscard]] Verdict authorize(const Attributes& attributes) const override;
  void appendRules(const UserInfo& user, std::string_view ns, RulesAnswer& to) const override;
  /// Of a Role in `ns`, or of a ClusterRole. NotFound.
  [[nodiscard]] Result<Rules> rulesOf(const api::rbac::v1::RoleRef& reference,
                                      std::string_view ns) const;
  /// Current.
  [[nodiscard]] const PolicyIndex& index() const;

 private:
  using Store = void (*)(PolicyIndex&, const ObjectEvent&, const api::ConstObject*);
  struct Source {
    const GenericRegistry* registry;
    Store store;  ///< the object, or its absence (null), into the index
    std::unique_ptr<ObjectWatch> watch;
  };
  void refresh() const;
  void drain(Source& source, bool& broken) const;

  PolicyRegistries registries_;
  /// Something may have changed; set on the store's thread.
  std::shared_ptr<std::atomic<bool>> changed_ = std::make_shared<std::atomic<bool>>(true);
  mutable std::array<Source, 4> sources_;
  mutable PolicyIndex index_;
};

}  // namespace coxswain::apiserver
