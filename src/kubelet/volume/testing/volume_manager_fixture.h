#pragma once

#include <gtest/gtest.h>

#include <deque>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "client/testing/fake_client.h"
#include "kubelet/volume/volume_manager.h"
#include "runtime/sim/memory_files.h"
#include "runtime/sim/sim_executor.h"
#include "runtime/spawn.h"

namespace coxswain::kubelet::testing {

/// A volume manager under virtual time, over a disk and a mount table in memory; `pod` is what its
/// calls are about, and gets volumes by add().
class VolumeManagerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    EXPECT_TRUE(files.mkdirs("/tmp").ok());
    pod.metadata.name = "web";
    pod.metadata.namespace_ = "ns";
    pod.metadata.uid = "u1";
    pod.metadata.labels = {{"app", "web"}};
    pod.spec.serviceAccountName = "robot";
    pod.spec.containers.resize(1);
    pod.spec.containers[0].name = "c";
    restart();
  }
  void TearDown() override { stopManager(true); }

  /// A kubelet that comes up anew over the same disk and mounts.
  void restart() {
    if (manager) stopManager(false);
    objects = std::make_unique<ObjectCache>(cluster, executor);
    VolumeManager::Dependencies dependencies{
        cluster, executor, random, files, mounter, *objects, events, [](const api::core::v1::Pod&) {
          EnvironmentFacts facts;
          facts.nodeAllocatable = {{"memory", api::Quantity::parse("1Gi").value()}};
          return facts;
        }};
    VolumeManagerOptions options;
    options.rootDir = "/k";
    manager = std::make_unique<VolumeManager>(std::move(dependencies), options);
  }
  Task<void> stopAll(bool withEvents, bool& done) {
    co_await manager->stop();
    co_await objects->stop();
    if (withEvents) co_await events.stop();
    done = true;
  }
  void stopManager(bool withEvents) {
    bool done = false;
    spawn(executor, stopAll(withEvents, done));
    EXPECT_TRUE(executor.runUntil([&] { return done; }, 1h));
  }

  api::core::v1::Volume& add(const std::string& name, const std::string& path = "/data") {
    api::core::v1::Volume volume;
    volume.name = name;
    pod.spec.volumes.push_back(volume);
    api::core::v1::VolumeMount mount;
    mount.name = name;
    mount.mountPath = path;
    pod.spec.containers[0].volumeMounts.push_back(mount);
    return pod.spec.volumes.back();
  }
  Task<void> mountInto(std::shared_ptr<const api::core::v1::Pod> which,
                       std::optional<Status>& out) {
    out = co_await manager->mountPod(which, {});
  }
  Status mount(Duration limit = 10min) {
    auto& out = fresh();
    spawn(executor, mountInto(std::make_shared<api::core::v1::Pod>(pod), out));
    EXPECT_TRUE(executor.runUntil([&] { return out.has_value(); }, limit));
    return out.value_or(canceled());
  }
  Task<void> mountsInto(std::vector<EnvironmentVariable> env,
                        std::optional<Result<std::vector<ContainerMount>>>& out) {
    auto shared = std::make_shared<api::core::v1::Pod>(pod);
    auto container = std::make_shared<api::core::v1::Container>(pod.spec.containers[0]);
    auto made = co_await manager->containerMounts(shared, container, std::move(env), {});
    out.emplace(std::move(made));
  }
  Result<std::vector<ContainerMount>> mounts(std::vector<EnvironmentVariable> env = {}) {
    std::optional<Result<std::vector<ContainerMount>>> out;
    spawn(executor, mountsInto(std::move(env), out));
    EXPECT_TRUE(executor.runUntil([&] { return out.has_value(); }, 1min));
    return std::move(*out);
  }
  Task<void> unmountInto(std::string uid, std::optional<Status>& out) {
    out = co_await manager->unmountPod(std::move(uid), {});
  }
  Status unmount(const std::string& uid = "u1") {
    auto& out = fresh();
    spawn(executor, unmountInto(uid, out));
    EXPECT_TRUE(executor.runUntil([&] { return out.has_value(); }, 1min));
    return out.value_or(canceled());
  }
  std::string text(const std::string& path) {
    auto data = files.read(path);
    return data.ok() ? *data : data.status().toString();
  }
  std::vector<std::string> eventTexts() {
    executor.runFor(1s);
    std::vector<std::string> texts;
    for (const auto& event : cluster.peekAll<api::core::v1::Event>()) {
      texts.push_back(event->reason + ": " + event->message);
    }
    return texts;
  }
  void putMap(const std::string& name, api::Map<std::string> data) {
    api::core::v1::ConfigMap map;
    map.metadata.name = name;
    map.metadata.namespace_ = "ns";
    map.data = std::move(data);
    cluster.put(std::move(map));
  }
  void putSecret(const std::string& name, api::Map<api::Bytes> data) {
    api::core::v1::Secret secret;
    secret.metadata.name = name;
    secret.metadata.namespace_ = "ns";
    secret.data = std::move(data);
    cluster.put(std::move(secret));
  }
  static std::string dir(const std::string& kind, const std::string& name) {
    return "/k/pods/u1/volumes/kubernetes.io~" + kind + "/" + name;
  }

  /// A place for an outcome that may come only when the manager stops.
  std::optional<Status>& fresh() { return outcomes.emplace_back(); }

  std::deque<std::optional<Status>> outcomes;
  sim::SimExecutor executor{1};
  client::testing::FakeClient cluster{executor};
  SeededRandom random{1};
  sim::MemoryFiles files;
  sim::MemoryMounter mounter{files};
  client::EventRecorder events{cluster, executor, "kubelet", "n1"};
  std::unique_ptr<ObjectCache> objects;
  std::unique_ptr<VolumeManager> manager;
  api::core::v1::Pod pod;
};

}  // namespace coxswain::kubelet::testing
