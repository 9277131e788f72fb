#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "api/codec/json.h"
#include "api/codec/value.h"
#include "api/gen/core_v1.h"
#include "apiserver/registry/core/pod_internal_json.h"
#include "apiserver/registry/core/pod_spec_internal.h"
#include "apiserver/registry/strategy.h"

namespace coxswain::apiserver {
namespace {

namespace json = boost::json;
namespace v1 = api::core::v1;

json::value readJson(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return json::parse(text.str());
}

v1::Pod podOf(std::string_view text) {
  auto pod = api::decodeJson<v1::Pod>(text);
  EXPECT_TRUE(pod.ok()) << text;
  makePodStrategy()->setDefaults(&*pod);
  return *pod;
}

std::string createErrors(v1::Pod pod) {
  const auto strategy = makePodStrategy();
  strategy->prepareForCreate(&pod);
  api::FieldErrors errors;
  strategy->validate(&pod, errors);
  return errors.str();
}

std::string updateErrors(v1::Pod next, const v1::Pod& current) {
  const auto strategy = makePodStrategy();
  strategy->prepareForUpdate(&next, &current);
  api::FieldErrors errors;
  strategy->validateUpdate(&next, &current, errors);
  return errors.str();
}

constexpr std::string_view kMinimal =
    R"({"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"reg.example/app:1"}]}})";

TEST(PodGolden, RejectsAsUpstream) {
  const char* shared = std::getenv("COXSWAIN_SHARED");
  const std::filesystem::path folder =
      std::filesystem::path(shared != nullptr ? shared : "../shared") / "golden/cases/core";
  if (!std::filesystem::exists(folder)) GTEST_SKIP();
  int seen = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (!entry.path().filename().string().starts_with("pods-invalid")) continue;
    const auto golden = readJson(entry.path());
    for (const auto& step : golden.at("steps").as_array()) {
      const auto& body = step.at("expect").at("body").as_object();
      const auto* reason = body.if_contains("reason");
      if (reason == nullptr || *reason != "Invalid") continue;
      const std::string message(body.at("message").as_string());
      if (message.find("metadata.") != std::string::npos) continue;  // the generic registry's
      const std::string prefix = "Pod \"inv\" is invalid: ";
      ASSERT_TRUE(message.starts_with(prefix)) << message;
      EXPECT_EQ(createErrors(podOf(json::serialize(step.at("body")))),
                message.substr(prefix.size()))
          << entry.path();
      ++seen;
    }
  }
  EXPECT_GT(seen, 25);
}

TEST(PodGolden, AcceptsFixtures) {
  const char* shared = std::getenv("COXSWAIN_SHARED");
  const std::filesystem::path folder =
      std::filesystem::path(shared != nullptr ? shared : "../shared") / "golden/cases";
  if (!std::filesystem::exists(folder)) GTEST_SKIP();
  int seen = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".json") continue;
    const auto golden = readJson(entry.path());
    for (const auto& step : golden.at("steps").as_array()) {
      const auto& object = step.as_object();
      const auto* path = object.if_contains("path");
      const auto* body = object.if_contains("body");
      const auto* expect = object.if_contains("expect");
      if (path == nullptr || body == nullptr || expect == nullptr || !body->is_object()) continue;
      const auto* kind = body->as_object().if_contains("kind");
      if (kind == nullptr || *kind != "Pod" || object.at("do") != "POST") continue;
      const auto* status = expect->as_object().if_contains("status");
      if (status == nullptr || *status != 201) continue;
      std::string text = json::serialize(*body);
      for (size_t at; (at = text.find("{u}")) != std::string::npos;) text.replace(at, 3, "u");
      auto pod = podOf(text);
      if (pod.spec.serviceAccountName.empty()) pod.spec.serviceAccountName = "default";
      makePodStrategy()->setDefaults(&pod);
      EXPECT_EQ(createErrors(pod), "") << entry.path() << text;
      v1::Pod again = pod;
      makePodStrategy()->setDefaults(&again);
      EXPECT_EQ(again, pod);
      ++seen;
    }
  }
  EXPECT_GT(seen, 20);
}

