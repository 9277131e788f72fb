#include "scenarios.h"

#include "scenarios/list.h"

namespace coxswain::simulation {

const std::vector<Scenario>& allScenarios() {
  // A new scenario is its file and one line here. Seeds pick by place: add at the end.
  static const std::vector<Scenario> kAll = {
      deployment(),
      deploymentRecreate(),
      replicaSet(),
      replicationController(),
      statefulSet(),
      statefulSetParallel(),
      daemonSet(),
      daemonSetSurge(),
      job(),
      jobIndexed(),
      jobFailing(),
      cronJob(),
      ttlAfterFinished(),
      autoscaler(),
      endpointSlices(),
      endpoints(),
      mirroring(),
      serviceCidr(),
      garbageCascade(),
      garbageOrphans(),
      namespaceDeletion(),
      nodeLifecycle(),
      taintEviction(),
      podGc(),
      disruption(),
      resourceQuota(),
      nodeIpam(),
      serviceAccounts(),
      tokens(),
      bootstrapTokens(),
      certificates(),
      clusterRoles(),
      volumeBinder(),
      localPath(),
      protection(),
      scheduling(),
      preemption(),
      everything(),
      expansion(),
      attachDetach(),
      ephemeralVolumes(),
      resourceClaims(),
      nodeTtl(),
      cloudNodes(),
      cloudLifecycle(),
      cloudBalancers(),
      cloudRoutes(),
  };
  return kAll;
}

const Scenario* findScenario(std::string_view name) {
  for (const auto& scenario : allScenarios()) {
    if (scenario.name == name) return &scenario;
  }
  return nullptr;
}

}  // namespace coxswain::simulation
