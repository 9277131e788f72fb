// A whole kube-controller-manager as one process that crashes as one, a scheduler, and a bit of
// each workload.
#include "api/helpers/pods.h"
#include "scenarios/list.h"
#include "scenarios/objects.h"

namespace coxswain::simulation {

using api::apps::v1::DaemonSet;
using api::apps::v1::Deployment;
using api::apps::v1::StatefulSet;
using api::batch::v1::Job;
using api::core::v1::Namespace;
using api::core::v1::Pod;

namespace {

void play(World& world) {
  const auto replicas = world.draw(2, 4);
  world.server.put(makeDeployment("web", replicas));
  world.server.put(makeService("web"));
  world.server.put(makeStatefulSet("db", 2));
  world.server.put(makeDaemonSet("agent"));
  auto job = makeJob("work", 3, 2);
  job.spec.ttlSecondsAfterFinished = 30;
  world.server.put(job);
  world.server.put(named<Namespace>("x"));
  auto other = makeDeployment("other", 2);
  other.metadata.namespace_ = "x";
  world.server.put(other);
  auto runs = [&](const char* image) {
    return readyPods(world, "web", image) == static_cast<size_t>(replicas) &&
           readyPods(world, "db") == 2 && readyPods(world, "agent") == 3;
  };
  world.until("all run", [&] { return runs("x:1") && readyPods(world, "other") == 2; });
  world.server.change<Deployment>(
      "default", "web", [](Deployment& d) { d.spec.template_.spec.containers[0].image = "x:2"; });
  (void)world.server.erase<Namespace>("", "x");
  world.until("rolled out, the namespace is gone, the job is done", [&] {
    return runs("x:2") && !world.server.peek<Namespace>("", "x") &&
           !world.server.peek<Job>("default", "work") && podCount(world, "work") == 0;
  });
}

void prepare(World& world) {
  world.kubelets.beats = true;
  for (const char* name : {"n1", "n2", "n3"}) world.kubelets.addNode(name);
  world.kubelets.ending = [](const Pod& pod) -> std::optional<Kubelets::Ending> {
    if (*pod.metadata.labels.get("app") != "work") return std::nullopt;
    return Kubelets::Ending();
  };
}

}  // namespace

Scenario everything() {
  return {"everything", {"*", "scheduler"}, play, prepare, 2min, 0.1};
}

}  // namespace coxswain::simulation
