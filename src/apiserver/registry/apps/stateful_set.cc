#include <set>
#include <vector>

#include "apiserver/registry/apps/workload.h"
#include "apiserver/registry/core/persistent_volume_claim.h"
#include "apiserver/registry/core/pod_warnings.h"
#include "apiserver/registry/strategies.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::apps::v1::StatefulSet;
using api::apps::v1::StatefulSetSpec;
using api::apps::v1::StatefulSetStatus;
using api::core::v1::PodTemplateSpec;
using api::core::v1::Volume;

namespace {

constexpr std::string_view kOtherFields =
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
    "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and "
    "'minReadySeconds' are forbidden";

void checkUpdateStrategy(const StatefulSetSpec& spec, const FieldPath& path, FieldErrors& errors) {
  const auto& strategy = spec.updateStrategy;
  const auto rolling = path.child("rollingUpdate");
  if (requireText(strategy.type, path, errors)) return;
  if (strategy.type == "OnDelete") {
    if (strategy.rollingUpdate) {
      errors.invalid(rolling, asJson(*strategy.rollingUpdate),
                     "only allowed for updateStrategy 'RollingUpdate'");
    }
    return;
  }
  if (strategy.type != "RollingUpdate") {
    return errors.invalid(path, unknownStrategy(strategy.type),
                          "must be 'RollingUpdate' or 'OnDelete'");
  }
  if (!strategy.rollingUpdate) return;
  checkNonNegative(strategy.rollingUpdate->partition, rolling.child("partition"), errors);
  if (!strategy.rollingUpdate->maxUnavailable) return;
  const auto& unavailable = *strategy.rollingUpdate->maxUnavailable;
  checkPositiveIntOrPercent(unavailable, rolling.child("maxUnavailable"), errors);
  if (intOrPercentValue(unavailable) == 0) {
    errors.invalid(rolling.child("maxUnavailable"), unavailable, "cannot be 0");
  }
  checkAtMostHundredPercent(unavailable, rolling.child("maxUnavailable"), errors);
}

void checkRetention(const StatefulSetSpec& spec, const FieldPath& path, FieldErrors& errors) {
  if (!spec.persistentVolumeClaimRetentionPolicy) return;
  const auto check = [&](std::string_view value, const FieldPath& at) {
    if (value != "Retain" && value != "Delete") {
      errors.notSupported(at, value, {"Retain", "Delete"});
    }
  };
  check(spec.persistentVolumeClaimRetentionPolicy->whenDeleted, path.child("whenDeleted"));
  check(spec.persistentVolumeClaimRetentionPolicy->whenScaled, path.child("whenScaled"));
}

/// Its template as pods are made from it: a claim is a volume, in place of one with its name.
PodTemplateSpec templateWithClaims(const StatefulSetSpec& spec) {
  auto podTemplate = spec.template_;
  if (spec.volumeClaimTemplates.empty()) return podTemplate;
  std::vector<Volume> volumes;
  std::set<std::string_view> claims;
  for (const auto& claim : spec.volumeClaimTemplates) {
    if (!claims.insert(claim.metadata.name).second) continue;
    auto& volume = volumes.emplace_back();
    volume.name = claim.metadata.name;
    volume.volumeSource.persistentVolumeClaim.getOrCreate().claimName = claim.metadata.name;
  }
  for (auto& volume : podTemplate.spec.volumes) {
    if (!claims.contains(volume.name)) volumes.push_back(std::move(volume));
  }
  podTemplate.spec.volumes = std::move(volumes);
  return podTemplate;
}

void checkClaims(const StatefulSetSpec& spec, const FieldPath& path, FieldErrors& errors) {
  for (size_t i = 0; i < spec.volumeClaimTemplates.size(); ++i) {
    validatePersistentVolumeClaimSpec(spec.volumeClaimTemplates[i].spec,
                                      path.index(i).child("spec"), errors);
  }
}

/// What older servers took, and what therefore stays allowed where it is already stored.
struct Tolerated {
  bool serviceName = false;
  bool podTemplate = false;
  bool claims = false;