TEST(Pod, LabelKeysBecomeSelectors) {
  auto pod = podOf(R"({"metadata":{"name":"p","labels":{"app":"web","hash":"1"}},"spec":{
    "containers":[{"name":"c","image":"x"}],
    "affinity":{"podAntiAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{
      "topologyKey":"zone","labelSelector":{"matchLabels":{"app":"web"}},
      "matchLabelKeys":["hash","none"],"mismatchLabelKeys":["app"]}]}},
    "topologySpreadConstraints":[{"maxSkew":1,"topologyKey":"zone",
      "whenUnsatisfiable":"DoNotSchedule","labelSelector":{},"matchLabelKeys":["hash"]}]}})");
  makePodStrategy()->prepareForCreate(&pod);
  const auto& term =
      pod.spec.affinity->podAntiAffinity->requiredDuringSchedulingIgnoredDuringExecution.front();
  EXPECT_EQ(api::encodeJson(*term.labelSelector),
            R"({"matchLabels":{"app":"web"},"matchExpressions":[)"
            R"({"key":"hash","operator":"In","values":["1"]},)"
            R"({"key":"app","operator":"NotIn","values":["web"]}]})");
  const auto& spread = pod.spec.topologySpreadConstraints.front();
  EXPECT_EQ(api::encodeJson(*spread.labelSelector),
            R"({"matchExpressions":[{"key":"hash","operator":"In","values":["1"]}]})");
  api::FieldErrors errors;
  makePodStrategy()->validate(&pod, errors);
  EXPECT_EQ(errors.str().find("LabelKeys"), std::string::npos) << errors.str();
  // Said twice by the user: refused.
  pod.spec.topologySpreadConstraints.front().labelSelector->matchExpressions.push_back(
      spread.labelSelector->matchExpressions.front());
  makePodStrategy()->validate(&pod, errors);
  EXPECT_NE(errors.str().find("exists in both matchLabelKeys and labelSelector"),
            std::string::npos);
}

TEST(Pod, StatusAtCreate) {
  auto pod = podOf(
      R"({"spec":{"schedulingGates":[{"name":"g"}],"containers":[{"name":"c","image":"a",
          "resources":{"limits":{"cpu":"1","memory":"1Gi"}}}]},"status":{"phase":"Running"}})");
  makePodStrategy()->prepareForCreate(&pod);
  EXPECT_EQ(pod.status.phase, "Pending");
  EXPECT_EQ(pod.status.qosClass, "Guaranteed");
  ASSERT_EQ(pod.status.conditions.size(), 1U);
  EXPECT_EQ(pod.status.conditions[0].reason, "SchedulingGated");
  EXPECT_EQ(pod.spec.containers[0].imagePullPolicy, "Always");
}

TEST(Pod, PullPolicyFollowsTag) {
  const auto policy = [](std::string image) {
    v1::PodSpec spec;
    spec.containers.emplace_back().image = std::move(image);
    setPodSpecDefaults(spec);
    return spec.containers[0].imagePullPolicy;
  };
  EXPECT_EQ(policy("a"), "Always");
  EXPECT_EQ(policy("reg:5000/a"), "Always");
  EXPECT_EQ(policy("reg:5000/a:latest"), "Always");
  EXPECT_EQ(policy("a:1"), "IfNotPresent");
  EXPECT_EQ(policy("a@sha256:00"), "IfNotPresent");
}

TEST(PodUpdate, AllowsOnlyAFewFields) {
  const auto current = podOf(kMinimal);
  auto next = current;
  next.spec.containers[0].image = "other:2";
  next.spec.activeDeadlineSeconds = 5;
  next.spec.tolerations.emplace_back().operator_ = "Exists";
  EXPECT_EQ(updateErrors(next, current), "");
  next.spec.hostname = "x";
  EXPECT_TRUE(updateErrors(next, current)
                  .starts_with("spec: Forbidden: pod updates may not change fields other than"));
  next = current;
  next.spec.containers.push_back(next.spec.containers[0]);
  next.spec.containers[1].name = "d";
  EXPECT_EQ(updateErrors(next, current),
            "spec.containers: Forbidden: pod updates may not add or remove containers");
}

TEST(PodUpdate, GatesMayOnlyGo) {
  const auto current = podOf(
      R"({"spec":{"schedulingGates":[{"name":"example.com/g"}],"nodeSelector":{"a":"b"},
          "containers":[{"name":"c","image":"a"}]}})");
  auto next = current;
  next.spec.schedulingGates.clear();
  next.spec.nodeSelector["c"] = "d";
  EXPECT_EQ(updateErrors(next, current), "");
  next = current;
  next.spec.schedulingGates[0].name = "example.com/h";
  EXPECT_EQ(updateErrors(next, current),
            "spec.schedulingGates[0].name: Forbidden: only deletion is allowed, but found new "
            "scheduling gate 'example.com/h'");
  next = current;
  next.spec.nodeSelector.clear();
  EXPECT_NE(updateErrors(next, current).find("only additions are allowed"), std::string::npos);
}

