#include "controllers/replicaset/flavor.h"

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "client/resources.h"

namespace coxswain::controllers::replicaset {

using api::apps::v1::ReplicaSet;
using api::apps::v1::ReplicaSetCondition;
using api::apps::v1::ReplicaSetStatus;
using api::core::v1::ReplicationController;
using api::core::v1::ReplicationControllerCondition;

namespace {

View viewSet(const api::ConstObject& object) {
  if (!object) return {};
  return {object.sharedAs<ReplicaSet>(), object};
}

api::Object setWithStatus(const api::ConstObject& object, const ReplicaSetStatus& status) {
  auto copy = object.clone();
  copy.as<ReplicaSet>()->status = status;
  return copy;
}

View viewController(const api::ConstObject& object) {
  if (!object) return {};
  const auto& from = *object.as<ReplicationController>();
  auto set = std::make_shared<ReplicaSet>();
  set->metadata = from.metadata;
  set->spec.replicas = from.spec.replicas;
  set->spec.minReadySeconds = from.spec.minReadySeconds;
  set->spec.selector.getOrCreate().matchLabels = from.spec.selector;
  if (from.spec.template_) set->spec.template_ = *from.spec.template_;
  auto& status = set->status;
  status.replicas = from.status.replicas;
  status.fullyLabeledReplicas = from.status.fullyLabeledReplicas;
  status.readyReplicas = from.status.readyReplicas;
  status.availableReplicas = from.status.availableReplicas;
  status.observedGeneration = from.status.observedGeneration;
  for (const auto& condition : from.status.conditions) {
    ReplicaSetCondition copy;
    copy.type = condition.type;
    copy.status = condition.status;
    copy.lastTransitionTime = condition.lastTransitionTime;
    copy.reason = condition.reason;
    copy.message = condition.message;
    status.conditions.push_back(std::move(copy));
  }
  return {std::move(set), object};
}

api::Object controllerWithStatus(const api::ConstObject& object, const ReplicaSetStatus& status) {
  auto copy = object.clone();
  auto& to = copy.as<ReplicationController>()->status;
  to.replicas = status.replicas;
  to.fullyLabeledReplicas = status.fullyLabeledReplicas;
  to.readyReplicas = status.readyReplicas;
  to.availableReplicas = status.availableReplicas;
  to.observedGeneration = status.observedGeneration;
  to.conditions.clear();
  for (const auto& condition : status.conditions) {
    ReplicationControllerCondition made;
    made.type = condition.type;
    made.status = condition.status;
    made.lastTransitionTime = condition.lastTransitionTime;
    made.reason = condition.reason;
    made.message = condition.message;
    to.conditions.push_back(std::move(made));
  }
  return copy;
}

}  // namespace

const Flavor& replicaSets() {
  static const Flavor flavor{"replicaset-controller", &client::resourceOf<ReplicaSet>(), viewSet,
                             setWithStatus};
  return flavor;
}

const Flavor& replicationControllers() {
  static const Flavor flavor{"replication-controller", &client::resourceOf<ReplicationController>(),
                             viewController, controllerWithStatus};
  return flavor;
}

}  // namespace coxswain::controllers::replicaset
