// Plugins that ask who may do what: owners, signers, kubelets.

#include "api/gen/certificates_v1.h"
#include "api/gen/coordination_v1.h"
#include "api/gen/rbac_v1.h"
#include "apiserver/assembly/testing/admission_cluster.h"

namespace coxswain::apiserver {
namespace {

using namespace api::core::v1;  // NOLINT

class Rights : public AdmissionCluster {
 protected:
  struct Write {
    std::string group;
    std::string resource;
    std::string subresource = {};
    std::string ns = "default";
    std::string name = {};
    WriteKind kind = WriteKind::Create;
  };
  /// What admission says of a write that validation has passed; empty: nothing.
  template <typename T>
  std::string ask(UserInfo user, Write write, T next, std::optional<T> old = {}) {
    RequestContext context;
    context.user = std::move(user);
    context.info.isResource = true;
    context.info.group = write.group;
    context.info.version = "v1";
    context.info.resource = write.resource;
    context.info.subresource = write.subresource;
    context.info.ns = write.ns;
    context.info.name = write.name;
    context.info.verb = write.kind == WriteKind::Create ? "create" : "update";
    api::Object object(std::move(next));
    std::optional<api::Object> before;
    if (old) before.emplace(std::move(*old));
    auto* current = before ? &*before : nullptr;
    auto status = run(assembly_->admission().admit(context, write.kind, &object, current));
    if (status.ok()) {
      status = run(assembly_->admission().validate(context, write.kind, &object, current));
    }
    return status.ok() ? "" : status.message();
  }
  static UserInfo node(const std::string& name) {
    return {"system:node:" + name, "", {"system:nodes"}, {}};
  }
  static UserInfo person(const std::string& name) { return {name, "", {}, {}}; }
  static UserInfo master() { return {"m", "", {"system:masters"}, {}}; }
};

TEST_F(Rights, OwnersAreForThoseWhoMayDelete) {
  AdmissionOptions options;
  options.enable = {"OwnerReferencesPermissionEnforcement"};
  begin(options);
  auto map = parse<ConfigMap>(R"({"metadata":{"name":"m","ownerReferences":[
    {"apiVersion":"v1","kind":"ConfigMap","name":"o","uid":"1","blockOwnerDeletion":true}]}})");
  const Write create{"", "configmaps"};
  EXPECT_EQ(
      ask(person("bob"), create, map),
      "configmaps \"m\" is forbidden: cannot set an ownerRef on a resource you can't delete: , "
      "<nil>");
  EXPECT_EQ(ask(master(), create, map), "");
  ASSERT_EQ(make<api::rbac::v1::Role>(R"({"metadata":{"name":"r"},"rules":[
    {"apiGroups":[""],"resources":["configmaps"],"verbs":["delete"]}]})"),
            "");
  ASSERT_EQ(make<api::rbac::v1::RoleBinding>(R"({"metadata":{"name":"r"},"roleRef":{
    "apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"r"},"subjects":[
    {"kind":"User","name":"bob","apiGroup":"rbac.authorization.k8s.io"}]})"),
            "");
  EXPECT_EQ(
      ask(person("bob"), create, map),
      "configmaps \"m\" is forbidden: cannot set blockOwnerDeletion if an ownerReference refers "
      "to a resource you can't set finalizers on: , <nil>");
  map.metadata.ownerReferences[0].kind = "Nothing";
  EXPECT_EQ(
      ask(person("bob"), create, map),
      "configmaps \"m\" is forbidden: cannot set blockOwnerDeletion in this case because cannot "
      "find RESTMapping for APIVersion v1 Kind Nothing: no matches for kind \"Nothing\" in "
      "version \"v1\"");
  map.metadata.ownerReferences[0].blockOwnerDeletion = false;
  EXPECT_EQ(ask(person("bob"), create, map), "");
  const Write update{"", "configmaps", "", "default", "m", WriteKind::Update};
  EXPECT_EQ(ask<ConfigMap>(person("eve"), update, map, map), "");  // nothing changes
}

