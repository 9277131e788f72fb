// Accounts, tokens, certificates, roles: each made once, and what they say kept.
#include "api/gen/authorization_v1.h"
#include "api/gen/certificates_v1.h"
#include "api/gen/rbac_v1.h"
#include "scenarios/list.h"
#include "scenarios/objects.h"

namespace coxswain::simulation {

using api::certificates::v1::CertificateSigningRequest;
using api::core::v1::ConfigMap;
using api::core::v1::Namespace;
using api::core::v1::Secret;
using api::core::v1::ServiceAccount;
using api::rbac::v1::ClusterRole;

namespace {

/// O = system:nodes, CN = system:node:n1
constexpr const char* kNode =
    "-----BEGIN CERTIFICATE REQUEST-----\n"
    "MIHsMIGSAgEAMDAxFTATBgNVBAoMDHN5c3RlbTpub2RlczEXMBUGA1UEAwwOc3lz\n"
    "dGVtOm5vZGU6bjEwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARJwZcF8CkoE5Wh\n"
    "dTZE78mK28n2WjACoYIWVHkBuEeJvkfUm6BXkeMokd9GF3B6r+oF0tZg2mBBszWp\n"
    "Pj1ROj6XoAAwCgYIKoZIzj0EAwIDSQAwRgIhAKoddT0bg4gNjT+Yo1dT2kyvapxD\n"
    "gha9RnpiuQ3aMdDqAiEA0fRa/2JXVVYN7wSCguAEJC+eh3/Y5nTqtNMngknXMC4=\n"
    "-----END CERTIFICATE REQUEST-----\n";

bool has(const World& world, const char* ns) {
  auto map = world.server.peek<ConfigMap>(ns, "kube-root-ca.crt");
  return world.server.peek<ServiceAccount>(ns, "default") && map && map->data.contains("ca.crt") &&
         *map->data.get("ca.crt") == "PEM";
}

void playAccounts(World& world) {
  for (const char* name : {"a", "b", "c"}) world.server.put(named<Namespace>(name));
  world.until("each has them",
              [&] { return has(world, "a") && has(world, "b") && has(world, "c"); });
  (void)world.server.erase<ServiceAccount>("a", "default");
  world.server.change<ConfigMap>("b", "kube-root-ca.crt",
                                 [](ConfigMap& map) { map.data["ca.crt"] = "other"; });
  (void)world.server.erase<ConfigMap>("c", "kube-root-ca.crt");
  world.until("again", [&] { return has(world, "a") && has(world, "b") && has(world, "c"); });
}

std::string tokenIn(const World& world, const char* name) {
  auto secret = world.server.peek<Secret>("default", name);
  const auto* token = secret ? secret->data.get("token") : nullptr;
  return token ? token->data : "";
}

void playTokens(World& world) {
  for (const char* name : {"bot", "gone"}) {
    world.server.put(named<ServiceAccount>(name));
    auto secret = named<Secret>(std::string(name) + "-token");
    secret.metadata.annotations["kubernetes.io/service-account.name"] = name;
    secret.type = "kubernetes.io/service-account-token";
    world.server.put(secret);
  }
  world.until("filled", [&] {
    return !tokenIn(world, "bot-token").empty() && !tokenIn(world, "gone-token").empty();
  });
  (void)world.server.erase<ServiceAccount>("default", "gone");
  world.until("one is gone", [&] { return !world.server.peek<Secret>("default", "gone-token"); });
}

void prepareTokens(World& world) {
  // The uid of an account is another in each run.
  world.manager.signToken = [](std::string_view ns, std::string_view account, std::string_view,
                               std::string_view secret) -> Result<std::string> {
    return std::string(ns) + "." + std::string(account) + "." + std::string(secret);
  };
}

Secret bootstrapToken(World& world, const std::string& id, Duration holds) {
  auto made = named<Secret>("bootstrap-token-" + id, "kube-system");
  made.type = "bootstrap.kubernetes.io/token";
  made.data["token-id"] = id;
  made.data["token-secret"] = "0123456789abcdef";
  made.data["usage-bootstrap-signing"] = "true";
  if (holds > Duration()) {
    made.data["expiration"] = api::Time(world.executor.wallNow() + holds).str();
  }
  return made;
}

void playBootstrap(World& world) {
  world.server.put(named<Namespace>("kube-public"));
  auto info = named<ConfigMap>("cluster-info", "kube-public");
  info.data["kubeconfig"] = "one";
  world.server.put(info);
  world.server.put(bootstrapToken(world, "aaaaaa", {}));
  world.server.put(bootstrapToken(world, "bbbbbb", 3min));
  auto signatures = [&world] {
    return world.server.peek<ConfigMap>("kube-public", "cluster-info")->data.size() - 1;
  };
  world.until(
      "signed by both", [&] { return signatures() == 2; }, 2min);
  world.until("one is over", [&] {
    return !world.server.peek<Secret>("kube-system", "bootstrap-token-bbbbbb") && signatures() == 1;
  });
}

void playCertificates(World& world) {
  world.server.mayAccess = [](const api::authorization::v1::SubjectAccessReview& review) {
    return review.spec.resourceAttributes &&
           review.spec.resourceAttributes->subresource == "selfnodeclient";
  };
  auto request = named<CertificateSigningRequest>("node");
  request.spec.request = kNode;
  request.spec.signerName = "kubernetes.io/kube-apiserver-client-kubelet";
  request.spec.usages = {"digital signature", "client auth"};
  request.spec.username = "system:node:n1";
  world.server.put(request);
  auto issued = [&world] {
    auto stored = world.server.peek<CertificateSigningRequest>("", "node");
    return stored && !stored->status.certificate.empty();
  };
  world.until("issued", issued);
  const auto first = world.server.peek<CertificateSigningRequest>("", "node");
  world.run(10min);
  const auto later = world.server.peek<CertificateSigningRequest>("", "node");
  if (later && first && later->status.certificate != first->status.certificate) {
    world.fail("the certificate was issued twice");
  }
  world.until("cleaned", [&] { return !world.server.peek<CertificateSigningRequest>("", "node"); });
}

ClusterRole role(const std::string& name, const std::string& label, const std::string& resource) {
  auto made = named<ClusterRole>(name);
  made.metadata.labels["agg"] = label;
  auto& rule = made.rules.emplace_back();
  rule.verbs = {"get"};
  rule.apiGroups = {""};
  rule.resources = {resource};
  return made;
}

void playRoles(World& world) {
  for (const auto& [name, from, label] :
       {std::tuple("inner", "x", "y"), std::tuple("outer", "y", "")}) {
    auto made = named<ClusterRole>(name);
    if (*label != 0) made.metadata.labels["agg"] = label;
    made.aggregationRule.emplace().clusterRoleSelectors.emplace_back().matchLabels["agg"] = from;
    world.server.put(made);
  }
  for (const char* resource : {"pods", "nodes", "secrets"}) {
    world.server.put(role(resource, "x", resource));
  }
  auto rules = [&world](size_t count) {
    return world.server.peek<ClusterRole>("", "outer")->rules.size() == count &&
           world.server.peek<ClusterRole>("", "inner")->rules.size() == count;
  };
  world.until("all three", [&] { return rules(3); });
  (void)world.server.erase<ClusterRole>("", "nodes");
  world.server.change<ClusterRole>("", "pods", [](ClusterRole& r) {
    r.rules[0].verbs = {"get", "list"};
  });
  world.until("two", [&] {
    const auto outer = world.server.peek<ClusterRole>("", "outer");
    return rules(2) && (outer->rules[0].verbs.size() == 2 || outer->rules[1].verbs.size() == 2);
  });
}

}  // namespace

Scenario serviceAccounts() {
  return {"serviceaccounts",
          {"serviceaccount-controller", "root-ca-certificate-publisher-controller"},
          playAccounts};
}
Scenario tokens() {
  return {"tokens", {"serviceaccount-token-controller"}, playTokens, prepareTokens};
}
Scenario bootstrapTokens() {
  return {"bootstraptokens",
          {"bootstrap-signer-controller", "token-cleaner-controller"},
          playBootstrap};
}
Scenario certificates() {
  return {"certificates",
          {"certificatesigningrequest-signing-controller",
           "certificatesigningrequest-approving-controller",
           "certificatesigningrequest-cleaner-controller"},
          playCertificates};
}
Scenario clusterRoles() {
  return {"clusterroles", {"clusterrole-aggregation-controller"}, playRoles};
}

}  // namespace coxswain::simulation
