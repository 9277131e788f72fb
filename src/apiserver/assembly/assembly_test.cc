#include "apiserver/assembly/assembly.h"

#include <set>

#include "api/gen/authentication_v1.h"
#include "api/gen/authorization_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/discovery_v1.h"
#include "api/gen/policy_v1.h"
#include "api/gen/rbac_v1.h"
#include "api/gen/scheduling_v1.h"
#include "api/helpers/pods.h"
#include "apiserver/assembly/testing/assembly_test_base.h"

namespace coxswain::apiserver {
namespace {

using namespace api::core::v1;  // NOLINT
using api::authentication::v1::TokenRequest;
using api::authentication::v1::TokenReview;
using api::authorization::v1::SelfSubjectAccessReview;
using api::authorization::v1::SelfSubjectRulesReview;
using client::resourceOf;

class Whole : public AssemblyTestBase {
 protected:
  void SetUp() override { begin(); }

  template <typename T>
  Result<api::ConstObject> post(client::Client& client, const client::ResourceType& type,
                                std::string name, std::string subresource, T body) {
    api::ConstObject object(api::Object(std::move(body)));
    return run(client.create(type, "default", std::move(name), std::move(subresource),
                             std::move(object), {}));
  }

  void makeAccount(std::string ns = "default") {
    ServiceAccount account;
    account.metadata.name = "default";
    account.metadata.namespace_ = std::move(ns);
    account.imagePullSecrets.emplace_back().name = "pull";
    ASSERT_TRUE(create(account).ok());
  }
  static Pod pod(std::string name, std::string node = "") {
    Pod made;
    made.metadata.name = std::move(name);
    made.metadata.namespace_ = "default";
    made.spec.nodeName = std::move(node);
    auto& container = made.spec.containers.emplace_back();
    container.name = "c";
    container.image = "image";
    return made;
  }
  static Service service(std::string name, std::string type = "ClusterIP") {
    Service made;
    made.metadata.name = std::move(name);
    made.metadata.namespace_ = "default";
    made.spec.type = std::move(type);
    made.spec.selector["app"] = "x";
    made.spec.ports.emplace_back().port = 80;
    return made;
  }
};

TEST_F(Whole, WhatEveryClusterHas) {
  EXPECT_TRUE(get<Namespace>("", "kube-node-lease").ok());
  auto critical = get<api::scheduling::v1::PriorityClass>("", "system-node-critical");
  ASSERT_TRUE(critical.ok());
  EXPECT_EQ((*critical)->value, 2000001000);
  auto kubernetes = get<Service>("default", "kubernetes");
  ASSERT_TRUE(kubernetes.ok());
  EXPECT_EQ((*kubernetes)->spec.clusterIP, "10.96.0.1");
  auto slice = get<api::discovery::v1::EndpointSlice>("default", "kubernetes");
  ASSERT_TRUE(slice.ok());
  EXPECT_EQ((*slice)->endpoints.at(0).addresses.at(0), "192.0.2.10");
  auto refused = run(admin_->remove(resourceOf<api::scheduling::v1::PriorityClass>(), "",
                                    "system-node-critical", {}, {}));
  EXPECT_EQ(refused.code(), 403);
}

TEST_F(Whole, TheKubernetesServiceComesBack) {
  ASSERT_TRUE(run(admin_->remove(resourceOf<Service>(), "default", "kubernetes", {}, {})).ok());
  EXPECT_TRUE(
      executor_.runUntil([this] { return get<Service>("default", "kubernetes").ok(); }, 1min));
  Endpoints emptied = **get<Endpoints>("default", "kubernetes");
  emptied.subsets.clear();
  ASSERT_TRUE(run(client::update(*admin_, emptied)).ok());
  EXPECT_TRUE(executor_.runUntil(
      [this] { return !(*get<Endpoints>("default", "kubernetes"))->subsets.empty(); }, 1min));
}

TEST_F(Whole, PodsAreCompleted) {
  auto refused = create(pod("early")).status();
  EXPECT_EQ(refused.message(),
            "pods \"early\" is forbidden: error looking up service account default/default: "
            "serviceaccount \"default\" not found");
  makeAccount();
  auto made = create(pod("p"));
  ASSERT_TRUE(made.ok()) << made.status().toString();
  const auto& spec = (*made)->spec;
  EXPECT_EQ(spec.serviceAccountName, "default");
  EXPECT_EQ(spec.priority, 0);
  EXPECT_EQ(spec.preemptionPolicy, "PreemptLowerPriority");
  EXPECT_EQ(spec.tolerations.size(), 2U);
  EXPECT_EQ(spec.imagePullSecrets.at(0).name, "pull");
  ASSERT_EQ(spec.volumes.size(), 1U);
  EXPECT_TRUE(spec.volumes[0].name.starts_with("kube-api-access-"));
  EXPECT_EQ(spec.volumes[0].volumeSource.projected->sources.size(), 3U);
  EXPECT_EQ(spec.containers[0].volumeMounts.at(0).name, spec.volumes[0].name);

  auto quiet = pod("quiet");
  quiet.spec.automountServiceAccountToken = false;
  EXPECT_TRUE((*create(quiet))->spec.volumes.empty());
  auto urgent = pod("urgent");
  urgent.spec.priorityClassName = "system-node-critical";
  EXPECT_EQ((*create(urgent))->spec.priority, 2000001000);
  urgent = pod("unknown");
  urgent.spec.priorityClassName = "none";
  EXPECT_EQ(create(urgent).status().message(),
            "pods \"unknown\" is forbidden: no PriorityClass with name none was found");
}

TEST_F(Whole, NamespacesThatAreGoingTakeNothing) {
  ConfigMap map;
  map.metadata.name = "m";
  map.metadata.namespace_ = "absent";
  EXPECT_EQ(create(map).status().message(), "namespaces \"absent\" not found");
  Namespace ns;
  ns.metadata.name = "going";
  ASSERT_TRUE(create(ns).ok());
  map.metadata.namespace_ = "going";
  ASSERT_TRUE(create(map).ok());
  ASSERT_TRUE(run(admin_->remove(resourceOf<Namespace>(), "", "going", {}, {})).ok());
  map.metadata.name = "late";
  auto refused = create(map).status();
  EXPECT_EQ(refused.code(), 403);
  ASSERT_TRUE(refused.details());
  EXPECT_EQ(refused.details()->causes.at(0).type, "NamespaceTerminating");
  EXPECT_EQ(run(admin_->remove(resourceOf<Namespace>(), "", "default", {}, {})).code(), 403);
}

TEST_F(Whole, NewNodesAreNotReady) {
  Node node;
  node.metadata.name = "n1";
  auto made = create(node);
  ASSERT_TRUE(made.ok());
  EXPECT_EQ((*made)->spec.taints.at(0).key, "node.kubernetes.io/not-ready");
}

TEST_F(Whole, AddressesAreUniqueUnderConcurrencyAndAcrossRestarts) {
  auto wanted = service("same-0");
  wanted.spec.clusterIP = "10.96.7.7";
  std::vector<Task<Result<std::shared_ptr<const Service>>>> writes;
  for (int i = 0; i < 20; ++i) {
    wanted.metadata.name = "same-" + std::to_string(i);
    writes.push_back(client::create(*admin_, wanted));
  }
  EXPECT_EQ(countGood(std::move(writes)), 1);
  std::set<std::string> addresses{"10.96.7.7", "10.96.0.1"};
  std::set<int32_t> ports;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 50; ++i) {
      auto made = create(service("s" + std::to_string(round * 50 + i), "NodePort"));
      ASSERT_TRUE(made.ok()) << made.status().toString();
      EXPECT_TRUE(addresses.insert((*made)->spec.clusterIP).second);
      EXPECT_TRUE(ports.insert((*made)->spec.ports[0].nodePort).second);
    }
    end();
    begin();
  }
  EXPECT_FALSE(create(wanted).ok());
  for (int i = 0; i < 20; ++i) {
    auto name = "same-" + std::to_string(i);
    (void)run(admin_->remove(resourceOf<Service>(), "default", name, {}, {}));
  }
  EXPECT_TRUE(create(wanted).ok());
}

