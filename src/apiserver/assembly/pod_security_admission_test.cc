// Levels of pod security, as namespaces and the plugin's configuration say them.

#include "api/gen/apps_v1.h"
#include "apiserver/assembly/testing/admission_cluster.h"

namespace coxswain::apiserver {
namespace {

using namespace api::core::v1;  // NOLINT
using api::apps::v1::Deployment;

class PodSecurityPlugin : public AdmissionCluster {
 protected:
  /// A namespace with these labels: "enforce=baseline warn=restricted".
  void makeNamespace(const std::string& name, const std::string& labels) {
    std::string json;
    std::istringstream words(labels);
    for (std::string word; words >> word;) {
      auto equals = word.find('=');
      json +=
          (json.empty() ? "" : ",") + ("\"pod-security.kubernetes.io/" + word.substr(0, equals) +
                                       "\":\"" + word.substr(equals + 1) + "\"");
    }
    ASSERT_EQ(make<Namespace>(R"({"metadata":{"name":")" + name + R"(","labels":{)" + json + "}}}"),
              "");
  }

  struct Answer {
    std::string refusal;
    std::vector<std::string> warnings;
    std::map<std::string, std::string> audit;
  };
  /// What validation of such a write says.
  template <typename T>
  Answer ask(std::string group, std::string resource, std::string ns, const std::string& json,
             std::optional<T> old = {}, std::string subresource = "", std::string user = "u") {
    Answer answer;
    RequestContext context;
    context.user.name = std::move(user);
    context.info.isResource = true;
    context.info.group = std::move(group);
    context.info.version = "v1";
    context.info.resource = std::move(resource);
    context.info.ns = std::move(ns);
    context.info.subresource = std::move(subresource);
    context.auditAnnotations = &answer.audit;
    api::Object object(parse<T>(json));
    std::optional<api::Object> before;
    if (old) before.emplace(std::move(*old));
    auto status =
        run(assembly_->admission().validate(context, before ? WriteKind::Update : WriteKind::Create,
                                            &object, before ? &*before : nullptr));
    if (!status.ok()) answer.refusal = status.message();
    answer.warnings = std::move(context.warnings);
    return answer;
  }
  Answer askPod(std::string ns, const std::string& json) {
    return ask<Pod>("", "pods", std::move(ns), json);
  }

  static constexpr const char* kRoot =
      R"({"metadata":{"name":"p"},"spec":{"serviceAccountName":"default","hostPID":true,"containers":[
        {"name":"c","image":"i"}]}})";
};

TEST_F(PodSecurityPlugin, EnforcesWarnsAndAudits) {
  begin();
  makeNamespace("strict", "enforce=baseline audit=restricted warn=baseline");
  ASSERT_EQ(make<ServiceAccount>(R"({"metadata":{"name":"default","namespace":"strict"}})"), "");
  auto answer = askPod("strict", kRoot);
  EXPECT_EQ(answer.refusal,
            "pods \"p\" is forbidden: violates PodSecurity \"baseline:latest\": host namespaces "
            "(hostPID=true)");
  EXPECT_TRUE(answer.warnings.empty());  // nobody is warned of what is refused
  EXPECT_EQ(answer.audit["pod-security.kubernetes.io/enforce-policy"], "baseline:latest");
  EXPECT_TRUE(answer.audit["pod-security.kubernetes.io/audit-violations"].starts_with(
      "would violate PodSecurity \"restricted:latest\": host namespaces (hostPID=true), allow"));

  const auto deployment =
      std::string(R"({"metadata":{"name":"d"},"spec":{"template":)") + kRoot + "}}";
  auto made = ask<Deployment>("apps", "deployments", "strict", deployment);
  EXPECT_EQ(made.refusal, "");  // its pods will be
  EXPECT_EQ(made.warnings,
            std::vector<std::string>{"would violate PodSecurity \"baseline:latest\": "
                                     "host namespaces (hostPID=true)"});
}

