// A ReplicationController adopts a pod that fits, lets one go whose label changes, and replaces it.
#include "invariants.h"
#include "scenarios/list.h"
#include "scenarios/objects.h"

namespace coxswain::simulation {

using api::core::v1::Pod;
using api::core::v1::ReplicationController;

namespace {

void play(World& world) {
  const auto replicas = world.draw(2, 5);
  world.server.put(makePod("stray", "rc"));
  world.server.put(makeReplicationController("rc", replicas));
  auto runs = [&] {
    auto stored = world.server.peek<ReplicationController>("default", "rc");
    return stored->status.readyReplicas == replicas && stored->status.replicas == replicas &&
           podCount(world, "rc") == static_cast<size_t>(replicas);
  };
  world.until("runs", [&] {
    return runs() && !world.server.peek<Pod>("default", "stray")->metadata.ownerReferences.empty();
  });
  world.server.change<Pod>("default", "stray",
                           [](Pod& pod) { pod.metadata.labels["app"] = "other"; });
  world.until("released and replaced", [&] {
    return runs() && world.server.peek<Pod>("default", "stray")->metadata.ownerReferences.empty();
  });
}

void prepare(World& world) {
  world.kubelets.assigns = true;
  world.kubelets.addNode("n1");
}

}  // namespace

Scenario replicationController() {
  return {"replicationcontroller",
          {"replicationcontroller-controller", "garbage-collector-controller"},
          play,
          prepare};
}

}  // namespace coxswain::simulation
