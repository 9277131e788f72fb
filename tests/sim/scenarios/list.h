#pragma once

#include "world.h"

namespace coxswain::simulation {

// Workloads.
Scenario deployment();
Scenario deploymentRecreate();
Scenario replicaSet();
Scenario replicationController();
Scenario statefulSet();
Scenario statefulSetParallel();
Scenario daemonSet();
Scenario daemonSetSurge();
Scenario job();
Scenario jobIndexed();
Scenario jobFailing();
Scenario cronJob();
Scenario ttlAfterFinished();
Scenario autoscaler();

// Services.
Scenario endpointSlices();
Scenario endpoints();
Scenario mirroring();
Scenario serviceCidr();

// Housekeeping.
Scenario garbageCascade();
Scenario garbageOrphans();
Scenario namespaceDeletion();
Scenario nodeLifecycle();
Scenario taintEviction();
Scenario podGc();
Scenario disruption();
Scenario resourceQuota();
Scenario nodeIpam();
Scenario nodeTtl();
Scenario resourceClaims();

// Identity.
Scenario serviceAccounts();
Scenario tokens();
Scenario bootstrapTokens();
Scenario certificates();
Scenario clusterRoles();

// Storage.
Scenario volumeBinder();
Scenario localPath();
Scenario protection();
Scenario expansion();
Scenario attachDetach();
Scenario ephemeralVolumes();

// Scheduling.
Scenario scheduling();
Scenario preemption();

// Clouds.
Scenario cloudNodes();
Scenario cloudLifecycle();
Scenario cloudBalancers();
Scenario cloudRoutes();

// All at once.
Scenario everything();

}  // namespace coxswain::simulation
