// Status and conditions.

#include <fmt/format.h>

#include <algorithm>

#include "api/gen/apps_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "controllers/deployment/decide.h"

namespace coxswain::controllers::deployment {

namespace {

constexpr std::string_view kProgressing = "Progressing";
constexpr std::string_view kReplicaFailure = "ReplicaFailure";

bool isProgressing(const DeploymentStatus& before, const DeploymentStatus& after) {
  return after.updatedReplicas > before.updatedReplicas ||
         after.replicas - after.updatedReplicas < before.replicas - before.updatedReplicas ||
         after.readyReplicas > before.readyReplicas ||
         after.availableReplicas > before.availableReplicas;
}

const api::apps::v1::ReplicaSetCondition* failureOf(const ReplicaSet& set) {
  for (const auto& condition : set.status.conditions) {
    if (condition.type == kReplicaFailure) return &condition;
  }
  return nullptr;
}

void copyFailure(DeploymentStatus& status, const Sets& all, const SetPointer& fresh) {
  const api::apps::v1::ReplicaSetCondition* failure = fresh ? failureOf(*fresh) : nullptr;
  for (const auto& set : all) {
    if (failure == nullptr) failure = failureOf(*set);
  }
  if (failure == nullptr) {
    removeCondition(status, kReplicaFailure);
    return;
  }
  DeploymentCondition condition;
  condition.type = failure->type;
  condition.status = failure->status;
  condition.lastTransitionTime = failure->lastTransitionTime;
  condition.lastUpdateTime = failure->lastTransitionTime;
  condition.reason = failure->reason;
  condition.message = failure->message;
  setCondition(status, std::move(condition));
}

void judgeProgress(const Deployment& deployment, DeploymentStatus& status, const SetPointer& fresh,
                   WallTime now) {
  const auto* current = findCondition(deployment.status, kProgressing);
  const bool wasComplete = status.replicas == status.updatedReplicas && current != nullptr &&
                           current->reason == "NewReplicaSetAvailable";
  if (wasComplete) return;
  const std::string subject = fresh ? fmt::format("ReplicaSet \"{}\"", fresh->metadata.name)
                                    : fmt::format("Deployment \"{}\"", deployment.metadata.name);
  if (isComplete(deployment, status)) {
    setCondition(status, makeCondition(kProgressing, "True", "NewReplicaSetAvailable",
                                       subject + " has successfully progressed.", now));
  } else if (isProgressing(deployment.status, status)) {
    auto condition =
        makeCondition(kProgressing, "True", "ReplicaSetUpdated", subject + " is progressing.", now);
    if (current != nullptr) {
      if (current->status == "True") condition.lastTransitionTime = current->lastTransitionTime;
      // Its update time starts again even where the rest is the same.
      removeCondition(status, kProgressing);
    }
    setCondition(status, std::move(condition));
  } else if (isTimedOut(deployment, status, now)) {
    setCondition(status, makeCondition(kProgressing, "False", "ProgressDeadlineExceeded",
                                       subject + " has timed out progressing.", now));
  }
}

}  // namespace

const DeploymentCondition* findCondition(const DeploymentStatus& status, std::string_view type) {
  for (const auto& condition : status.conditions) {
    if (condition.type == type) return &condition;
  }
  return nullptr;
}

DeploymentCondition makeCondition(std::string_view type, std::string_view status,
                                  std::string_view reason, std::string message, WallTime now) {
  DeploymentCondition condition;
  condition.type = type;
  condition.status = status;
  condition.reason = reason;
  condition.message = std::move(message);
  condition.lastUpdateTime = condition.lastTransitionTime = api::Time(now);
  return condition;
}

void setCondition(DeploymentStatus& status, DeploymentCondition condition) {
  if (const auto* current = findCondition(status, condition.type)) {
    if (current->status == condition.status) {
      if (current->reason == condition.reason) return;
      condition.lastTransitionTime = current->lastTransitionTime;
    }
  }
  removeCondition(status, condition.type);
  status.conditions.push_back(std::move(condition));
}

void removeCondition(DeploymentStatus& status, std::string_view type) {
  std::erase_if(status.conditions,
                [type](const DeploymentCondition& condition) { return condition.type == type; });
}

bool isComplete(const Deployment& deployment, const DeploymentStatus& status) {
  const int wanted = replicasOf(deployment);
  return status.updatedReplicas == wanted && status.replicas == wanted &&
         status.availableReplicas == wanted &&
         status.observedGeneration >= deployment.metadata.generation;
}

bool isTimedOut(const Deployment& deployment, const DeploymentStatus& status, WallTime now) {
  if (!hasProgressDeadline(deployment)) return false;
  const auto* condition = findCondition(status, kProgressing);
  if (condition == nullptr || condition->reason == "NewReplicaSetAvailable") return false;
  if (condition->reason == "ProgressDeadlineExceeded") return true;
  const auto deadline = std::chrono::seconds(*deployment.spec.progressDeadlineSeconds);
  return condition->lastUpdateTime.wall() + deadline < now;
}

Duration untilTimeout(const Deployment& deployment, const DeploymentStatus& status, WallTime now) {
  const auto* condition = findCondition(status, kProgressing);
  if (!hasProgressDeadline(deployment) || deployment.spec.paused || condition == nullptr ||
      deployment.metadata.deletionTimestamp || isComplete(deployment, status) ||
      condition->reason == "ProgressDeadlineExceeded" ||
      condition->reason == "NewReplicaSetAvailable") {
    return Duration(0);
  }
  const auto deadline = std::chrono::seconds(*deployment.spec.progressDeadlineSeconds);
  const Duration left = condition->lastUpdateTime.wall() + deadline - now;
  // Times have whole seconds: a second more is surely past the deadline.
  return std::max(left, Duration(0)) + 1s;
}

DeploymentStatus computeStatus(const Deployment& deployment, const Sets& all,
                               const SetPointer& fresh, WallTime now) {
  DeploymentStatus status;
  const int available = availableReplicas(all);
  status.observedGeneration = deployment.metadata.generation;
  status.replicas = statusReplicas(all);
  status.updatedReplicas = fresh ? fresh->status.replicas : 0;
  for (const auto& set : all) status.readyReplicas += set->status.readyReplicas;
  status.availableReplicas = available;
  status.unavailableReplicas = std::max(0, specReplicas(all) - available);
  int terminating = 0;
  bool allTell = true;
  for (const auto& set : all) {
    allTell = allTell && set->status.terminatingReplicas.has_value();
    terminating += set->status.terminatingReplicas.value_or(0);
  }
  if (allTell) status.terminatingReplicas = terminating;
  status.collisionCount = deployment.status.collisionCount;
  status.conditions = deployment.status.conditions;
  if (available >= replicasOf(deployment) - maxUnavailable(deployment)) {
    setCondition(status, makeCondition("Available", "True", "MinimumReplicasAvailable",
                                       "Deployment has minimum availability.", now));
  } else {
    setCondition(status, makeCondition("Available", "False", "MinimumReplicasUnavailable",
                                       "Deployment does not have minimum availability.", now));
  }
  return status;
}

DeploymentStatus computeRolloutStatus(const Deployment& deployment, const Sets& all,
                                      const SetPointer& fresh, WallTime now) {
  DeploymentStatus status = computeStatus(deployment, all, fresh, now);
  if (hasProgressDeadline(deployment)) {
    judgeProgress(deployment, status, fresh, now);
  } else {
    removeCondition(status, kProgressing);
  }
  copyFailure(status, all, fresh);
  return status;
}

}  // namespace coxswain::controllers::deployment
