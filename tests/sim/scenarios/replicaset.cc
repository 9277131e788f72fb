// A ReplicaSet comes, grows, shrinks, loses a pod, and goes with its pods.
#include "invariants.h"
#include "scenarios/list.h"
#include "scenarios/objects.h"

namespace coxswain::simulation {

using api::apps::v1::ReplicaSet;
using api::core::v1::Pod;

namespace {

bool has(const World& world, const char* name, int32_t ready) {
  auto set = world.server.peek<ReplicaSet>("default", name);
  return set && set->status.readyReplicas == ready && set->status.replicas == ready;
}

void play(World& world) {
  const auto low = world.draw(1, 3);
  const auto high = world.draw(4, 7);
  world.watchFor<PodsAtMost>("web", static_cast<size_t>(high), 7);
  world.server.put(makeReplicaSet("web", low));
  world.server.put(makeReplicaSet("gone", 2));
  world.until("a few", [&] { return has(world, "web", low) && has(world, "gone", 2); });
  world.server.change<ReplicaSet>("default", "web",
                                  [&](ReplicaSet& set) { set.spec.replicas = high; });
  world.until("more", [&] { return has(world, "web", high); });
  for (const auto& pod : world.server.peekAll<Pod>()) {
    if (*pod->metadata.labels.get("app") != "web") continue;
    (void)world.server.erase<Pod>("default", pod->metadata.name);
    break;
  }
  remove<ReplicaSet>(world, "gone");
  world.until("another one", [&] {
    return has(world, "web", high) && podCount(world, "web") == static_cast<size_t>(high) &&
           podCount(world, "gone") == 0;
  });
  world.server.change<ReplicaSet>("default", "web",
                                  [&](ReplicaSet& set) { set.spec.replicas = low; });
  world.until("fewer", [&] { return has(world, "web", low); });
}

void prepare(World& world) {
  world.kubelets.assigns = true;
  for (const char* name : {"n1", "n2"}) world.kubelets.addNode(name);
}

}  // namespace

Scenario replicaSet() {
  return {"replicaset", {"replicaset-controller", "garbage-collector-controller"}, play, prepare};
}

}  // namespace coxswain::simulation
