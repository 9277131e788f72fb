#include <gtest/gtest.h>

#include <algorithm>

#include "api/gen/apps_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/gen/metrics_v1beta1.h"
#include "client/resources.h"
#include "controllers/framework/testing/harness.h"
#include "controllers/podautoscaler/controller.h"
#include "controllers/podautoscaler/metrics_source.h"

namespace coxswain::controllers::podautoscaler {
namespace {

using api::apps::v1::Deployment;
using api::autoscaling::v2::HorizontalPodAutoscaler;
using api::core::v1::Pod;
using api::metrics::v1beta1::PodMetrics;
using testing::Harness;

/// A Deployment "web" whose pods, two at first, ask for a CPU of 1 each.
class Autoscaling : public ::testing::Test {
 protected:
  Harness h{7};

  void SetUp() override {
    h.add<PodAutoscaler>(PodAutoscaler::Options());
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
    container.resources.requests["cpu"] = *api::Quantity::parse("1");
    pod.status.phase = "Running";
    pod.status.startTime = api::Time(h.wallNow() - 1h);
    testing::makeReady(pod, h.wallNow() - 50min);
    h.client.put(pod);
  }

  void setUse(int index, const char* cpu) {
    PodMetrics metrics;
    metrics.metadata.name = "web-" + std::to_string(index);
    metrics.metadata.namespace_ = "default";
    metrics.metadata.labels["app"] = "web";
    metrics.timestamp = api::Time(h.wallNow());
    auto& container = metrics.containers.emplace_back();
    container.name = "c";
    container.usage["cpu"] = *api::Quantity::parse(cpu);
    h.client.put(metrics);
  }

  HorizontalPodAutoscaler& make(const char* target = "web") {
    scaler.metadata.name = "scaler";
    scaler.metadata.namespace_ = "default";
    scaler.spec.scaleTargetRef.apiVersion = "apps/v1";
    scaler.spec.scaleTargetRef.kind = "Deployment";
    scaler.spec.scaleTargetRef.name = target;
    scaler.spec.minReplicas = 1;
    scaler.spec.maxReplicas = 5;
    auto& metric = scaler.spec.metrics.emplace_back();
    metric.type = "Resource";
    auto& resource = metric.resource.emplace();
    resource.name = "cpu";
    resource.target.type = "Utilization";
    resource.target.averageUtilization = 50;
    return scaler;
  }

  std::shared_ptr<const HorizontalPodAutoscaler> stored() {
    return h.client.peek<HorizontalPodAutoscaler>("default", "scaler");
  }
  int32_t replicas() { return *h.client.peek<Deployment>("default", "web")->spec.replicas; }
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
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(h.client.erase<PodMetrics>("default", "web-" + std::to_string(i)).ok());
  }
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
            "unable to get metrics for resource cpu: no metrics returned from resource metrics "
            "API");
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
}

}  // namespace
}  // namespace coxswain::controllers::podautoscaler
