#include "api/gen/rbac_v1.h"
#include "api/names/names.h"
#include "apiserver/registry/rules.h"
#include "apiserver/registry/strategies.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::rbac::v1::ClusterRoleBinding;
using api::rbac::v1::RoleBinding;
using api::rbac::v1::RoleRef;
using api::rbac::v1::Subject;

namespace {

constexpr std::string_view kGroup = "rbac.authorization.k8s.io";

void checkSubject(const Subject& subject, bool namespaced, const FieldPath& path,
                  FieldErrors& errors) {
  if (subject.name.empty()) errors.required(path.child("name"));
  if (subject.kind == "ServiceAccount") {
    if (!subject.name.empty()) {
      errors.invalidEach(path.child("name"), subject.name,
                         api::validateDns1123Subdomain(subject.name));
    }
    if (!subject.apiGroup.empty()) {
      errors.notSupported(path.child("apiGroup"), subject.apiGroup, {""});
    }
    if (!namespaced && subject.namespace_.empty()) errors.required(path.child("namespace"));
  } else if (subject.kind == "User" || subject.kind == "Group") {
    if (subject.apiGroup != kGroup) {
      errors.notSupported(path.child("apiGroup"), subject.apiGroup, {kGroup});
    }
  } else {
    errors.notSupported(path.child("kind"), subject.kind, {"ServiceAccount", "User", "Group"});
  }
}

/// As upstream's internal type prints it.
api::FieldValue shownRef(const RoleRef& ref) {
  return api::FieldValue::json("{\"APIGroup\":" + api::FieldValue(ref.apiGroup).text() +
                               ",\"Kind\":" + api::FieldValue(ref.kind).text() +
                               ",\"Name\":" + api::FieldValue(ref.name).text() + "}");
}

template <typename T>
class BindingStrategy final : public TypedStrategy<T> {
 public:
  static constexpr bool kNamespaced = std::is_same_v<T, RoleBinding>;
  BindingStrategy() : TypedStrategy<T>(StrategyTraits{.allowCreateOnUpdate = true}) {}
  [[nodiscard]] std::vector<std::string> checkName(std::string_view name,
                                                   bool prefix) const override {
    return pathSegmentNameRule(name, prefix);
  }

 protected:
  void defaults(T& binding) const override {
    if (binding.roleRef.apiGroup.empty()) binding.roleRef.apiGroup = kGroup;
    for (auto& subject : binding.subjects) {
      const bool person = subject.kind == "User" || subject.kind == "Group";
      if (person && subject.apiGroup.empty()) subject.apiGroup = kGroup;
    }
  }
  void check(const T& binding, FieldErrors& errors) const override {
    const FieldPath path("roleRef");
    const auto& ref = binding.roleRef;
    if (ref.apiGroup != kGroup) errors.notSupported(path.child("apiGroup"), ref.apiGroup, {kGroup});
    if (kNamespaced && ref.kind != "Role" && ref.kind != "ClusterRole") {
      errors.notSupported(path.child("kind"), ref.kind, {"Role", "ClusterRole"});
    } else if (!kNamespaced && ref.kind != "ClusterRole") {
      errors.notSupported(path.child("kind"), ref.kind, {"ClusterRole"});
    }
    if (ref.name.empty()) {
      errors.required(path.child("name"));
    } else {
      errors.invalidEach(path.child("name"), ref.name, pathSegmentNameRule(ref.name, false));
    }
    const FieldPath subjects("subjects");
    for (size_t i = 0; i < binding.subjects.size(); ++i) {
      checkSubject(binding.subjects[i], kNamespaced, subjects.index(i), errors);
    }
  }
  void checkUpdate(const T& next, const T& current, FieldErrors& errors) const override {
    check(next, errors);
    if (next.roleRef == current.roleRef) return;
    errors.invalid(FieldPath("roleRef"), shownRef(next.roleRef), "cannot change roleRef");
  }
};

}  // namespace

std::unique_ptr<Strategy> makeRoleBindingStrategy() {
  return std::make_unique<BindingStrategy<RoleBinding>>();
}
std::unique_ptr<Strategy> makeClusterRoleBindingStrategy() {
  return std::make_unique<BindingStrategy<ClusterRoleBinding>>();
}

}  // namespace coxswain::apiserver