/// The right to change things is none to make them.
TEST_F(Rights, WhoCreatesByUpdateMayCreate) {
  begin();
  ASSERT_EQ(make<api::rbac::v1::Role>(R"({"metadata":{"name":"r"},"rules":[
    {"apiGroups":["","coordination.k8s.io"],"resources":["configmaps","leases"],
     "verbs":["update","patch"]}]})"),
            "");
  ASSERT_EQ(make<api::rbac::v1::RoleBinding>(R"({"metadata":{"name":"r"},"roleRef":{
    "apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"r"},"subjects":[
    {"kind":"User","name":"bob","apiGroup":"rbac.authorization.k8s.io"}]})"),
            "");
  auto bob = assembly_->client("bob", {});
  const auto apply = [&] {
    const std::string body = R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m"}})";
    auto made = run(bob->patch(client::resourceOf<ConfigMap>(), "default", "m", "",
                               client::PatchType::Apply, body, {}));
    return made.ok() ? "" : made.status().message();
  };
  api::coordination::v1::Lease lease;
  lease.metadata.name = "l";
  lease.metadata.namespace_ = "default";
  const auto update = [&] {
    auto made = run(client::update(*bob, lease));
    return made.ok() ? "" : made.status().message();
  };
  EXPECT_EQ(apply(),
            "configmaps \"m\" is forbidden: User \"bob\" cannot create resource \"configmaps\" in "
            "API group \"\" in the namespace \"default\"");
  EXPECT_EQ(update(),
            "leases.coordination.k8s.io \"l\" is forbidden: User \"bob\" cannot create resource "
            "\"leases\" in API group \"coordination.k8s.io\" in the namespace \"default\"");
  auto role = *get<api::rbac::v1::Role>("r");
  role.rules[0].verbs.emplace_back("create");
  ASSERT_EQ(put(role), "");
  EXPECT_EQ(apply(), "");
  EXPECT_EQ(update(), "");
}

TEST_F(Rights, SignersAreAsked) {
  begin();
  using api::certificates::v1::CertificateSigningRequest;
  auto old = CertificateSigningRequest();
  old.metadata.name = "c";
  old.spec.signerName = "a.b/c";
  auto next = old;
  next.status.conditions.emplace_back().type = "Approved";
  const Write approve{"certificates.k8s.io", "certificatesigningrequests", "approval", "", "c",
                      WriteKind::Update};
  auto sign = approve;
  sign.subresource = "status";
  const std::string forbidden =
      "certificatesigningrequests.certificates.k8s.io \"c\" is forbidden: ";
  EXPECT_EQ(ask<CertificateSigningRequest>(person("bob"), approve, next, old),
            forbidden + "user not permitted to approve requests with signerName \"a.b/c\"");
  EXPECT_EQ(ask<CertificateSigningRequest>(person("bob"), sign, next, old),
            forbidden + "user not permitted to sign requests with signerName \"a.b/c\"");
  EXPECT_EQ(ask<CertificateSigningRequest>(master(), approve, next, old), "");
  ASSERT_EQ(make<api::rbac::v1::ClusterRole>(R"({"metadata":{"name":"s"},"rules":[
    {"apiGroups":["certificates.k8s.io"],"resources":["signers"],"resourceNames":["a.b/*"],
     "verbs":["approve"]}]})"),
            "");
  ASSERT_EQ(make<api::rbac::v1::ClusterRoleBinding>(R"({"metadata":{"name":"s"},"roleRef":{
    "apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"s"},"subjects":[
    {"kind":"User","name":"bob","apiGroup":"rbac.authorization.k8s.io"}]})"),
            "");
  EXPECT_EQ(ask<CertificateSigningRequest>(person("bob"), approve, next, old), "");
  EXPECT_NE(ask<CertificateSigningRequest>(person("bob"), sign, next, old), "");
}

TEST_F(Rights, KubeletsKeepToTheirs) {
  begin();
  api::coordination::v1::Lease lease;
  lease.metadata.name = "n1";
  EXPECT_EQ(ask(node("n1"), {"coordination.k8s.io", "leases", "", "kube-node-lease"}, lease), "");
  EXPECT_EQ(ask(node("n1"), {"coordination.k8s.io", "leases"}, lease),
            "leases.coordination.k8s.io \"n1\" is forbidden: can only access leases in the "
            "\"kube-node-lease\" system namespace");
  EXPECT_EQ(
      ask(node("n2"), {"coordination.k8s.io", "leases", "", "kube-node-lease"}, lease),
      "leases.coordination.k8s.io \"n1\" is forbidden: can only access node lease with the same "
      "name as the requesting node");

  PersistentVolumeClaim claim;
  claim.metadata.name = "c";
  auto grown = claim;
  grown.status.capacity["storage"] = api::Quantity::fromInt(1);
  auto moved = grown;
  moved.status.phase = "Lost";
  const Write status{"", "persistentvolumeclaims", "status", "default", "c", WriteKind::Update};
  EXPECT_EQ(ask<PersistentVolumeClaim>(node("n1"), status, grown, claim), "");
  EXPECT_EQ(
      ask<PersistentVolumeClaim>(node("n1"), status, moved, claim),
      "persistentvolumeclaims \"c\" is forbidden: node \"n1\" is not allowed to update fields "
      "other than status.quantity and status.conditions");

  auto mirror = parse<Pod>(R"({"metadata":{"name":"p","annotations":{
    "kubernetes.io/config.mirror":"x"},"ownerReferences":[{"apiVersion":"v1","kind":"Node",
    "name":"n1","uid":"u","controller":true}]},"spec":{"nodeName":"n1","resourceClaims":[
    {"name":"r"}],"containers":[{"name":"c"}]}})");
  EXPECT_EQ(
      ask(node("n1"), {"", "pods"}, mirror),
      "pods \"p\" is forbidden: node \"n1\" can not create pods that reference resourceclaims");
  EXPECT_EQ(
      ask<Pod>(node("n1"), {"", "pods", "", "default", "p", WriteKind::Update}, mirror, mirror),
      "pods \"p\" is forbidden: unexpected operation \"UPDATE\", node \"n1\" can only create and "
      "delete mirror pods");
}