TEST_F(Whole, TheSchedulerBinds) {
  makeAccount();
  ASSERT_TRUE(create(pod("p")).ok());
  Binding binding;
  binding.metadata.name = "p";
  binding.target.kind = "Node";
  binding.target.name = "n1";
  auto scheduler = assembly_->client("system:kube-scheduler", {});
  auto stranger = assembly_->client("bob", {});
  EXPECT_EQ(post(*stranger, resourceOf<Pod>(), "p", "binding", binding).status().code(), 403);
  auto answer = post(*scheduler, resourceOf<Pod>(), "p", "binding", binding);
  ASSERT_TRUE(answer.ok()) << answer.status().toString();
  auto bound = get<Pod>("default", "p");
  EXPECT_EQ((*bound)->spec.nodeName, "n1");
  ASSERT_TRUE(api::findPodCondition((*bound)->status, "PodScheduled"));
  EXPECT_EQ((*bound)->metadata.generation, 1);
  auto again = post(*scheduler, resourceOf<Pod>(), "p", "binding", binding).status();
  EXPECT_EQ(
      again.message(),
      "Operation cannot be fulfilled on pods/binding \"p\": pod p is already assigned to node "
      "\"n1\"");
  binding.metadata.name = "q";
  EXPECT_EQ(post(*scheduler, resourceOf<Pod>(), "p", "binding", binding).status().code(), 400);
}

