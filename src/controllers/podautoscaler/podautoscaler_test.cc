#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "api/gen/apps_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/gen/metrics_v1beta1.h"
#include "client/resources.h"
#include "controllers/framework/testing/harness.h"
#include "controllers/podautoscaler/controller.h"
#include "controllers/podautoscaler/testing/fake_metrics.h"

namespace coxswain::controllers::podautoscaler {
namespace {

using api::apps::v1::Deployment;
using api::autoscaling::v2::HorizontalPodAutoscaler;
using api::autoscaling::v2::MetricSpec;
using api::autoscaling::v2::MetricTarget;
using api::core::v1::Pod;
using controllers::testing::Harness;
using testing::FakeMetrics;

constexpr const char* kPods = "/apis/custom.metrics.k8s.io/v1beta2/namespaces/default/pods/*/rps";
constexpr const char* kQueue = "/apis/external.metrics.k8s.io/v1beta1/namespaces/default/queue";

api::Quantity quantity(const char* text) {
  return *api::Quantity::parse(text);
}

MetricTarget averageValue(const char* text) {
  MetricTarget out;
  out.type = "AverageValue";
  out.averageValue = quantity(text);
  return out;
}

MetricTarget value(const char* text) {
  MetricTarget out;
  out.type = "Value";
  out.value = quantity(text);
  return out;
}

MetricSpec podsMetric(const char* average) {
  MetricSpec out;
  out.type = "Pods";
  auto& pods = out.pods.emplace();
  pods.metric.name = "rps";
  pods.target = averageValue(average);
  return out;
}

MetricSpec externalMetric(MetricTarget target) {
  MetricSpec out;
  out.type = "External";
  auto& external = out.external.emplace();
  external.metric.name = "queue";
  external.target = std::move(target);
  return out;
}

MetricSpec objectMetric(MetricTarget target) {
  MetricSpec out;
  out.type = "Object";
  auto& object = out.object.emplace();
  object.metric.name = "hits";
  object.describedObject.apiVersion = "networking.k8s.io/v1";
  object.describedObject.kind = "Ingress";
  object.describedObject.name = "main";
  object.target = std::move(target);
  return out;
}

/// A Deployment "web" whose pods, two at first, ask for a CPU of 1 each.
class Autoscaling : public ::testing::Test {
 protected:
  Harness h{7};
  FakeMetrics metrics;
  std::map<int, std::string> use;

  void SetUp() override {
    PodAutoscaler::Options options;
    options.metrics = &metrics;
    h.add<PodAutoscaler>(options);
    Deployment web;
    web.metadata.name = "web";
    web.metadata.namespace_ = "default";
    web.spec.replicas = 2;
    web.spec.selector.emplace().matchLabels["app"] = "web";
    h.client.put(web);
    for (int i = 0; i < 2; ++i) addPod(i);
  }

  void addPod(int index) {
    Pod pod;
    pod.metadata.name = "web-" + std::to_string(index);
    pod.metadata.namespace_ = "default";
    pod.metadata.labels["app"] = "web";
    auto& container = pod.spec.containers.emplace_back();
    container.name = "c";
    container.resources.requests["cpu"] = quantity("1");
    pod.status.phase = "Running";
    pod.status.startTime = api::Time(h.wallNow() - 1h);
    controllers::testing::makeReady(pod, h.wallNow() - 50min);
    h.client.put(pod);
  }

  void setUse(int index, const char* cpu) {
    use[index] = cpu;
    std::vector<std::pair<std::string, std::string>> all;
    for (const auto& [each, amount] : use) all.emplace_back("web-" + std::to_string(each), amount);
    metrics.setPods(all, api::Time(h.wallNow()).str());
  }

  /// Without metrics.
  HorizontalPodAutoscaler& bare(const char* target = "web") {
    scaler.metadata.name = "scaler";
    scaler.metadata.namespace_ = "default";
    scaler.spec.scaleTargetRef.apiVersion = "apps/v1";
    scaler.spec.scaleTargetRef.kind = "Deployment";
    scaler.spec.scaleTargetRef.name = target;
    scaler.spec.minReplicas = 1;
    scaler.spec.maxReplicas = 5;
    return scaler;
  }
  HorizontalPodAutoscaler& make(const char* target = "web") {
    auto& metric = bare(target).spec.metrics.emplace_back();
    metric.type = "Resource";
    auto& resource = metric.resource.emplace();
    resource.name = "cpu";
    resource.target.type = "Utilization";
    resource.target.averageUtilization = 50;
    return scaler;
  }
  void start(MetricSpec metric) {
    bare().spec.metrics.push_back(std::move(metric));
    h.client.put(scaler);
    h.start();
  }

