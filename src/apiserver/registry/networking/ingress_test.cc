#include "apiserver/registry/testing/requests.h"

namespace coxswain::apiserver {
namespace {

const testing::Requests& ingresses() {
  static const testing::Requests kIngresses("networking.k8s.io", "ingresses");
  return kIngresses;
}
const testing::Requests& classes() {
  static const testing::Requests kClasses("networking.k8s.io", "ingressclasses");
  return kClasses;
}

std::string rule(const std::string& host, const std::string& path) {
  return R"({"host":")" + host + R"(","http":{"paths":[{"path":")" + path +
         R"(","pathType":"Exact","backend":{"service":{"name":"s","port":{"number":80}}}}]}})";
}
std::string ingress(const std::string& rules, const std::string& secret = "s") {
  return R"({"spec":{"tls":[{"secretName":")" + secret + R"("}],"rules":[)" + rules + "]}}";
}

TEST(Ingress, NeedsABackend) {
  EXPECT_EQ(ingresses().create(R"({"spec":{"defaultBackend":{}}})"),
            "spec.defaultBackend: Invalid value: \"\": resource or service backend is required");
  EXPECT_EQ(ingresses().create(
                R"({"spec":{"rules":[{"http":{"paths":[{"pathType":"Exact","path":"/"}]}}]}})"),
            "spec.rules[0].http.paths[0].backend: Invalid value: \"\": resource or service backend "
            "is required");
}

TEST(Ingress, KeepsWhatOlderRulesLetIn) {
  const auto good = ingress(rule("a.b", "/"));
  EXPECT_NE(ingresses().update(good, ingress(rule("a.b", "/"), "Bad_Name")), "");
  EXPECT_EQ(ingresses().updateStored(ingress(rule("a.b", "/"), "Bad_Name"),
                                     ingress(rule("c.b", "/"), "Bad_Name")),
            "");
  EXPECT_NE(ingresses().update(good, ingress(rule("*.b", "x"))), "");
  EXPECT_EQ(ingresses().updateStored(ingress(rule("*.b", "x")), ingress(rule("*.c", "y"))), "");
  EXPECT_NE(ingresses().updateStored(ingress(rule("*.b", "x")), ingress(rule("a.b", "y"))), "");
}

TEST(IngressClass, ParametersHaveKindAndName) {
  EXPECT_EQ(classes().create(R"({"spec":{"controller":"x.y/z","parameters":{}}})"),
            "[spec.parameters.kind: Required value, spec.parameters.name: Required value]");
  EXPECT_EQ(ingresses().create(R"({"spec":{"defaultBackend":{"resource":{}}}})"),
            "[spec.defaultBackend.resource.kind: Required value, "
            "spec.defaultBackend.resource.name: Required value]");
}

TEST(IngressClass, NamespaceOfParameters) {
  const auto make = [](const std::string& more) {
    return classes().create(R"({"spec":{"controller":"x.y/z","parameters":{"kind":"k","name":"n")" +
                            more + "}}}");
  };
  EXPECT_EQ(make(""), "");
  EXPECT_EQ(make(R"(,"scope":"Namespace","namespace":"ns")"), "");
  EXPECT_EQ(make(R"(,"scope":"Namespace")"),
            "spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'");
  EXPECT_EQ(make(R"(,"namespace":"Bad_Name")"),
            "spec.parameters.namespace: Forbidden: `parameters.scope` is set to 'Cluster'");
  EXPECT_EQ(make(R"(,"scope":"Namespace","namespace":"Bad_Name")").substr(0, 53),
            "spec.parameters.namespace: Invalid value: \"Bad_Name\":");
}

}  // namespace
}  // namespace coxswain::apiserver
