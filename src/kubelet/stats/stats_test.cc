#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "api/codec/value.h"
#include "kubelet/container/names.h"
#include "kubelet/stats/node_stats.h"

namespace coxswain::kubelet {
namespace {

constexpr int64_t kWhen = 1'700'000'000'123'000'000;

cri::ContainerStats makeStats(const std::string& pod, const std::string& container, uint64_t nanos,
                              uint64_t bytes) {
  cri::ContainerStats stats;
  auto& attributes = stats.attributes.emplace();
  attributes.id = pod + "-" + container;
  attributes.labels[std::string(kPodUidLabel)] = "uid-" + pod;
  attributes.labels[std::string(kPodNameLabel)] = pod;
  attributes.labels[std::string(kPodNamespaceLabel)] = "default";
  attributes.labels[std::string(kContainerNameLabel)] = container;
  auto& cpu = stats.cpu.emplace();
  cpu.timestamp = kWhen;
  cpu.usageCoreNanoSeconds.emplace().value = nanos;
  auto& memory = stats.memory.emplace();
  memory.timestamp = kWhen;
  memory.workingSetBytes.emplace().value = bytes;
  return stats;
}

NodeReading makeReading() {
  NodeReading node;
  node.nodeName = "n1";
  node.when = WallTime(Duration(kWhen));
  node.cpu = 12'500ms;
  node.memory = NodeReading::Memory{1000, 3000};
  cri::ContainerStats foreign;
  foreign.attributes.emplace().id = "somebody's";
  node.pods =
      byPod({makeStats("a", "one", 1'500'000'000, 4096), makeStats("b", "only", 250'000'000, 1024),
             foreign, makeStats("a", "two", 500'000'000, 4096)});
  node.pods[0].containers[0].startedAt = WallTime(Duration(1'699'999'000s));
  return node;
}

TEST(Stats, ContainersAreSortedIntoPods) {
  const auto node = makeReading();
  ASSERT_EQ(node.pods.size(), 2u);
  EXPECT_EQ(node.pods[0].name, "a");
  EXPECT_EQ(node.pods[0].containers.size(), 2u);
  EXPECT_EQ(node.pods[1].containers[0].name, "only");
}

TEST(Stats, ResourceMetricsAreWhatAMetricsServerReads) {
  const auto text = resourceMetricsText(makeReading());
  for (const char* line : {
           "\ncontainer_cpu_usage_seconds_total{container=\"one\",namespace=\"default\",pod=\"a\"} "
           "1.5 1700000000123\n",
           "\ncontainer_memory_working_set_bytes{container=\"only\",namespace=\"default\",pod="
           "\"b\"}"
           " 1024 1700000000123\n",
           "\ncontainer_start_time_seconds{container=\"one\",namespace=\"default\",pod=\"a\"} "
           "1699999000\n",
           "\nnode_cpu_usage_seconds_total 12.5 1700000000123\n",
           "\nnode_memory_working_set_bytes 3000 1700000000123\n",
           "\npod_cpu_usage_seconds_total{namespace=\"default\",pod=\"a\"} 2 1700000000123\n",
           "\npod_memory_working_set_bytes{namespace=\"default\",pod=\"a\"} 8192 1700000000123\n",
           "# TYPE container_cpu_usage_seconds_total counter\n",
           "\nresource_scrape_error 0\n",
       }) {
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  }
  EXPECT_EQ(text.find("container_start_time_seconds{container=\"two\""), std::string::npos);
}

TEST(Stats, SummaryNamesPodsAndNode) {
  auto parsed = api::parseJsonValue(summaryJson(makeReading()));
  ASSERT_TRUE(parsed.ok());
  const auto& root = parsed->as_object();
  EXPECT_EQ(root.at("node").at("nodeName"), "n1");
  EXPECT_EQ(root.at("node").at("cpu").at("usageCoreNanoSeconds"), 12'500'000'000);
  EXPECT_FALSE(root.at("node").as_object().contains("fs"));
  const auto& pod = root.at("pods").at(0);
  EXPECT_EQ(pod.at("podRef").at("uid"), "uid-a");
  EXPECT_EQ(pod.at("containers").at(0).at("startTime"), "2023-11-14T21:56:40Z");
  EXPECT_EQ(pod.at("containers").at(1).at("memory").at("workingSetBytes"), 4096);
}

}  // namespace
}  // namespace coxswain::kubelet
