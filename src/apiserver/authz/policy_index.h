#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "api/gen/rbac_v1.h"
#include "apiserver/authz/compiled_rules.h"
#include "apiserver/authz/rules.h"
#include "apiserver/authz/symbols.h"
#include "apiserver/generic/user_info.h"

namespace coxswain::apiserver {

struct Attributes;

/// Roles and bindings found by who they are for: a question looks at the bindings of the user and
/// of his groups, however many others there are, and allocates nothing. One executor.
///
/// A binding knows its role by a node that exists as long as either does, so that roles and
/// bindings may come in any order; service accounts are users by their long name.
class PolicyIndex {
 public:
  PolicyIndex();
  ~PolicyIndex();
  PolicyIndex(const PolicyIndex&) = delete;
  PolicyIndex& operator=(const PolicyIndex&) = delete;

  // `ns` empty: a ClusterRole, a ClusterRoleBinding. Setting replaces.
  void setRole(std::string_view ns, std::string_view name, const Rules& rules);
  void removeRole(std::string_view ns, std::string_view name);
  void setBinding(std::string_view ns, std::string_view name,
                  const api::rbac::v1::RoleRef& reference,
                  const std::vector<api::rbac::v1::Subject>& subjects);
  void removeBinding(std::string_view ns, std::string_view name);
  void clear();

  struct Role {
    std::string ns;  ///< empty: a ClusterRole
    std::string name;
    bool present = false;   ///< false: bindings name it, nobody made it
    uint32_t bindings = 0;  ///< that name it
    CompiledRules rules;
  };
  struct Subject;
  struct Binding {
    std::string ns;  ///< empty: of the whole cluster
    std::string name;
    Role* role = nullptr;
    std::vector<Subject*> subjects;
  };
  /// Somebody whom bindings name, with those.
  struct Subject {
    std::string name;
    bool group = false;
    std::vector<const Binding*> everywhere;
    std::vector<const Binding*> within;  ///< a namespace; sorted by it
  };

  /// Why something is allowed; without a binding: it is not.
  struct Grant {
    const Binding* binding = nullptr;
    const Subject* subject = nullptr;
  };
  [[nodiscard]] Grant find(const Attributes& attributes) const;
  /// `RBAC: allowed by ClusterRoleBinding "b" of ClusterRole "r" to User "u"`.
  [[nodiscard]] static std::string describe(const Grant& grant);

  /// Of the user and his groups: those of the cluster first, then those of `ns` (empty: none); each
  /// by name, without repetition.
  [[nodiscard]] std::vector<const Binding*> bindingsOf(const UserInfo& user,
                                                       std::string_view ns) const;
  /// Do bindings name roles that nobody made?
  [[nodiscard]] bool dangling() const { return dangling_ > 0; }
  [[nodiscard]] size_t bindingCount() const { return bindings_.size(); }
  [[nodiscard]] size_t subjectCount() const { return users_.size() + groups_.size(); }

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  template <typename T>
  using ByName = std::unordered_map<std::string, std::unique_ptr<T>, Hash, std::equal_to<>>;

  Role& roleAt(std::string_view ns, std::string_view name);
  void setPresent(Role& role, bool present);
  void name(Role& role);
  void unname(Role& role);
  void drop(Role& role);
  Subject& subjectAt(bool group, std::string name);
  void unlink(Binding& binding);
  template <typename Visit>
  void visitSubjects(const UserInfo& user, Visit&& visit) const;

  Symbols symbols_;
  ByName<Role> roles_;  // by "namespace/name"
  ByName<Binding> bindings_;
  ByName<Subject> users_;
  ByName<Subject> groups_;
  size_t dangling_ = 0;
};

}  // namespace coxswain::apiserver
