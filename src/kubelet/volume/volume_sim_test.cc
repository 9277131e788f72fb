// Pods come and go while objects change, requests fail, watches end and the kubelet restarts. In
// the end every mounted file shows its object and nothing else is left. A failure prints its seed.

#include <gtest/gtest.h>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "base/log.h"
#include "client/testing/fake_client.h"
#include "kubelet/volume/volume_manager.h"
#include "runtime/sim/memory_files.h"
#include "runtime/sim/sim_executor.h"
#include "runtime/spawn.h"

namespace coxswain::kubelet {
namespace {

using api::core::v1::ConfigMap;
using api::core::v1::Pod;
using api::core::v1::Secret;

constexpr int kObjects = 3;
constexpr int kPods = 5;
constexpr int kSteps = 60;

class Simulation {
 public:
  explicit Simulation(uint64_t seed) : executor_(seed), cluster_(executor_, seed), random_(seed) {
    cluster_.faults.error = 0.1;
    cluster_.faults.unreachable = 0.1;
    cluster_.faults.watchEnd = 0.2;
    cluster_.faults.latencyMax = 300ms;
    boot();
  }

  void run() {
    for (int i = 0; i < kSteps; ++i) {
      step();
      executor_.runFor(std::chrono::milliseconds(random_.below(2000)));
    }
    cluster_.faults = {};
    for (int i = 0; i < kObjects; ++i) setObject(i);
    for (const auto& uid : running_) mount(uid);
    executor_.runFor(5min);
    check();
    shutDown();
  }

 private:
  static std::string name(const char* what, int i) { return what + std::to_string(i); }

  void boot() {
    events_ = std::make_unique<client::EventRecorder>(cluster_, executor_, "kubelet", "n1");
    objects_ = std::make_unique<ObjectCache>(cluster_, executor_);
    VolumeManagerOptions options;
    options.rootDir = "/k";
    manager_ = std::make_unique<VolumeManager>(
        VolumeManager::Dependencies{cluster_, executor_, random_, files_, mounter_, *objects_,
                                    *events_, nullptr},
        options);
  }
  Task<void> stopAll(bool& done) {
    co_await manager_->stop();
    co_await objects_->stop();
    co_await events_->stop();
    done = true;
  }
  void shutDown() {
    bool done = false;
    spawn(executor_, stopAll(done));
    ASSERT_TRUE(executor_.runUntil([&] { return done && busy_ == 0; }, 1h));
  }

  void step() {
    const int i = static_cast<int>(random_.below(kObjects));
    const std::string uid = name("u", static_cast<int>(random_.below(kPods)));
    switch (random_.below(8)) {
      case 0:
      case 1:
        setObject(i);
        break;
      case 2: {
        const Status gone = random_.below(2) == 0 ? cluster_.erase<ConfigMap>("ns", name("m", i))
                                                  : cluster_.erase<Secret>("ns", name("s", i));
        (void)gone;  // it may be gone already
        break;
      }
      case 3:
      case 4:
      case 5:
        if (!leaving_.contains(uid)) {
          running_.insert(uid);
          mount(uid);
        }
        break;
      case 6:
        if (running_.erase(uid) != 0) {
          leaving_.insert(uid);
          spawn(executor_, unmount(uid));
        }
        break;
      case 7:
        if (random_.below(4) == 0) restart();
        break;
    }
  }

  void restart() {
    shutDown();
    boot();
    // The dead are cleaned up, the living are mounted again.
    for (const auto& uid : manager_->podsOnDisk()) {
      if (!running_.contains(uid)) {
        leaving_.insert(uid);
        spawn(executor_, unmount(uid));
      }
    }
    for (const auto& uid : running_) mount(uid);
  }

