// CSI volumes that grow while pods use them, and what is told of their size.

#include "kubelet/server/backend.h"
#include "kubelet/testing/csi_fixture.h"
#include "net/grpc/grpc.h"
#include "runtime/sim/run_task.h"

namespace coxswain::kubelet {
namespace {

using api::core::v1::PersistentVolume;
using api::core::v1::PersistentVolumeClaim;
using testing::CsiKubeletTest;

class CsiGrowthTest : public CsiKubeletTest {
 protected:
  void SetUp() override {
    CsiKubeletTest::SetUp();
    setDriver([](auto& spec) { spec.attachRequired = false; });
    registerDriver();
    putClaim();
    h.client.put(podWithClaim());
    ASSERT_TRUE(runs());
  }
  /// What a user and a resizer did.
  void growVolume(const char* size) {
    h.client.change<PersistentVolume>("", "pv-1", [&](PersistentVolume& volume) {
      volume.spec.capacity["storage"] = amount(size);
    });
    h.client.change<PersistentVolumeClaim>("default", "data", [&](PersistentVolumeClaim& claim) {
      claim.spec.resources.requests["storage"] = amount(size);
      claim.status.allocatedResourceStatuses["storage"] = "NodeResizePending";
      auto& condition = claim.status.conditions.emplace_back();
      condition.type = "FileSystemResizePending";
      condition.status = "True";
    });
  }
  std::shared_ptr<const PersistentVolumeClaim> claim() {
    return h.client.peek<PersistentVolumeClaim>("default", "data");
  }
};

TEST_F(CsiGrowthTest, AMountedVolumeGrows) {
  growVolume("2Gi");
  ASSERT_TRUE(h.until([&] { return claim()->status.capacity.at("storage") == amount("2Gi"); }));
  EXPECT_EQ(plugin.expanded.capacityRange->requiredBytes, int64_t{2} << 30);
  EXPECT_EQ(plugin.expanded.volumePath, target("web", "pv-1"));
  EXPECT_EQ(plugin.expanded.stagingTargetPath, plugin.staged.stagingTargetPath);
  EXPECT_TRUE(claim()->status.conditions.empty());
  EXPECT_TRUE(claim()->status.allocatedResourceStatuses.empty());
  EXPECT_TRUE(h.until([&] {
    return h.hasEvent("web",
                      "Normal FileSystemResizeSuccessful MountVolume.NodeExpandVolume succeeded "
                      "for volume \"pv-1\" node-1");
  }));
  h.runFor(5min);
  EXPECT_EQ(plugin.count("NodeExpandVolume vol-1"), 1U);
}

TEST_F(CsiGrowthTest, AClaimThatSaysAnothersVolumeIsItsOwnGetsNothingOfIt) {
  PersistentVolume other;
  other.metadata.name = "pv-2";
  other.spec.capacity = {{"storage", amount("9Gi")}};
  other.spec.persistentVolumeSource.hostPath.emplace().path = "/x";
  other.spec.claimRef.emplace().uid = "other-uid";
  h.client.put(other);
  // Its user made the claim anew below the pod.
  h.client.change<PersistentVolumeClaim>("default", "data", [&](PersistentVolumeClaim& claim) {
    claim.metadata.uid = "later-uid";
    claim.spec.volumeName = "pv-2";
    claim.spec.resources.requests["storage"] = amount("9Gi");
  });
  h.runFor(2min);
  EXPECT_EQ(plugin.count("NodeExpandVolume"), 0U);
  // Nor where the volume agrees: another one is mounted.
  h.client.change<PersistentVolume>(
      "", "pv-2", [](PersistentVolume& volume) { volume.spec.claimRef->uid = "later-uid"; });
  h.runFor(2min);
  EXPECT_EQ(plugin.count("NodeExpandVolume"), 0U);
  EXPECT_EQ(claim()->status.capacity.at("storage"), amount("1Gi"));
}

TEST_F(CsiGrowthTest, AFailureIsToldAndTriedAgain) {
  plugin.failures["NodeExpandVolume"] = net::grpc::toStatus(net::grpc::Code::Internal, "not now");
  growVolume("2Gi");
  ASSERT_TRUE(h.until([&] {
    return h.hasEvent("web",
                      "Warning VolumeResizeFailed NodeExpandVolume.NodeExpandVolume failed for "
                      "volume \"pv-1\" : rpc error: code = Internal desc = not now");
  }));
  EXPECT_TRUE(std::ranges::any_of(claim()->status.conditions,
                                  [](const auto& c) { return c.type == "NodeResizeError"; }));
  plugin.failures.clear();
  ASSERT_TRUE(
      h.until([&] { return claim()->status.capacity.at("storage") == amount("2Gi"); }, 5min));
  EXPECT_TRUE(claim()->status.conditions.empty());
}

TEST_F(CsiGrowthTest, WhatCanNeverBeIsNotAskedAgain) {
  plugin.failures["NodeExpandVolume"] =
      net::grpc::toStatus(net::grpc::Code::OutOfRange, "too large");
  growVolume("2Gi");
  ASSERT_TRUE(h.until([&] {
    const auto* state = claim()->status.allocatedResourceStatuses.get("storage");
    return state != nullptr && *state == "NodeResizeInfeasible";
  }));
  const size_t tries = plugin.count("NodeExpandVolume failed");
  h.runFor(20min);
  EXPECT_EQ(plugin.count("NodeExpandVolume failed"), tries);
}

TEST_F(CsiGrowthTest, StatisticsAreTheDrivers) {
  auto& usage = plugin.stats.usage.emplace_back();
  usage.unit = csi::BYTES;
  usage.available = 100;
  usage.total = 300;
  usage.used = 200;
  auto metrics = sim::runTask(h.executor, h.kubelet->backend().metricsText({}));
  ASSERT_TRUE(metrics.ok());
  EXPECT_NE(metrics->find("kubelet_volume_stats_used_bytes{namespace=\"default\","
                          "persistentvolumeclaim=\"data\"} 200\n"),
            std::string::npos)
      << *metrics;
  EXPECT_EQ(metrics->find("kubelet_volume_stats_inodes"), std::string::npos);
  auto summary = sim::runTask(h.executor, h.kubelet->backend().statsSummary({}));
  ASSERT_TRUE(summary.ok());
  EXPECT_NE(summary->find("\"availableBytes\":100,\"capacityBytes\":300,\"name\":\"v\","
                          "\"pvcRef\":{\"name\":\"data\",\"namespace\":\"default\"}"),
            std::string::npos)
      << *summary;
}

}  // namespace
}  // namespace coxswain::kubelet