TEST_F(PodSecurityPlugin, UpdatesThatMatter) {
  begin();
  makeNamespace("late", "enforce=baseline");
  ASSERT_EQ(make<ServiceAccount>(R"({"metadata":{"name":"default","namespace":"late"}})"), "");
  auto old = parse<Pod>(kRoot);
  auto same = ask<Pod>("", "pods", "late", kRoot, old);
  EXPECT_EQ(same.refusal, "");
  auto image = std::string(kRoot);
  image.replace(image.find("\"i\""), 3, "\"j\"");
  EXPECT_NE(ask<Pod>("", "pods", "late", image, old).refusal, "");
  EXPECT_EQ(ask<Pod>("", "pods", "late", image, old, "status").refusal, "");
  auto debugged = std::string(kRoot);
  debugged.replace(debugged.find("\"hostPID\""), 9,
                   R"("ephemeralContainers":[{"name":"e"}],"hostPID")");
  EXPECT_NE(ask<Pod>("", "pods", "late", debugged, old, "ephemeralcontainers").refusal, "");
}

TEST_F(PodSecurityPlugin, NamespacesAreChecked) {
  begin();
  EXPECT_EQ(
      make<Namespace>(
          R"({"metadata":{"name":"n","labels":{"pod-security.kubernetes.io/audit":"x"}}})"),
      "Namespace \"n\" is invalid: metadata.labels[pod-security.kubernetes.io/audit]: Invalid "
      "value: \"x\": must be one of privileged, baseline, restricted");
  makeNamespace("full", "enforce=privileged");
  ASSERT_EQ(make<ServiceAccount>(R"({"metadata":{"name":"default","namespace":"full"}})"), "");
  for (const char* name : {"b", "a", "z"}) {
    auto json = std::string(kRoot);
    json.replace(json.find("\"p\""), 3, "\"" + std::string(name) + "\",\"namespace\":\"full\"");
    ASSERT_EQ(make<Pod>(json), "");
  }
  ASSERT_EQ(make<Pod>(R"({"metadata":{"name":"port","namespace":"full"},"spec":{"containers":[
    {"name":"c","image":"i","ports":[{"containerPort":1,"hostPort":1}]}]}})"),
            "");
  auto old = *get<Namespace>("full", "");
  auto change = [&](const std::string& level) {
    return ask<Namespace>("", "namespaces", "full",
                          R"({"metadata":{"name":"full","labels":{"pod-security.kubernetes.io/)" +
                              level + "}}}",
                          old)
        .warnings;
  };
  EXPECT_EQ(change(R"(enforce":"baseline")"),
            (std::vector<std::string>{
                "existing pods in namespace \"full\" violate the new PodSecurity enforce level "
                "\"baseline:latest\"",
                "a (and 2 other pods): host namespaces", "port: hostPort"}));
  EXPECT_TRUE(change(R"(warn":"baseline")").empty());
  EXPECT_TRUE(change(R"(enforce":"privileged")").empty());
}

TEST_F(PodSecurityPlugin, DefaultsAndExemptions) {
  AdmissionOptions options;
  options.podSecurity.defaults.enforce.level = pod_security::Level::Baseline;
  options.podSecurity.exemptNamespaces = {"free"};
  options.podSecurity.exemptUsers = {"root"};
  options.podSecurity.exemptRuntimeClasses = {"vm"};
  begin(options);
  makeNamespace("free", "");
  ASSERT_EQ(make<ServiceAccount>(R"({"metadata":{"name":"default","namespace":"free"}})"), "");
  EXPECT_NE(askPod("default", kRoot).refusal, "");
  auto free = askPod("free", kRoot);
  EXPECT_EQ(free.refusal, "");
  EXPECT_EQ(free.audit["pod-security.kubernetes.io/exempt"], "namespace");
  auto root = ask<Pod>("", "pods", "default", kRoot, {}, "", "root");
  EXPECT_EQ(root.refusal, "");
  EXPECT_EQ(root.audit["pod-security.kubernetes.io/exempt"], "user");
  auto labelled = ask<Namespace>(
      "", "namespaces", "free",
      R"({"metadata":{"name":"free","labels":{"pod-security.kubernetes.io/enforce":"restricted"}}})");
  EXPECT_EQ(labelled.warnings, std::vector<std::string>{
                                   "namespace \"free\" is exempt from Pod Security, and the policy "
                                   "(enforce=restricted:latest) will be ignored"});
}

}  // namespace
}  // namespace coxswain::apiserver
