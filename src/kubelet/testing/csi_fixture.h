#pragma once

#include <gtest/gtest.h>

#include <algorithm>

#include "api/gen/meta_v1.h"
#include "api/gen/storage_v1.h"
#include "kubelet/csi/volume_data.h"
#include "kubelet/testing/kubelet_harness.h"

namespace coxswain::kubelet::testing {

constexpr const char* kSocket = "/var/lib/kubelet/plugins_registry/x.sock";
constexpr const char* kInUse = "kubernetes.io/csi/x.test^vol-1";

/// A whole kubelet in virtual time, with a driver "x.test" in memory that registers when told.
class CsiKubeletTest : public ::testing::Test {
 protected:
  void SetUp() override {
    h.withPlugins = true;
    h.plugins.plugins[kSocket] = &plugin;
    api::storage::v1::CSIDriver driver;
    driver.metadata.name = "x.test";
    driver.spec.volumeLifecycleModes = {"Persistent", "Ephemeral"};
    h.client.put(std::move(driver));
    api::core::v1::ServiceAccount account;
    account.metadata.name = "robot";
    account.metadata.namespace_ = "default";
    h.client.put(std::move(account));
    h.start();
  }
  void TearDown() override { h.stop(); }

  void registerDriver() {
    h.files.putSpecial(kSocket, FileType::Socket);
    ASSERT_TRUE(h.until([&] { return plugin.registered.pluginRegistered; }));
  }
  void setDriver(const std::function<void(api::storage::v1::CSIDriverSpec&)>& edit) {
    h.client.change<api::storage::v1::CSIDriver>(
        "", "x.test", [&](api::storage::v1::CSIDriver& d) { edit(d.spec); });
  }

  static api::Quantity amount(const char* text) { return api::Quantity::parse(text).value(); }
  void putClaim(const std::function<void(api::core::v1::PersistentVolume&)>& edit = nullptr) {
    api::core::v1::PersistentVolume volume;
    volume.metadata.name = "pv-1";
    volume.spec.accessModes = {"ReadWriteOnce"};
    volume.spec.capacity = {{"storage", amount("1Gi")}};
    auto& source = volume.spec.persistentVolumeSource.csi.emplace();
    source.driver = "x.test";
    source.volumeHandle = "vol-1";
    source.fsType = "ext4";
    source.volumeAttributes = {{"kind", "fast"}};
    volume.spec.claimRef.emplace().uid = "claim-uid";
    if (edit) edit(volume);
    h.client.put(std::move(volume));
    api::core::v1::PersistentVolumeClaim claim;
    claim.metadata.name = "data";
    claim.metadata.namespace_ = "default";
    claim.metadata.uid = "claim-uid";
    claim.spec.volumeName = "pv-1";
    claim.spec.resources.requests = {{"storage", amount("1Gi")}};
    claim.status.phase = "Bound";
    claim.status.capacity = {{"storage", amount("1Gi")}};
    h.client.put(std::move(claim));
  }
  void attach() {
    api::storage::v1::VolumeAttachment attachment;
    attachment.metadata.name = csi::attachmentName("vol-1", "x.test", "node-1");
    attachment.status.attached = true;
    attachment.status.attachmentMetadata = {{"device", "/dev/x"}};
    h.client.put(std::move(attachment));
  }
  static api::core::v1::Pod podWithClaim(const std::string& name = "web") {
    api::core::v1::Pod pod = KubeletHarness::pod(name);
    pod.spec.serviceAccountName = "robot";
    auto& volume = pod.spec.volumes.emplace_back();
    volume.name = "v";
    volume.volumeSource.persistentVolumeClaim.emplace().claimName = "data";
    mountAll(pod);
    return pod;
  }
  static void mountAll(api::core::v1::Pod& pod) {
    auto& mount = pod.spec.containers[0].volumeMounts.emplace_back();
    mount.name = "v";
    mount.mountPath = "/data";
  }
  static api::core::v1::Pod podWithInline() {
    api::core::v1::Pod pod = KubeletHarness::pod("web");
    pod.spec.serviceAccountName = "robot";
    auto& volume = pod.spec.volumes.emplace_back();
    volume.name = "v";
    auto& source = volume.volumeSource.csi.emplace();
    source.driver = "x.test";
    source.volumeAttributes = {{"size", "1"}};
    mountAll(pod);
    return pod;
  }
  static std::string target(const std::string& pod, const std::string& name) {
    return "/var/lib/kubelet/pods/uid-" + pod + "/volumes/kubernetes.io~csi/" + name + "/mount";
  }
  bool runs(const std::string& pod = "web") {
    return h.until([&] { return h.runs(pod, "app"); }, 5min);
  }
  void deletePod(const std::string& name = "web") {
    EXPECT_TRUE(h.client.erase<api::core::v1::Pod>("default", name).ok());
    EXPECT_TRUE(h.until([&] { return h.peek(name) == nullptr; }, 5min));
  }
  std::vector<std::string> inUse() {
    return h.client.peek<api::core::v1::Node>("", "node-1")->status.volumesInUse;
  }
  size_t csiMounts() {
    const auto all = h.mounter.list();
    return static_cast<size_t>(std::count_if(all->begin(), all->end(), [](const auto& mount) {
      return mount.path.find("csi") != std::string::npos;
    }));
  }

  KubeletHarness h;
  csi::testing::FakePlugin plugin{"x.test", h.files, h.mounter};
};

}  // namespace coxswain::kubelet::testing
