// How replicas follow metrics: up, down, within the range, and what hinders it.

#include "controllers/podautoscaler/testing/autoscaling_fixture.h"

namespace coxswain::controllers::podautoscaler {
namespace {

using api::apps::v1::Deployment;
using api::autoscaling::v2::HorizontalPodAutoscaler;
using api::core::v1::Pod;
using controllers::testing::Harness;
using testing::Autoscaling;
using testing::averageValue;
using testing::externalMetric;
using testing::kPods;
using testing::kQueue;
using testing::podsMetric;
using testing::quantity;
using testing::value;

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

}  // namespace
}  // namespace coxswain::controllers::podautoscaler