/// What a pod's status names as its claims, its node may read.
TEST_F(Rights, KubeletsNameNoClaims) {
  begin();
  auto old = parse<Pod>(R"({"metadata":{"name":"p"},"spec":{"nodeName":"n1"}})");
  auto next = old;
  next.status.phase = "Running";
  const Write status{"", "pods", "status", "default", "p", WriteKind::Update};
  EXPECT_EQ(ask<Pod>(node("n1"), status, next, old), "");
  auto named = next;
  named.status.resourceClaimStatuses.emplace_back().resourceClaimName = "theirs";
  EXPECT_EQ(ask<Pod>(node("n1"), status, named, old),
            "pods \"p\" is forbidden: node \"n1\" cannot update resource claim statuses");
  named = next;
  named.status.extendedResourceClaimStatus.emplace().resourceClaimName = "theirs";
  EXPECT_EQ(ask<Pod>(node("n1"), status, named, old),
            "pods \"p\" is forbidden: node \"n1\" cannot update extended resource claim status");
}

constexpr const char* kMirrorWithSecret = R"({"metadata":{"name":"p","annotations":{
    "kubernetes.io/config.mirror":"x"},"ownerReferences":[{"apiVersion":"v1","kind":"Node",
    "name":"n1","uid":"u","controller":true}]},"spec":{"nodeName":"n1","containers":[{"name":"c"}],
    "volumes":[{"name":"v","csi":{"driver":"d","nodePublishSecretRef":{"name":"s"}}}]}})";

TEST_F(Rights, MirrorPodsNameNoSecretsInAnyKindOfVolume) {
  begin();
  EXPECT_EQ(ask(master(), {"", "pods"}, parse<Pod>(kMirrorWithSecret)),
            "pods \"p\" is forbidden: a mirror pod may not reference secrets");
}

TEST_F(Rights, KubeletsMakeNoPodsWithSecretsInAnyKindOfVolume) {
  AdmissionOptions options;
  options.disable = {"ServiceAccount"};
  begin(options);
  EXPECT_EQ(ask(node("n1"), {"", "pods"}, parse<Pod>(kMirrorWithSecret)),
            "pods \"p\" is forbidden: node \"n1\" can not create pods that reference secrets");
}

TEST_F(Rights, ResizesFitTheNode) {
  begin();
  auto made = parse<Node>(R"({"metadata":{"name":"n","labels":{"kubernetes.io/os":"linux"}}})");
  ASSERT_TRUE(run(client::create(*admin_, made)).ok());
  auto stored = *get<Node>("n", "");
  stored.status.allocatable["cpu"] = api::Quantity::fromInt(2);
  stored.status.allocatable["memory"] = *api::Quantity::parse("1Ki");
  ASSERT_EQ(put(stored, "status"), "");
  auto old = parse<Pod>(R"({"metadata":{"name":"p"},"spec":{"nodeName":"n","containers":[
    {"name":"c","resources":{"requests":{"cpu":"1"}}}]}})");
  auto grown = old;
  grown.metadata.generation = 2;
  const Write resize{"", "pods", "resize", "default", "p", WriteKind::Update};
  EXPECT_EQ(ask<Pod>(master(), resize, grown, old), "");
  auto& requests = grown.spec.containers[0].resources.requests;
  requests["cpu"] = api::Quantity::fromInt(3);
  requests["memory"] = *api::Quantity::parse("2Ki");
  EXPECT_EQ(
      ask<Pod>(master(), resize, grown, old),
      "pods \"p\" is forbidden: Node didn't have enough allocatable resources: cpu, requested: "
      "3000, allocatable: 2000; memory, requested: 2048, allocatable: 1024");
}

}  // namespace
}  // namespace coxswain::apiserver
