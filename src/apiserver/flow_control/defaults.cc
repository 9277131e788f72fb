#include "apiserver/flow_control/defaults.h"

#include <optional>
#include <string_view>

namespace coxswain::apiserver::flow {
namespace {

using namespace api::flowcontrol::v1;  // NOLINT

constexpr const char* kAnonymous = "system:unauthenticated";
constexpr const char* kAuthenticated = "system:authenticated";

Subject user(std::string name) {
  Subject subject;
  subject.kind = kSubjectKindUser;
  subject.user.emplace().name = std::move(name);
  return subject;
}
Subject group(std::string name) {
  Subject subject;
  subject.kind = kSubjectKindGroup;
  subject.group.emplace().name = std::move(name);
  return subject;
}
Subject accountsOf(std::string ns) {
  Subject subject;
  subject.kind = kSubjectKindServiceAccount;
  auto& account = subject.serviceAccount.emplace();
  account.namespace_ = std::move(ns);
  account.name = "*";
  return subject;
}

ResourcePolicyRule resources(std::vector<std::string> verbs, std::string apiGroup,
                             std::vector<std::string> names, bool clusterScope) {
  ResourcePolicyRule rule;
  rule.verbs = std::move(verbs);
  rule.apiGroups = {std::move(apiGroup)};
  rule.resources = std::move(names);
  rule.clusterScope = clusterScope;
  rule.namespaces = {"*"};
  return rule;
}
NonResourcePolicyRule paths(std::vector<std::string> verbs, std::vector<std::string> urls) {
  NonResourcePolicyRule rule;
  rule.verbs = std::move(verbs);
  rule.nonResourceURLs = std::move(urls);
  return rule;
}

using Subjects = std::vector<Subject>;

PolicyRulesWithSubjects everything(Subjects subjects) {
  PolicyRulesWithSubjects rules;
  rules.subjects = std::move(subjects);
  rules.resourceRules.push_back(resources({"*"}, "*", {"*"}, true));
  rules.nonResourceRules.push_back(paths({"*"}, {"*"}));
  return rules;
}

FlowSchema schema(std::string name, int32_t precedence, std::string level, std::string_view by,
                  PolicyRulesWithSubjects rules) {
  FlowSchema made;
  made.metadata.name = std::move(name);
  made.metadata.annotations[kAutoUpdateAnnotationKey] = "true";
  made.spec.priorityLevelConfiguration.name = std::move(level);
  made.spec.matchingPrecedence = precedence;
  if (!by.empty()) made.spec.distinguisherMethod.emplace().type = by;
  made.spec.rules.push_back(std::move(rules));
  return made;
}

struct Queues {
  int32_t count;
  int32_t hand;
};

PriorityLevelConfiguration limited(std::string name, int32_t shares, int32_t lendable,
                                   std::optional<Queues> queues) {
  PriorityLevelConfiguration made;
  made.metadata.name = std::move(name);
  made.metadata.annotations[kAutoUpdateAnnotationKey] = "true";
  made.spec.type = kPriorityLevelEnablementLimited;
  auto& limits = made.spec.limited.emplace();
  limits.nominalConcurrencyShares = shares;
  limits.lendablePercent = lendable;
  limits.limitResponse.type = queues ? kLimitResponseTypeQueue : kLimitResponseTypeReject;
  if (queues) {
    auto& queuing = limits.limitResponse.queuing.emplace();
    queuing.queues = queues->count;
    queuing.handSize = queues->hand;
    queuing.queueLengthLimit = 50;
  }
  return made;
}

PriorityLevelConfiguration exempt() {
  PriorityLevelConfiguration made;
  made.metadata.name = kPriorityLevelConfigurationNameExempt;
  made.metadata.annotations[kAutoUpdateAnnotationKey] = "true";
  made.spec.type = kPriorityLevelEnablementExempt;
  auto& limits = made.spec.exempt.emplace();
  limits.nominalConcurrencyShares = 0;
  limits.lendablePercent = 0;
  return made;
}

}  // namespace

std::vector<FlowSchema> defaultFlowSchemas() {
  constexpr auto kByUser = kFlowDistinguisherMethodByUserType;
  constexpr auto kByNamespace = kFlowDistinguisherMethodByNamespaceType;
  const Subjects everybody = {group(kAnonymous), group(kAuthenticated)};

  PolicyRulesWithSubjects probes;
  probes.subjects = everybody;
  probes.nonResourceRules.push_back(paths({"get"}, {"/healthz", "/readyz", "/livez"}));

  PolicyRulesWithSubjects elections;
  elections.subjects = {user("system:kube-controller-manager"), user("system:kube-scheduler"),
                        accountsOf("kube-system")};
  elections.resourceRules.push_back(
      resources({"get", "create", "update"}, "coordination.k8s.io", {"leases"}, false));

  PolicyRulesWithSubjects heartbeats;
  heartbeats.subjects = {group("system:nodes")};
  heartbeats.resourceRules.push_back(resources({"*"}, "", {"nodes", "nodes/status"}, true));
  heartbeats.resourceRules.push_back(resources({"*"}, "coordination.k8s.io", {"leases"}, false));

  std::vector<FlowSchema> all;
  all.push_back(schema("exempt", 1, "exempt", "", everything({group("system:masters")})));
  all.push_back(schema("probes", 2, "exempt", "", std::move(probes)));
  all.push_back(schema("system-leader-election", 100, "leader-election", kByUser, elections));
  all.push_back(schema("system-node-high", 400, "node-high", kByUser, std::move(heartbeats)));
  all.push_back(
      schema("system-nodes", 500, "system", kByUser, everything({group("system:nodes")})));
  all.push_back(schema("kube-controller-manager", 800, "workload-high", kByNamespace,
                       everything({user("system:kube-controller-manager")})));
  all.push_back(schema("kube-scheduler", 800, "workload-high", kByNamespace,
                       everything({user("system:kube-scheduler")})));
  all.push_back(schema("kube-system-service-accounts", 900, "workload-high", kByNamespace,
                       everything({accountsOf("kube-system")})));
  all.push_back(schema("service-accounts", 9000, "workload-low", kByUser,
                       everything({group("system:serviceaccounts")})));
  all.push_back(schema("global-default", 9900, "global-default", kByUser, everything(everybody)));
  all.push_back(schema("catch-all", 10000, "catch-all", kByUser, everything(everybody)));
  return all;
}

std::vector<PriorityLevelConfiguration> defaultPriorityLevels() {
  std::vector<PriorityLevelConfiguration> all;
  all.push_back(exempt());
  all.push_back(limited("catch-all", 5, 0, std::nullopt));
  all.push_back(limited("system", 30, 33, Queues{64, 6}));
  all.push_back(limited("node-high", 40, 25, Queues{64, 6}));
  all.push_back(limited("leader-election", 10, 0, Queues{16, 4}));
  all.push_back(limited("workload-high", 40, 50, Queues{128, 6}));
  all.push_back(limited("workload-low", 100, 90, Queues{128, 6}));
  all.push_back(limited("global-default", 20, 50, Queues{128, 6}));
  return all;
}

}  // namespace coxswain::apiserver::flow
