// A Deployment of type Recreate never has pods of two templates; a paused one waits; in the end it
// goes with all that is its.
#include <set>

#include "invariants.h"
#include "scenarios/list.h"
#include "scenarios/objects.h"

namespace coxswain::simulation {

using api::apps::v1::Deployment;
using api::core::v1::Pod;

namespace {

class OneImageAtATime final : public Invariant {
 public:
  void wrote(World& world, const client::ResourceType& /*type*/, const api::ConstObject& before,
             const api::ConstObject& after) override {
    if (before || !after || !after.is<Pod>()) return;
    std::set<std::string> images;
    for (const auto& pod : world.server.peekAll<Pod>()) {
      if (!pod->metadata.deletionTimestamp) images.insert(pod->spec.containers[0].image);
    }
    if (images.size() > 1) world.fail("pods of two templates at once");
  }
};

void play(World& world) {
  world.watchFor<OneImageAtATime>();
  const auto replicas = world.draw(1, 4);
  auto made = makeDeployment("web", replicas);
  made.spec.strategy.type = "Recreate";
  made.spec.strategy.rollingUpdate.reset();
  made.spec.revisionHistoryLimit = 1;
  world.server.put(made);
  auto runs = [&](const char* image) {
    auto stored = world.server.peek<Deployment>("default", "web");
    return readyPods(world, "web", image) == static_cast<size_t>(replicas) &&
           stored->status.availableReplicas == replicas &&
           stored->status.observedGeneration == stored->metadata.generation;
  };
  auto change = [&world](const char* image, bool paused) {
    world.server.change<Deployment>("default", "web", [&](Deployment& d) {
      d.spec.template_.spec.containers[0].image = image;
      d.spec.paused = paused;
    });
  };
  world.until("runs", [&] { return runs("x:1"); });
  for (const char* image : {"x:2", "x:3"}) {
    change(image, false);
    world.until("made anew", [&] { return runs(image); });
  }
  change("x:4", true);
  world.until("paused", [&] {
    auto stored = world.server.peek<Deployment>("default", "web");
    return stored->status.observedGeneration == stored->metadata.generation;
  });
  change("x:4", false);
  world.until("goes on", [&] { return runs("x:4"); });
  auto other = makeDeployment("gone", 2);
  other.spec.strategy.type = "Recreate";
  other.spec.strategy.rollingUpdate.reset();
  other.spec.template_.spec.containers[0].image = "x:4";
  world.server.put(other);
  world.until("another", [&] { return readyPods(world, "gone") == 2; });
  remove<Deployment>(world, "gone", world.draw(0, 1) == 0 ? "Background" : "Foreground");
  world.until("gone", [&] {
    return !world.server.peek<Deployment>("default", "gone") && podCount(world, "gone") == 0;
  });
}

void prepare(World& world) {
  world.kubelets.assigns = true;
  for (const char* name : {"n1", "n2"}) world.kubelets.addNode(name);
}

}  // namespace

Scenario deploymentRecreate() {
  return {"deployment-recreate",
          {"deployment-controller", "replicaset-controller", "garbage-collector-controller"},
          play,
          prepare,
          2min,
          // After 15 failures in a row a deployment is given up, as upstream does.
          0.5};
}

}  // namespace coxswain::simulation