TEST_F(Whole, EvictionSaysWhyAndWaits) {
  makeAccount();
  ASSERT_TRUE(create(pod("p", "n1")).ok());
  api::policy::v1::Eviction eviction;
  eviction.metadata.name = "p";
  ASSERT_TRUE(post(*admin_, resourceOf<Pod>(), "p", "eviction", eviction).ok());
  auto going = get<Pod>("default", "p");
  ASSERT_TRUE(going.ok());
  EXPECT_TRUE((*going)->metadata.deletionTimestamp.has_value());
  EXPECT_EQ((*going)->metadata.deletionGracePeriodSeconds, 30);
  const auto* condition = api::findPodCondition((*going)->status, "DisruptionTarget");
  ASSERT_TRUE(condition);
  EXPECT_EQ(condition->reason, "EvictionByEvictionAPI");
  eviction.deleteOptions.emplace().gracePeriodSeconds = 0;
  ASSERT_TRUE(post(*admin_, resourceOf<Pod>(), "p", "eviction", eviction).ok());
  EXPECT_TRUE(isNotFound(get<Pod>("default", "p").status()));
}

TEST_F(Whole, TokensAreIssuedAndReviewed) {
  makeAccount();
  auto made = create(pod("p", "n1"));
  TokenRequest request;
  auto& reference = request.spec.boundObjectRef.emplace();
  reference.kind = "Pod";
  reference.apiVersion = "v1";
  reference.name = "p";
  auto kubelet = assembly_->client("system:node:n1", {"system:nodes"});
  auto other = assembly_->client("system:node:n2", {"system:nodes"});
  EXPECT_EQ(
      post(*kubelet, resourceOf<ServiceAccount>(), "default", "token", request).status().message(),
      "serviceaccounts \"default\" is forbidden: node requested token with a pod binding "
      "without a uid");
  request.spec.boundObjectRef->uid = (*made)->metadata.uid;
  EXPECT_EQ(post(*other, resourceOf<ServiceAccount>(), "default", "token", request).status().code(),
            403);
  auto issued = post(*kubelet, resourceOf<ServiceAccount>(), "default", "token", request);
  ASSERT_TRUE(issued.ok()) << issued.status().toString();

  TokenReview review;
  review.spec.token = issued->as<TokenRequest>()->status.token;
  auto answer = create(review);
  ASSERT_TRUE(answer.ok()) << answer.status().toString();
  EXPECT_TRUE((*answer)->status.authenticated);
  EXPECT_EQ((*answer)->status.user.username, "system:serviceaccount:default:default");
  client::DeleteOptions now;
  now.gracePeriodSeconds = 0;
  ASSERT_TRUE(run(admin_->remove(resourceOf<Pod>(), "default", "p", now, {})).ok());
  EXPECT_FALSE((*create(review))->status.authenticated);
}

