#include <gtest/gtest.h>

#include "api/meta/base64.h"
#include "apiserver/registry/ip_warnings.h"
#include "apiserver/registry/testing/requests.h"
#include "net/certs.h"

namespace coxswain::apiserver {
namespace {

using Warnings = std::vector<std::string>;

/// Of a create.
Warnings warnings(std::string_view group, std::string_view plural, std::string_view json) {
  return testing::Requests(group, plural).warnings(json);
}

TEST(Warnings, OfAddresses) {
  struct Row {
    std::string_view value;
    std::string_view wanted;
  };
  const api::FieldPath path("a");
  const Row ips[] = {
      {"10.0.0.1", ""},
      {"2001:db8::1", ""},
      {"no address", ""},
      {"192.012.2.2",
       "a: non-standard IP address \"192.012.2.2\" will be considered invalid in a future "
       "Kubernetes release: use \"192.12.2.2\""},
      {"::ffff:192.12.2.2",
       "a: non-standard IP address \"::ffff:192.12.2.2\" will be considered invalid in a future "
       "Kubernetes release: use \"192.12.2.2\""},
      {"2001:db8:0:0::2",
       "a: IPv6 address \"2001:db8:0:0::2\" should be in RFC 5952 canonical format "
       "(\"2001:db8::2\")"},
  };
  for (const auto& row : ips) {
    Warnings out;
    warnOfIp(row.value, path, out);
    EXPECT_EQ(out.empty() ? "" : out[0], row.wanted);
  }
  const Row cidrs[] = {
      {"10.0.0.0/8", ""},
      {"2001:db8::/64", ""},
      {"10.0.0.0", ""},
      {"10.0.0.0/99", ""},
      {"192.12.2.8/24",
       "a: CIDR value \"192.12.2.8/24\" is ambiguous in this context (should be "
       "\"192.12.2.0/24\" or \"192.12.2.8/32\"?)"},
      {"192.012.2.0/24",
       "a: non-standard CIDR value \"192.012.2.0/24\" will be considered invalid in a future "
       "Kubernetes release: use \"192.12.2.0/24\""},
      {"2001:db8:0:0::/64",
       "a: IPv6 CIDR value \"2001:db8:0:0::/64\" should be in RFC 5952 canonical format "
       "(\"2001:db8::/64\")"},
  };
  for (const auto& row : cidrs) {
    Warnings out;
    warnOfCidr(row.value, path, out);
    EXPECT_EQ(out.empty() ? "" : out[0], row.wanted);
  }
}

TEST(Warnings, OfServices) {
  EXPECT_EQ(warnings("", "services", R"({"spec":{"clusterIP":"None","ports":[{"port":1}]}})"),
            Warnings{});
  EXPECT_EQ(warnings("", "services",
                     R"({"spec":{"clusterIP":"None","sessionAffinity":"ClientIP",)"
                     R"("loadBalancerIP":"1.2.3.4"}})"),
            (Warnings{"spec.loadBalancerIP is ignored for headless services",
                      "spec.SessionAffinity is ignored for headless services"}));
  EXPECT_EQ(warnings("", "services",
                     R"({"metadata":{"annotations":{)"
                     R"("service.kubernetes.io/topology-aware-hints":"auto"}},)"
                     R"("spec":{"externalName":"x"}})"),
            (Warnings{"annotation service.kubernetes.io/topology-aware-hints is deprecated, please "
                      "use service.kubernetes.io/topology-mode instead",
                      "spec.externalName is ignored when spec.type is not \"ExternalName\""}));
}

TEST(Warnings, OfPods) {
  EXPECT_EQ(warnings("", "pods",
                     R"({"metadata":{"name":"p"},"spec":{"containers":[)"
                     R"({"name":"c","image":"i"}]}})"),
            Warnings{});
  EXPECT_EQ(
      warnings("", "pods",
               R"({"metadata":{"name":"p.q"},"spec":{"nodeSelector":{"beta.kubernetes.io/os":"l"},)"
               R"("terminationGracePeriodSeconds":-1,"imagePullSecrets":[{"name":"s"},)"
               R"({"name":"s"},{}],"volumes":[{"name":"v","gitRepo":{"repository":"r"}},)"
               R"({"name":"w","configMap":{"name":"m","items":[{"key":"a","path":"x"},)"
               R"({"key":"b","path":"x/y"}]}}],"containers":[{"name":"c","image":"i",)"
               R"("resources":{"limits":{"memory":"100m"}},"env":[{"name":"A","value":"1"},)"
               R"({"name":"A","value":"$(A)2"},{"name":"A","value":"3"}],)"
               R"("ports":[{"containerPort":80},{"containerPort":80,"hostPort":8080}]}]}})"),
      (Warnings{
          "metadata.name: this is used in the Pod's hostname, which can result in surprising "
          "behavior; a DNS label is recommended: [must not contain dots]",
          "spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "
          "\"kubernetes.io/os\" instead",
          "spec.volumes[0].gitRepo: deprecated in v1.11, and disabled by default in v1.33+",
          "volume \"w\" (ConfigMap \"m\"): overlapping paths: \"x/y\" with \"x\"",
          "spec.imagePullSecrets[1].name: duplicate name \"s\"",
          "spec.imagePullSecrets[2].name: invalid empty name \"\"",
          "spec.containers[0].resources.limits[memory]: fractional byte value \"100m\" is invalid, "
          "must be an integer",
          "spec.containers[0].resources.requests[memory]: fractional byte value \"100m\" is "
          "invalid, must be an integer",
          "spec.containers[0].env[2]: hides previous definition of \"A\", which may be dropped "
          "when using apply",
          "spec.containers[0].ports[1]: overlapping port definition with "
          "spec.containers[0].ports[0]",
          "spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will "
          "be treated as 1"}));
}

TEST(Warnings, OfTemplates) {
  EXPECT_EQ(
      warnings("apps", "deployments",
               R"({"metadata":{"name":"a.b"},"spec":{"template":{"metadata":{"annotations":{)"
               R"("container.apparmor.security.beta.kubernetes.io/c":"x"}},"spec":{)"
               R"("affinity":{"podAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[)"
               R"({"topologyKey":"z"}]}},"containers":[{"name":"c","image":"i"}]}}}})"),
      (Warnings{"metadata.name: this is used in Pod names and hostnames, which can result in "
                "surprising behavior; a DNS label is recommended: [must not contain dots]",
                "spec.template.metadata.annotations[container.apparmor.security.beta.kubernetes.io/"
                "c]: deprecated since v1.30; use the \"appArmorProfile\" field instead",
                "spec.template.spec.affinity.podAffinity."
                "requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector: a null "
                "labelSelector results in matching no pod"}));
}

TEST(Warnings, OfKeyPairs) {
  auto one = net::createCa("a", WallTime(), WallTime() + 24h);
  auto other = net::createCa("b", WallTime(), WallTime() + 24h);
  ASSERT_TRUE(one.ok() && other.ok());
  const auto secret = [](const std::string& certificate, const std::string& key) {
    return warnings("", "secrets",
                    R"({"type":"kubernetes.io/tls","data":{"tls.crt":")" +
                        api::base64Encode(certificate) + R"(","tls.key":")" +
                        api::base64Encode(key) + R"("}})");
  };
  EXPECT_EQ(secret(one->certificatePem, one->keyPem), Warnings{});
  EXPECT_EQ(secret(one->certificatePem, other->keyPem),
            Warnings{"tls: private key does not match public key"});
  EXPECT_EQ(secret("x", "y"), Warnings{"tls: failed to find any PEM data in certificate input"});
  EXPECT_EQ(secret(one->keyPem, one->certificatePem),
            Warnings{"tls: failed to find certificate PEM data in certificate input, but did find "
                     "a private key; PEM inputs may have been switched"});
  EXPECT_EQ(secret(one->certificatePem, one->certificatePem),
            Warnings{"tls: found a certificate rather than a key in the PEM for the private key"});
  EXPECT_EQ(
      secret(one->certificatePem, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
      Warnings{"tls: failed to parse private key"});
  EXPECT_EQ(warnings("", "secrets", R"({"type":"Opaque"})"), Warnings{});
}

TEST(Warnings, OfOthers) {
  EXPECT_EQ(warnings("", "serviceaccounts",
                     R"({"metadata":{"annotations":{)"
                     R"("kubernetes.io/enforce-mountable-secrets":"true"}}})"),
            Warnings{"metadata.annotations[kubernetes.io/enforce-mountable-secrets]: deprecated in "
                     "v1.32+; prefer separate namespaces to isolate access to mounted secrets"});
  EXPECT_EQ(warnings("", "persistentvolumeclaims",
                     R"({"spec":{"resources":{"requests":{"storage":"1500m"}}}})"),
            Warnings{"spec.resources.requests[storage]: fractional byte value \"1500m\" is "
                     "invalid, must be an integer"});
  EXPECT_EQ(warnings("networking.k8s.io", "networkpolicies",
                     R"({"spec":{"ingress":[{"from":[{"ipBlock":{"cidr":"10.0.0.1/8"}}]}]}})"),
            Warnings{"spec.ingress[0].from[0].ipBlock.cidr: CIDR value \"10.0.0.1/8\" is ambiguous "
                     "in this context (should be \"10.0.0.0/8\" or \"10.0.0.1/32\"?)"});
}

}  // namespace
}  // namespace coxswain::apiserver
