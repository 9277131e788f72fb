#include <gtest/gtest.h>

#include <set>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "apiserver/authz/node_authorizer.h"
#include "apiserver/authz/policy.h"
#include "apiserver/authz/policy_index.h"
#include "apiserver/authz/policy_objects.h"

namespace coxswain::apiserver {
namespace {

RequestInfo of(std::string verb, std::string group, std::string resource, std::string ns = "",
               std::string name = "") {
  RequestInfo info;
  info.isResource = true;
  info.verb = std::move(verb);
  info.group = std::move(group);
  auto slash = resource.find('/');
  info.resource = resource.substr(0, slash);
  if (slash != std::string::npos) info.subresource = resource.substr(slash + 1);
  info.ns = std::move(ns);
  info.name = std::move(name);
  return info;
}

RequestInfo path(std::string text) {
  RequestInfo info;
  info.verb = "get";
  info.path = std::move(text);
  return info;
}

api::rbac::v1::RoleRef reference(std::string kind, std::string name) {
  api::rbac::v1::RoleRef made;
  made.apiGroup = "rbac.authorization.k8s.io";
  made.kind = std::move(kind);
  made.name = std::move(name);
  return made;
}

api::rbac::v1::Subject subject(std::string kind, std::string name, std::string ns = "") {
  api::rbac::v1::Subject made;
  made.kind = std::move(kind);
  made.name = std::move(name);
  made.namespace_ = std::move(ns);
  return made;
}

UserInfo user(std::string name, std::vector<std::string> groups = {"system:authenticated"}) {
  return {std::move(name), "", std::move(groups), {}};
}

void load(PolicyIndex& index, const api::Object& object) {
  using namespace api::rbac::v1;
  const auto& meta = *api::objectMeta(object);
  if (const auto* role = object.as<ClusterRole>()) index.setRole("", meta.name, role->rules);
  if (const auto* role = object.as<Role>()) index.setRole(meta.namespace_, meta.name, role->rules);
  if (const auto* binding = object.as<ClusterRoleBinding>()) {
    index.setBinding("", meta.name, binding->roleRef, binding->subjects);
  }
  if (const auto* binding = object.as<RoleBinding>()) {
    index.setBinding(meta.namespace_, meta.name, binding->roleRef, binding->subjects);
  }
}

/// What every cluster begins with.
class Policy : public testing::Test {
 protected:
  Policy() {
    for (const auto& object : bootstrapPolicyObjects(true)) load(index_, object);
  }
  bool may(const UserInfo& who, const RequestInfo& what) {
    return index_.find({who, what}).binding != nullptr;
  }
  PolicyIndex index_;
};

TEST_F(Policy, RolesOfOurParts) {
  auto scheduler = user("system:kube-scheduler");
  EXPECT_TRUE(may(scheduler, of("create", "", "pods/binding", "a", "p")));
  EXPECT_TRUE(may(scheduler, of("list", "", "nodes")));
  EXPECT_TRUE(may(scheduler, of("update", "coordination.k8s.io", "leases", "kube-system", "x")));
  EXPECT_FALSE(may(scheduler, of("update", "coordination.k8s.io", "leases", "default", "x")));
  EXPECT_FALSE(may(scheduler, of("get", "", "secrets", "a", "s")));

  auto controllers = user("system:kube-controller-manager");
  EXPECT_TRUE(may(controllers, of("watch", "example.com", "anything")));
  EXPECT_FALSE(may(controllers, of("create", "", "pods", "a")));
  EXPECT_TRUE(may(user("system:serviceaccount:kube-system:replicaset-controller"),
                  of("create", "", "pods", "a")));

  auto proxy = user("system:kube-proxy");
  EXPECT_TRUE(may(proxy, of("watch", "discovery.k8s.io", "endpointslices")));
  EXPECT_FALSE(may(proxy, of("list", "", "pods")));
  auto dns = user("system:serviceaccount:kube-system:coredns");
  EXPECT_TRUE(may(dns, of("watch", "", "services")));
  EXPECT_FALSE(may(dns, of("list", "", "secrets")));
  EXPECT_TRUE(may(dns, of("delete", "", "services", "kube-system", "kube-dns")));
  EXPECT_FALSE(may(dns, of("delete", "", "services", "kube-system", "other")));
  EXPECT_FALSE(may(dns, of("create", "", "services", "default")));
  auto folders = user("system:serviceaccount:kube-system:local-path-provisioner");
  EXPECT_TRUE(may(folders, of("create", "", "persistentvolumes")));
  EXPECT_FALSE(may(folders, of("update", "", "persistentvolumeclaims", "a", "c")));
}

TEST_F(Policy, ServiceAccountsAndGroups) {
  auto account = user("system:serviceaccount:kube-system:job-controller",
                      {"system:serviceaccounts", "system:authenticated"});
  EXPECT_TRUE(may(account, of("update", "batch", "jobs/status", "a", "j")));
  EXPECT_FALSE(may(account, of("update", "apps", "deployments", "a", "d")));
  EXPECT_TRUE(may(account, path("/openid/v1/jwks")));
  EXPECT_FALSE(may(user("bob"), path("/openid/v1/jwks")));
  EXPECT_TRUE(may(user("root", {"system:masters"}), of("delete", "", "nodes", "", "n")));
  EXPECT_TRUE(may(user("root", {"system:masters"}), path("/logs/x")));
}

TEST_F(Policy, Paths) {
  auto bob = user("bob");
  EXPECT_TRUE(may(bob, path("/apis/apps/v1")));
  EXPECT_TRUE(may(bob, path("/healthz")));
  EXPECT_FALSE(may(bob, path("/metrics")));
  EXPECT_FALSE(may(bob, path("/apisx")));
  EXPECT_TRUE(may(bob, of("create", "authorization.k8s.io", "selfsubjectaccessreviews")));
  EXPECT_FALSE(may(bob, of("create", "authorization.k8s.io", "subjectaccessreviews")));
  auto nobody = user("system:anonymous", {"system:unauthenticated"});
  EXPECT_TRUE(may(nobody, path("/version")));
  EXPECT_FALSE(may(nobody, path("/api")));
}

TEST(PolicyRules, Matching) {
  PolicyIndex index;
  index.setRole("", "r", {wireRule({"", "\"\",apps", "pods,*/scale", "get,list,frob", "", "a,b"})});
  index.setBinding("", "b", reference("ClusterRole", "r"), {subject("User", "u")});
  auto may = [&](const RequestInfo& what, std::string_view fields = {}) {
    auto u = user("u");
    return index.find({u, what, fields}).binding != nullptr;
  };
  EXPECT_TRUE(may(of("get", "", "pods", "n", "a")));
  EXPECT_TRUE(may(of("frob", "", "pods", "n", "a")));
  EXPECT_FALSE(may(of("get", "", "pods", "n", "c")));
  EXPECT_FALSE(may(of("get", "", "pods/log", "n", "a")));
  EXPECT_TRUE(may(of("get", "apps", "deployments/scale", "n", "b")));
  EXPECT_FALSE(may(of("get", "apps", "deployments", "n", "b")));
  EXPECT_FALSE(may(of("get", "batch", "pods", "n", "a")));
  EXPECT_FALSE(may(of("watch", "", "pods", "n", "a")));
  EXPECT_FALSE(may(path("/pods")));
  // A list of what has one name is about that.
  EXPECT_TRUE(may(of("list", "", "pods", "n"), "spec.nodeName=x,metadata.name=a"));
  EXPECT_FALSE(may(of("list", "", "pods", "n"), "metadata.name=c"));
  EXPECT_FALSE(may(of("list", "", "pods", "n"), "metadata.name!=a"));
  // A comma behind a backslash is part of a value: this selects nearly everything.
  EXPECT_FALSE(may(of("list", "", "pods", "n"), "spec.nodeName!=\\,metadata.name=a"));
  EXPECT_FALSE(may(of("list", "", "pods", "n"), "spec.nodeName!=x\\"));
  EXPECT_TRUE(may(of("list", "", "pods", "n"), "spec.nodeName!=\\\\,metadata.name=a"));
  EXPECT_FALSE(may(of("list", "", "pods", "n")));
}

class FakeObjects final : public NodeObjects {
 public:
  bool podOnNode(std::string_view node, std::string_view, std::string_view pod) const override {
    return node == "n1" && pod == "mine";
  }
  bool referenced(std::string_view node, ReferencedKind kind, std::string_view,
                  std::string_view name) const override {
    return node == "n1" && name == "used" && kind != ReferencedKind::ConfigMap;
  }
  bool volumeUsed(std::string_view, std::string_view volume) const override {
    return volume == "used";
  }
  bool attachmentOf(std::string_view node, std::string_view name) const override {
    return node == "n1" && name == "used";
  }
  bool sliceOf(std::string_view node, std::string_view name) const override {
    return node == "n1" && name == "used";
  }
};

TEST(Node, ReachesItsOwnOnly) {
  NodeAuthorizer authorizer(std::make_unique<FakeObjects>());
  auto n1 = user("system:node:n1", {"system:nodes"});
  struct Case {
    RequestInfo info;
    std::string fields;
    bool allowed;
    std::string reason;
  };
  const std::string unrelated = "no relationship found between node 'n1' and this object";
  const Case cases[] = {
      {of("get", "", "pods", "a", "mine"), "", true, ""},
      {of("get", "", "pods", "a", "theirs"), "", false, unrelated},
      {of("list", "", "pods"), "", false,
       "can only list/watch pods with spec.nodeName field selector"},
      {of("list", "", "pods"), "spec.nodeName=n1", true, ""},
      {of("watch", "", "pods"), "spec.nodeName=n2", false,
       "can only list/watch pods with spec.nodeName field selector"},
      {of("patch", "", "pods", "a", "mine"), "", false, ""},
      {of("patch", "", "pods/status", "a", "mine"), "", true, ""},
      {of("create", "", "pods/eviction", "a", "mine"), "", true, ""},
      {of("get", "", "secrets", "a", "used"), "", true, ""},
      {of("get", "", "secrets", "a", "other"), "", false, unrelated},
      {of("watch", "", "secrets", "a"), "metadata.name=used", true, ""},
      {of("list", "", "secrets", "a"), "type!=\\,metadata.name=used", false,
       "No Object name found"},
      {of("get", "", "configmaps", "a", "used"), "", false, unrelated},
      {of("list", "", "secrets", "a"), "", false, "No Object name found"},
      {of("update", "", "secrets", "a", "used"), "", false, "can only read resources of this type"},
      {of("create", "", "serviceaccounts/token", "a", "used"), "", true, ""},
      {of("create", "", "serviceaccounts/token", "a", "other"), "", false, unrelated},
      {of("get", "", "nodes", "", "n1"), "", true, ""},
      {of("get", "", "nodes", "", "n2"), "", false,
       "node 'n1' cannot read 'n2', only its own Node object"},
      {of("list", "", "nodes"), "metadata.name=n1", true, ""},
      {of("delete", "", "nodes", "", "n1"), "", false, ""},
      {of("update", "coordination.k8s.io", "leases", "kube-node-lease", "n1"), "", true, ""},
      {of("update", "coordination.k8s.io", "leases", "kube-node-lease", "n2"), "", false,
       "can only access node lease with the same name as the requesting node"},
      {of("create", "coordination.k8s.io", "leases", "default", ""), "", false,
       "can only access leases in the \"kube-node-lease\" system namespace"},
      {of("get", "", "persistentvolumes", "", "used"), "", true, ""},
      {of("get", "", "persistentvolumeclaims", "a", "x"), "", false, unrelated},
      {of("list", "", "services"), "", true, ""},
      {of("create", "", "events", "a"), "", true, ""},
      {of("delete", "apps", "deployments", "a", "d"), "", false, ""},
      {of("get", "storage.k8s.io", "volumeattachments", "", "used"), "", true, ""},
      {of("get", "storage.k8s.io", "volumeattachments", "", "other"), "", false, unrelated},
      {of("list", "storage.k8s.io", "volumeattachments"), "", false,
       "can only get individual resources of this type"},
      {of("get", "resource.k8s.io", "resourceclaims", "a", "used"), "", true, ""},
      {of("get", "resource.k8s.io", "resourceclaims", "a", "other"), "", false, unrelated},
      {of("create", "resource.k8s.io", "resourceslices"), "", true, ""},
      {of("delete", "resource.k8s.io", "resourceslices", "", "other"), "", false, unrelated},
      {of("list", "resource.k8s.io", "resourceslices"), "spec.nodeName=n1", true, ""},
      {of("list", "resource.k8s.io", "resourceslices"), "", false,
       "can only list/watch/deletecollection resourceslices with nodeName field selector"},
      {of("get", "", "secrets/x", "a", "used"), "", false, "cannot read subresource"},
  };
  for (const auto& c : cases) {
    auto verdict = authorizer.authorize({n1, c.info, c.fields});
    auto what = c.info.verb + " " + c.info.resource + "/" + c.info.subresource + " " + c.info.name;
    EXPECT_EQ(verdict.allowed(), c.allowed) << what;
    EXPECT_EQ(verdict.reason, c.reason) << what;
  }
  auto outsider = user("system:node:n1");
  EXPECT_FALSE(authorizer.authorize({outsider, cases[0].info}).allowed());
}

TEST(Node, WhatAPodRefersTo) {
  using namespace api::core::v1;
  Pod pod;
  pod.metadata.name = "p";
  pod.spec.serviceAccountName = "sa";
  pod.spec.imagePullSecrets.push_back({});
  pod.spec.imagePullSecrets.back().name = "pull";
  auto& projected = pod.spec.volumes.emplace_back();
  projected.name = "v";
  auto& map = projected.volumeSource.projected.emplace().sources.emplace_back().configMap.emplace();
  map.localObjectReference.name = "map";
  auto& ephemeral = pod.spec.volumes.emplace_back();
  ephemeral.name = "scratch";
  ephemeral.volumeSource.ephemeral.emplace();
  auto& env = pod.spec.containers.emplace_back().env.emplace_back();
  env.valueFrom.emplace().secretKeyRef.emplace().localObjectReference.name = "key";
  EXPECT_TRUE(podRefersTo(pod, ReferencedKind::Secret, "pull"));
  EXPECT_TRUE(podRefersTo(pod, ReferencedKind::Secret, "key"));
  EXPECT_FALSE(podRefersTo(pod, ReferencedKind::Secret, "map"));
  EXPECT_TRUE(podRefersTo(pod, ReferencedKind::ConfigMap, "map"));
  EXPECT_FALSE(podRefersTo(pod, ReferencedKind::ConfigMap, "key"));
  EXPECT_TRUE(podRefersTo(pod, ReferencedKind::PersistentVolumeClaim, "p-scratch"));
  EXPECT_TRUE(podRefersTo(pod, ReferencedKind::ServiceAccount, "sa"));
  pod.metadata.annotations["kubernetes.io/config.mirror"] = "x";
  EXPECT_FALSE(podRefersTo(pod, ReferencedKind::Secret, "pull"));
}

TEST(Chain, TheFirstOpinionCounts) {
  AuthorizerChain chain;
  chain.add(std::make_unique<MastersAuthorizer>());
  chain.add(std::make_unique<NodeAuthorizer>(std::make_unique<FakeObjects>()));
  auto n1 = user("system:node:n1", {"system:nodes"});
  auto info = of("get", "", "secrets", "a", "other");
  auto verdict = chain.authorize({n1, info});
  EXPECT_EQ(verdict.decision, Decision::NoOpinion);
  auto status = forbiddenStatus({n1, info}, verdict.reason);
  EXPECT_EQ(status.message(),
            "secrets \"other\" is forbidden: User \"system:node:n1\" cannot get resource "
            "\"secrets\" in API group \"\" in the namespace \"a\": no relationship found between "
            "node 'n1' and this object");
  auto root = user("root", {"system:masters"});
  EXPECT_TRUE(chain.authorize({root, info}).allowed());
}

api::rbac::v1::PolicyRule wire(PolicyRule rule) {
  return wireRule(rule);
}

TEST(Rules, PartsBecomeOneAgain) {
  auto missing = compact(uncovered({}, {wire({"", "\"\"", "pods,nodes", "get,list"}),
                                        wire({"", "\"\"", "secrets", "get,list", "", "a"})}));
  ASSERT_EQ(missing.size(), 4U);
  EXPECT_EQ(describeRule(missing[0]),
            R"({APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]})");
  EXPECT_EQ(describeRule(missing[2]),
            R"({APIGroups:[""], Resources:["secrets"], ResourceNames:["a"], Verbs:["get"]})");
}

/// Whoever may write roles must not make the server take them apart for ever.
TEST(Rules, TooManyPartsStayWhole) {
  api::rbac::v1::PolicyRule vast;
  for (int i = 0; i < 2000; ++i) {
    const auto text = "x" + std::to_string(i);
    for (auto* list : {&vast.verbs, &vast.apiGroups, &vast.resources}) list->push_back(text);
  }
  EXPECT_EQ(uncovered({wire({"", "*", "pods", "*"})}, {vast}), Rules{vast});
  EXPECT_TRUE(uncovered({wire({"", "*", "*", "*"})}, {vast}).empty());
}

TEST(Rules, WhatIsNotCovered) {
  const Rules owned = {wire({"", "\"\"", "pods,pods/log", "get,list"}),
                       wire({"", "apps", "*", "*"}),
                       wire({"", "\"\"", "secrets", "get", "", "a,b"}),
                       wire({"", "", "", "get", "/metrics,/logs/*"})};
  EXPECT_TRUE(uncovered(owned, {wire({"", "\"\"", "pods", "get"})}).empty());
  EXPECT_TRUE(uncovered(owned, {wire({"", "apps", "deployments/scale", "update"})}).empty());
  EXPECT_TRUE(uncovered(owned, {wire({"", "\"\"", "secrets", "get", "", "b"})}).empty());
  EXPECT_TRUE(uncovered(owned, {wire({"", "", "", "get", "/logs/x"})}).empty());
  EXPECT_EQ(uncovered(owned, {wire({"", "\"\"", "secrets", "get"})}).size(), 1U);
  EXPECT_EQ(uncovered(owned, {wire({"", "\"\"", "pods,nodes", "get,delete"})}).size(), 3U);
  EXPECT_EQ(uncovered(owned, {wire({"", "*", "*", "*"})}).size(), 1U);
  EXPECT_EQ(uncovered(owned, {wire({"", "", "", "get", "/*"})}).size(), 1U);
  auto missing = uncovered(owned, {wire({"", "\"\"", "secrets", "get", "", "c"})});
  ASSERT_EQ(missing.size(), 1U);
  EXPECT_EQ(describeRule(missing[0]),
            R"({APIGroups:[""], Resources:["secrets"], ResourceNames:["c"], Verbs:["get"]})");
}

TEST(PolicyObjects, UpstreamsSet) {
  std::set<std::string> names;
  bool aggregated = false;
  for (const auto& object : bootstrapPolicyObjects(false)) {
    const auto& meta = *api::objectMeta(object);
    EXPECT_TRUE(
        names.insert(std::string(object.info().name) + " " + meta.namespace_ + "/" + meta.name)
            .second)
        << meta.name;
    if (const auto* role = object.as<api::rbac::v1::ClusterRole>(); role && meta.name == "admin") {
      aggregated = role->aggregationRule.has_value();
    }
  }
  EXPECT_TRUE(aggregated);
  EXPECT_TRUE(names.contains("ClusterRoleBinding /system:node"));
  EXPECT_TRUE(names.contains("Role kube-system/extension-apiserver-authentication-reader"));
  EXPECT_TRUE(
      names.contains("RoleBinding kube-system/system::extension-apiserver-authentication-reader"));
  EXPECT_FALSE(names.contains("ClusterRole /system:coredns"));
}

}  // namespace
}  // namespace coxswain::apiserver
