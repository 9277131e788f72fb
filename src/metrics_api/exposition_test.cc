#include "metrics_api/exposition.h"

#include <gtest/gtest.h>

namespace coxswain::metrics_api {
namespace {

const WallTime kNow = WallTime(Duration(1'700'000'000s));

TEST(SampleLines, NameLabelsValueAndTime) {
  const auto line = parseSampleLine(R"(a_total{x="1", y = "q\"}" ,} +1.5e3 1700000000123)");
  ASSERT_TRUE(line.ok() && *line);
  EXPECT_EQ((*line)->name, "a_total");
  EXPECT_EQ((*line)->label("x"), "1");
  EXPECT_EQ((*line)->label("y"), R"(q\"})");
  EXPECT_EQ((*line)->label("z"), "");
  EXPECT_EQ((*line)->value, 1500);
  EXPECT_EQ((*line)->millis, 1700000000123);
  EXPECT_FALSE(*parseSampleLine("# HELP a b"));
  EXPECT_FALSE(*parseSampleLine("  \r"));
}

TEST(SampleLines, WhatIsNone) {
  for (const char* text : {"{", "a", "a{", "a{x", "a{x=", "a{x=\"", "a{x=\"1\"", "a{x=\"1\"}",
                           "a x", "a 1 x", "a 1 2 3", "a 1x", "a{x=\"\\", "<html>"}) {
    EXPECT_FALSE(parseSampleLine(text).ok()) << text;
  }
}

TEST(ResourceMetrics, OfNodesAndPods) {
  const auto point = parseResourceMetrics(
      "# TYPE container_cpu_usage_seconds_total counter\n"
      "container_cpu_usage_seconds_total{container=\"b\",namespace=\"d\",pod=\"p\"} 2.5 "
      "1700000000500\n"
      "container_cpu_usage_seconds_total{container=\"a\",namespace=\"d\",pod=\"p\"} 1\n"
      "container_memory_working_set_bytes{container=\"a\",namespace=\"d\",pod=\"p\"} 4096\n"
      "container_memory_working_set_bytes{container=\"b\",namespace=\"d\",pod=\"p\"} 8192 1\n"
      "container_start_time_seconds{container=\"a\",namespace=\"d\",pod=\"p\"} 1.6e+09\n"
      "node_cpu_usage_seconds_total 100 1700000000000\n"
      "node_memory_working_set_bytes 1e+09 1700000000000\n"
      "pod_cpu_usage_seconds_total{namespace=\"d\",pod=\"p\"} 3.5\n"
      "scrape_error 0\n",
      kNow);
  ASSERT_TRUE(point.ok());
  ASSERT_TRUE(point->node);
  EXPECT_EQ(point->node->cpuNanos, 100'000'000'000u);
  EXPECT_EQ(point->node->memoryBytes, 1'000'000'000u);
  ASSERT_EQ(point->pods.size(), 1u);
  const auto& pod = point->pods[0];
  EXPECT_EQ(pod.ns + "/" + pod.name, "d/p");
  ASSERT_EQ(pod.containers.size(), 2u);
  EXPECT_EQ(pod.containers[0].name, "a");
  EXPECT_EQ(pod.containers[0].point.when, kNow);
  EXPECT_EQ(pod.containers[0].point.startedAt, WallTime(Duration(1'600'000'000s)));
  EXPECT_EQ(pod.containers[1].point.cpuNanos, 2'500'000'000u);
  EXPECT_EQ(pod.containers[1].point.when, kNow + 500ms);
}

/// A container that has ended, and a pod that is not measured yet.
TEST(ResourceMetrics, IncompleteOnesAreLeftOut) {
  const auto point = parseResourceMetrics(
      "container_cpu_usage_seconds_total{container=\"a\",namespace=\"d\",pod=\"p\"} 1\n"
      "container_memory_working_set_bytes{container=\"a\",namespace=\"d\",pod=\"p\"} 4096\n"
      "container_cpu_usage_seconds_total{container=\"ended\",namespace=\"d\",pod=\"p\"} 0\n"
      "container_memory_working_set_bytes{container=\"ended\",namespace=\"d\",pod=\"p\"} 0\n"
      "container_cpu_usage_seconds_total{container=\"a\",namespace=\"d\",pod=\"q\"} 1\n"
      "container_memory_working_set_bytes{container=\"a\",namespace=\"d\",pod=\"q\"} 4096\n"
      "container_cpu_usage_seconds_total{container=\"b\",namespace=\"d\",pod=\"q\"} 1\n"
      "node_cpu_usage_seconds_total 100\n",
      kNow);
  ASSERT_TRUE(point.ok());
  EXPECT_FALSE(point->node);
  ASSERT_EQ(point->pods.size(), 1u);
  EXPECT_EQ(point->pods[0].name, "p");
  EXPECT_EQ(point->pods[0].containers.size(), 1u);
}

TEST(ResourceMetrics, ImpossibleAmountsAreNone) {
  const auto point = parseResourceMetrics(
      "node_cpu_usage_seconds_total NaN\nnode_memory_working_set_bytes +Inf 99999999999999999\n",
      kNow);
  ASSERT_TRUE(point.ok());
  ASSERT_TRUE(point->node);
  EXPECT_EQ(point->node->cpuNanos, 0u);
  EXPECT_EQ(point->node->when, kNow);
  EXPECT_FALSE(parseResourceMetrics("<html>", kNow).ok());
}

}  // namespace
}  // namespace coxswain::metrics_api
