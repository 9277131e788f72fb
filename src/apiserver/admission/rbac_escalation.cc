#include <set>

#include "api/gen/meta_v1.h"
#include "api/gen/rbac_v1.h"
#include "api/names/quote.h"
#include "api/reflect/equal.h"
#include "apiserver/admission/plugins.h"
#include "apiserver/authz/rules.h"
#include "apiserver/authz/stored_policy.h"

namespace coxswain::apiserver {
namespace {

using api::rbac::v1::ClusterRole;
using api::rbac::v1::ClusterRoleBinding;
using api::rbac::v1::Role;
using api::rbac::v1::RoleBinding;
using api::rbac::v1::RoleRef;

constexpr std::string_view kGroup = "rbac.authorization.k8s.io";

const Rules* rulesIn(const api::Object& object) {
  if (const auto* role = object.as<Role>()) return &role->rules;
  if (const auto* role = object.as<ClusterRole>()) return &role->rules;
  return nullptr;
}

const RoleRef* roleRefIn(const api::Object& object) {
  if (const auto* binding = object.as<RoleBinding>()) return &binding->roleRef;
  if (const auto* binding = object.as<ClusterRoleBinding>()) return &binding->roleRef;
  return nullptr;
}

/// Does the write change nothing but what garbage collection needs: owners and finalizers?
bool onlyForCollection(const api::Object& object, const api::Object& old) {
  auto copy = object.clone();
  auto& meta = *api::objectMeta(copy);
  const auto& before = *api::objectMeta(old);
  meta.ownerReferences = before.ownerReferences;
  meta.finalizers = before.finalizers;
  meta.managedFields = before.managedFields;
  return &copy.info() == &old.info() && api::equal(copy.info(), copy.data(), old.data());
}

/// Nobody gives away rights that he does not have: neither by a role (but with verb "escalate" on
/// it) nor by a binding (but with verb "bind" on the role). Part of upstream's storage of roles,
/// not of its admission; here it sits there, before the store.
class RbacEscalation final : public AdmissionPlugin {
 public:
  RbacEscalation(const AdmissionSources& sources, const Authorizer& authorizer,
                 std::vector<const RuleSource*> rules, const StoredPolicyAuthorizer& stored)
      : sources_(sources), authorizer_(authorizer), rules_(std::move(rules)), stored_(stored) {}
  [[nodiscard]] std::string_view name() const override { return "RBACEscalation"; }

  [[nodiscard]] bool handles(const RequestContext& request, WriteKind kind) const override {
    const auto& info = request.info;
    return info.group == kGroup && info.subresource.empty() &&
           (kind == WriteKind::Create || kind == WriteKind::Update) &&
           !request.user.inGroup("system:masters");
  }

  // Somebody elsewhere may have to be asked for the verbs.
  [[nodiscard]] bool waits() const override { return true; }
  Task<Status> validateLater(RequestContext& request, WriteKind kind, const api::Object* object,
                             const api::Object* old) const override {
    if (old && onlyForCollection(*object, *old)) co_return Status();
    if (const auto* rules = rulesIn(*object))
      co_return co_await role(request, *object, *rules, old);
    if (const auto* reference = roleRefIn(*object)) {
      co_return co_await binding(request, *object, *reference);
    }
    co_return Status();
  }

 private:
  Task<Status> role(const RequestContext& request, const api::Object& object, const Rules& rules,
                    const api::Object* old) const {
    const auto* cluster = object.as<ClusterRole>();
    const auto* oldCluster = old ? old->as<ClusterRole>() : nullptr;
    const bool aggregates =
        (cluster && cluster->aggregationRule) || (oldCluster && oldCluster->aggregationRule);
    const auto& info = request.info;
    const bool may = co_await mayVerb(request, "escalate", info.resource, info.name);
    if (may) co_return Status();
    // Whoever has a role made of parts may come to have anything.
    if (aggregates) CO_TRY_STATUS(checkCovered(request, object, everything()));
    co_return checkCovered(request, object, rules);
  }

  Task<Status> binding(const RequestContext& request, const api::Object& object,
                       const RoleRef& reference) const {
    const bool ofNamespace = reference.kind == "Role";
    const auto* resource = ofNamespace ? "roles" : "clusterroles";
    const bool may = co_await mayVerb(request, "bind", resource, reference.name);
    if (may) co_return Status();
    CO_TRY(auto rules, stored_.rulesOf(reference, request.info.ns));
    co_return checkCovered(request, object, rules);
  }

  Task<bool> mayVerb(const RequestContext& request, std::string verb, std::string resource,
                     std::string name) const {
    RequestInfo info;
    info.isResource = true;
    info.verb = std::move(verb);
    info.group = kGroup;
    info.version = "*";
    info.ns = request.info.ns;
    info.resource = std::move(resource);
    info.name = std::move(name);
    const Attributes attributes{request.user, info};
    auto verdict = co_await authorizeOrAsk(authorizer_, attributes, {});
    co_return verdict.allowed();
  }

  Status checkCovered(const RequestContext& request, const api::Object& object,
                      const Rules& wanted) const {
    RulesAnswer owned;
    for (const auto* source : rules_) source->appendRules(request.user, request.info.ns, owned);
    auto missing = compact(uncovered(owned.rules, wanted));
    if (missing.empty()) return {};
    std::set<std::string> lines;
    for (const auto& rule : missing) lines.insert(describeRule(rule));
    std::string text = "user " + api::goQuote(request.user.name) + " (groups=[";
    for (size_t i = 0; i < request.user.groups.size(); ++i) {
      text += (i > 0 ? " " : "") + api::goQuote(request.user.groups[i]);
    }
    text += "]) is attempting to grant RBAC permissions not currently held:";
    for (const auto& line : lines) text += "\n" + line;
    if (!owned.errors.empty()) {
      text += "; resolution errors: [";
      for (size_t i = 0; i < owned.errors.size(); ++i) text += (i > 0 ? " " : "") + owned.errors[i];
      text += "]";
    }
    return refuse(request, &object, text);
  }

  static Rules everything() {
    Rules rules(2);
    rules[0].verbs = rules[0].apiGroups = rules[0].resources = {"*"};
    rules[1].verbs = rules[1].nonResourceURLs = {"*"};
    return rules;
  }

  AdmissionSources sources_;
  const Authorizer& authorizer_;
  std::vector<const RuleSource*> rules_;
  const StoredPolicyAuthorizer& stored_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> makeRbacEscalation(const AdmissionSources& sources,
                                                    const Authorizer& authorizer,
                                                    std::vector<const RuleSource*> rules,
                                                    const StoredPolicyAuthorizer& stored) {
  return std::make_unique<RbacEscalation>(sources, authorizer, std::move(rules), stored);
}

}  // namespace coxswain::apiserver