TEST_F(Whole, NoGraceIsTooLongOrTooShort) {
  makeAccount();
  auto patient = pod("patient", "n1");
  patient.spec.terminationGracePeriodSeconds = std::numeric_limits<int64_t>::max();
  ASSERT_TRUE(create(patient).ok());
  ASSERT_TRUE(run(admin_->remove(resourceOf<Pod>(), "default", "patient", {}, {})).ok());
  auto going = get<Pod>("default", "patient");
  ASSERT_TRUE(going.ok());
  const auto& meta = (*going)->metadata;
  ASSERT_TRUE(meta.deletionTimestamp);
  EXPECT_GT(meta.deletionTimestamp->unix(), meta.creationTimestamp.unix() + 1'000'000'000);
  ASSERT_TRUE(create(pod("evicted", "n1")).ok());
  api::policy::v1::Eviction eviction;
  eviction.metadata.name = "evicted";
  eviction.deleteOptions.emplace().gracePeriodSeconds = -5;
  ASSERT_TRUE(post(*admin_, resourceOf<Pod>(), "evicted", "eviction", eviction).ok());
  going = get<Pod>("default", "evicted");
  ASSERT_TRUE(going.ok());
  EXPECT_EQ((*going)->metadata.deletionGracePeriodSeconds, 1);
}

TEST_F(Whole, WhoMayWhat) {
  SelfSubjectAccessReview review;
  auto& wanted = review.spec.resourceAttributes.emplace();
  wanted.verb = "list";
  wanted.resource = "nodes";
  auto scheduler = assembly_->client("system:kube-scheduler", {});
  auto bob = assembly_->client("bob", {});
  EXPECT_TRUE((*run(client::create(*scheduler, review)))->status.allowed);
  EXPECT_FALSE((*run(client::create(*bob, review)))->status.allowed);
  review.spec.resourceAttributes.reset();
  EXPECT_EQ(run(client::create(*bob, review)).status().code(), 422);
  SelfSubjectRulesReview rules;
  rules.spec.namespace_ = "default";
  auto answer = run(client::create(*scheduler, rules));
  ASSERT_TRUE(answer.ok());
  EXPECT_GT((*answer)->status.resourceRules.size(), 20U);
}

TEST_F(Whole, KubeletsWriteWhatIsTheirs) {
  makeAccount();
  auto kubelet = assembly_->client("system:node:n1", {"system:nodes"});
  Node node;
  node.metadata.name = "n1";
  auto made = run(client::create(*kubelet, node));
  ASSERT_TRUE(made.ok()) << made.status().toString();
  node.metadata.name = "n2";
  EXPECT_EQ(run(client::create(*kubelet, node)).status().message(),
            "nodes \"n2\" is forbidden: node \"n1\" is not allowed to modify node \"n2\"");
  Node changed = **made;
  changed.metadata.labels["node-restriction.kubernetes.io/x"] = "y";
  EXPECT_EQ(run(client::update(*kubelet, changed)).status().message(),
            "nodes \"n1\" is forbidden: is not allowed to modify labels: "
            "node-restriction.kubernetes.io/x");
  EXPECT_EQ(run(client::create(*kubelet, pod("mine", "n1"))).status().code(), 403);
  auto mirror = pod("mirror", "n1");
  mirror.metadata.annotations["kubernetes.io/config.mirror"] = "hash";
  auto& owner = mirror.metadata.ownerReferences.emplace_back();
  owner.apiVersion = "v1";
  owner.kind = "Node";
  owner.name = "n1";
  owner.uid = (*made)->metadata.uid;
  owner.controller = true;
  auto mirrored = run(client::create(*kubelet, mirror));
  EXPECT_TRUE(mirrored.ok()) << mirrored.status().toString();

  ASSERT_TRUE(create(pod("theirs", "n2")).ok());
  EXPECT_EQ(run(client::get<Pod>(*kubelet, "default", "theirs")).status().code(), 403);
  client::ListOptions own;
  own.fieldSelector = "spec.nodeName=n1";
  EXPECT_TRUE(run(kubelet->list(resourceOf<Pod>(), "", own, {})).ok());
  EXPECT_FALSE(run(kubelet->list(resourceOf<Pod>(), "", {}, {})).ok());
}

TEST_F(Whole, ClaimsAreProtected) {
  PersistentVolumeClaim claim;
  claim.metadata.name = "c";
  claim.metadata.namespace_ = "default";
  claim.spec.accessModes = {"ReadWriteOnce"};
  claim.spec.resources.requests["storage"] = *api::Quantity::parse("1Gi");
  auto made = create(claim);
  ASSERT_TRUE(made.ok()) << made.status().toString();
  EXPECT_EQ((*made)->metadata.finalizers, std::vector<std::string>{"kubernetes.io/pvc-protection"});
}

TEST_F(Whole, LimitRangesFillInAndBound) {
  makeAccount();
  LimitRange range;
  range.metadata.name = "r";
  range.metadata.namespace_ = "default";
  auto& item = range.spec.limits.emplace_back();
  item.type = "Container";
  item.default_["cpu"] = *api::Quantity::parse("500m");
  item.defaultRequest["cpu"] = *api::Quantity::parse("100m");
  item.max["cpu"] = *api::Quantity::parse("1");
  ASSERT_TRUE(create(range).ok());
  auto made = create(pod("p"));
  ASSERT_TRUE(made.ok()) << made.status().toString();
  const auto& resources = (*made)->spec.containers[0].resources;
  EXPECT_EQ(resources.limits.at("cpu").str(), "500m");
  EXPECT_EQ(resources.requests.at("cpu").str(), "100m");
  EXPECT_EQ((*made)->status.qosClass, "Burstable");
  EXPECT_EQ((*made)->metadata.annotations.at("kubernetes.io/limit-ranger"),
            "LimitRanger plugin set: cpu request for container c; cpu limit for container c");
  auto large = pod("large");
  large.spec.containers[0].resources.limits["cpu"] = *api::Quantity::parse("2");
  EXPECT_EQ(create(large).status().message(),
            "pods \"large\" is forbidden: maximum cpu usage per Container is 1, but limit is 2");
}

TEST_F(Whole, QuotasHoldUnderConcurrency) {
  makeAccount();
  ResourceQuota quota;
  quota.metadata.name = "q";
  quota.metadata.namespace_ = "default";
  quota.spec.hard["configmaps"] = api::Quantity::fromInt(5);
  auto made = create(quota);
  ASSERT_TRUE(made.ok()) << made.status().toString();
  quota = **made;
  quota.status.hard = quota.spec.hard;
  quota.status.used["configmaps"] = api::Quantity::fromInt(1);
  ASSERT_TRUE(run(client::update(*admin_, quota, "status")).ok());
  std::vector<Task<Result<std::shared_ptr<const ConfigMap>>>> writes;
  for (int i = 0; i < 12; ++i) {
    ConfigMap map;
    map.metadata.name = "m" + std::to_string(i);
    map.metadata.namespace_ = "default";
    writes.push_back(client::create(*admin_, map));
  }
  EXPECT_EQ(countGood(std::move(writes)), 4);
  EXPECT_EQ((*get<ResourceQuota>("default", "q"))->status.used.at("configmaps").str(), "5");
  ConfigMap late;
  late.metadata.name = "late";
  late.metadata.namespace_ = "default";
  EXPECT_EQ(create(late).status().message(),
            "configmaps \"late\" is forbidden: exceeded quota: q, requested: configmaps=1, used: "
            "configmaps=5, limited: configmaps=5");
}

class Rbac : public Whole {
 protected:
  using ClusterRole = api::rbac::v1::ClusterRole;
  using Role = api::rbac::v1::Role;
  using RoleBinding = api::rbac::v1::RoleBinding;

  static api::rbac::v1::PolicyRule rule(std::vector<std::string> verbs, std::string group,
                                        std::vector<std::string> resources) {
    api::rbac::v1::PolicyRule made;
    made.verbs = std::move(verbs);
    made.apiGroups = {std::move(group)};
    made.resources = std::move(resources);
    return made;
  }
  static Role role(std::string name, std::vector<api::rbac::v1::PolicyRule> rules) {
    Role made;
    made.metadata.name = std::move(name);
    made.metadata.namespace_ = "default";
    made.rules = std::move(rules);
    return made;
  }
  static RoleBinding binding(std::string name, std::string kind, std::string user) {
    RoleBinding made;
    made.metadata.name = name + "-" + user;
    made.metadata.namespace_ = "default";
    made.roleRef.apiGroup = "rbac.authorization.k8s.io";
    made.roleRef.kind = std::move(kind);
    made.roleRef.name = std::move(name);
    auto& subject = made.subjects.emplace_back();
    subject.kind = "User";
    subject.apiGroup = "rbac.authorization.k8s.io";
    subject.name = std::move(user);
    return made;
  }
  int listCode(client::Client& client, std::string ns = "default") {
    return run(client.list(resourceOf<ConfigMap>(), std::move(ns), {}, {})).status().code();
  }
};

TEST_F(Rbac, StoredRolesCount) {
  auto bob = assembly_->client("bob", {});
  EXPECT_EQ(listCode(*bob), 403);
  ASSERT_TRUE(create(role("reader", {rule({"list"}, "", {"configmaps"})})).ok());
  ASSERT_TRUE(create(binding("reader", "Role", "bob")).ok());
  EXPECT_EQ(listCode(*bob), 200);
  EXPECT_EQ(listCode(*bob, "kube-system"), 403);
  EXPECT_EQ(listCode(*bob, ""), 403);
  ASSERT_TRUE(run(admin_->remove(resourceOf<RoleBinding>(), "default", "reader-bob", {}, {})).ok());
  EXPECT_EQ(listCode(*bob), 403);
}

TEST_F(Rbac, NobodyGivesAwayWhatHeHasNot) {
  EXPECT_TRUE(
      executor_.runUntil([this] { return get<ClusterRole>("", "cluster-admin").ok(); }, 1min));
  ASSERT_TRUE(create(role("keeper", {rule({"create", "update"}, "rbac.authorization.k8s.io",
                                          {"roles", "rolebindings"}),
                                     rule({"get"}, "", {"configmaps"})}))
                  .ok());
  ASSERT_TRUE(create(binding("keeper", "Role", "bob")).ok());
  auto bob = assembly_->client("bob", {});
  EXPECT_TRUE(run(client::create(*bob, role("fine", {rule({"get"}, "", {"configmaps"})}))).ok());
  auto refused = run(client::create(*bob, role("more", {rule({"get"}, "", {"secrets"})}))).status();
  EXPECT_EQ(refused.message(),
            "roles.rbac.authorization.k8s.io \"more\" is forbidden: user \"bob\" "
            "(groups=[\"system:authenticated\"]) is attempting to grant RBAC permissions not "
            "currently held:\n{APIGroups:[\"\"], Resources:[\"secrets\"], Verbs:[\"get\"]}");
  EXPECT_TRUE(run(client::create(*bob, binding("fine", "Role", "eve"))).ok());
  EXPECT_EQ(
      run(client::create(*bob, binding("cluster-admin", "ClusterRole", "eve"))).status().code(),
      403);
  auto binder = role("binder", {rule({"bind"}, "rbac.authorization.k8s.io", {"clusterroles"})});
  binder.rules[0].resourceNames = {"cluster-admin"};
  ASSERT_TRUE(create(binder).ok());
  ASSERT_TRUE(create(binding("binder", "Role", "bob")).ok());
  EXPECT_TRUE(run(client::create(*bob, binding("cluster-admin", "ClusterRole", "eve"))).ok());
}

}  // namespace
}  // namespace coxswain::apiserver
