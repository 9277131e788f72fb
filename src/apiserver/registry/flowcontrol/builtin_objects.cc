#include "apiserver/registry/flowcontrol/builtin_objects.h"

#include <algorithm>
#include <string>
#include <vector>

#include "api/gen/meta_v1.h"
#include "apiserver/registry/flowcontrol/defaults.h"

namespace coxswain::apiserver {

namespace v1 = api::flowcontrol::v1;

namespace {

using Strings = std::vector<std::string>;
constexpr const char* kByUser = "ByUser";
constexpr const char* kByNamespace = "ByNamespace";

v1::Subject user(const char* name) {
  v1::Subject made;
  made.kind = v1::kSubjectKindUser;
  made.user.emplace().name = name;
  return made;
}
v1::Subject group(const char* name) {
  v1::Subject made;
  made.kind = v1::kSubjectKindGroup;
  made.group.emplace().name = name;
  return made;
}
v1::Subject kubeSystemAccounts() {
  v1::Subject made;
  made.kind = v1::kSubjectKindServiceAccount;
  auto& accounts = made.serviceAccount.emplace();
  accounts.namespace_ = "kube-system";
  accounts.name = "*";
  return made;
}

v1::ResourcePolicyRule resources(Strings verbs, const char* apiGroup, Strings names,
                                 bool clusterScope = false) {
  v1::ResourcePolicyRule rule;
  rule.verbs = std::move(verbs);
  rule.apiGroups = {apiGroup};
  rule.resources = std::move(names);
  rule.clusterScope = clusterScope;
  rule.namespaces = {"*"};
  return rule;
}
v1::NonResourcePolicyRule urls(Strings verbs, Strings paths) {
  v1::NonResourcePolicyRule rule;
  rule.verbs = std::move(verbs);
  rule.nonResourceURLs = std::move(paths);
  return rule;
}

/// Whatever these subjects ask for.
v1::PolicyRulesWithSubjects everything(std::vector<v1::Subject> subjects) {
  v1::PolicyRulesWithSubjects rules;
  rules.subjects = std::move(subjects);
  rules.resourceRules = {resources({"*"}, "*", {"*"}, true)};
  rules.nonResourceRules = {urls({"*"}, {"*"})};
  return rules;
}

class Schemas {
 public:
  Schemas() {
    const std::vector<v1::Subject> everybody = {group("system:unauthenticated"),
                                                group("system:authenticated")};
    add("exempt", "exempt", 1, nullptr, everything({group("system:masters")}));
    add("catch-all", "catch-all", 10000, kByUser, everything(everybody));
    for (auto& each : all_) each.mandatory = true;
    add("system-nodes", "system", 500, kByUser, everything({group("system:nodes")}));
    v1::PolicyRulesWithSubjects nodes;
    nodes.subjects = {group("system:nodes")};
    nodes.resourceRules = {resources({"*"}, "", {"nodes", "nodes/status"}, true),
                           resources({"*"}, "coordination.k8s.io", {"leases"})};
    add("system-node-high", "node-high", 400, kByUser, std::move(nodes));
    v1::PolicyRulesWithSubjects probes;
    probes.subjects = everybody;
    probes.nonResourceRules = {urls({"get"}, {"/healthz", "/readyz", "/livez"})};
    add("probes", "exempt", 2, nullptr, std::move(probes));
    v1::PolicyRulesWithSubjects elections;
    elections.subjects = {user("system:kube-controller-manager"), user("system:kube-scheduler"),
                          kubeSystemAccounts()};
    elections.resourceRules = {
        resources({"get", "create", "update"}, "coordination.k8s.io", {"leases"})};
    add("system-leader-election", "leader-election", 100, kByUser, std::move(elections));
    add("kube-controller-manager", "workload-high", 800, kByNamespace,
        everything({user("system:kube-controller-manager")}));
    add("kube-scheduler", "workload-high", 800, kByNamespace,
        everything({user("system:kube-scheduler")}));
    add("kube-system-service-accounts", "workload-high", 900, kByNamespace,
        everything({kubeSystemAccounts()}));
    add("service-accounts", "workload-low", 9000, kByUser,
        everything({group("system:serviceaccounts")}));
    add("global-default", "global-default", 9900, kByUser, everything(everybody));
  }
  [[nodiscard]] const std::vector<BuiltinFlowSchema>& all() const { return all_; }

 private:
  void add(const char* name, const char* level, int32_t precedence, const char* distinguisher,
           v1::PolicyRulesWithSubjects rules) {
    auto& made = all_.emplace_back().object;
    made.metadata.name = name;
    made.spec.priorityLevelConfiguration.name = level;
    made.spec.matchingPrecedence = precedence;
    if (distinguisher) made.spec.distinguisherMethod.emplace().type = distinguisher;
    made.spec.rules.push_back(std::move(rules));
    setFlowSchemaDefaults(made.spec);
  }
  std::vector<BuiltinFlowSchema> all_;
};

class Levels {
 public:
  Levels() {
    auto& exempt = add("exempt", v1::kPriorityLevelEnablementExempt);
    exempt.exempt = v1::ExemptPriorityLevelConfiguration();
    setPriorityLevelDefaults(exempt);
    limited("catch-all", 5, 0);
    for (auto& each : all_) each.mandatory = true;
    limited("system", 30, 33, 64, 6);
    limited("node-high", 40, 25, 64, 6);
    limited("leader-election", 10, 0, 16, 4);
    limited("workload-high", 40, 50, 128, 6);
    limited("workload-low", 100, 90, 128, 6);
    limited("global-default", 20, 50, 128, 6);
  }
  [[nodiscard]] const std::vector<BuiltinPriorityLevel>& all() const { return all_; }

 private:
  v1::PriorityLevelConfigurationSpec& add(const char* name, std::string_view type) {
    auto& made = all_.emplace_back().object;
    made.metadata.name = name;
    made.spec.type = type;
    return made.spec;
  }
  /// Without queues: what is too much is refused.
  void limited(const char* name, int32_t shares, int32_t lendable, int32_t queues = 0,
               int32_t handSize = 0) {
    auto& spec = add(name, v1::kPriorityLevelEnablementLimited);
    v1::LimitedPriorityLevelConfiguration config;
    config.nominalConcurrencyShares = shares;
    config.lendablePercent = lendable;
    if (queues == 0) {
      config.limitResponse.type = v1::kLimitResponseTypeReject;
    } else {
      config.limitResponse.type = v1::kLimitResponseTypeQueue;
      auto& queuing = config.limitResponse.queuing.emplace();
      queuing.queues = queues;
      queuing.handSize = handSize;
      queuing.queueLengthLimit = 50;
    }
    spec.limited = std::move(config);
    setPriorityLevelDefaults(spec);
  }
  std::vector<BuiltinPriorityLevel> all_;
};

template <typename T>
auto findMandatory(std::span<const T> all, std::string_view name) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const T& each) {
    return each.mandatory && each.object.metadata.name == name;
  });
  return found == all.end() ? nullptr : &found->object;
}

}  // namespace

std::span<const BuiltinFlowSchema> builtinFlowSchemas() {
  static const Schemas kSchemas;
  return kSchemas.all();
}

std::span<const BuiltinPriorityLevel> builtinPriorityLevels() {
  static const Levels kLevels;
  return kLevels.all();
}

const v1::FlowSchema* mandatoryFlowSchema(std::string_view name) {
  return findMandatory(builtinFlowSchemas(), name);
}
const v1::PriorityLevelConfiguration* mandatoryPriorityLevel(std::string_view name) {
  return findMandatory(builtinPriorityLevels(), name);
}

}  // namespace coxswain::apiserver
