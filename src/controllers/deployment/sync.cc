#include <fmt/format.h>

#include <algorithm>

#include "api/gen/apps_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "api/reflect/equal.h"
#include "client/resources.h"
#include "controllers/deployment/rollout.h"
#include "controllers/framework/pod_control.h"
#include "runtime/executor.h"

namespace coxswain::controllers::deployment {

using client::kEventNormal;
using client::kEventWarning;

Rollout::Rollout(World world, std::shared_ptr<const Deployment> deployment, Sets sets,
                 std::vector<PodPointer> pods)
    : world_(world),
      deployment_(std::move(deployment)),
      sets_(std::move(sets)),
      pods_(std::move(pods)) {
  split();
}

void Rollout::split() {
  fresh_ = findNew(*deployment_, sets_);
  old_.clear();
  for (const auto& set : sets_) {
    if (set != fresh_) old_.push_back(set);
  }
}

void Rollout::replace(const SetPointer& set) {
  for (auto& known : sets_) {
    if (known->metadata.uid == set->metadata.uid) {
      known = set;
      split();
      return;
    }
  }
  sets_.push_back(set);
  split();
}

Sets Rollout::all() const {
  return sets_;
}

Task<Result<Duration>> Rollout::run(std::stop_token stop) {
  if (deployment_->metadata.deletionTimestamp) {
    CO_TRY_STATUS(co_await syncRevision(Create::No, stop));
    co_return co_await finish(computeStatus(*deployment_, all(), fresh_, now()), stop);
  }
  CO_TRY_STATUS(co_await notePaused(stop));
  const bool wantsRollback = rollbackRevision(*deployment_).has_value();
  if (!deployment_->spec.paused && wantsRollback) {
    CO_TRY_STATUS(co_await rollback(stop));
    co_return Duration(0);
  }
  if (deployment_->spec.paused || isScalingEvent(*deployment_, sets_)) {
    CO_TRY_STATUS(co_await syncRevision(Create::No, stop));
    CO_TRY_STATUS(co_await syncSizes(stop));
    if (deployment_->spec.paused && !wantsRollback) CO_TRY_STATUS(co_await cleanUp(stop));
    co_return co_await finish(computeStatus(*deployment_, all(), fresh_, now()), stop);
  }
  if (deployment_->spec.strategy.type == "Recreate") co_return co_await recreate(stop);
  if (isRolling(*deployment_)) co_return co_await roll(stop);
  co_return internalError("unexpected deployment strategy type: " +
                          deployment_->spec.strategy.type);
}

Task<Status> Rollout::notePaused(std::stop_token stop) {
  if (!hasProgressDeadline(*deployment_)) co_return Status();
  const auto* known = findCondition(deployment_->status, "Progressing");
  // A roll-out that timed out stays so.
  if (known != nullptr && known->reason == "ProgressDeadlineExceeded") co_return Status();
  const bool noted = known != nullptr && known->reason == "DeploymentPaused";
  if (noted == deployment_->spec.paused) co_return Status();
  DeploymentStatus status = deployment_->status;
  if (deployment_->spec.paused) {
    setCondition(status, makeCondition("Progressing", "Unknown", "DeploymentPaused",
                                       "Deployment is paused", now()));
  } else {
    setCondition(status, makeCondition("Progressing", "Unknown", "DeploymentResumed",
                                       "Deployment is resumed", now()));
  }
  co_return co_await writeDeploymentStatus(status, "", stop);
}

Task<Status> Rollout::syncRevision(Create create, std::stop_token stop) {
  if (fresh_) co_return co_await updateFresh(stop);
  if (create == Create::Yes) co_return co_await createFresh(stop);
  co_return Status();
}

Task<Status> Rollout::updateFresh(std::stop_token stop) {
  const int64_t revision = maxRevision(old_) + 1;
  if (newSetIsBehind(*deployment_, *fresh_, revision)) {
    ReplicaSet set = *fresh_;
    setNewSetAnnotations(*deployment_, set, revision, true);
    set.spec.minReadySeconds = deployment_->spec.minReadySeconds;
    CO_TRY(auto written, co_await client::update(world_.client, set, "", stop));
    replace(written);
    co_return Status();
  }
  const auto* number = fresh_->metadata.annotations.get(kRevision);
  const auto* known = deployment_->metadata.annotations.get(kRevision);
  const bool renumber = number != nullptr && (known == nullptr || *known != *number);
  const bool found = hasProgressDeadline(*deployment_) &&
                     findCondition(deployment_->status, "Progressing") == nullptr;
  if (!renumber && !found) co_return Status();
  DeploymentStatus status = deployment_->status;
  if (found) {
    setCondition(
        status,
        makeCondition("Progressing", "True", "FoundNewReplicaSet",
                      fmt::format("Found new replica set \"{}\"", fresh_->metadata.name), now()));
  }
  co_return co_await writeDeploymentStatus(status, number == nullptr ? "" : *number, stop);
}

Task<Status> Rollout::createFresh(std::stop_token stop) {
  const int64_t revision = maxRevision(old_) + 1;
  ReplicaSet wanted = newSet(*deployment_);
  wanted.spec.replicas = newSetReplicas(*deployment_, specReplicas(old_), 0);
  setNewSetAnnotations(*deployment_, wanted, revision, false);
  auto made = co_await client::create(world_.client, wanted, stop);
  if (!made.ok()) co_return co_await takeCollision(wanted, made.status(), stop);
  replace(*made);
  if (*wanted.spec.replicas > 0) {
    world_.events.event(*deployment_, kEventNormal, "ScalingReplicaSet",
                        fmt::format("Scaled up replica set {} from 0 to {}", wanted.metadata.name,
                                    *wanted.spec.replicas));
  }
  DeploymentStatus status = deployment_->status;
  if (hasProgressDeadline(*deployment_)) {
    setCondition(
        status,
        makeCondition("Progressing", "True", "NewReplicaSetCreated",
                      fmt::format("Created new replica set \"{}\"", wanted.metadata.name), now()));
  }
  co_return co_await writeDeploymentStatus(status, std::to_string(revision), stop);
}

/// The new set could not be created. It may be there (the cache is behind), or its name may be
/// taken by another: then the hash changes with the collision count.
Task<Status> Rollout::takeCollision(const ReplicaSet& wanted, Status failure,
                                    std::stop_token stop) {
  if (isCanceled(failure) || isNamespaceTerminating(failure)) co_return failure;
  DeploymentStatus status = deployment_->status;
  if (isAlreadyExists(failure)) {
    CO_TRY(auto there, co_await client::get<ReplicaSet>(world_.client, wanted.metadata.namespace_,
                                                        wanted.metadata.name, stop));
    if (api::isControlledBy(there->metadata, deployment_->metadata) &&
        sameTemplate(there->spec.template_, deployment_->spec.template_)) {
      replace(there);
      co_return co_await updateFresh(stop);
    }
    status.collisionCount = status.collisionCount.value_or(0) + 1;
    CO_TRY_STATUS(co_await writeDeploymentStatus(status, "", stop));
    co_return failure;
  }
  std::string message = fmt::format("Failed to create new replica set \"{}\": {}",
                                    wanted.metadata.name, failure.message());
  if (hasProgressDeadline(*deployment_)) {
    setCondition(status,
                 makeCondition("Progressing", "False", "ReplicaSetCreateError", message, now()));
    // The failure itself says more than one of telling it.
    (void)co_await writeDeploymentStatus(status, "", stop);
  }
  world_.events.event(*deployment_, kEventWarning, "ReplicaSetCreateError", std::move(message));
  co_return failure;
}

Task<Status> Rollout::syncSizes(std::stop_token stop) {
  auto scaled = co_await scaleAll(proportionalScale(*deployment_, fresh_, old_), stop);
  co_return scaled.status();
}

Task<Result<bool>> Rollout::scaleAll(std::vector<Scaling> scalings, std::stop_token stop) {
  bool any = false;
  for (auto& scaling : scalings) {
    CO_TRY(bool done, co_await scale(scaling.set, scaling.replicas, stop));
    any = any || done;
  }
  co_return any;
}

Task<Result<bool>> Rollout::scale(SetPointer set, int replicas, std::stop_token stop) {
  const int before = replicasOf(*set);
  const int desired = replicasOf(*deployment_);
  const int most = desired + maxSurge(*deployment_);
  if (before == replicas && !replicasAnnotationsDiffer(*set, desired, most)) co_return false;
  ReplicaSet next = *set;
  next.spec.replicas = replicas;
  setReplicasAnnotations(next, desired, most);
  CO_TRY(auto written, co_await client::update(world_.client, next, "", stop));
  replace(written);
  if (before == replicas) co_return false;
  world_.events.event(
      *deployment_, kEventNormal, "ScalingReplicaSet",
      fmt::format("Scaled {} replica set {} from {} to {}", before < replicas ? "up" : "down",
                  next.metadata.name, before, replicas));
  co_return true;
}

Task<Status> Rollout::cleanUp(std::stop_token stop) {
  for (const auto& set : setsToClean(*deployment_, old_)) {
    client::DeleteOptions options;
    options.uid = set->metadata.uid;
    Status removed =
        co_await world_.client.remove(client::resourceOf<ReplicaSet>(), set->metadata.namespace_,
                                      set->metadata.name, std::move(options), stop);
    if (!removed.ok() && !isNotFound(removed)) co_return removed;
  }
  co_return Status();
}

Task<Status> Rollout::writeDeploymentStatus(const DeploymentStatus& status, std::string revision,
                                            std::stop_token stop) {
  Deployment next = *deployment_;
  next.status = status;
  if (!revision.empty()) next.metadata.annotations[kRevision] = std::move(revision);
  CO_TRY(deployment_, co_await client::update(world_.client, next, "status", stop));
  co_return Status();
}

Task<Result<Duration>> Rollout::finish(DeploymentStatus status, std::stop_token stop) {
  if (!api::semanticEqual(status, deployment_->status)) {
    CO_TRY_STATUS(co_await writeDeploymentStatus(status, "", stop));
  }
  co_return untilTimeout(*deployment_, deployment_->status, now());
}

}  // namespace coxswain::controllers::deployment