  std::shared_ptr<const HorizontalPodAutoscaler> stored() {
    return h.client.peek<HorizontalPodAutoscaler>("default", "scaler");
  }
  int32_t replicas() { return *h.client.peek<Deployment>("default", "web")->spec.replicas; }
  /// And its status says so.
  bool becomes(int32_t count) {
    return h.until(
        [&] { return replicas() == count && stored()->status.desiredReplicas == count; });
  }
  /// Events are written a little later.
  bool hasEvent(const std::string& text) {
    return h.until([&] { return h.hasEvent(text); }, 1min);
  }
  /// "True ReadyForNewScale"; empty: no such condition.
  std::string condition(const char* type) {
    for (const auto& each : stored()->status.conditions) {
      if (each.type == type) return each.status + " " + each.reason;
    }
    return {};
  }
  std::string message(const char* type) {
    for (const auto& each : stored()->status.conditions) {
      if (each.type == type) return each.message;
    }
    return {};
  }
  bool reaches(const char* type, const std::string& status) {
    return h.until([&] { return condition(type) == status; });
  }

  HorizontalPodAutoscaler scaler;
};

TEST_F(Autoscaling, FollowsLoadUpAndDown) {
  setUse(0, "900m");
  setUse(1, "700m");
  h.client.put(make());
  h.start();
  ASSERT_TRUE(h.until([&] { return replicas() == 4; }));
  ASSERT_TRUE(h.until([&] { return condition("AbleToScale") == "True SucceededRescale"; }));
  EXPECT_EQ(stored()->status.desiredReplicas, 4);
  EXPECT_TRUE(stored()->status.lastScaleTime);
  EXPECT_EQ(stored()->status.currentMetrics[0].resource->current.averageUtilization, 80);
  EXPECT_TRUE(
      hasEvent("SuccessfulRescale: New size: 4; reason: cpu resource utilization "
               "(percentage of request) above target"));
  // Later nothing is left to do: less only after five minutes.
  for (int i = 2; i < 4; ++i) addPod(i);
  for (int i = 0; i < 4; ++i) setUse(i, "50m");
  h.run(4min);
  EXPECT_EQ(replicas(), 4);
  EXPECT_EQ(condition("AbleToScale"), "True ScaleDownStabilized");
  ASSERT_TRUE(h.until([&] { return replicas() == 1; }));
  EXPECT_TRUE(hasEvent("SuccessfulRescale: New size: 1; reason: All metrics below target"));
}

TEST_F(Autoscaling, SaysWhereMetricsAreMissing) {
  h.client.put(make());
  h.start();
  ASSERT_TRUE(h.until([&] { return stored()->status.conditions.size() == 2; }));
  EXPECT_EQ(condition("AbleToScale"), "True SucceededGetScale");
  EXPECT_EQ(condition("ScalingActive"), "False FailedGetResourceMetric");
  EXPECT_EQ(stored()->status.conditions[1].message,
            "the HPA was unable to compute the replica count: failed to get cpu utilization: "
            "unable to get metrics for resource cpu: unable to fetch metrics from resource metrics "
            "API: the server could not find the requested resource (get pods.metrics.k8s.io)");
  // Its place is kept.
  ASSERT_EQ(stored()->status.currentMetrics.size(), 1u);
  EXPECT_EQ(stored()->status.currentMetrics[0].type, "");
  EXPECT_TRUE(
      hasEvent("FailedComputeMetricsReplicas: invalid metrics (1 invalid out of 1), first error "
               "is: failed to get cpu resource metric value: failed to get cpu utilization: unable "
               "to get metrics for resource cpu: unable to fetch metrics from resource metrics "
               "API: the server could not find the requested resource (get pods.metrics.k8s.io)"));
  EXPECT_EQ(stored()->status.currentReplicas, 2);
  const auto version = stored()->metadata.resourceVersion;
  h.run(5min);
  EXPECT_EQ(stored()->metadata.resourceVersion, version);  // no news, no write
}

TEST_F(Autoscaling, SaysThatThereIsNoTarget) {
  h.client.put(make("nothing"));
  h.start();
  ASSERT_TRUE(h.until([&] { return condition("AbleToScale") == "False FailedGetScale"; }));
  EXPECT_TRUE(hasEvent("FailedGetScale: deployments.apps \"nothing\" not found"));
}

TEST_F(Autoscaling, HoldsTheRangeWithoutMetrics) {
  make().spec.minReplicas = 3;
  h.client.put(scaler);
  h.start();
  ASSERT_TRUE(h.until([&] { return replicas() == 3; }));
  EXPECT_TRUE(hasEvent(
      "SuccessfulRescale: New size: 3; reason: Current number of replicas below Spec.MinReplicas"));
  h.client.change<HorizontalPodAutoscaler>("default", "scaler", [](auto& each) {
    each.spec.minReplicas = 1;
    each.spec.maxReplicas = 2;
  });
  ASSERT_TRUE(h.until([&] { return replicas() == 2; }));
  h.client.change<Deployment>("default", "web", [](Deployment& web) { web.spec.replicas = 0; });
  ASSERT_TRUE(h.until([&] { return condition("ScalingActive") == "False ScalingDisabled"; }));
  EXPECT_EQ(replicas(), 0);
}

TEST_F(Autoscaling, TwoForTheSamePodsDoNothing) {
  setUse(0, "900m");
  setUse(1, "900m");
  h.client.put(make());
  auto other = scaler;
  other.metadata.name = "other";
  h.client.put(other);
  h.start();
  ASSERT_TRUE(h.until([&] { return condition("ScalingActive") == "False AmbiguousSelector"; }));
  EXPECT_EQ(message("ScalingActive"),
            "pods by selector app=web are controlled by multiple HPAs: [default/other "
            "default/scaler]");
}

/// Any client lists what pods use.
TEST(AutoscalingByLists, FollowsLoad) {
  using api::metrics::v1beta1::PodMetrics;
  Harness h(7);
  h.add<PodAutoscaler>(PodAutoscaler::Options());
  Deployment web;
  web.metadata.name = "web";
  web.metadata.namespace_ = "default";
  web.spec.replicas = 1;
  web.spec.selector.emplace().matchLabels["app"] = "web";
  h.client.put(web);
  Pod pod;
  pod.metadata.name = "web-0";
  pod.metadata.namespace_ = "default";
  pod.metadata.labels["app"] = "web";
  pod.status.phase = "Running";
  controllers::testing::makeReady(pod, h.wallNow() - 50min);
  h.client.put(pod);
  PodMetrics use;
  use.metadata.name = "web-0";
  use.metadata.namespace_ = "default";
  use.metadata.labels["app"] = "web";
  use.containers.emplace_back().usage["memory"] = quantity("30Mi");
  h.client.put(use);
  HorizontalPodAutoscaler scaler;
  scaler.metadata.name = "scaler";
  scaler.metadata.namespace_ = "default";
  scaler.spec.scaleTargetRef.apiVersion = "apps/v1";
  scaler.spec.scaleTargetRef.kind = "Deployment";
  scaler.spec.scaleTargetRef.name = "web";
  scaler.spec.maxReplicas = 5;
  auto& metric = scaler.spec.metrics.emplace_back();
  metric.type = "Resource";
  metric.resource.emplace().name = "memory";
  metric.resource->target = averageValue("10Mi");
  h.client.put(scaler);
  h.start();
  EXPECT_TRUE(
      h.until([&] { return *h.client.peek<Deployment>("default", "web")->spec.replicas == 3; }));
}

TEST_F(Autoscaling, PodsMetric) {
  metrics.serveCustom("v1beta2");
  metrics.setValues(kPods, {{"web-0", "30"}, {"web-1", "10"}});
  start(podsMetric("10"));
  ASSERT_TRUE(becomes(4));
  EXPECT_TRUE(hasEvent("SuccessfulRescale: New size: 4; reason: pods metric rps above target"));
  EXPECT_EQ(stored()->status.currentMetrics[0].pods->current.averageValue->str(), "20");
  const auto& [path, query] = metrics.asked.back();
  EXPECT_EQ(path, kPods);
  EXPECT_EQ(query, (client::PathQuery{{"labelSelector", "app=web"}}));
}

/// As prometheus-adapter serves it by default.
TEST_F(Autoscaling, OlderCustomMetricsAreReadToo) {
  metrics.serveCustom("v1beta1");
  metrics.setValues("/apis/custom.metrics.k8s.io/v1beta1/namespaces/default/pods/*/rps",
                    {{"web-0", "15"}, {"web-1", "15"}});
  start(podsMetric("10"));
  ASSERT_TRUE(becomes(3));
}

TEST_F(Autoscaling, SaysThatNobodyServesCustomMetrics) {
  start(podsMetric("10"));
  ASSERT_TRUE(reaches("ScalingActive", "False FailedGetPodsMetric"));
  EXPECT_EQ(message("ScalingActive"),
            "the HPA was unable to compute the replica count: unable to get metric rps: unable to "
            "fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) "
            "registered");
  EXPECT_TRUE(
      hasEvent("FailedComputeMetricsReplicas: invalid metrics (1 invalid out of 1), first error "
               "is: failed to get pods metric value: unable to get metric rps: unable to fetch "
               "metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) "
               "registered"));
}

TEST_F(Autoscaling, ObjectMetricByValue) {
  metrics.serveCustom("v1beta2");
  metrics.setValues(
      "/apis/custom.metrics.k8s.io/v1beta2/namespaces/default/ingresses.networking.k8s.io/main/"
      "hits",
      {{"main", "40"}});
  start(objectMetric(value("20")));
  ASSERT_TRUE(becomes(4));
  EXPECT_TRUE(hasEvent("SuccessfulRescale: New size: 4; reason: Ingress metric hits above target"));
  EXPECT_EQ(stored()->status.currentMetrics[0].object->current.value->str(), "40");
}

TEST_F(Autoscaling, ObjectMetricByAverage) {
  metrics.serveCustom("v1beta2");
  metrics.setValues(
      "/apis/custom.metrics.k8s.io/v1beta2/namespaces/default/ingresses.networking.k8s.io/main/"
      "hits",
      {{"main", "25"}});
  h.client.change<Deployment>("default", "web", [](Deployment& web) { web.status.replicas = 2; });
  start(objectMetric(averageValue("10")));
  ASSERT_TRUE(becomes(3));
  EXPECT_TRUE(
      hasEvent("SuccessfulRescale: New size: 3; reason: external metric hits(nil) above target"));
  EXPECT_EQ(stored()->status.currentMetrics[0].object->current.averageValue->str(), "12500m");
}

TEST_F(Autoscaling, SaysThatAnObjectsMetricIsMissing) {
  metrics.serveCustom("v1beta2");
  start(objectMetric(value("20")));
  ASSERT_TRUE(reaches("ScalingActive", "False FailedGetObjectMetric"));
  EXPECT_EQ(message("ScalingActive"),
            "the HPA was unable to compute the replica count: unable to get metric hits: Ingress "
            "on default main/unable to fetch metrics from custom metrics API: the server could not "
            "find the requested resource (get ingresses.networking.k8s.io.custom.metrics.k8s.io "
            "main)");
}

TEST_F(Autoscaling, ExternalMetricByValueCountsReadyPods) {
  metrics.setValues(kQueue, {{"", "30"}, {"", "10"}});
  start(externalMetric(value("20")));
  ASSERT_TRUE(becomes(4));
  EXPECT_TRUE(
      hasEvent("SuccessfulRescale: New size: 4; reason: external metric queue(nil) above target"));
  EXPECT_EQ(stored()->status.currentMetrics[0].external->current.value->str(), "40");
}

TEST_F(Autoscaling, ExternalMetricByAverage) {
  auto metric = externalMetric(averageValue("10"));
  metric.external->metric.selector.emplace().matchLabels["name"] = "jobs";
  metrics.setValues(kQueue, {{"", "45"}});
  start(std::move(metric));
  ASSERT_TRUE(becomes(5));
  EXPECT_TRUE(
      hasEvent("SuccessfulRescale: New size: 5; reason: external metric queue(&LabelSelector{"
               "MatchLabels:map[string]string{name: jobs,},MatchExpressions:[]"
               "LabelSelectorRequirement{},}) above target"));
  EXPECT_EQ(metrics.asked.back().second, (client::PathQuery{{"labelSelector", "name=jobs"}}));
}

TEST_F(Autoscaling, SaysThatAnExternalMetricIsMissing) {
  start(externalMetric(value("20")));
  ASSERT_TRUE(reaches("ScalingActive", "False FailedGetExternalMetric"));
  EXPECT_TRUE(
      hasEvent("FailedComputeMetricsReplicas: invalid metrics (1 invalid out of 1), first error "
               "is: failed to get queue external metric value: failed to get external metric "
               "queue: unable to get external metric default/queue/nil: unable to fetch metrics "
               "from external metrics API: the server could not find the requested resource (get "
               "queue.external.metrics.k8s.io)"));
}

/// Gate HPAScaleToZero: the API lets minReplicas be 0 then.
TEST_F(Autoscaling, ToNothingAndBack) {
  metrics.setValues(kQueue, {{"", "0"}});
  bare().spec.minReplicas = 0;
  auto& behavior = scaler.spec.behavior.emplace();
  behavior.scaleDown.emplace().stabilizationWindowSeconds = 0;
  auto& policy = behavior.scaleDown->policies.emplace_back();
  policy.type = "Percent";
  policy.value = 100;
  policy.periodSeconds = 15;
  scaler.spec.metrics.push_back(externalMetric(value("10")));
  h.client.put(scaler);
  h.start();
  ASSERT_TRUE(becomes(0));
  metrics.setValues(kQueue, {{"", "25"}});
  ASSERT_TRUE(becomes(3));
}

TEST_F(Autoscaling, TheMetricThatAsksForMostWins) {
  metrics.serveCustom("v1beta2");
  metrics.setValues(kPods, {{"web-0", "10"}, {"web-1", "10"}});
  metrics.setValues(kQueue, {{"", "40"}});
  bare().spec.metrics = {podsMetric("10"), externalMetric(averageValue("10"))};
  h.client.put(scaler);
  h.start();
  ASSERT_TRUE(becomes(4));
  EXPECT_TRUE(h.until([&] { return stored()->status.currentMetrics.size() == 2; }));
  EXPECT_EQ(stored()->status.currentMetrics[0].type, "Pods");
  EXPECT_EQ(stored()->status.currentMetrics[1].type, "External");
}

/// One that is known may ask for more; that another is not known keeps all from getting fewer.
TEST_F(Autoscaling, WhatIsNotKnownHindersTheWayDownAlone) {
  metrics.serveCustom("v1beta2");
  metrics.setValues(kQueue, {{"", "40"}});
  bare().spec.metrics = {podsMetric("10"), externalMetric(averageValue("10"))};
  h.client.put(scaler);
  h.start();
  ASSERT_TRUE(becomes(4));
  EXPECT_TRUE(reaches("ScalingActive", "True ValidMetricFound"));
  EXPECT_TRUE(hasEvent(
      "FailedGetPodsMetric: unable to get metric rps: unable to fetch metrics from custom metrics "
      "API: the server could not find the requested resource (get pods.custom.metrics.k8s.io "
      "*)"));
  metrics.setValues(kQueue, {{"", "10"}});
  ASSERT_TRUE(reaches("ScalingActive", "False FailedGetPodsMetric"));
  h.run(20min);
  EXPECT_EQ(replicas(), 4);
  ASSERT_EQ(stored()->status.currentMetrics.size(), 2u);
  EXPECT_EQ(stored()->status.currentMetrics[0].type, "");
  EXPECT_EQ(stored()->status.currentMetrics[1].type, "External");
}

TEST_F(Autoscaling, ContainerResource) {
  setUse(0, "400m");
  setUse(1, "600m");
  MetricSpec metric;
  metric.type = "ContainerResource";
  auto& source = metric.containerResource.emplace();
  source.name = "cpu";
  source.container = "c";
  source.target.type = "Utilization";
  source.target.averageUtilization = 25;
  start(std::move(metric));
  ASSERT_TRUE(becomes(4));
  EXPECT_TRUE(hasEvent(
      "SuccessfulRescale: New size: 4; reason: cpu container resource utilization (percentage of "
      "request) above target"));
  const auto& status = stored()->status.currentMetrics[0];
  EXPECT_EQ(status.containerResource->container, "c");
  EXPECT_EQ(status.containerResource->current.averageUtilization, 50);
}

TEST_F(Autoscaling, SaysThatAContainerIsMissing) {
  setUse(0, "400m");
  MetricSpec metric;
  metric.type = "ContainerResource";
  auto& source = metric.containerResource.emplace();
  source.name = "cpu";
  source.container = "other";
  source.target = averageValue("100m");
  start(std::move(metric));
  ASSERT_TRUE(reaches("ScalingActive", "False FailedGetContainerResourceMetric"));
  EXPECT_EQ(message("ScalingActive"),
            "the HPA was unable to compute the replica count: failed to get cpu usage: unable to "
            "get metrics for resource cpu: failed to get container metrics: container other not "
            "present in metrics for pod default/web-0");
}

TEST_F(Autoscaling, AverageValueOfMemory) {
  setUse(0, "1");
  setUse(1, "1");
  MetricSpec metric;
  metric.type = "Resource";
  auto& source = metric.resource.emplace();
  source.name = "memory";
  source.target = averageValue("50Mi");
  start(std::move(metric));
  ASSERT_TRUE(becomes(4));
  EXPECT_TRUE(hasEvent("SuccessfulRescale: New size: 4; reason: memory resource above target"));
}

/// HPAConfigurableTolerance.
TEST_F(Autoscaling, ToleranceOfItsOwn) {
  setUse(0, "530m");
  setUse(1, "530m");
  make();
  scaler.spec.behavior.emplace().scaleUp.emplace().tolerance = quantity("0.05");
  h.client.put(scaler);
  h.start();
  ASSERT_TRUE(becomes(3));
}

TEST_F(Autoscaling, ToleranceOfAllOthers) {
  setUse(0, "530m");
  setUse(1, "530m");
  h.client.put(make());
  h.start();
  ASSERT_TRUE(reaches("AbleToScale", "True ReadyForNewScale"));
  EXPECT_EQ(condition("ScalingLimited"), "False DesiredWithinRange");
  h.run(1min);
  EXPECT_EQ(replicas(), 2);
}

TEST_F(Autoscaling, ScaleThatCannotBeWritten) {
  setUse(0, "1");
  setUse(1, "1");
  h.client.reaction = [](std::string_view verb, const client::ResourceType&,
                         std::string_view subresource, const api::ConstObject*) {
    return verb == "update" && subresource == "scale" ? internalError("no") : Status();
  };
  h.client.put(make());
  h.start();
  ASSERT_TRUE(reaches("AbleToScale", "False FailedUpdateScale"));
  EXPECT_EQ(
      message("AbleToScale"),
      "the HPA controller was unable to update the target scale: Internal error occurred: no");
  EXPECT_TRUE(hasEvent(
      "FailedRescale: New size: 4; reason: cpu resource utilization (percentage of request) above "
      "target; error: Internal error occurred: no"));
  EXPECT_EQ(stored()->status.desiredReplicas, 0);
}

TEST_F(Autoscaling, UnknownKindOfTarget) {
  make().spec.scaleTargetRef.kind = "Thing";
  h.client.put(scaler);
  h.start();
  ASSERT_TRUE(reaches("AbleToScale", "False FailedGetScale"));
}

TEST(MetricsAnswers, BadOnesAreRefused) {
  EXPECT_FALSE(readingsOf("", "cpu", "").ok());
  EXPECT_FALSE(readingsOf("[]", "cpu", "").ok());
  EXPECT_FALSE(readingsOf(R"({"items":[{"containers":"x"}]})", "cpu", "").ok());
  EXPECT_FALSE(metricValuesOf("{").ok());
  EXPECT_FALSE(metricValuesOf(R"({"items":{}})").ok());
  EXPECT_FALSE(metricValuesOf(R"({"items":[{"value":"much"}]})").ok());
  EXPECT_TRUE(metricValuesOf("7")->empty());
}

TEST(MetricsAnswers, WindowsOfBothVersions) {
  const auto newer = metricValuesOf(
      R"({"items":[{"describedObject":{"name":"a"},"value":"1500m","windowSeconds":30}]})");
  ASSERT_EQ(newer->size(), 1u);
  EXPECT_EQ(newer->front().object, "a");
  EXPECT_EQ(newer->front().reading.milli, 1500);
  EXPECT_EQ(newer->front().reading.window, Duration(30s));
  const auto older = metricValuesOf(R"({"items":[{"value":"1","window":20},{"value":"2"}]})");
  ASSERT_EQ(older->size(), 2u);
  EXPECT_EQ(older->front().reading.window, Duration(20s));
  EXPECT_EQ(older->back().reading.window, Duration(1min));
}

TEST(MetricNames, SelectorsAsGoPrintsThem) {
  EXPECT_EQ(selectorText(nullptr), "nil");
  api::meta::v1::LabelSelector selector;
  auto& expression = selector.matchExpressions.emplace_back();
  expression.key = "a";
  expression.operator_ = "In";
  expression.values = {"x", "y"};
  EXPECT_EQ(selectorText(&selector),
            "&LabelSelector{MatchLabels:map[string]string{},MatchExpressions:[]"
            "LabelSelectorRequirement{LabelSelectorRequirement{Key:a,Operator:In,Values:[x y],},"
            "},}");
}

}  // namespace
}  // namespace coxswain::controllers::podautoscaler