TEST(PodInternalJson, HasGoNames) {
  const auto text = internalJson(podOf(kMinimal).spec);
  EXPECT_TRUE(text.starts_with(R"({"Volumes":null,"InitContainers":null,"Containers":[{"Name":"c",)"
                               R"("Image":"reg.example/app:1","Command":null)"))
      << text;
  EXPECT_NE(text.find(R"("TTY":false}],"EphemeralContainers":null,"RestartPolicy":"Always",)"
                      R"("TerminationGracePeriodSeconds":30,"ActiveDeadlineSeconds":null,)"
                      R"("DNSPolicy":"ClusterFirst","NodeSelector":null,)"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find(R"("SecurityContext":{"HostNetwork":false,"HostPID":false,"HostIPC":false,)"
                      R"("ShareProcessNamespace":null,"HostUsers":null,"SELinuxOptions":null)"),
            std::string::npos)
      << text;
}

TEST(PodInternalJson, DiffHasHunks) {
  EXPECT_EQ(jsonDiff("{}", "{}"), "");
  EXPECT_EQ(jsonDiff(R"({"a":1})", R"({"a":1,"b":[]})"),
            "@@ -1,3 +1,4 @@\n {\n- \"a\": 1\n+ \"a\": 1,\n+ \"b\": []\n }\n");
}

TEST(PodResize, KeepsQosClass) {
  const auto strategy = makePodResizeStrategy();
  auto current = podOf(
      R"({"spec":{"containers":[{"name":"c","image":"a","resources":{"requests":{"cpu":"1"}}}]}})");
  makePodStrategy()->prepareForCreate(&current);
  const auto errorsOf = [&](v1::Pod next) {
    strategy->prepareForUpdate(&next, &current);
    api::FieldErrors errors;
    strategy->validateUpdate(&next, &current, errors);
    return errors.str();
  };
  auto next = current;
  next.spec.containers[0].resources.requests["cpu"] = api::Quantity::fromInt(2);
  next.spec.hostname = "not-of-this-endpoint";
  EXPECT_EQ(errorsOf(next), "");
  auto& resources = next.spec.containers[0].resources;
  for (const auto* name : {"cpu", "memory"}) {
    resources.limits[name] = api::Quantity::fromInt(2);
    resources.requests[name] = api::Quantity::fromInt(2);
  }
  EXPECT_EQ(errorsOf(next),
            "spec: Invalid value: \"Burstable\": Pod QOS Class may not change as a result of "
            "resizing");
}

TEST(PodEphemeralContainers, OnlyGrow) {
  const auto strategy = makePodEphemeralContainersStrategy();
  const auto with = [](std::string_view ephemeral) {
    return podOf(R"({"spec":{"containers":[{"name":"c","image":"a"}],"ephemeralContainers":[)" +
                 std::string(ephemeral) + "]}}");
  };
  const auto errorsOf = [&](v1::Pod next, const v1::Pod& current) {
    strategy->prepareForUpdate(&next, &current);
    api::FieldErrors errors;
    strategy->validateUpdate(&next, &current, errors);
    return errors.str();
  };
  const auto none = with("");
  const auto one = with(R"({"name":"e","image":"dbg"})");
  EXPECT_EQ(errorsOf(one, none), "");
  EXPECT_EQ(errorsOf(none, one),
            "spec.ephemeralContainers: Forbidden: existing ephemeral containers \"e\" may not be "
            "removed\n");
  EXPECT_EQ(errorsOf(with(R"({"name":"e","image":"changed"})"), one),
            "spec.ephemeralContainers: Forbidden: existing ephemeral containers \"e\" may not be "
            "changed\n@@ -1,6 +1,6 @@\n {\n  \"Name\": \"e\",\n- \"Image\": \"dbg\",\n+ \"Image\": "
            "\"changed\",\n  \"Command\": null,\n  \"Args\": null,\n  \"WorkingDir\": \"\",\n");
  EXPECT_EQ(errorsOf(with(R"({"name":"c","image":"dbg"})"), none),
            "spec.ephemeralContainers[0].name: Duplicate value: \"c\"");
  EXPECT_EQ(errorsOf(with(R"({"name":"e","image":"d","targetContainerName":"nope",
                             "ports":[{"containerPort":1}]})"),
                     none),
            "[spec.ephemeralContainers[0].targetContainerName: Not found: \"nope\", "
            "spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral "
            "Container]");
}

TEST(PodStatus, IsChecked) {
  const auto strategy = makePodStrategy();
  auto current = podOf(kMinimal);
  strategy->prepareForCreate(&current);
  const auto errorsOf = [&](v1::Pod next) {
    strategy->setDefaults(&next);
    strategy->prepareForStatusUpdate(&next, &current);
    api::FieldErrors errors;
    strategy->validateStatusUpdate(&next, &current, errors);
    return errors.str();
  };
  EXPECT_EQ(errorsOf(current), "");
  auto next = current;
  next.status.podIPs.resize(2);
  next.status.podIPs[0].ip = "10.0.0.1";
  next.status.podIPs[1].ip = "10.0.0.2";
  EXPECT_EQ(errorsOf(next),
            "status.podIPs: Invalid value: [{\"IP\":\"10.0.0.1\"},{\"IP\":\"10.0.0.2\"}]: may "
            "specify no more than one IP for each IP family");
  next = current;
  next.status.qosClass = "Guaranteed";
  EXPECT_EQ(errorsOf(next), "status.qosClass: Invalid value: \"Guaranteed\": field is immutable");
  next = current;
  next.status.hostIPs.emplace_back().ip = "bad";
  EXPECT_EQ(errorsOf(next),
            "[status.hostIPs[0].ip: Invalid value: \"bad\": must be equal to `hostIP`, "
            "status.hostIPs[0]: Invalid value: \"bad\": must be a valid IP address, (e.g. 10.9.8.7 "
            "or 2001:db8::ffff)]");
}

}  // namespace
}  // namespace coxswain::apiserver
