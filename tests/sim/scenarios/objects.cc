#include "scenarios/objects.h"

#include "api/helpers/pods.h"
#include "api/meta/quantity.h"

namespace coxswain::simulation {

using namespace api::apps::v1;
using namespace api::batch::v1;
using namespace api::core::v1;

namespace {

void fillSpec(PodSpec& spec, const std::string& cpu) {
  spec.schedulerName = "default-scheduler";
  spec.restartPolicy = "Always";
  spec.dnsPolicy = "ClusterFirst";
  spec.terminationGracePeriodSeconds = 30;
  auto& container = spec.containers.emplace_back();
  container.name = "main";
  container.image = "x:1";
  if (!cpu.empty()) container.resources.requests["cpu"] = *api::Quantity::parse(cpu);
}

}  // namespace

void fillTemplate(PodTemplateSpec& into, const std::string& app, const std::string& cpu) {
  into.metadata.labels["app"] = app;
  fillSpec(into.spec, cpu);
}

Pod makePod(const std::string& name, const std::string& app, const std::string& cpu) {
  auto pod = named<Pod>(name);
  pod.metadata.labels["app"] = app;
  fillSpec(pod.spec, cpu);
  pod.status.phase = "Pending";
  return pod;
}

Deployment makeDeployment(const std::string& name, int32_t replicas) {
  auto made = named<Deployment>(name);
  made.spec.replicas = replicas;
  made.spec.selector.emplace().matchLabels["app"] = name;
  fillTemplate(made.spec.template_, name);
  made.spec.strategy.type = "RollingUpdate";
  auto& rolling = made.spec.strategy.rollingUpdate.emplace();
  rolling.maxSurge = api::IntOrString("25%");
  rolling.maxUnavailable = api::IntOrString("25%");
  made.spec.revisionHistoryLimit = 10;
  made.spec.progressDeadlineSeconds = 600;
  return made;
}

ReplicaSet makeReplicaSet(const std::string& name, int32_t replicas) {
  auto made = named<ReplicaSet>(name);
  made.spec.replicas = replicas;
  made.spec.selector.emplace().matchLabels["app"] = name;
  fillTemplate(made.spec.template_, name);
  return made;
}

ReplicationController makeReplicationController(const std::string& name, int32_t replicas) {
  auto made = named<ReplicationController>(name);
  made.spec.replicas = replicas;
  made.spec.selector["app"] = name;
  fillTemplate(made.spec.template_.emplace(), name);
  return made;
}

StatefulSet makeStatefulSet(const std::string& name, int32_t replicas) {
  auto made = named<StatefulSet>(name);
  made.spec.replicas = replicas;
  made.spec.serviceName = name;
  made.spec.podManagementPolicy = "OrderedReady";
  made.spec.selector.emplace().matchLabels["app"] = name;
  fillTemplate(made.spec.template_, name);
  made.spec.updateStrategy.type = "RollingUpdate";
  made.spec.updateStrategy.rollingUpdate.emplace().partition = 0;
  made.spec.revisionHistoryLimit = 10;
  auto& retention = made.spec.persistentVolumeClaimRetentionPolicy.emplace();
  retention.whenDeleted = retention.whenScaled = "Retain";
  return made;
}

DaemonSet makeDaemonSet(const std::string& name) {
  auto made = named<DaemonSet>(name);
  made.spec.selector.emplace().matchLabels["app"] = name;
  fillTemplate(made.spec.template_, name);
  made.spec.updateStrategy.type = "RollingUpdate";
  auto& rolling = made.spec.updateStrategy.rollingUpdate.emplace();
  rolling.maxUnavailable = 1;
  rolling.maxSurge = 0;
  made.spec.revisionHistoryLimit = 10;
  return made;
}

Job makeJob(const std::string& name, int32_t completions, int32_t parallelism) {
  auto made = named<Job>(name);
  made.spec.completions = completions;
  made.spec.parallelism = parallelism;
  made.spec.backoffLimit = 6;
  made.spec.completionMode = "NonIndexed";
  made.spec.suspend = false;
  made.spec.podReplacementPolicy = "TerminatingOrFailed";
  made.spec.selector.emplace().matchLabels["app"] = name;
  fillTemplate(made.spec.template_, name);
  made.spec.template_.spec.restartPolicy = "Never";
  return made;
}

Service makeService(const std::string& name) {
  auto made = named<Service>(name);
  made.spec.type = "ClusterIP";
  made.spec.clusterIP = "10.96.0.7";
  made.spec.clusterIPs = {"10.96.0.7"};
  made.spec.ipFamilies = {"IPv4"};
  made.spec.ipFamilyPolicy = "SingleStack";
  made.spec.internalTrafficPolicy = "Cluster";
  made.spec.sessionAffinity = "None";
  made.spec.selector["app"] = name;
  auto& port = made.spec.ports.emplace_back();
  port.port = 80;
  port.protocol = "TCP";
  port.targetPort = api::IntOrString(8080);
  return made;
}

size_t podCount(const World& world, const std::string& app) {
  size_t count = 0;
  for (const auto& pod : world.server.peekAll<Pod>()) {
    const auto* label = pod->metadata.labels.get("app");
    if (label != nullptr && *label == app) ++count;
  }
  return count;
}

void oneNodeWherePodsSucceed(World& world) {
  world.kubelets.assigns = true;
  world.kubelets.addNode("n1");
  world.kubelets.ending = [](const Pod&) -> std::optional<Kubelets::Ending> {
    return Kubelets::Ending();
  };
}

size_t readyPods(const World& world, const std::string& app, const std::string& image) {
  size_t count = 0;
  for (const auto& pod : world.server.peekAll<Pod>()) {
    const auto* label = pod->metadata.labels.get("app");
    if (label == nullptr || *label != app || pod->metadata.deletionTimestamp) continue;
    if (!image.empty() && pod->spec.containers[0].image != image) continue;
    if (api::isPodReady(*pod)) ++count;
  }
  return count;
}

}  // namespace coxswain::simulation
