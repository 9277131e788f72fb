// Nodes that fall silent and come back; taints that evict; pods on nodes that are gone; ranges of
// pod addresses.
#include <set>

#include "api/helpers/pods.h"
#include "scenarios/list.h"
#include "scenarios/objects.h"

namespace coxswain::simulation {

using api::core::v1::Node;
using api::core::v1::Pod;

namespace {

bool healthy(const World& world) {
  for (const auto& node : world.server.peekAll<Node>()) {
    if (!node->spec.taints.empty() || !api::isNodeReady(*node)) return false;
  }
  return true;
}

void playSilence(World& world) {
  const auto replicas = world.draw(3, 6);
  world.server.put(makeReplicaSet("web", replicas));
  auto runs = [&] { return readyPods(world, "web") == static_cast<size_t>(replicas); };
  world.until("runs", runs);
  world.run(1min);
  world.kubelets.setDead("n1", true);
  world.until("n1 is unreachable",
              [&] { return !world.server.peek<Node>("", "n1")->spec.taints.empty(); });
  world.until("its pods run elsewhere", [&] {
    size_t elsewhere = 0;
    for (const auto& pod : world.server.peekAll<Pod>()) {
      if (pod->spec.nodeName != "n1" && api::isPodReady(*pod)) ++elsewhere;
    }
    return elsewhere >= static_cast<size_t>(replicas);
  });
  world.kubelets.setDead("n1", false);
  world.until("all is well", [&] {
    return healthy(world) && runs() && podCount(world, "web") == static_cast<size_t>(replicas);
  });
}

void prepareSilence(World& world) {
  world.kubelets.assigns = true;
  world.kubelets.beats = true;
  for (const char* name : {"n1", "n2", "n3", "n4"}) world.kubelets.addNode(name);
}

void taint(World& world, const char* name, const char* effect) {
  world.server.change<Node>("", name, [effect](Node& node) {
    node.spec.taints.clear();
    if (effect == nullptr) return;
    auto& made = node.spec.taints.emplace_back();
    made.key = "example.com/out";
    made.effect = effect;
  });
}

void playTaints(World& world) {
  for (const auto& [name, seconds] :
       {std::pair("never", -2), std::pair("always", -1), std::pair("a-while", 20)}) {
    auto pod = makePod(name, "x");
    pod.spec.nodeName = "n1";
    if (seconds > -2) {
      auto& toleration = pod.spec.tolerations.emplace_back();
      toleration.key = "example.com/out";
      toleration.operator_ = "Exists";
      toleration.effect = "NoExecute";
      if (seconds >= 0) toleration.tolerationSeconds = seconds;
    }
    world.server.put(pod);
  }
  world.until("run", [&] { return readyPods(world, "x") == 3; });
  taint(world, "n1", "NoExecute");
  world.until("one goes at once", [&] { return !world.server.peek<Pod>("default", "never"); });
  world.until("one later", [&] { return !world.server.peek<Pod>("default", "a-while"); });
  taint(world, "n1", nullptr);
  world.run(1min);
  if (!world.server.peek<Pod>("default", "always")) world.fail("what tolerates it has gone");
}

void playLost(World& world) {
  auto runs = makePod("runs", "x");
  runs.spec.nodeName = "n1";
  world.server.put(runs);
  auto lost = makePod("lost", "x");
  lost.spec.nodeName = "gone";
  lost.status.phase = "Running";
  world.server.put(lost);
  world.until("what has no node is gone",
              [&] { return !world.server.peek<Pod>("default", "lost"); });
  for (const char* name : {"e1", "e2", "e3", "e4"}) {
    auto ended = makePod(name, "x");
    ended.spec.nodeName = "n1";
    ended.status.phase = "Succeeded";
    world.server.put(ended);
    world.run(2s);
  }
  world.until("two that ended are kept",
              [&] { return world.server.peekAll<Pod>("default").size() == 3; });
}

void prepareLost(World& world) {
  world.kubelets.addNode("n1");
  world.manager.terminatedPodGcThreshold = 2;
}

class RangesAreDistinct final : public Invariant {
 public:
  void wrote(World& world, const client::ResourceType& /*type*/, const api::ConstObject& before,
             const api::ConstObject& after) override {
    if (!after || !after.is<Node>()) return;
    if (before && before.as<Node>()->spec.podCIDRs == after.as<Node>()->spec.podCIDRs) return;
    std::set<std::string> seen;
    for (const auto& node : world.server.peekAll<Node>()) {
      for (const auto& range : node->spec.podCIDRs) {
        if (!seen.insert(range).second) world.fail("two nodes have " + range);
      }
    }
  }
};

void playRanges(World& world) {
  world.watchFor<RangesAreDistinct>();
  auto all = [&world](size_t count) {
    size_t have = 0;
    for (const auto& node : world.server.peekAll<Node>())
      have += node->spec.podCIDR.empty() ? 0 : 1;
    return have == count;
  };
  for (int i = 1; i <= 6; ++i) world.kubelets.addNode("m" + std::to_string(i));
  world.until("all have one", [&] { return all(6); });
  (void)world.server.erase<Node>("", "m2");
  (void)world.server.erase<Node>("", "m3");
  world.run(std::chrono::milliseconds(world.draw(0, 2000)));
  for (int i = 7; i <= 10; ++i) world.kubelets.addNode("m" + std::to_string(i));
  world.until("all have one again", [&] { return all(8); });
}

void prepareRanges(World& world) {
  // Room for eight.
  world.manager.nodeIpam.clusterCidrs = {"10.244.0.0/21"};
}

}  // namespace

Scenario nodeLifecycle() {
  return {"nodelifecycle",
          {"node-lifecycle-controller", "taint-eviction-controller", "replicaset-controller"},
          playSilence,
          prepareSilence};
}
Scenario taintEviction() {
  return {"tainteviction", {"taint-eviction-controller"}, playTaints};
}
Scenario podGc() {
  return {"podgc", {"pod-garbage-collector-controller"}, playLost, prepareLost};
}
Scenario nodeIpam() {
  return {"nodeipam", {"node-ipam-controller"}, playRanges, prepareRanges};
}

}  // namespace coxswain::simulation
