#include "kubelet/node/node_status.h"

#include <gtest/gtest.h>

#include "api/helpers/pods.h"
#include "kubelet/node/testing/fake_node_facts.h"

namespace coxswain::kubelet {
namespace {

NodeInputs inputsOf(const KubeletOptions& options) {
  testing::FakeNodeFacts facts;
  NodeInputs out{options, facts.info, facts.ips, facts.memoryAvailable,   facts.disk, "x://1", {},
                 {},      false,      {},        api::Time::fromUnix(100)};
  return out;
}

TEST(NodeStatuses, WhatIsLeftForPods) {
  KubeletOptions options;
  options.kubeReserved["cpu"] = *api::Quantity::parse("500m");
  options.systemReserved["memory"] = *api::Quantity::parse("1Gi");
  auto inputs = inputsOf(options);
  inputs.machine.hugePageBytes["hugepages-2Mi"] = 512 << 20;
  auto left = nodeAllocatable(nodeCapacity(inputs), options);
  ASSERT_TRUE(left.ok());
  EXPECT_EQ(left->at("cpu").str(), "3500m");
  EXPECT_EQ(left->at("memory").str(), "6556Mi");  // 8Gi - 1Gi - 100Mi - 512Mi
  EXPECT_EQ(left->at("ephemeral-storage").value(), (100LL << 30) * 9 / 10);
  EXPECT_EQ(left->at("pods").str(), "110");
  options.evictionHard["memory.available"] = "lots";
  EXPECT_FALSE(nodeAllocatable(nodeCapacity(inputs), options).ok());
}

TEST(NodeStatuses, PressureAndReadiness) {
  KubeletOptions options;
  options.nodeName = "n";
  auto inputs = inputsOf(options);
  api::core::v1::Node node = newNode(inputs);
  EXPECT_TRUE(api::isNodeReady(node));
  EXPECT_EQ(api::findNodeCondition(node, "DiskPressure")->status, "False");
  inputs.memoryAvailable = 50 << 20;
  inputs.nodeFs->bytesAvailable = 5ULL << 30;
  inputs.problems = {"one", "two"};
  inputs.now = api::Time::fromUnix(200);
  updateNodeStatus(inputs, node.status);
  EXPECT_EQ(api::findNodeCondition(node, "MemoryPressure")->reason, "KubeletHasInsufficientMemory");
  EXPECT_EQ(api::findNodeCondition(node, "DiskPressure")->reason, "KubeletHasDiskPressure");
  EXPECT_EQ(api::findNodeCondition(node, "Ready")->message, "[one, two]");
  EXPECT_EQ(api::findNodeCondition(node, "Ready")->lastTransitionTime.unix(), 200);
  EXPECT_EQ(api::findNodeCondition(node, "PIDPressure")->lastTransitionTime.unix(), 100);
  EXPECT_EQ(node.status.conditions.size(), 4U);
}

TEST(NodeStatuses, HeartbeatsAloneAreNoChange) {
  KubeletOptions options;
  auto inputs = inputsOf(options);
  auto node = newNode(inputs);
  auto later = node.status;
  inputs.now = api::Time::fromUnix(300);
  updateNodeStatus(inputs, later);
  EXPECT_FALSE(nodeStatusChanged(node.status, later));
  cri::Image image;
  image.repoTags = {"a:1"};
  inputs.images = {image};
  updateNodeStatus(inputs, later);
  EXPECT_TRUE(nodeStatusChanged(node.status, later));
}

TEST(NodeFactsText, ProcFiles) {
  EXPECT_EQ(memInfoBytes("MemTotal:       16384 kB\nMemFree: 5 kB\n", "MemTotal"), 16384 * 1024);
  EXPECT_EQ(memInfoBytes("MemTotal: 1 kB\n", "SwapTotal"), 0);
  EXPECT_EQ(cpuBusyTime("cpu  100 20 30 9000 500 4 5 6 70 8\ncpu0 1 1 1 1\n", 100), 1650ms);
  EXPECT_EQ(cpuBusyTime("intr 1\n", 100), 0s);
  EXPECT_EQ(
      defaultRouteInterface("Iface\tDestination\tGateway\nbr0\t0000CA0A\t0\neth0\t00000000\t1\n"),
      "eth0");
  EXPECT_EQ(defaultRouteInterface("Iface\tDestination\n"), "");
  EXPECT_EQ(osPrettyName("ID=x\nPRETTY_NAME=\"Debian 12\"\n"), "Debian 12");
}

TEST(Thresholds, BytesAndShares) {
  EXPECT_EQ(*thresholdBytes("10%", 1000), 100);
  EXPECT_EQ(*thresholdBytes("1Ki", 1000), 1024);
  EXPECT_FALSE(thresholdBytes("110%", 1000).ok());
  EXPECT_FALSE(thresholdBytes("x%", 1000).ok());
  EXPECT_FALSE(thresholdBytes("", 1000).ok());
}

}  // namespace
}  // namespace coxswain::kubelet
