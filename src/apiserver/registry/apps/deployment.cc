#include "apiserver/registry/apps/workload.h"
#include "apiserver/registry/core/pod_warnings.h"
#include "apiserver/registry/strategies.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::apps::v1::Deployment;
using api::apps::v1::DeploymentStatus;
using api::apps::v1::DeploymentStrategy;

namespace {

void checkStrategy(const DeploymentStrategy& strategy, const FieldPath& path, FieldErrors& errors) {
  const auto rolling = path.child("rollingUpdate");
  if (strategy.type == "Recreate") {
    if (strategy.rollingUpdate) {
      errors.forbidden(rolling, "may not be specified when strategy `type` is 'Recreate'");
    }
    return;
  }
  if (strategy.type != "RollingUpdate") {
    return errors.notSupported(path, unknownStrategy(strategy.type), {"Recreate", "RollingUpdate"});
  }
  if (!strategy.rollingUpdate) {
    return errors.required(rolling, "this should be defaulted and never be nil");
  }
  const auto& unavailable = valueOrZero(strategy.rollingUpdate->maxUnavailable);
  const auto& surge = valueOrZero(strategy.rollingUpdate->maxSurge);
  checkPositiveIntOrPercent(unavailable, rolling.child("maxUnavailable"), errors);
  checkPositiveIntOrPercent(surge, rolling.child("maxSurge"), errors);
  if (intOrPercentValue(unavailable) == 0 && intOrPercentValue(surge) == 0) {
    errors.invalid(rolling.child("maxUnavailable"), unavailable,
                   "may not be 0 when `maxSurge` is 0");
  }
  checkAtMostHundredPercent(unavailable, rolling.child("maxUnavailable"), errors);
}

void checkStatus(const DeploymentStatus& status, const FieldPath& path, FieldErrors& errors) {
  checkNonNegative(status.observedGeneration, path.child("observedGeneration"), errors);
  checkNonNegative(status.replicas, path.child("replicas"), errors);
  checkNonNegative(status.updatedReplicas, path.child("updatedReplicas"), errors);
  checkNonNegative(status.readyReplicas, path.child("readyReplicas"), errors);
  checkNonNegative(status.availableReplicas, path.child("availableReplicas"), errors);
  checkNonNegative(status.unavailableReplicas, path.child("unavailableReplicas"), errors);
  checkNonNegative(status.terminatingReplicas, path.child("terminatingReplicas"), errors);
  checkNonNegative(status.collisionCount, path.child("collisionCount"), errors);
  constexpr std::string_view kReplicas = "status.replicas";
  checkAtMost(status.updatedReplicas, status.replicas, kReplicas, path.child("updatedReplicas"),
              errors);
  checkAtMost(status.readyReplicas, status.replicas, kReplicas, path.child("readyReplicas"),
              errors);
  checkAtMost(status.availableReplicas, status.replicas, kReplicas, path.child("availableReplicas"),
              errors);
  checkAtMost(status.availableReplicas, status.readyReplicas, "readyReplicas",
              path.child("availableReplicas"), errors);
}

class DeploymentKind final : public TypedStrategy<Deployment> {
 public:
  DeploymentKind()
      : TypedStrategy(StrategyTraits{.generation = true,
                                     .statusResets = {".spec", ".metadata.labels"},
                                     .grows = StrategyTraits::Grows::ByAnnotations}) {}

 protected:
  void defaults(Deployment& object) const override {
    auto& spec = object.spec;
    setPodTemplateDefaults(spec.template_);
    if (!spec.replicas) spec.replicas = 1;
    if (spec.strategy.type.empty()) spec.strategy.type = "RollingUpdate";
    if (spec.strategy.type == "RollingUpdate") {
      auto& rolling = spec.strategy.rollingUpdate.getOrCreate();
      if (!rolling.maxUnavailable) rolling.maxUnavailable = api::IntOrString("25%");
      if (!rolling.maxSurge) rolling.maxSurge = api::IntOrString("25%");
    }
    if (!spec.revisionHistoryLimit) spec.revisionHistoryLimit = 10;
    if (!spec.progressDeadlineSeconds) spec.progressDeadlineSeconds = 600;
  }
  void check(const Deployment& object, FieldErrors& errors) const override {
    const auto& spec = object.spec;
    const FieldPath path("spec");
    checkNonNegative(spec.replicas, path.child("replicas"), errors);
    checkSelectorAndTemplate(spec.selector, spec.template_,
                             "empty selector is invalid for deployment", "ReplicaSet", path,
                             errors);
    checkStrategy(spec.strategy, path.child("strategy"), errors);
    checkNonNegative(spec.minReadySeconds, path.child("minReadySeconds"), errors);
    checkNonNegative(spec.revisionHistoryLimit, path.child("revisionHistoryLimit"), errors);
    if (spec.progressDeadlineSeconds) {
      const auto deadline = path.child("progressDeadlineSeconds");
      checkNonNegative(*spec.progressDeadlineSeconds, deadline, errors);
      if (*spec.progressDeadlineSeconds <= spec.minReadySeconds) {
        errors.invalid(deadline, *spec.progressDeadlineSeconds,
                       "must be greater than minReadySeconds");
      }
    }
  }
  void checkUpdate(const Deployment& next, const Deployment& current,
                   FieldErrors& errors) const override {
    check(next, errors);
    checkSelectorUnchanged(next.spec.selector, current.spec.selector, errors);
  }
  void beforeStatusUpdate(Deployment& next, const Deployment& current) const override {
    next.metadata.labels = current.metadata.labels;
  }
  void warn(const Deployment& next, const Deployment* current,
            std::vector<std::string>& out) const override {
    if (!current) warnOfPodMakersName(next.metadata.name, out);
    warnOfPodTemplate(next.spec.template_, FieldPath("spec").child("template"), out);
  }
  void checkStatusUpdate(const Deployment& next, const Deployment& current,
                         FieldErrors& errors) const override {
    const FieldPath path("status");
    checkStatus(next.status, path, errors);
    checkNotDecremented(next.status.collisionCount, current.status.collisionCount,
                        path.child("collisionCount"), errors);
  }
};

}  // namespace

std::unique_ptr<Strategy> makeDeploymentStrategy() {
  return std::make_unique<DeploymentKind>();
}

}  // namespace coxswain::apiserver
