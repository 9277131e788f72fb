// The scheduler: each pod is bound once, no node is oversold, who does not fit waits for room, and
// who is more important makes room.
#include "api/helpers/pods.h"
#include "scenarios/list.h"
#include "scenarios/objects.h"

namespace coxswain::simulation {

using api::core::v1::Node;
using api::core::v1::Pod;

namespace {

void playRoom(World& world) {
  const auto count = world.draw(7, 9);
  for (int32_t i = 0; i < count; ++i) {
    world.server.put(makePod("p" + std::to_string(i), "x", "1"));
  }
  world.until("six run, the others wait", [&] { return readyPods(world, "x") == 6; });
  world.run(std::chrono::milliseconds(world.draw(0, 20'000)));
  auto gated = makePod("gated", "x", "1");
  gated.spec.schedulingGates.emplace_back().name = "example.com/wait";
  world.server.put(gated);
  world.kubelets.addNode("n4", "4");
  world.until("all run", [&] { return readyPods(world, "x") == static_cast<size_t>(count); });
  world.server.change<Pod>("default", "gated", [](Pod& pod) { pod.spec.schedulingGates.clear(); });
  world.until("and the gated one",
              [&] { return readyPods(world, "x") == static_cast<size_t>(count + 1); });
}

void playPreemption(World& world) {
  for (int i = 0; i < 6; ++i) {
    auto low = makePod("low" + std::to_string(i), "low", "1");
    low.spec.priority = 0;
    low.spec.preemptionPolicy = "PreemptLowerPriority";
    world.server.put(low);
  }
  world.until("full", [&] { return readyPods(world, "low") == 6; });
  const auto count = world.draw(1, 3);
  for (int32_t i = 0; i < count; ++i) {
    auto high = makePod("high" + std::to_string(i), "high", "1");
    high.spec.priority = 1000;
    high.spec.preemptionPolicy = "PreemptLowerPriority";
    world.server.put(high);
  }
  world.until("they have room",
              [&] { return readyPods(world, "high") == static_cast<size_t>(count); });
  // Nobody had to go in vain, if all was known.
  if (!world.faults.doubts() && world.faults.lagging == 0 && world.faults.crashesMax == 0 &&
      world.faults.at == 0 && podCount(world, "low") != static_cast<size_t>(6 - count)) {
    world.fail("more were evicted than were in the way");
  }
  // Which ones had to go is chance.
  for (const auto& pod : world.server.peekAll<Pod>()) {
    if (*pod->metadata.labels.get("app") == "low") {
      (void)world.server.erase<Pod>("default", pod->metadata.name);
    }
  }
  world.until("the low are gone", [&] { return podCount(world, "low") == 0; });
}

void prepare(World& world) {
  for (const char* name : {"n1", "n2", "n3"}) world.kubelets.addNode(name, "2");
}

}  // namespace

Scenario scheduling() {
  return {"scheduling", {"scheduler"}, playRoom, prepare};
}
Scenario preemption() {
  return {"preemption", {"scheduler"}, playPreemption, prepare};
}

}  // namespace coxswain::simulation
