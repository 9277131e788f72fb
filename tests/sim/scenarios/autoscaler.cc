// A HorizontalPodAutoscaler follows a load that rises and falls; the readings are made up.
#include "api/gen/autoscaling_v2.h"
#include "api/gen/metrics_v1beta1.h"
#include "controllers/podautoscaler/metrics_source.h"
#include "scenarios/list.h"
#include "scenarios/objects.h"

namespace coxswain::simulation {

using api::apps::v1::Deployment;
using api::autoscaling::v2::HorizontalPodAutoscaler;
using api::core::v1::Pod;
using api::metrics::v1beta1::PodMetrics;

namespace {

void setUse(World& world, const char* cpu) {
  for (const char* name : {"web-0", "web-1"}) {
    PodMetrics metrics;
    metrics.metadata.name = name;
    metrics.metadata.namespace_ = "default";
    metrics.metadata.labels["app"] = "web";
    metrics.timestamp = api::Time(world.executor.wallNow());
    auto& container = metrics.containers.emplace_back();
    container.name = "main";
    container.usage["cpu"] = *api::Quantity::parse(cpu);
    (void)world.server.erase<PodMetrics>("default", name);
    world.server.put(std::move(metrics));
  }
}

void play(World& world) {
  auto web = makeDeployment("web", 2);
  web.status.replicas = 2;
  world.server.put(web);
  setUse(world, "800m");
  auto scaler = named<HorizontalPodAutoscaler>("web");
  scaler.spec.scaleTargetRef.apiVersion = "apps/v1";
  scaler.spec.scaleTargetRef.kind = "Deployment";
  scaler.spec.scaleTargetRef.name = "web";
  scaler.spec.minReplicas = 1;
  scaler.spec.maxReplicas = 5;
  auto& metric = scaler.spec.metrics.emplace_back();
  metric.type = "Resource";
  auto& resource = metric.resource.emplace();
  resource.name = "cpu";
  resource.target.type = "Utilization";
  resource.target.averageUtilization = 50;
  world.server.put(scaler);
  auto replicas = [&world] {
    return *world.server.peek<Deployment>("default", "web")->spec.replicas;
  };
  world.until("four", [&] { return replicas() == 4; });
  world.run(30s);
  setUse(world, "50m");
  world.until("one", [&] { return replicas() == 1; });
  world.until("the status says so", [&] {
    return world.server.peek<HorizontalPodAutoscaler>("default", "web")->status.desiredReplicas ==
           1;
  });
}

void prepare(World& world) {
  for (const char* name : {"web-0", "web-1"}) {
    auto pod = makePod(name, "web", "1");
    pod.spec.nodeName = "n1";
    const api::Time since(world.executor.wallNow() - 1h);
    pod.metadata.creationTimestamp = since;
    pod.status.phase = "Running";
    pod.status.startTime = since;
    auto& ready = pod.status.conditions.emplace_back();
    ready.type = "Ready";
    ready.status = "True";
    ready.lastTransitionTime = since;
    world.server.put(std::move(pod));
  }
}

}  // namespace

Scenario autoscaler() {
  // Its memory of recommendations, five minutes deep, is lost in a crash: it settles slowly.
  return {"autoscaler", {"horizontal-pod-autoscaler-controller"}, play, prepare, 12min};
}

}  // namespace coxswain::simulation
