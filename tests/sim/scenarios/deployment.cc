// A Deployment rolls out, is scaled in the middle of a rollout, rolls back, and never has fewer
// ready pods than maxUnavailable allows.
#include "invariants.h"
#include "scenarios/list.h"
#include "scenarios/objects.h"

namespace coxswain::simulation {

using api::apps::v1::Deployment;
using api::apps::v1::ReplicaSet;

namespace {

bool complete(const World& world, const char* name, const std::string& image) {
  auto it = world.server.peek<Deployment>("default", name);
  const auto& status = it->status;
  const auto wanted = it->spec.replicas.value_or(1);
  return status.observedGeneration == it->metadata.generation && status.updatedReplicas == wanted &&
         status.availableReplicas == wanted && status.replicas == wanted &&
         readyPods(world, name, image) == static_cast<size_t>(wanted);
}

void play(World& world) {
  const auto replicas = world.draw(2, 9);
  auto least = std::make_shared<size_t>(0);
  world.watchFor<PodsReadyAtLeast>("web", least);
  world.server.put(makeDeployment("web", replicas));
  world.until("complete", [&] { return complete(world, "web", "x:1"); });
  // 25 % of at most 9, rounded down.
  *least = static_cast<size_t>(replicas - replicas / 4);
  auto setImage = [&world](const char* image) {
    world.server.change<Deployment>("default", "web", [image](Deployment& d) {
      d.spec.template_.spec.containers[0].image = image;
    });
  };
  setImage("x:2");
  world.until("rolled out", [&] { return complete(world, "web", "x:2"); });
  setImage("x:3");
  world.until("seen", [&] {
    for (const auto& set : world.server.peekAll<ReplicaSet>()) {
      if (set->spec.template_.spec.containers[0].image == "x:3") return true;
    }
    return false;
  });
  world.run(std::chrono::milliseconds(world.draw(0, 5000)));
  setImage("x:2");
  world.until("rolled back", [&] { return complete(world, "web", "x:2"); });
  const auto more = replicas + world.draw(1, 4);
  world.server.change<Deployment>("default", "web", [&](Deployment& d) { d.spec.replicas = more; });
  world.until("scaled", [&] { return complete(world, "web", "x:2"); });
  *least = 0;
}

void prepare(World& world) {
  world.kubelets.assigns = true;
  for (const char* name : {"n1", "n2"}) world.kubelets.addNode(name);
}

}  // namespace

Scenario deployment() {
  return {"deployment",
          {"deployment-controller", "replicaset-controller", "garbage-collector-controller"},
          play,
          prepare,
          2min,
          // After 15 failures in a row a deployment is given up, as upstream does.
          0.5};
}

}  // namespace coxswain::simulation
