// Disruption budgets and quotas: what they say is counted from what is there.
#include "api/gen/policy_v1.h"
#include "scenarios/list.h"
#include "scenarios/objects.h"

namespace coxswain::simulation {

using api::apps::v1::ReplicaSet;
using api::core::v1::ConfigMap;
using api::core::v1::Pod;
using api::core::v1::ResourceQuota;
using api::policy::v1::PodDisruptionBudget;

namespace {

void playBudgets(World& world) {
  for (const char* name : {"half", "two"}) {
    auto budget = named<PodDisruptionBudget>(name);
    budget.spec.selector.emplace().matchLabels["app"] = "web";
    if (name[0] == 'h') {
      budget.spec.maxUnavailable = api::IntOrString("50%");
    } else {
      budget.spec.minAvailable = api::IntOrString(2);
    }
    world.server.put(budget);
  }
  const auto replicas = world.draw(3, 6);
  world.server.put(makeReplicaSet("web", replicas));
  auto says = [&world](const char* name, int32_t healthy, int32_t allowed) {
    const auto budget = world.server.peek<PodDisruptionBudget>("default", name);
    return budget->status.currentHealthy == healthy &&
           budget->status.disruptionsAllowed == allowed &&
           budget->status.observedGeneration == budget->metadata.generation;
  };
  world.until("counted", [&] {
    return says("two", replicas, replicas - 2) && says("half", replicas, (replicas + 1) / 2);
  });
  // Somebody evicts: it is noted, and forgotten when the pod is gone.
  const auto victim = world.server.peekAll<Pod>()[0]->metadata.name;
  world.server.change<PodDisruptionBudget>("default", "two", [&](PodDisruptionBudget& budget) {
    budget.status.disruptedPods[victim] = api::Time(world.executor.wallNow());
    --budget.status.disruptionsAllowed;
  });
  (void)world.server.erase<Pod>("default", victim);
  world.until("counted again", [&] {
    return says("two", replicas, replicas - 2) &&
           world.server.peek<PodDisruptionBudget>("default", "two")->status.disruptedPods.empty();
  });
  world.server.change<ReplicaSet>("default", "web", [](ReplicaSet& s) { s.spec.replicas = 1; });
  world.until("none may go", [&] { return says("two", 1, 0) && says("half", 1, 1); });
}

void playQuota(World& world) {
  auto quota = named<ResourceQuota>("q");
  for (const char* name : {"pods", "requests.cpu", "configmaps", "count/replicasets.apps"}) {
    quota.spec.hard[name] = *api::Quantity::parse("20");
  }
  world.server.put(quota);
  auto uses = [&world](const char* name, const std::string& amount) {
    const auto now = world.server.peek<ResourceQuota>("default", "q");
    const auto* used = now->status.used.get(name);
    return used != nullptr && used->str() == amount;
  };
  const auto maps = world.draw(1, 5);
  for (int32_t i = 0; i < maps; ++i) {
    world.server.put(named<ConfigMap>("m" + std::to_string(i)));
  }
  auto set = makeReplicaSet("web", 3);
  set.spec.template_.spec.containers[0].resources.requests["cpu"] = *api::Quantity::parse("250m");
  world.server.put(set);
  world.until("counted", [&] {
    return uses("pods", "3") && uses("requests.cpu", "750m") &&
           uses("configmaps", std::to_string(maps)) && uses("count/replicasets.apps", "1");
  });
  world.server.change<ReplicaSet>("default", "web", [](ReplicaSet& s) { s.spec.replicas = 1; });
  (void)world.server.erase<ConfigMap>("default", "m0");
  world.until("less", [&] {
    return uses("pods", "1") && uses("requests.cpu", "250m") &&
           uses("configmaps", std::to_string(maps - 1));
  });
}

void prepare(World& world) {
  world.kubelets.assigns = true;
  for (const char* name : {"n1", "n2"}) world.kubelets.addNode(name);
}

}  // namespace

Scenario disruption() {
  return {"disruption", {"disruption-controller", "replicaset-controller"}, playBudgets, prepare};
}
Scenario resourceQuota() {
  return {
      "resourcequota", {"resourcequota-controller", "replicaset-controller"}, playQuota, prepare};
}

}  // namespace coxswain::simulation
