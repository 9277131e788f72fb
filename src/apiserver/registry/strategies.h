#pragma once

#include <memory>

#include "apiserver/registry/strategy.h"

namespace coxswain::apiserver {

// The strategy of each kind, except pods and pod templates (core/pod_spec.h).

// core
std::unique_ptr<Strategy> makeComponentStatusStrategy();
std::unique_ptr<Strategy> makeConfigMapStrategy();
std::unique_ptr<Strategy> makeEndpointsStrategy();
std::unique_ptr<Strategy> makeEventStrategy();
std::unique_ptr<Strategy> makeLimitRangeStrategy();
std::unique_ptr<Strategy> makeNamespaceStrategy();
/// PUT of /finalize: changes spec.finalizers alone.
std::unique_ptr<Strategy> makeNamespaceFinalizeStrategy();
std::unique_ptr<Strategy> makeNodeStrategy();
std::unique_ptr<Strategy> makePersistentVolumeClaimStrategy();
std::unique_ptr<Strategy> makePersistentVolumeStrategy();
std::unique_ptr<Strategy> makeReplicationControllerStrategy();
std::unique_ptr<Strategy> makeResourceQuotaStrategy();
std::unique_ptr<Strategy> makeSecretStrategy();
std::unique_ptr<Strategy> makeServiceAccountStrategy();
std::unique_ptr<Strategy> makeServiceStrategy();

// apiregistration.k8s.io
std::unique_ptr<Strategy> makeApiServiceStrategy();

// apps
std::unique_ptr<Strategy> makeControllerRevisionStrategy();
std::unique_ptr<Strategy> makeDaemonSetStrategy();
std::unique_ptr<Strategy> makeDeploymentStrategy();
std::unique_ptr<Strategy> makeReplicaSetStrategy();
std::unique_ptr<Strategy> makeStatefulSetStrategy();

// batch
std::unique_ptr<Strategy> makeCronJobStrategy();
std::unique_ptr<Strategy> makeJobStrategy();

// autoscaling: v2 is what is stored
std::unique_ptr<Strategy> makeHorizontalPodAutoscalerStrategy();
std::unique_ptr<Strategy> makeHorizontalPodAutoscalerV1Strategy();

// certificates.k8s.io
std::unique_ptr<Strategy> makeCertificateSigningRequestStrategy();
/// /approval: changes status.conditions alone.
std::unique_ptr<Strategy> makeCertificateApprovalStrategy();

// coordination.k8s.io, discovery.k8s.io, events.k8s.io, scheduling.k8s.io
std::unique_ptr<Strategy> makeLeaseStrategy();
std::unique_ptr<Strategy> makeEndpointSliceStrategy();
std::unique_ptr<Strategy> makeEventsEventStrategy();
std::unique_ptr<Strategy> makePriorityClassStrategy();

// networking.k8s.io, node.k8s.io, storage.k8s.io
std::unique_ptr<Strategy> makeIngressClassStrategy();
std::unique_ptr<Strategy> makeIngressStrategy();
std::unique_ptr<Strategy> makeIpAddressStrategy();
std::unique_ptr<Strategy> makeNetworkPolicyStrategy();
std::unique_ptr<Strategy> makeServiceCidrStrategy();
std::unique_ptr<Strategy> makeRuntimeClassStrategy();
std::unique_ptr<Strategy> makeCsiDriverStrategy();
std::unique_ptr<Strategy> makeCsiNodeStrategy();
std::unique_ptr<Strategy> makeCsiStorageCapacityStrategy();
std::unique_ptr<Strategy> makeStorageClassStrategy();
std::unique_ptr<Strategy> makeVolumeAttachmentStrategy();
std::unique_ptr<Strategy> makeVolumeAttributesClassStrategy();

// flowcontrol.apiserver.k8s.io
std::unique_ptr<Strategy> makeFlowSchemaStrategy();
std::unique_ptr<Strategy> makePriorityLevelConfigurationStrategy();

// resource.k8s.io
std::unique_ptr<Strategy> makeDeviceClassStrategy();
std::unique_ptr<Strategy> makeResourceClaimStrategy();
std::unique_ptr<Strategy> makeResourceClaimTemplateStrategy();
std::unique_ptr<Strategy> makeResourceSliceStrategy();

// policy, rbac.authorization.k8s.io
std::unique_ptr<Strategy> makePodDisruptionBudgetStrategy();
std::unique_ptr<Strategy> makeClusterRoleBindingStrategy();
std::unique_ptr<Strategy> makeClusterRoleStrategy();
std::unique_ptr<Strategy> makeRoleBindingStrategy();
std::unique_ptr<Strategy> makeRoleStrategy();

}  // namespace coxswain::apiserver
