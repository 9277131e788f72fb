// Where metrics come from: resources, containers, pods, objects and the outside.

#include "controllers/podautoscaler/testing/autoscaling_fixture.h"

namespace coxswain::controllers::podautoscaler {
namespace {

using api::apps::v1::Deployment;
using api::autoscaling::v2::MetricSpec;
using testing::Autoscaling;
using testing::averageValue;
using testing::externalMetric;
using testing::kPods;
using testing::kQueue;
using testing::objectMetric;
using testing::podsMetric;
using testing::value;

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
