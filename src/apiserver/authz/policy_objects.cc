#include "apiserver/authz/policy_objects.h"

#include "api/gen/meta_v1.h"
#include "api/gen/rbac_v1.h"
#include "apiserver/authz/policy.h"

namespace coxswain::apiserver {
namespace {

using namespace api::rbac::v1;  // NOLINT

constexpr const char* kGroup = "rbac.authorization.k8s.io";

struct Name {
  std::string ns;  ///< empty: of the cluster
  std::string name;
};

Name split(std::string_view text) {
  auto slash = text.find('/');
  if (slash == std::string_view::npos) return {"", std::string(text)};
  return {std::string(text.substr(0, slash)), std::string(text.substr(slash + 1))};
}

void fill(api::meta::v1::ObjectMeta& meta, const Name& name, PolicyOrigin origin) {
  meta.name = name.name;
  meta.namespace_ = name.ns;
  meta.labels["kubernetes.io/bootstrapping"] =
      origin == PolicyOrigin::Upstream ? "rbac-defaults" : "coxswain";
  meta.annotations["rbac.authorization.kubernetes.io/autoupdate"] = "true";
}

std::string aggregationLabel(std::string_view role) {
  return std::string(kGroup) + "/aggregate-to-" + std::string(role);
}

api::Object roleObject(const PolicyRole& role) {
  const auto name = split(role.name);
  if (!name.ns.empty()) {
    Role made;
    fill(made.metadata, name, role.origin);
    made.rules = bootstrapRulesOf(role.name);
    return api::Object(std::move(made));
  }
  ClusterRole made;
  fill(made.metadata, name, role.origin);
  made.rules = bootstrapRulesOf(role.name);
  if (!role.aggregatesTo.empty()) {
    made.metadata.labels[aggregationLabel(role.aggregatesTo)] = "true";
  }
  if (!role.aggregates.empty()) {
    auto& selector = made.aggregationRule.emplace().clusterRoleSelectors.emplace_back();
    selector.matchLabels[aggregationLabel(role.aggregates)] = "true";
  }
  return api::Object(std::move(made));
}

/// "User:alice"; nothing: a binding that has no subjects.
void addSubject(std::string_view text, std::vector<Subject>& to) {
  auto colon = text.find(':');
  if (colon == std::string_view::npos) return;
  auto& subject = to.emplace_back();
  subject.kind = text.substr(0, colon);
  auto name = text.substr(colon + 1);
  if (subject.kind == "ServiceAccount") {
    auto slash = name.find('/');
    subject.namespace_ = name.substr(0, slash);
    subject.name = name.substr(slash + 1);
  } else {
    subject.apiGroup = kGroup;
    subject.name = name;
  }
}

template <typename T>
T bindingObject(const PolicyBinding& binding, const char* roleKind) {
  const auto role = split(binding.role);
  T made;
  fill(made.metadata,
       {std::string(binding.ns), binding.name.empty() ? role.name : std::string(binding.name)},
       binding.origin);
  made.roleRef.apiGroup = kGroup;
  made.roleRef.kind = roleKind;
  made.roleRef.name = role.name;
  return made;
}

bool sameBinding(const PolicyBinding& a, const PolicyBinding& b) {
  return a.role == b.role && a.ns == b.ns && a.name == b.name;
}

}  // namespace

std::vector<api::Object> bootstrapPolicyObjects(bool parts) {
  std::vector<api::Object> objects;
  for (const auto& role : bootstrapRoles()) {
    if (parts || role.origin != PolicyOrigin::Parts) objects.push_back(roleObject(role));
  }
  const auto bindings = bootstrapBindings();
  for (size_t i = 0; i < bindings.size();) {
    // Subjects of one binding follow each other.
    size_t end = i;
    std::vector<Subject> subjects;
    for (; end < bindings.size() && sameBinding(bindings[i], bindings[end]); ++end) {
      addSubject(bindings[end].subject, subjects);
    }
    const auto& first = bindings[i];
    i = end;
    if (!parts && first.origin == PolicyOrigin::Parts) continue;
    if (first.ns.empty()) {
      auto made = bindingObject<ClusterRoleBinding>(first, "ClusterRole");
      made.subjects = std::move(subjects);
      objects.emplace_back(std::move(made));
    } else {
      auto made = bindingObject<RoleBinding>(first, "Role");
      made.subjects = std::move(subjects);
      objects.emplace_back(std::move(made));
    }
  }
  return objects;
}

}  // namespace coxswain::apiserver
