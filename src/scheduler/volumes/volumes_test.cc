#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "client/testing/fake_client.h"
#include "runtime/sim/run_task.h"
#include "runtime/sim/sim_executor.h"
#include "scheduler/framework/picker.h"
#include "scheduler/plugins/plugins.h"
#include "scheduler/testing/storage_builders.h"
#include "scheduler/volumes/volume_state.h"

namespace coxswain::scheduler {
namespace {

using namespace testing;
using api::storage::v1::CSIDriver;
using api::storage::v1::CSINode;
using api::storage::v1::CSIStorageCapacity;
using api::storage::v1::VolumeAttachment;

/// A cluster's storage, and what the default profile decides on it.
struct World {
  sim::SimExecutor executor{1};
  client::testing::FakeClient cluster{executor};
  client::Informers informers{cluster, executor};
  VolumeState state{informers};
  Framework framework{plugins::defaultPlugins(nullptr, &state)};
  SeededRandom random{1};
  Picker picker{framework, random};
  Cache cache;

  World() {
    informers.of<api::core::v1::Node>();
    informers.start();
  }
  ~World() { sim::runTask(executor, informers.stop()); }
  void node(const NodeBuilder& node) {
    cluster.put(api::core::v1::Node(node.node));
    cache.setNode(node.toPtr());
  }
  void run(const PodBuilder& pod) { cache.setPod(pod.info(), pod.pod.spec.nodeName); }
  void settle() { executor.runFor(1s); }
  Decision decide(const PodBuilder& pod) {
    settle();
    return picker.pick(pod.info(), cache.snapshot());
  }
};

struct Case {
  std::string name;
  PodBuilder pod;
  std::function<void(World&)> given;
  std::set<std::string> nodesAllowed;  ///< empty: none fits, and `message` says why
  std::string message;
};

CSINode csiNode(std::string node, int32_t count) {
  CSINode made;
  made.metadata.name = std::move(node);
  auto& driver = made.spec.drivers.emplace_back();
  driver.name = "csi.example.com";
  driver.allocatable.getOrCreate().count = count;
  return made;
}

CSIStorageCapacity capacity(std::string name, std::string zone, std::string_view amount) {
  CSIStorageCapacity made;
  made.metadata.name = std::move(name);
  made.metadata.namespace_ = "default";
  made.storageClassName = "made";
  made.capacity = *api::Quantity::parse(amount);
  made.nodeTopology.getOrCreate().matchLabels["topology.kubernetes.io/zone"] = std::move(zone);
  return made;
}

void trackCapacity(World& w) {
  CSIDriver driver;
  driver.metadata.name = "csi.example.com";
  driver.spec.storageCapacity = true;
  w.cluster.put(driver);
}

void csiVolume(World& w, const std::string& claim) {
  w.cluster.put(VolumeBuilder("v-" + claim).csi("csi.example.com", "h-" + claim).volume);
  w.cluster.put(ClaimBuilder(claim).boundTo("v-" + claim).claim);
}

PodBuilder withDisk(std::string name, std::string disk, bool readOnly = false) {
  PodBuilder pod(std::move(name));
  auto& volume = pod.pod.spec.volumes.emplace_back();
  volume.volumeSource.gcePersistentDisk.getOrCreate().pdName = std::move(disk);
  volume.volumeSource.gcePersistentDisk->readOnly = readOnly;
  return pod;
}

std::vector<Case> bindingCases() {
  constexpr const char* kNoVolumes =
      "0/2 nodes are available: 2 node(s) didn't find available persistent volumes to bind.";
  return {
      {"no such claim",
       podWith("p", {"c"}),
       [](World&) {},
       {},
       "0/2 nodes are available: persistentvolumeclaim \"c\" not found."},
      {"unbound, of no class",
       podWith("p", {"c"}),
       [](World& w) { w.cluster.put(ClaimBuilder("c").ofClass("").claim); },
       {},
       "0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims."},
      {"lost",
       podWith("p", {"c"}),
       [](World& w) {
         auto claim = ClaimBuilder("c").boundTo("gone");
         claim.claim.status.phase = "Lost";
         w.cluster.put(claim.claim);
       },
       {},
       "0/2 nodes are available: persistentvolumeclaim \"c\" bound to non-existent "
       "persistentvolume \"gone\"."},
      {"bound to a volume that is not there",
       podWith("p", {"c"}),
       [](World& w) { w.cluster.put(ClaimBuilder("c").boundTo("gone").claim); },
       {},
       "0/2 nodes are available: persistentvolume \"gone\" not found."},
      {"bound to a volume of one node",
       podWith("p", {"c"}),
       [](World& w) {
         w.cluster.put(VolumeBuilder("v").onNode("b").volume);
         w.cluster.put(ClaimBuilder("c").boundTo("v").claim);
       },
       {"b"},
       ""},
      {"bound to a volume of another node",
       podWith("p", {"c"}),
       [](World& w) {
         w.cluster.put(VolumeBuilder("v").onNode("x").volume);
         w.cluster.put(ClaimBuilder("c").boundTo("v").claim);
       },
       {},
       "0/2 nodes are available: 2 node(s) didn't match PersistentVolume's node affinity."},
      {"waits: nobody has a volume",
       podWith("p", {"c"}),
       [](World& w) {
         w.cluster.put(waitingClass());
         w.cluster.put(ClaimBuilder("c").claim);
       },
       {},
       kNoVolumes},
      {"waits: a volume on one node",
       podWith("p", {"c"}),
       [](World& w) {
         w.cluster.put(waitingClass());
         w.cluster.put(ClaimBuilder("c").claim);
         w.cluster.put(VolumeBuilder("v").onNode("b").volume);
       },
       {"b"},
       ""},
      {"waits: the volume is too small",
       podWith("p", {"c"}),
       [](World& w) {
         w.cluster.put(waitingClass());
         w.cluster.put(ClaimBuilder("c").size("2Gi").claim);
         w.cluster.put(VolumeBuilder("v").volume);
       },
       {},
       kNoVolumes},
      {"waits: the volume is somebody else's",
       podWith("p", {"c"}),
       [](World& w) {
         w.cluster.put(waitingClass());
         w.cluster.put(ClaimBuilder("c").claim);
         w.cluster.put(VolumeBuilder("v").claimedBy("other").volume);
       },
       {},
       kNoVolumes},
      {"waits: two claims, one volume",
       podWith("p", {"c", "d"}),
       [](World& w) {
         w.cluster.put(waitingClass());
         w.cluster.put(ClaimBuilder("c").claim);
         w.cluster.put(ClaimBuilder("d").claim);
         w.cluster.put(VolumeBuilder("v").volume);
       },
       {},
       kNoVolumes},
      {"waits: the small claim leaves the large volume",
       podWith("p", {"large", "small"}),
       [](World& w) {
         w.cluster.put(waitingClass());
         w.cluster.put(ClaimBuilder("large").size("5Gi").claim);
         w.cluster.put(ClaimBuilder("small").claim);
         w.cluster.put(VolumeBuilder("v1").size("9Gi").onNode("a").volume);
         w.cluster.put(VolumeBuilder("v2").size("2Gi").onNode("a").volume);
       },
       {"a"},
       ""},
      {"one claim, mounted twice",
       podWith("p", {"c", "c"}),
       [](World& w) {
         w.cluster.put(waitingClass());
         w.cluster.put(ClaimBuilder("c").claim);
         w.cluster.put(VolumeBuilder("v").onNode("a").volume);
       },
       {"a"},
       ""},
      {"provisioned anywhere",
       podWith("p", {"c"}),
       [](World& w) {
         w.cluster.put(waitingClass("made", "csi.example.com"));
         w.cluster.put(ClaimBuilder("c").ofClass("made").claim);
       },
       {"a", "b"},
       ""},
      {"provisioned where the class allows",
       podWith("p", {"c"}),
       [](World& w) {
         auto made = waitingClass("made", "csi.example.com");
         auto& one = made.allowedTopologies.emplace_back().matchLabelExpressions.emplace_back();
         one.key = "topology.kubernetes.io/zone";
         one.values = {"z2", "z3"};
         w.cluster.put(made);
         w.cluster.put(ClaimBuilder("c").ofClass("made").claim);
       },
       {"b"},
       ""},
      {"provisioned where it was begun",
       podWith("p", {"c"}),
       [](World& w) {
         w.cluster.put(waitingClass("made", "csi.example.com"));
         w.cluster.put(ClaimBuilder("c")
                           .ofClass("made")
                           .annotate("volume.kubernetes.io/selected-node", "b")
                           .claim);
       },
       {"b"},
       ""},
      {"provisioned where there is space",
       podWith("p", {"c"}),
       [](World& w) {
         trackCapacity(w);
         w.cluster.put(waitingClass("made", "csi.example.com"));
         w.cluster.put(ClaimBuilder("c").ofClass("made").size("5Gi").claim);
         w.cluster.put(capacity("c1", "z1", "4Gi"));
         w.cluster.put(capacity("c2", "z2", "5Gi"));
       },
       {"b"},
       ""},
      {"no space",
       podWith("p", {"c"}),
       [](World& w) {
         trackCapacity(w);
         w.cluster.put(waitingClass("made", "csi.example.com"));
         w.cluster.put(ClaimBuilder("c").ofClass("made").size("5Gi").claim);
       },
       {},
       "0/2 nodes are available: 2 node(s) did not have enough free storage."},
  };
}

std::vector<Case> otherCases() {
  return {
      {"volume of a zone",
       podWith("p", {"c"}),
       [](World& w) {
         w.cluster.put(VolumeBuilder("v").label("topology.kubernetes.io/zone", "z2__z9").volume);
         w.cluster.put(ClaimBuilder("c").boundTo("v").claim);
       },
       {"b"},
       ""},
      {"volume of another zone, by the old label",
       podWith("p", {"c"}),
       [](World& w) {
         w.cluster.put(
             VolumeBuilder("v").label("failure-domain.beta.kubernetes.io/zone", "z8").volume);
         w.cluster.put(ClaimBuilder("c").boundTo("v").claim);
       },
       {},
       "0/2 nodes are available: 2 node(s) had no available volume zone."},
      {"disk that another pod writes",
       withDisk("p", "d"),
       [](World& w) { w.run(withDisk("r", "d").on("a")); },
       {"b"},
       ""},
      {"disk in use everywhere",
       withDisk("p", "d"),
       [](World& w) {
         w.run(withDisk("r", "d", true).on("a"));
         w.run(withDisk("s", "d").on("b"));
       },
       {},
       "0/2 nodes are available: 2 node(s) had no available disk."},
      {"disk that all only read",
       withDisk("p", "d", true),
       [](World& w) {
         w.run(withDisk("r", "d", true).on("a"));
         w.run(withDisk("s", "d").on("b"));
       },
       {"a"},
       ""},
      {"ReadWriteOncePod in use",
       podWith("p", {"c"}),
       [](World& w) {
         w.cluster.put(VolumeBuilder("v").volume);
         w.cluster.put(ClaimBuilder("c").mode("ReadWriteOncePod").boundTo("v").claim);
         w.run(podWith("r", {"c"}).on("a"));
       },
       {},
       "0/2 nodes are available: 2 node(s) unavailable due to PersistentVolumeClaim with "
       "ReadWriteOncePod access mode already in-use by another pod."},
      {"ReadWriteOnce is for several pods",
       podWith("p", {"c"}),
       [](World& w) {
         w.cluster.put(VolumeBuilder("v").volume);
         w.cluster.put(ClaimBuilder("c").boundTo("v").claim);
         w.run(podWith("r", {"c"}).on("a"));
       },
       {"a", "b"},
       ""},
      {"volume limit reached",
       podWith("p", {"c"}),
       [](World& w) {
         csiVolume(w, "c");
         csiVolume(w, "d");
         w.cluster.put(csiNode("a", 1));
         w.run(podWith("r", {"d"}).on("a"));
       },
       {"b"},
       ""},
      {"volume that is there already counts once",
       podWith("p", {"c"}),
       [](World& w) {
         csiVolume(w, "c");
         w.cluster.put(csiNode("a", 1));
         w.cluster.put(csiNode("b", 0));
         w.run(podWith("r", {"c"}).on("a"));
       },
       {"a"},
       ""},
      {"what is attached without a pod counts",
       podWith("p", {"c"}),
       [](World& w) {
         csiVolume(w, "c");
         csiVolume(w, "d");
         w.cluster.put(csiNode("a", 1));
         w.cluster.put(csiNode("b", 0));
         VolumeAttachment attachment;
         attachment.metadata.name = "x";
         attachment.spec.nodeName = "a";
         attachment.spec.source.persistentVolumeName = "v-d";
         w.cluster.put(attachment);
       },
       {},
       "0/2 nodes are available: 2 node(s) exceed max volume count."},
  };
}

void check(const std::vector<Case>& cases) {
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    World world;
    world.node(NodeBuilder("a").zone("z1"));
    world.node(NodeBuilder("b").zone("z2"));
    c.given(world);
    const auto decision = world.decide(c.pod);
    if (!c.nodesAllowed.empty()) {
      EXPECT_TRUE(c.nodesAllowed.contains(decision.node))
          << decision.node << " " << decision.diagnosis.message();
    } else {
      EXPECT_EQ(decision.node, "");
      EXPECT_EQ(decision.diagnosis.message(), c.message);
    }
  }
}

TEST(VolumeBinding, Decides) {
  check(bindingCases());
}

TEST(VolumePlugins, Decide) {
  check(otherCases());
}

TEST(VolumeBinding, ReservedVolumesAreTaken) {
  World world;
  world.node(NodeBuilder("a"));
  world.cluster.put(waitingClass());
  world.cluster.put(ClaimBuilder("c").claim);
  world.cluster.put(ClaimBuilder("d").claim);
  world.cluster.put(VolumeBuilder("v").volume);
  const auto first = podWith("p", {"c"});
  auto decision = world.decide(first);
  ASSERT_EQ(decision.node, "a");
  ASSERT_TRUE(world.framework.reserve(decision.state, *first.info(), "a").ok());
  EXPECT_TRUE(world.framework.preBindNeeded(decision.state, *first.info()));
  EXPECT_EQ(world.decide(podWith("q", {"d"})).node, "");
  // Another pod of the same claim goes with it.
  EXPECT_EQ(world.decide(podWith("r", {"c"})).node, "a");
  world.framework.unreserve(decision.state, *first.info(), "a");
  EXPECT_EQ(world.decide(podWith("q", {"d"})).node, "a");
}

TEST(VolumeRestrictions, PreemptionMayFreeTheClaim) {
  World world;
  world.node(NodeBuilder("a"));
  world.cluster.put(VolumeBuilder("v").volume);
  world.cluster.put(ClaimBuilder("c").mode("ReadWriteOncePod").boundTo("v").claim);
  world.run(podWith("r", {"c"}).on("a"));
  const auto pod = podWith("p", {"c"}).priority(9);
  auto decision = world.decide(pod);
  EXPECT_EQ(decision.diagnosis.resolvable.size(), 1u);
  // As preemption does: without the pod that uses it, for a moment.
  const auto running = world.cache.pod("default/r");
  NodeInfo& without = forTrial(*world.cache.snapshot().find("a"));
  ASSERT_TRUE(without.removePod(*running));
  world.framework.podChanged(decision.state, *pod.info(), *running, false, without,
                             world.cache.snapshot());
  Reasons reasons;
  uint32_t rejectedBy = 0;
  EXPECT_EQ(world.framework.filter(decision.state, *pod.info(), without, reasons, rejectedBy),
            Code::Success);
  without.addPod(running);
  world.framework.podChanged(decision.state, *pod.info(), *running, true, without,
                             world.cache.snapshot());
  EXPECT_EQ(world.framework.filter(decision.state, *pod.info(), without, reasons, rejectedBy),
            Code::Unschedulable);
}

TEST(VolumePlugins, OnlyOwnClaimsWakePods) {
  World world;
  const auto pod = podWith("p", {"c"}).info();
  const api::ConstObject own{api::Object(ClaimBuilder("c").claim)};
  const api::ConstObject other{api::Object(ClaimBuilder("d").claim)};
  ClusterEvent event;
  event.events = kClaim;
  for (const char* name :
       {"VolumeBinding", "VolumeZone", "VolumeRestrictions", "NodeVolumeLimits"}) {
    uint32_t bit = 0;
    for (uint32_t i = 0; i < kPluginsMax; ++i) {
      const auto names = world.framework.names(1U << i);
      if (!names.empty() && names.front() == name) bit = 1U << i;
    }
    ASSERT_NE(bit, 0u) << name;
    event.newObject = &own;
    EXPECT_TRUE(world.framework.worthRetry(*pod, bit, event)) << name;
    event.newObject = &other;
    EXPECT_FALSE(world.framework.worthRetry(*pod, bit, event)) << name;
  }
}

}  // namespace
}  // namespace coxswain::scheduler
