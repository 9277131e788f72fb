#include "api/gen/apps_v1.h"
#include "apiserver/registry/strategies.h"
#include "apiserver/registry/table.h"

namespace coxswain::apiserver {

void addApps(ResourceTable& table) {
  using namespace api::apps::v1;  // NOLINT
  table.add<ControllerRevision, ControllerRevisionList>(
      {.plural = "controllerrevisions",
       .singular = "controllerrevision",
       .keyPrefix = "/registry/controllerrevisions",
       .storageVersionHash = "85nkx63pcBU="},
      makeControllerRevisionStrategy());
  table.add<DaemonSet, DaemonSetList>({.plural = "daemonsets",
                                       .singular = "daemonset",
                                       .shortName = "ds",
                                       .category = "all",
                                       .keyPrefix = "/registry/daemonsets",
                                       .storageVersionHash = "dd7pWHUlMKQ=",
                                       .status = true},
                                      makeDaemonSetStrategy());
  table.add<Deployment, DeploymentList>({.plural = "deployments",
                                         .singular = "deployment",
                                         .shortName = "deploy",
                                         .category = "all",
                                         .keyPrefix = "/registry/deployments",
                                         .storageVersionHash = "8aSe+NMegvE=",
                                         .subresources = {kScale},
                                         .status = true},
                                        makeDeploymentStrategy());
  table.add<ReplicaSet, ReplicaSetList>({.plural = "replicasets",
                                         .singular = "replicaset",
                                         .shortName = "rs",
                                         .category = "all",
                                         .keyPrefix = "/registry/replicasets",
                                         .storageVersionHash = "P1RzHs8/mWQ=",
                                         .subresources = {kScale},
                                         .status = true},
                                        makeReplicaSetStrategy());
  table.add<StatefulSet, StatefulSetList>({.plural = "statefulsets",
                                           .singular = "statefulset",
                                           .shortName = "sts",
                                           .category = "all",
                                           .keyPrefix = "/registry/statefulsets",
                                           .storageVersionHash = "H+vl74LkKdo=",
                                           .subresources = {kScale},
                                           .status = true},
                                          makeStatefulSetStrategy());
}

}  // namespace coxswain::apiserver
