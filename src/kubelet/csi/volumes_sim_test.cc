// Pods with CSI volumes come and go while the driver fails, also after it has done what it was
// asked, and kubelets die in the middle of calls. CSI's order is kept all along, and in the end
// nothing is left. A failure prints its seed.

#include <gtest/gtest.h>

#include "base/log.h"
#include "kubelet/csi/testing/fake_plugin.h"
#include "kubelet/csi/volumes.h"
#include "net/grpc/grpc.h"
#include "runtime/random.h"
#include "runtime/sim/memory_files.h"
#include "runtime/sim/run_task.h"

namespace coxswain::kubelet::csi {
namespace {

constexpr int kPods = 5;
constexpr int kVolumes = 3;
constexpr int kSteps = 80;

class Simulation {
 public:
  explicit Simulation(uint64_t seed) : executor_(seed), random_(seed) {
    channels_.plugins["/x.sock"] = &plugin_;
    plugin_.fault = [this](const std::string& method) {
      if (random_.unit() >= faults_) return Status();
      return net::grpc::toStatus(
          random_.below(2) == 0 ? net::grpc::Code::Internal : net::grpc::Code::Unavailable,
          method + " fails");
    };
    boot();
  }

  void run() {
    for (int i = 0; i < kSteps; ++i) {
      step();
      executor_.runFor(std::chrono::milliseconds(random_.below(20)));
    }
    faults_ = 0;
    settle();
    for (int i = 0; i < kPods; ++i) {
      const Status gone = sim::runTask(executor_, volumes_->unmountPod(podDir(i), {}));
      EXPECT_TRUE(gone.ok()) << gone.toString();
    }
    sim::runTask(executor_, volumes_->unstageUnused("x.test", {}));
    check();
  }

 private:
  static std::string podDir(int pod) { return "/k/pods/u" + std::to_string(pod); }

  void boot() {
    volumes_ = std::make_unique<Volumes>(
        Volumes::Dependencies{executor_, files_, mounter_, drivers_, nullptr}, "/k");
    volumes_->load();
    stop_ = std::stop_source();
    drivers_.put(
        std::make_shared<Driver>("x.test", "/x.sock", Version{1, 0, 0}, channels_.open("/x.sock")));
  }
  /// What is under way comes to its end.
  void settle() {
    ASSERT_TRUE(executor_.runUntil([&] { return busy_.empty(); }, 1h));
  }

  void step() {
    const int pod = static_cast<int>(random_.below(kPods));
    const auto what = random_.below(12);
    if (what == 0) {
      stop_.request_stop();  // calls end wherever they are
      settle();
      boot();
    } else if (what == 1) {
      spawn(executor_, unstageUnused());
    } else if (busy_.insert(pod).second) {
      // A pod's own worker never does two things at once.
      spawn(executor_, what < 8 ? mount(pod) : unmount(pod));
    }
  }
  Task<void> unstageUnused() {
    if (!busy_.insert(-1).second) co_return;
    co_await volumes_->unstageUnused("x.test", stop_.get_token());
    busy_.erase(-1);
  }
  Task<void> mount(int pod) {
    // Which volumes a pod uses follows from its number; the last volume is a raw block device.
    for (int i = 0; i < 2; ++i) {
      const int number = (pod + i) % kVolumes;
      const std::string name = "pv" + std::to_string(number);
      auto spec = std::make_shared<MountSpec>();
      spec->data.driverName = "x.test";
      spec->data.volumeHandle = "vol-" + std::to_string(number);
      spec->data.specVolId = name;
      spec->data.lifecycleMode = "Persistent";
      if (number == kVolumes - 1) {
        spec->folder = podDir(pod) + "/volumeDevices/kubernetes.io~csi/" + name;
        spec->device = blockFolder("/k") + "/publish/" + name + "/u" + std::to_string(pod);
      } else {
        spec->folder = podDir(pod) + "/volumes/kubernetes.io~csi/" + name;
      }
      Status done = co_await volumes_->stage(spec, stop_.get_token());
      if (done.ok()) {
        auto published = co_await volumes_->publish(spec, stop_.get_token());
        done = published.status();
      }
      if (!done.ok()) break;  // it is tried again by a later step, or unmounted
    }
    busy_.erase(pod);
  }
  Task<void> unmount(int pod) {
    const Status ignored = co_await volumes_->unmountPod(podDir(pod), stop_.get_token());
    (void)ignored;  // tried again
    busy_.erase(pod);
  }

  void check() {
    EXPECT_EQ(plugin_.violations, std::vector<std::string>());
    EXPECT_TRUE(plugin_.mounted.empty());
    EXPECT_TRUE(mounter_.list()->empty());
    EXPECT_TRUE(volumes_->inUse().empty());
    const auto left = files_.list("/k/plugins/kubernetes.io/csi/x.test");
    EXPECT_TRUE(!left.ok() || left->empty());
    for (const char* folder : {"publish", "staging"}) {
      const auto blocks = files_.list(blockFolder("/k") + "/" + folder);
      EXPECT_TRUE(!blocks.ok() || blocks->empty()) << folder;
    }
    for (int i = 0; i < kPods; ++i) {
      for (const char* kind : {"/volumes/kubernetes.io~csi", "/volumeDevices/kubernetes.io~csi"}) {
        const auto names = files_.list(podDir(i) + kind);
        EXPECT_TRUE(!names.ok() || names->empty()) << i << kind;
      }
    }
  }

  sim::SimExecutor executor_;
  SeededRandom random_;
  double faults_ = 0.15;
  sim::MemoryFiles files_;
  sim::MemoryMounter mounter_{files_};
  testing::FakePlugin plugin_{"x.test", files_, mounter_};
  testing::FakePluginChannels channels_;
  Drivers drivers_;
  std::unique_ptr<Volumes> volumes_;
  std::stop_source stop_;
  std::set<int> busy_;
};

TEST(CsiVolumesSimulation, NothingIsLeftInTheEnd) {
  setLogLevel(LogLevel::Off);
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Simulation(seed).run();
    if (::testing::Test::HasFailure()) break;
  }
  setLogLevel(LogLevel::Info);
}

}  // namespace
}  // namespace coxswain::kubelet::csi
