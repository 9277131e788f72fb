// StatefulSets with claims: up in order, rolled out, a pod is lost, down again. Whatever happens,
// an ordinal is never made before the one below it is ready (OrderedReady), and claims are made
// once and stay.
#include "api/helpers/pods.h"
#include "invariants.h"
#include "scenarios/list.h"
#include "scenarios/objects.h"

namespace coxswain::simulation {

using api::apps::v1::StatefulSet;
using api::core::v1::PersistentVolumeClaim;
using api::core::v1::Pod;

namespace {

int ordinalOf(const Pod& pod) {
  return std::stoi(pod.metadata.name.substr(pod.metadata.name.rfind('-') + 1));
}

/// When a pod is made, all of lower ordinals were ready, or had been and are on their way out.
class UpInOrder final : public Invariant {
 public:
  void wrote(World& world, const client::ResourceType& /*type*/, const api::ConstObject& before,
             const api::ConstObject& after) override {
    const auto* pod = !before && after ? after.as<Pod>() : nullptr;
    if (pod == nullptr) return;
    for (int lower = 0; lower < ordinalOf(*pod); ++lower) {
      auto other = world.server.peek<Pod>("default", "db-" + std::to_string(lower));
      if (!other || !api::isPodReady(*other)) {
        world.fail(pod->metadata.name + " is made before db-" + std::to_string(lower) +
                   " is ready");
      }
    }
  }
};

class ClaimsStay final : public Invariant {
 public:
  void wrote(World& world, const client::ResourceType& /*type*/, const api::ConstObject& before,
             const api::ConstObject& after) override {
    if (before && before.is<PersistentVolumeClaim>() && !after) world.fail("a claim is deleted");
  }
};

StatefulSet make(int32_t replicas) {
  auto set = makeStatefulSet("db", replicas);
  auto& claim = set.spec.volumeClaimTemplates.emplace_back();
  claim.metadata.name = "data";
  claim.spec.accessModes = {"ReadWriteOnce"};
  claim.spec.resources.requests["storage"] = *api::Quantity::parse("1Gi");
  return set;
}

bool runs(const World& world, int32_t replicas, const char* image) {
  auto set = world.server.peek<StatefulSet>("default", "db");
  const auto& status = set->status;
  return readyPods(world, "db", image) == static_cast<size_t>(replicas) &&
         podCount(world, "db") == static_cast<size_t>(replicas) &&
         status.availableReplicas == replicas && status.updatedReplicas == replicas &&
         status.currentReplicas == replicas && status.currentRevision == status.updateRevision &&
         status.observedGeneration == set->metadata.generation;
}

void play(World& world) {
  const auto replicas = world.draw(2, 4);
  world.watchFor<ClaimsStay>();
  const bool ordered = world.scenario.name == "statefulset";
  auto set = make(replicas);
  if (ordered) {
    world.watchFor<UpInOrder>();
  } else {
    set.spec.podManagementPolicy = "Parallel";
  }
  world.server.put(set);
  world.until("up", [&] { return runs(world, replicas, "x:1"); });
  world.server.change<StatefulSet>(
      "default", "db", [](StatefulSet& s) { s.spec.template_.spec.containers[0].image = "x:2"; });
  world.until("rolled out", [&] { return runs(world, replicas, "x:2"); });
  const auto uid = world.server.peek<Pod>("default", "db-0")->metadata.uid;
  (void)world.server.erase<Pod>("default", "db-0");
  world.until("db-0 is back", [&] {
    auto pod = world.server.peek<Pod>("default", "db-0");
    return pod && pod->metadata.uid != uid && runs(world, replicas, "x:2");
  });
  world.server.change<StatefulSet>("default", "db", [](StatefulSet& s) { s.spec.replicas = 1; });
  world.until("one", [&] { return runs(world, 1, "x:2"); });
}

void prepare(World& world) {
  world.kubelets.assigns = true;
  for (const char* name : {"n1", "n2"}) world.kubelets.addNode(name);
}

}  // namespace

Scenario statefulSet() {
  return {"statefulset", {"statefulset-controller", "garbage-collector-controller"}, play, prepare};
}

Scenario statefulSetParallel() {
  return {"statefulset-parallel",
          {"statefulset-controller", "garbage-collector-controller"},
          play,
          prepare};
}

}  // namespace coxswain::simulation
