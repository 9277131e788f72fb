#include "cli/cmd/top_print.h"
#include "cli/testing/cli_test.h"

namespace coxswain::cli {
namespace {

using api::metrics::v1beta1::NodeMetrics;
using api::metrics::v1beta1::PodMetrics;

NodeMetrics node(const char* name, const char* cpu, const char* memory) {
  NodeMetrics out;
  out.metadata.name = name;
  out.usage["cpu"] = *api::Quantity::parse(cpu);
  out.usage["memory"] = *api::Quantity::parse(memory);
  return out;
}

PodMetrics pod(const char* ns, const char* name,
               std::vector<std::tuple<const char*, const char*, const char*>> containers) {
  PodMetrics out;
  out.metadata.namespace_ = ns;
  out.metadata.name = name;
  for (const auto& [container, cpu, memory] : containers) {
    auto& added = out.containers.emplace_back();
    added.name = container;
    added.usage["cpu"] = *api::Quantity::parse(cpu);
    added.usage["memory"] = *api::Quantity::parse(memory);
  }
  return out;
}

Available has(const char* cpu, const char* memory) {
  return {{"cpu", *api::Quantity::parse(cpu)}, {"memory", *api::Quantity::parse(memory)}};
}

// tests/kubectl_top_test.py compares with upstream's kubectl.

TEST(TopNodes, SharesOfWhatThereIs) {
  const auto text =
      printNodes({node("n2", "1500m", "2Gi"), node("n1", "123456789n", "1000Mi")},
                 {{"n1", has("2", "4Gi")}, {"n2", has("2", "4Gi")}, {"n3", has("2", "4Gi")}}, {});
  EXPECT_EQ(text,
            "NAME   CPU(cores)   CPU(%)      MEMORY(bytes)   MEMORY(%)   \n"
            "n1     124m         6%          1000Mi          24%         \n"
            "n2     1500m        75%         2048Mi          50%         \n"
            "n3     <unknown>    <unknown>   <unknown>       <unknown>   \n");
}

TEST(TopNodes, WhatUsesMostComesFirst) {
  TopPrint how;
  how.sortBy = "memory";
  how.noHeaders = true;
  const auto text = printNodes({node("n1", "2", "1Gi"), node("n2", "1", "2Gi")},
                               {{"n1", has("2", "4Gi")}, {"n2", has("2", "4Gi")}}, how);
  EXPECT_EQ(text,
            "n2    1000m   50%    2048Mi   50%   \n"
            "n1    2000m   100%   1024Mi   25%   \n");
  EXPECT_EQ(printNodes({}, {}, how), "");
}

TEST(TopNodes, SwapThatIsNotKnown) {
  TopPrint how;
  how.swap = true;
  const auto text = printNodes({node("n1", "1", "1Gi")}, {{"n1", has("2", "4Gi")}}, how);
  EXPECT_EQ(
      text,
      "NAME   CPU(cores)   CPU(%)   MEMORY(bytes)   MEMORY(%)   SWAP(bytes)   SWAP(%)     \n"
      "n1     1000m        50%      1024Mi          25%         <unknown>     <unknown>   \n");
}

std::vector<PodMetrics> somePods() {
  return {pod("b", "web", {{"main", "20m", "10Mi"}, {"aside", "3m", "20Mi"}}),
          pod("a", "db", {{"db", "5500u", "100Mi"}})};
}

TEST(TopPods, SumsOfContainers) {
  EXPECT_EQ(printPods(somePods(), {}, {}),
            "NAME   CPU(cores)   MEMORY(bytes)   \n"
            "db     6m           100Mi           \n"
            "web    23m          30Mi            \n");
  TopPods all;
  all.namespaces = true;
  TopPrint byCpu;
  byCpu.sortBy = "cpu";
  EXPECT_EQ(printPods(somePods(), all, byCpu),
            "NAMESPACE   NAME   CPU(cores)   MEMORY(bytes)   \n"
            "b           web    23m          30Mi            \n"
            "a           db     6m           100Mi           \n");
}

TEST(TopPods, ContainersAndTheirSum) {
  TopPods what;
  what.containers = true;
  what.sum = true;
  EXPECT_EQ(printPods(somePods(), what, {}),
            "POD   NAME    CPU(cores)   MEMORY(bytes)   \n"
            "db    db      6m           100Mi           \n"
            "web   aside   3m           20Mi            \n"
            "web   main    20m          10Mi            \n"
            "              ________     ________        \n"
            "              29m          130Mi           \n");
}

class TopCommand : public testing::CliTest {};

TEST_F(TopCommand, SaysThatNobodyServesMetrics) {
  const auto ran = run({"top", "node"});
  EXPECT_EQ(ran.err, "error: Metrics API not available\n");
  EXPECT_EQ(ran.code, 1);
}

TEST_F(TopCommand, RefusesWhatMakesNoSense) {
  EXPECT_EQ(run({"top", "pod", "--sort-by=name"}).err,
            "error: --sort-by accepts only cpu or memory\n");
  EXPECT_EQ(run({"top", "pod", "a", "-l", "x=y"}).err,
            "error: only one of NAME or selector can be provided\n");
  EXPECT_EQ(run({"top", "node", "a", "-l", "x=y"}).err,
            "error: only one of NAME or --selector can be provided\n");
  EXPECT_NE(run({"top", "pod", "a", "b"}).err.find("pod [NAME | -l label]"), std::string::npos);
}

}  // namespace
}  // namespace coxswain::cli
