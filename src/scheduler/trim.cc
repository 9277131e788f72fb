#include "scheduler/trim.h"

#include "api/gen/apps_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/gen/policy_v1.h"
#include "client/informers.h"

namespace coxswain::scheduler {

namespace {

using api::apps::v1::ReplicaSet;
using api::apps::v1::StatefulSet;
using api::core::v1::Namespace;
using api::core::v1::Node;
using api::core::v1::ReplicationController;
using api::core::v1::Service;
using api::meta::v1::ObjectMeta;
using api::policy::v1::PodDisruptionBudget;

/// Names and labels stay.
void trimMeta(ObjectMeta& meta) {
  std::string().swap(meta.generateName);
  meta.annotations = {};
  decltype(meta.ownerReferences)().swap(meta.ownerReferences);
  decltype(meta.finalizers)().swap(meta.finalizers);
}

/// What plugins read of a node: labels, spec.unschedulable, taints, allocatable, images.
void trimNode(Node& node) {
  trimMeta(node.metadata);
  Node kept;
  kept.metadata = std::move(node.metadata);
  kept.spec.unschedulable = node.spec.unschedulable;
  kept.spec.taints = std::move(node.spec.taints);
  kept.status.allocatable = std::move(node.status.allocatable);
  kept.status.images = std::move(node.status.images);
  node = std::move(kept);
}

/// Which pods belong together: the selector alone.
template <typename T>
void trimOwner(T& owner) {
  trimMeta(owner.metadata);
  auto selector = std::move(owner.spec.selector);
  owner.spec = {};
  owner.status = {};
  owner.spec.selector = std::move(selector);
}

void trimBudget(PodDisruptionBudget& budget) {
  trimMeta(budget.metadata);
  decltype(budget.status.conditions)().swap(budget.status.conditions);
}

void trimNamespace(Namespace& ns) {
  trimMeta(ns.metadata);
  ns.spec = {};
  ns.status = {};
}

}  // namespace

void trimForScheduler(client::Informers& informers, bool wholeNodes) {
  if (!wholeNodes) informers.trim<Node>(trimNode);
  informers.trim<Service>(trimOwner<Service>);
  informers.trim<ReplicationController>(trimOwner<ReplicationController>);
  informers.trim<ReplicaSet>(trimOwner<ReplicaSet>);
  informers.trim<StatefulSet>(trimOwner<StatefulSet>);
  informers.trim<PodDisruptionBudget>(trimBudget);
  informers.trim<Namespace>(trimNamespace);
}

}  // namespace coxswain::scheduler