  void setObject(int i) {
    const std::string value = std::to_string(++values_);
    if (cluster_.peek<ConfigMap>("ns", name("m", i))) {
      cluster_.change<ConfigMap>("ns", name("m", i), [&](ConfigMap& m) { m.data["k"] = value; });
    } else {
      ConfigMap map;
      map.metadata.name = name("m", i);
      map.metadata.namespace_ = "ns";
      map.data["k"] = value;
      cluster_.put(map);
    }
    if (cluster_.peek<Secret>("ns", name("s", i))) {
      cluster_.change<Secret>("ns", name("s", i), [&](Secret& s) { s.data["k"] = value; });
    } else {
      Secret secret;
      secret.metadata.name = name("s", i);
      secret.metadata.namespace_ = "ns";
      secret.data["k"] = value;
      cluster_.put(secret);
    }
  }

  /// Which objects a pod uses follows from its uid.
  static std::shared_ptr<const Pod> podOf(const std::string& uid) {
    const int i = (uid.back() - '0') % kObjects;
    Pod pod;
    pod.metadata.name = "p" + uid;
    pod.metadata.namespace_ = "ns";
    pod.metadata.uid = uid;
    pod.spec.volumes.resize(3);
    pod.spec.volumes[0].name = "m";
    pod.spec.volumes[0].volumeSource.configMap.emplace().localObjectReference.name = name("m", i);
    pod.spec.volumes[1].name = "s";
    pod.spec.volumes[1].volumeSource.secret.emplace().secretName = name("s", i);
    pod.spec.volumes[2].name = "e";
    pod.spec.volumes[2].volumeSource.emptyDir.emplace().medium = "Memory";
    pod.spec.containers.resize(1);
    for (const auto& volume : pod.spec.volumes) {
      auto& mount = pod.spec.containers[0].volumeMounts.emplace_back();
      mount.name = volume.name;
      mount.mountPath = "/" + volume.name;
    }
    return std::make_shared<const Pod>(std::move(pod));
  }

  void mount(const std::string& uid) { spawn(executor_, mountPod(uid)); }
  Task<void> mountPod(std::string uid) {
    ++busy_;
    auto pod = podOf(uid);
    const Status status = co_await manager_->mountPod(std::move(pod), {});
    (void)status;  // told again at the next sync
    --busy_;
  }
  Task<void> unmount(std::string uid) {
    ++busy_;
    const Status status = co_await manager_->unmountPod(uid, {});
    leaving_.erase(uid);
    (void)status;  // whoever restarts finds it again
    --busy_;
  }

  void check() {
    for (const auto& uid : running_) {
      const int i = (uid.back() - '0') % kObjects;
      const std::string root = "/k/pods/" + uid + "/volumes/kubernetes.io~";
      EXPECT_EQ(files_.read(root + "configmap/m/k").valueOr("<absent>"),
                cluster_.peek<ConfigMap>("ns", name("m", i))->data.at("k"))
          << uid;
      EXPECT_EQ(files_.read(root + "secret/s/k").valueOr("<absent>"),
                cluster_.peek<Secret>("ns", name("s", i))->data.at("k").data)
          << uid;
    }
    for (const auto& uid : manager_->podsOnDisk()) EXPECT_TRUE(running_.contains(uid)) << uid;
    // A tmpfs for the secret and one for the emptyDir of each pod.
    EXPECT_EQ(mounter_.list()->size(), running_.size() * 2);
    std::set<int> used;
    for (const auto& uid : running_) used.insert((uid.back() - '0') % kObjects);
    EXPECT_EQ(objects_->watches(), used.size() * 2);
  }

  sim::SimExecutor executor_;
  client::testing::FakeClient cluster_;
  SeededRandom random_;
  sim::MemoryFiles files_;
  sim::MemoryMounter mounter_{files_};
  std::unique_ptr<client::EventRecorder> events_;
  std::unique_ptr<ObjectCache> objects_;
  std::unique_ptr<VolumeManager> manager_;
  std::set<std::string> running_;
  std::set<std::string> leaving_;
  int values_ = 0;
  int busy_ = 0;
};

TEST(VolumeSimulation, MountedFilesShowTheirObjectsInTheEnd) {
  setLogLevel(LogLevel::Off);
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Simulation(seed).run();
    if (::testing::Test::HasFailure()) break;
  }
  setLogLevel(LogLevel::Info);
}

}  // namespace
}  // namespace coxswain::kubelet
