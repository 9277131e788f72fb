#include <algorithm>
#include <set>

#include "api/names/names.h"
#include "apiserver/registry/core/pod_internal_json.h"
#include "apiserver/registry/flowcontrol/builtin_objects.h"
#include "apiserver/registry/flowcontrol/conditions.h"
#include "apiserver/registry/flowcontrol/defaults.h"
#include "apiserver/registry/rules.h"
#include "apiserver/registry/strategies.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::flowcontrol::v1::FlowSchema;
using api::flowcontrol::v1::FlowSchemaSpec;
using api::flowcontrol::v1::NonResourcePolicyRule;
using api::flowcontrol::v1::PolicyRulesWithSubjects;
using api::flowcontrol::v1::ResourcePolicyRule;
using api::flowcontrol::v1::ServiceAccountSubject;
using api::flowcontrol::v1::Subject;

namespace {

constexpr int32_t kPrecedenceMax = 10000;
constexpr std::string_view kVerbs[] = {"create", "delete", "deletecollection", "get",  "list",
                                       "patch",  "proxy",  "update",           "watch"};

bool hasWildcard(const std::vector<std::string>& list) {
  return std::find(list.begin(), list.end(), "*") != list.end();
}

void checkVerbs(const std::vector<std::string>& verbs, const FieldPath& path, FieldErrors& errors) {
  if (verbs.empty()) return errors.required(path, "verbs must contain at least one value");
  if (hasWildcard(verbs)) {
    if (verbs.size() > 1) {
      errors.invalid(path, verbs, "if '*' is present, must not specify other verbs");
    }
    return;
  }
  const bool known = std::all_of(verbs.begin(), verbs.end(), [](const std::string& verb) {
    return std::find(std::begin(kVerbs), std::end(kVerbs), verb) != std::end(kVerbs);
  });
  if (!known) errors.notSupported(path, verbs, kVerbs);
}

/// A list that is there, and in which '*' stands alone. `what` as the text names the others.
void checkList(const std::vector<std::string>& list, std::string_view missing,
               std::string_view what, const FieldPath& path, FieldErrors& errors) {
  if (list.empty()) return errors.required(path, missing);
  if (list.size() > 1 && hasWildcard(list)) {
    errors.invalid(path, list, "if '*' is present, must not specify other " + std::string(what));
  }
}

void checkResourceRule(const ResourcePolicyRule& rule, const FieldPath& path, FieldErrors& errors) {
  checkVerbs(rule.verbs, path.child("verbs"), errors);
  checkList(rule.apiGroups, "resource rules must supply at least one api group", "api groups",
            path.child("apiGroups"), errors);
  checkList(rule.resources, "resource rules must supply at least one resource", "resources",
            path.child("resources"), errors);
  const auto at = path.child("namespaces");
  if (rule.namespaces.empty() && rule.clusterScope) return;
  checkList(rule.namespaces,
            "resource rules that are not cluster scoped must supply at least one namespace",
            "namespaces", at, errors);
  if (hasWildcard(rule.namespaces)) return;
  for (size_t i = 0; i < rule.namespaces.size(); ++i) {
    for (const auto& message : api::validateDns1123Label(rule.namespaces[i])) {
      errors.invalid(at.index(i), rule.namespaces[i],
                     "each member of this list must be '*' or a DNS-1123 label; " + message);
    }
  }
}

/// What is wrong with a path; empty: nothing.
std::string_view urlProblem(std::string_view path) {
  if (path.empty()) return "must not be empty";
  if (path == "/") return {};
  if (!path.starts_with('/')) return "must start with slash";
  if (path.find(' ') != std::string_view::npos) return "must not contain white-space";
  if (path.find("//") != std::string_view::npos) return "must not contain double slash";
  const auto stars = std::count(path.begin(), path.end(), '*');
  if (stars > 1 || (stars == 1 && !path.ends_with("/*"))) {
    return "wildcard can only do suffix matching";
  }
  return {};
}

void checkUrlRule(const NonResourcePolicyRule& rule, const FieldPath& path, FieldErrors& errors) {
  checkVerbs(rule.verbs, path.child("verbs"), errors);
  const auto at = path.child("nonResourceURLs");
  checkList(rule.nonResourceURLs, "nonResourceURLs must contain at least one value",
            "non-resource URLs", at, errors);
  if (hasWildcard(rule.nonResourceURLs)) return;
  for (size_t i = 0; i < rule.nonResourceURLs.size(); ++i) {
    const auto problem = urlProblem(rule.nonResourceURLs[i]);
    if (!problem.empty()) errors.invalid(at.index(i), rule.nonResourceURLs[i], problem);
  }
}

void checkServiceAccount(const ServiceAccountSubject& subject, const FieldPath& path,
                         FieldErrors& errors) {
  const auto name = path.child("name");
  if (!requireText(subject.name, name, errors) && subject.name != "*") {
    checkDns1123Subdomain(subject.name, name, errors);
  }
  const auto ns = path.child("namespace");
  if (!requireText(subject.namespace_, ns, errors, "must specify namespace for service account")) {
    checkDns1123Label(subject.namespace_, ns, errors);
  }
}

void checkSubject(const Subject& subject, const FieldPath& path, FieldErrors& errors) {
  if (subject.kind != "User" && subject.kind != "Group" && subject.kind != "ServiceAccount") {
    return errors.notSupported(path.child("kind"), subject.kind,
                               {"Group", "ServiceAccount", "User"});
  }
  const auto missing = [&](std::string_view member) {
    errors.required(
        path.child(member),
        std::string(member) + " is required when subject kind is '" + subject.kind + "'");
  };
  const auto extra = [&](std::string_view member, std::string_view kind) {
    errors.forbidden(
        path.child(member),
        std::string(member) + " is forbidden when subject kind is not '" + std::string(kind) + "'");
  };
  if (subject.kind == "ServiceAccount") {
    if (subject.serviceAccount) {
      checkServiceAccount(*subject.serviceAccount, path.child("serviceAccount"), errors);
    } else {
      missing("serviceAccount");
    }
  } else if (subject.kind == "User") {
    if (subject.user) {
      requireText(subject.user->name, path.child("user", "name"), errors);
    } else {
      missing("user");
    }
  } else if (subject.group) {
    requireText(subject.group->name, path.child("group", "name"), errors);
  } else {
    missing("group");
  }
  if (subject.serviceAccount && subject.kind != "ServiceAccount") {
    extra("serviceAccount", "ServiceAccount");
  }
  if (subject.user && subject.kind != "User") extra("user", "User");
  if (subject.group && subject.kind != "Group") extra("group", "Group");
}

void checkRules(const PolicyRulesWithSubjects& rules, const FieldPath& path, FieldErrors& errors) {
  const auto subjects = path.child("subjects");
  if (rules.subjects.empty()) {
    errors.required(subjects, "subjects must contain at least one value");
  }
  for (size_t i = 0; i < rules.subjects.size(); ++i) {
    checkSubject(rules.subjects[i], subjects.index(i), errors);
  }
  if (rules.resourceRules.empty() && rules.nonResourceRules.empty()) {
    errors.required(path, "at least one of resourceRules and nonResourceRules has to be non-empty");
  }
  const auto resources = path.child("resourceRules");
  for (size_t i = 0; i < rules.resourceRules.size(); ++i) {
    checkResourceRule(rules.resourceRules[i], resources.index(i), errors);
  }
  const auto urls = path.child("nonResourceRules");
  for (size_t i = 0; i < rules.nonResourceRules.size(); ++i) {
    checkUrlRule(rules.nonResourceRules[i], urls.index(i), errors);
  }
}

void checkSpec(const FlowSchema& schema, const FieldPath& path, FieldErrors& errors) {
  const auto& spec = schema.spec;
  const auto precedence = path.child("matchingPrecedence");
  if (spec.matchingPrecedence <= 0) {
    errors.invalid(precedence, spec.matchingPrecedence, "must be a positive value");
  }
  if (spec.matchingPrecedence > kPrecedenceMax) {
    errors.invalid(precedence, spec.matchingPrecedence, "must not be greater than 10000");
  }
  if (spec.matchingPrecedence == 1 && schema.metadata.name != "exempt") {
    errors.invalid(precedence, spec.matchingPrecedence,
                   "only the schema named 'exempt' may have matchingPrecedence 1");
  }
  if (const auto& method = spec.distinguisherMethod;
      method && method->type != "ByUser" && method->type != "ByNamespace") {
    errors.notSupported(path.child("distinguisherMethod", "type"),
                        api::FieldValue::json(internalJson(*method)), {"ByNamespace", "ByUser"});
  }
  const auto level = path.child("priorityLevelConfiguration", "name");
  const auto& name = spec.priorityLevelConfiguration.name;
  if (!requireText(name, level, errors, "must reference a priority level")) {
    checkDns1123Subdomain(name, level, errors);
  }
  const auto rules = path.child("rules");
  for (size_t i = 0; i < spec.rules.size(); ++i) checkRules(spec.rules[i], rules.index(i), errors);
}

class FlowSchemaStrategy final : public TypedStrategy<FlowSchema> {
 public:
  FlowSchemaStrategy()
      : TypedStrategy(StrategyTraits{.generation = true, .statusResets = {".spec", ".metadata"}}) {}

 protected:
  void defaults(FlowSchema& schema) const override { setFlowSchemaDefaults(schema.spec); }
  void check(const FlowSchema& schema, FieldErrors& errors) const override {
    const FieldPath path("spec");
    checkSpec(schema, path, errors);
    const auto* fixed = mandatoryFlowSchema(schema.metadata.name);
    if (fixed && !api::semanticEqual(schema.spec, fixed->spec)) {
      errors.invalid(path, api::FieldValue::json(internalJson(schema.spec)),
                     "spec of '" + schema.metadata.name + "' must equal the fixed value");
    }
    checkFlowControlConditions(schema.status.conditions, errors);
  }
  void beforeStatusUpdate(FlowSchema& next, const FlowSchema& current) const override {
    keepMetadata(next.metadata, current.metadata);
  }
  void checkStatusUpdate(const FlowSchema& next, const FlowSchema&,
                         FieldErrors& errors) const override {
    checkFlowControlConditions(next.status.conditions, errors);
  }
};

}  // namespace

std::unique_ptr<Strategy> makeFlowSchemaStrategy() {
  return std::make_unique<FlowSchemaStrategy>();
}

}  // namespace coxswain::apiserver