  static Tolerated of(const StatefulSetSpec& stored) {
    const auto fails = [](const auto& check) {
      FieldErrors errors;
      check(errors);
      return !errors.empty();
    };
    const FieldPath path("spec");
    return {.serviceName =
                fails([&](auto& errors) { checkDns1123Label(stored.serviceName, path, errors); }),
            .podTemplate = fails([&](auto& errors) {
              validatePodTemplate(templateWithClaims(stored), path, errors);
            }),
            .claims = fails([&](auto& errors) { checkClaims(stored, path, errors); })};
  }
};

void checkSpec(const StatefulSetSpec& spec, const FieldPath& path, FieldErrors& errors,
               const Tolerated& tolerated = {}) {
  const auto management = path.child("podManagementPolicy");
  if (!requireText(spec.podManagementPolicy, management, errors) &&
      spec.podManagementPolicy != "OrderedReady" && spec.podManagementPolicy != "Parallel") {
    errors.invalid(management, spec.podManagementPolicy, "must be 'OrderedReady' or 'Parallel'");
  }
  checkUpdateStrategy(spec, path.child("updateStrategy"), errors);
  checkRetention(spec, path.child("persistentVolumeClaimRetentionPolicy"), errors);
  if (!tolerated.claims) checkClaims(spec, path.child("volumeClaimTemplates"), errors);
  checkNonNegative(spec.replicas, path.child("replicas"), errors);
  checkNonNegative(spec.minReadySeconds, path.child("minReadySeconds"), errors);
  checkNonNegative(spec.revisionHistoryLimit, path.child("revisionHistoryLimit"), errors);
  if (spec.ordinals) {
    checkNonNegative(spec.ordinals->start, path.child("ordinals").child("start"), errors);
  }
  if (!spec.serviceName.empty() && !tolerated.serviceName) {
    checkDns1123Label(spec.serviceName, path.child("serviceName"), errors);
  }
  checkSelectorAndTemplate(spec.selector, templateWithClaims(spec),
                           "empty selector is invalid for statefulset", "StatefulSet", path, errors,
                           !tolerated.podTemplate);
}

void checkStatus(const StatefulSetStatus& status, const FieldPath& path, FieldErrors& errors) {
  checkNonNegative(status.replicas, path.child("replicas"), errors);
  checkNonNegative(status.readyReplicas, path.child("readyReplicas"), errors);
  checkNonNegative(status.currentReplicas, path.child("currentReplicas"), errors);
  checkNonNegative(status.updatedReplicas, path.child("updatedReplicas"), errors);
  checkNonNegative(status.availableReplicas, path.child("availableReplicas"), errors);
  checkNonNegative(status.observedGeneration, path.child("observedGeneration"), errors);
  checkNonNegative(status.collisionCount, path.child("collisionCount"), errors);
  constexpr std::string_view kReplicas = "status.replicas";
  checkAtMost(status.readyReplicas, status.replicas, kReplicas, path.child("readyReplicas"),
              errors);
  checkAtMost(status.currentReplicas, status.replicas, kReplicas, path.child("currentReplicas"),
              errors);
  checkAtMost(status.updatedReplicas, status.replicas, kReplicas, path.child("updatedReplicas"),
              errors);
  checkAtMost(status.availableReplicas, status.replicas, kReplicas, path.child("availableReplicas"),
              errors);
  checkAtMost(status.availableReplicas, status.readyReplicas, "status.readyReplicas",
              path.child("availableReplicas"), errors);
}

class StatefulSetKind final : public TypedStrategy<StatefulSet> {
 public:
  StatefulSetKind() : TypedStrategy(StrategyTraits{.generation = true}) {}

  /// Names of its pods are names of hosts.
  [[nodiscard]] std::vector<std::string> checkName(std::string_view name,
                                                   bool prefix) const override {
    return labelNameRule(name, prefix);
  }

 protected:
  void defaults(StatefulSet& object) const override {
    auto& spec = object.spec;
    setPodTemplateDefaults(spec.template_);
    for (auto& claim : spec.volumeClaimTemplates) setPersistentVolumeClaimDefaults(claim);
    if (spec.podManagementPolicy.empty()) spec.podManagementPolicy = "OrderedReady";
    auto& strategy = spec.updateStrategy;
    if (strategy.type.empty()) {
      strategy.type = "RollingUpdate";
      strategy.rollingUpdate.getOrCreate();
    }
    if (strategy.type == "RollingUpdate" && strategy.rollingUpdate &&
        !strategy.rollingUpdate->partition) {
      strategy.rollingUpdate->partition = 0;
    }
    auto& retention = spec.persistentVolumeClaimRetentionPolicy.getOrCreate();
    if (retention.whenDeleted.empty()) retention.whenDeleted = "Retain";
    if (retention.whenScaled.empty()) retention.whenScaled = "Retain";
    if (!spec.replicas) spec.replicas = 1;
    if (!spec.revisionHistoryLimit) spec.revisionHistoryLimit = 10;
  }
  void check(const StatefulSet& object, FieldErrors& errors) const override {
    checkSpec(object.spec, FieldPath("spec"), errors);
  }
  void checkUpdate(const StatefulSet& next, const StatefulSet& current,
                   FieldErrors& errors) const override {
    checkSpec(next.spec, FieldPath("spec"), errors, Tolerated::of(current.spec));
    StatefulSetSpec allowed = current.spec;
    allowed.replicas = next.spec.replicas;
    allowed.ordinals = next.spec.ordinals;
    allowed.template_ = next.spec.template_;
    allowed.updateStrategy = next.spec.updateStrategy;
    allowed.revisionHistoryLimit = next.spec.revisionHistoryLimit;
    allowed.persistentVolumeClaimRetentionPolicy = next.spec.persistentVolumeClaimRetentionPolicy;
    allowed.minReadySeconds = next.spec.minReadySeconds;
    if (!api::semanticEqual(allowed, next.spec)) errors.forbidden(FieldPath("spec"), kOtherFields);
  }
  void warn(const StatefulSet& next, const StatefulSet*,
            std::vector<std::string>& out) const override {
    warnOfPodTemplate(next.spec.template_, FieldPath("spec").child("template"), out);
    const auto claims = FieldPath("spec").child("volumeClaimTemplates");
    for (size_t i = 0; i < next.spec.volumeClaimTemplates.size(); ++i) {
      const auto at = claims.index(i);
      warnOfClaimSpec(next.spec.volumeClaimTemplates[i].spec, at.child("spec"), out);
    }
  }
  void checkStatusUpdate(const StatefulSet& next, const StatefulSet& current,
                         FieldErrors& errors) const override {
    const FieldPath path("status");
    checkStatus(next.status, path, errors);
    checkNotDecremented(next.status.collisionCount, current.status.collisionCount,
                        path.child("collisionCount"), errors);
  }
};

}  // namespace

std::unique_ptr<Strategy> makeStatefulSetStrategy() {
  return std::make_unique<StatefulSetKind>();
}

}  // namespace coxswain::apiserver
