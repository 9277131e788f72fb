#include "apiserver/admission/config_file.h"

#include <gtest/gtest.h>

namespace coxswain::apiserver {
namespace {

constexpr const char* kWhole = R"(
apiVersion: apiserver.config.k8s.io/v1
kind: AdmissionConfiguration
plugins:
- name: PodSecurity
  configuration:
    apiVersion: pod-security.admission.config.k8s.io/v1
    kind: PodSecurityConfiguration
    defaults:
      enforce: baseline
      enforce-version: v1.30
      warn: restricted
    exemptions:
      usernames: [system:serviceaccount:a:b]
      runtimeClasses: [gvisor]
      namespaces: [kube-system]
- name: EventRateLimit
  path: events.yaml
- name: ResourceQuota
  configuration:
    apiVersion: apiserver.config.k8s.io/v1
    kind: ResourceQuotaConfiguration
    limitedResources:
    - resource: pods
      matchScopes:
      - {scopeName: PriorityClass, operator: In, values: [high]}
    - {apiGroup: apps, resource: deployments, matchContains: [count/]}
- name: PodNodeSelector
  configuration:
    podNodeSelectorPluginConfig:
      clusterDefaultNodeSelector: a=b
      ns1: c=d
- name: PodTolerationRestriction
  configuration:
    apiVersion: podtolerationrestriction.admission.k8s.io/v1alpha1
    kind: Configuration
    default: [{key: k, operator: Exists}]
    whitelist: [{key: k, operator: Exists}, {key: l, value: v}]
)";

constexpr const char* kEvents = R"(
apiVersion: eventratelimit.admission.k8s.io/v1alpha1
kind: Configuration
limits:
- {type: Namespace, qps: 50, burst: 100, cacheSize: 2000}
- {type: User, qps: 10, burst: 50}
)";

Result<std::string> readEvents(const std::string& path) {
  if (path == "events.yaml") return std::string(kEvents);
  return badRequest("no such file: " + path);
}

TEST(AdmissionConfig, AllPlugins) {
  AdmissionOptions options;
  Status read = parseAdmissionConfig(kWhole, readEvents, options);
  ASSERT_TRUE(read.ok()) << read.message();
  const auto& security = options.podSecurity;
  EXPECT_EQ(security.defaults.str(), "enforce=baseline:v1.30, warn=restricted:latest");
  EXPECT_EQ(security.exemptNamespaces, std::vector<std::string>{"kube-system"});
  EXPECT_EQ(security.exemptUsers, std::vector<std::string>{"system:serviceaccount:a:b"});
  EXPECT_EQ(security.exemptRuntimeClasses, std::vector<std::string>{"gvisor"});
  ASSERT_EQ(options.eventLimits.size(), 2u);
  EXPECT_EQ(options.eventLimits[0].per, EventLimit::Per::Namespace);
  EXPECT_EQ(options.eventLimits[0].keysMax, 2000u);
  EXPECT_EQ(options.eventLimits[1].burst, 50);
  EXPECT_EQ(options.eventLimits[1].keysMax, 4096u);
  ASSERT_EQ(options.limitedResources.size(), 2u);
  EXPECT_EQ(options.limitedResources[0].matchScopes.at(0).values.at(0), "high");
  EXPECT_EQ(options.limitedResources[1].group, "apps");
  EXPECT_EQ(options.nodeSelectors.at("ns1"), "c=d");
  EXPECT_EQ(options.defaultTolerations.size(), 1u);
  EXPECT_EQ(options.tolerationsWhitelist.at(1).value, "v");
}

TEST(AdmissionConfig, RefusesWhatItDoesNotKnow) {
  const std::string head =
      "apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\nplugins:\n";
  const std::string security = head +
                               "- name: PodSecurity\n  configuration:\n"
                               "    apiVersion: pod-security.admission.config.k8s.io/v1\n"
                               "    kind: PodSecurityConfiguration\n";
  struct Row {
    std::string text;
    const char* message;
  };
  const Row rows[] = {
      {"{}", "kind: want AdmissionConfiguration of apiserver.config.k8s.io, got \"\" of \"\""},
      {"[]", "configuration: must be a mapping"},
      {head + "- name: Other\n", "plugins[0].name: \"Other\" takes no configuration here"},
      {head + "- name: PodSecurity\n- name: PodSecurity\n", "plugins[1].name: PodSecurity twice"},
      {head + "- name: PodSecurity\n  path: gone\n", "no such file: gone"},
      {head + "- name: PodSecurity\n  other: 1\n", "plugins[0].other: unknown field"},
      {security + "    default: {}\n", "PodSecurity.default: unknown field"},
      {security + "    defaults: {enforce: bogus, warn-version: v2}\n",
       "PodSecurity.[defaults.enforce: Invalid value: \"bogus\": must be one of privileged, "
       "baseline, restricted, defaults.warn-version: Invalid value: \"v2\": must be \"latest\" or "
       "\"v1.x\"]"},
      {security + "    exemptions: {namespaces: [a, a]}\n",
       "PodSecurity.exemptions.namespaces[1]: Duplicate value: \"a\""},
      {head +
           "- name: EventRateLimit\n  configuration:\n    apiVersion: "
           "eventratelimit.admission.k8s.io/v1alpha1\n    kind: Configuration\n    limits: [{type: "
           "Server, qps: 0, burst: 1}]\n",
       "EventRateLimit.limits[0].qps: must be positive"},
  };
  for (const auto& row : rows) {
    AdmissionOptions options;
    EXPECT_EQ(parseAdmissionConfig(row.text, readEvents, options).message(), row.message)
        << row.text;
  }
}

}  // namespace
}  // namespace coxswain::apiserver
