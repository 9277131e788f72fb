#include "controllers/deployment/controller.h"

#include "api/gen/apps_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "api/select/labels.h"
#include "client/resources.h"
#include "controllers/deployment/rollout.h"
#include "controllers/framework/claims.h"
#include "controllers/framework/indices.h"
#include "controllers/framework/pod_control.h"

namespace coxswain::controllers::deployment {

using api::core::v1::Pod;

namespace {
Controller::Options options(int workers) {
  Controller::Options o;
  o.name = "deployment-controller";
  o.workers = workers;
  o.retriesMax = 15;
  return o;
}
}  // namespace

DeploymentController::DeploymentController(const Context& context, int workers)
    : Controller(context, options(workers)),
      deployments_(use<Deployment>()),
      sets_(use<ReplicaSet>()),
      pods_(use<Pod>()) {
  addNamespaceIndex(deployments_);
  addControllerIndex(sets_);
  addControllerIndex(pods_);
  deployments_.addHandler([this](const client::Change& change) {
    queue().add(client::objectKey(change.after ? change.after : change.before));
  });
  sets_.addHandler([this](const client::Change& change) { onSet(change); });
  pods_.addHandler([this](const client::Change& change) { onPod(change); });
}

void DeploymentController::enqueueOwnersOf(const ReplicaSet& set) {
  if (const auto* owner = api::controllerOf(set.metadata)) {
    if (owner->kind == "Deployment") queue().add(set.metadata.namespace_ + "/" + owner->name);
    return;
  }
  if (set.metadata.labels.empty()) return;
  for (const auto& object : deployments_.byIndex(kByNamespace, set.metadata.namespace_)) {
    const auto& deployment = *object.as<Deployment>();
    auto selector = api::LabelSelector::from(deployment.spec.selector.get());
    if (selector.ok() && !selector->isEverything() && selector->matches(set.metadata.labels)) {
      queue().add(api::objectKey(deployment.metadata));
    }
  }
}

void DeploymentController::onSet(const client::Change& change) {
  if (change.before) {
    const auto* owner = api::controllerOf(*api::objectMeta(change.before));
    if (owner != nullptr) enqueueOwnersOf(*change.before.as<ReplicaSet>());
  }
  if (change.after) enqueueOwnersOf(*change.after.as<ReplicaSet>());
}

/// Only Recreate waits for pods to be gone.
void DeploymentController::onPod(const client::Change& change) {
  if (change.after) return;
  const auto& pod = *change.before.as<Pod>();
  const auto* owner = api::controllerOf(pod.metadata);
  if (owner == nullptr || owner->kind != "ReplicaSet") return;
  auto set = sets_.get<ReplicaSet>(pod.metadata.namespace_ + "/" + owner->name);
  if (!set) return;
  const auto* above = api::controllerOf(set->metadata);
  if (above == nullptr || above->kind != "Deployment") return;
  const std::string key = pod.metadata.namespace_ + "/" + above->name;
  auto deployment = deployments_.get<Deployment>(key);
  if (deployment && deployment->spec.strategy.type == "Recreate") queue().add(key);
}

Task<Result<Duration>> DeploymentController::reconcile(std::string key, std::stop_token stop) {
  auto deployment = deployments_.get<Deployment>(key);
  if (!deployment) co_return Duration(0);
  auto selector = api::LabelSelector::from(deployment->spec.selector.get());
  if (!selector.ok() || selector->isEverything()) {
    CO_TRY_STATUS(co_await refuseEmptySelector(deployment, stop));
    co_return Duration(0);
  }
  CO_TRY(Sets sets, co_await claimSets(deployment, stop));
  std::vector<PodPointer> pods;
  if (deployment->spec.strategy.type == "Recreate") {
    for (const auto& set : sets) {
      for (const auto& pod : pods_.byIndex(kByController, set->metadata.uid)) {
        pods.push_back(pod.sharedAs<Pod>());
      }
    }
  }
  Rollout::World world{client(), events(), executor()};
  Rollout rollout(world, deployment, std::move(sets), std::move(pods));
  auto done = co_await rollout.run(stop);
  // Trying again would find the namespace gone.
  if (isNamespaceTerminating(done.status())) co_return Duration(0);
  co_return done;
}

Task<Result<Sets>> DeploymentController::claimSets(
    const std::shared_ptr<const Deployment>& deployment, std::stop_token stop) {
  Sets mine;
  auto selector = api::LabelSelector::from(deployment->spec.selector.get());
  if (!selector.ok()) co_return mine;
  Claimer claimer(client(), client::resourceOf<Deployment>(), deployment->metadata, *selector);
  auto candidates = sets_.byIndex(kByController, deployment->metadata.uid);
  for (auto& orphan :
       orphansFor(sets_, deployment->metadata.namespace_, deployment->spec.selector.get())) {
    candidates.push_back(std::move(orphan));
  }
  for (const auto& set : candidates) {
    CO_TRY(bool isMine, co_await claimer.claim(client::resourceOf<ReplicaSet>(), set, stop));
    if (isMine) mine.push_back(set.sharedAs<ReplicaSet>());
  }
  co_return mine;
}

Task<Status> DeploymentController::refuseEmptySelector(std::shared_ptr<const Deployment> deployment,
                                                       std::stop_token stop) {
  events().event(*deployment, client::kEventWarning, "SelectingAll",
                 "This deployment is selecting all pods. A non-empty selector is required.");
  if (deployment->status.observedGeneration >= deployment->metadata.generation) co_return Status();
  Deployment next = *deployment;
  next.status.observedGeneration = next.metadata.generation;
  auto written = co_await client::update(client(), next, "status", stop);
  co_return written.status();
}

}  // namespace coxswain::controllers::deployment
