// A DaemonSet, placed by the scheduler: a node joins, the template changes, a node is no longer
// meant, all goes. One pod a node, two only where they surge.
#include "api/helpers/objects.h"
#include "controllers/daemonset/decide.h"
#include "invariants.h"
#include "scenarios/list.h"
#include "scenarios/objects.h"

namespace coxswain::simulation {

using api::apps::v1::DaemonSet;
using api::core::v1::Node;
using api::core::v1::Pod;

namespace {

/// With surge the old and the new one of a node differ by their revision.
std::string nodeAndRevision(const Pod& pod) {
  const auto* revision = pod.metadata.labels.get("controller-revision-hash");
  return controllers::daemonset::targetNode(pod) + " " + (revision ? *revision : "");
}
std::string node(const Pod& pod) {
  return controllers::daemonset::targetNode(pod);
}

bool runs(const World& world, int32_t nodes, const char* image) {
  auto set = world.server.peek<DaemonSet>("default", "agent");
  const auto& status = set->status;
  return status.desiredNumberScheduled == nodes && status.numberAvailable == nodes &&
         status.updatedNumberScheduled == nodes && status.numberMisscheduled == 0 &&
         readyPods(world, "agent", image) == static_cast<size_t>(nodes) &&
         podCount(world, "agent") == static_cast<size_t>(nodes) &&
         status.observedGeneration == set->metadata.generation;
}

void play(World& world) {
  const bool surges = world.scenario.name == "daemonset-surge";
  auto set = makeDaemonSet("agent");
  set.spec.template_.spec.nodeSelector["role"] = "worker";
  if (surges) {
    set.spec.updateStrategy.rollingUpdate->maxUnavailable = 0;
    set.spec.updateStrategy.rollingUpdate->maxSurge = 1;
  }
  world.watchFor<ActivePodsAreDistinct>("node", surges ? nodeAndRevision : node);
  auto least = std::make_shared<size_t>(0);
  world.watchFor<PodsReadyAtLeast>("agent", least);
  world.server.put(set);
  world.until("on each", [&] { return runs(world, 3, "x:1"); });
  world.kubelets.addNode("n4", "8", {{"role", "worker"}});
  world.until("on the new one", [&] { return runs(world, 4, "x:1"); });
  *least = surges ? 4 : 3;
  world.server.change<DaemonSet>(
      "default", "agent", [](DaemonSet& d) { d.spec.template_.spec.containers[0].image = "x:2"; });
  world.until("rolled out", [&] { return runs(world, 4, "x:2"); });
  *least = 0;
  world.server.change<Node>("", "n1", [](Node& n) { n.metadata.labels.erase("role"); });
  world.until("not on that", [&] { return runs(world, 3, "x:2"); });
  remove<DaemonSet>(world, "agent", "Foreground");
  world.until("gone", [&] { return !world.server.peek<DaemonSet>("default", "agent"); });
}

void prepare(World& world) {
  for (const char* name : {"n1", "n2", "n3"}) {
    world.kubelets.addNode(name, "8", {{"role", "worker"}});
  }
  world.kubelets.addNode("other");
}

}  // namespace

Scenario daemonSet() {
  return {"daemonset",
          {"daemonset-controller", "scheduler", "garbage-collector-controller"},
          play,
          prepare};
}

Scenario daemonSetSurge() {
  return {"daemonset-surge",
          {"daemonset-controller", "scheduler", "garbage-collector-controller"},
          play,
          prepare};
}

}  // namespace coxswain::simulation
