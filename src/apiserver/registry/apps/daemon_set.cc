#include <algorithm>
#include <charconv>

#include "api/select/labels.h"
#include "apiserver/registry/apps/workload.h"
#include "apiserver/registry/core/pod_warnings.h"
#include "apiserver/registry/strategies.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::apps::v1::DaemonSet;
using api::apps::v1::DaemonSetSpec;
using api::apps::v1::DaemonSetUpdateStrategy;

namespace {

/// apps/v1 has no field for it: how often the template changed, as kubectl of old wanted to know.
constexpr std::string_view kTemplateGeneration = "deprecated.daemonset.template.generation";

int64_t templateGeneration(const DaemonSet& object) {
  const auto* text = object.metadata.annotations.get(kTemplateGeneration);
  int64_t value = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), value);
  return value;
}

void checkStrategy(const DaemonSetUpdateStrategy& strategy, const FieldPath& path,
                   FieldErrors& errors) {
  if (strategy.type == "OnDelete") return;
  if (strategy.type != "RollingUpdate") {
    return errors.notSupported(path, unknownStrategy(strategy.type), {"RollingUpdate", "OnDelete"});
  }
  const auto rolling = path.child("rollingUpdate");
  if (!strategy.rollingUpdate) return errors.required(rolling);
  const auto& unavailable = valueOrZero(strategy.rollingUpdate->maxUnavailable);
  const auto& surge = valueOrZero(strategy.rollingUpdate->maxSurge);
  checkPositiveIntOrPercent(unavailable, rolling.child("maxUnavailable"), errors);
  checkPositiveIntOrPercent(surge, rolling.child("maxSurge"), errors);
  checkAtMostHundredPercent(unavailable, rolling.child("maxUnavailable"), errors);
  checkAtMostHundredPercent(surge, rolling.child("maxSurge"), errors);
  const bool hasUnavailable = intOrPercentValue(unavailable) != 0;
  const bool hasSurge = intOrPercentValue(surge) != 0;
  if (hasUnavailable && hasSurge) {
    errors.invalid(rolling.child("maxSurge"), surge,
                   "may not be set when maxUnavailable is non-zero");
  } else if (!hasUnavailable && !hasSurge) {
    errors.required(rolling.child("maxUnavailable"), "cannot be 0 when maxSurge is 0");
  }
}

void checkTemplate(const DaemonSetSpec& spec, const FieldPath& path, FieldErrors& errors) {
  const auto at = path.child("template");
  if (spec.selector) validateLabelSelector(*spec.selector, path.child("selector"), errors);
  const auto compiled = api::LabelSelector::from(spec.selector.get());
  if (compiled.ok() && !compiled->matches(spec.template_.metadata.labels)) {
    errors.invalid(at.child("metadata").child("labels"), spec.template_.metadata.labels,
                   "`selector` does not match template `labels`");
  }
  if (spec.selector && spec.selector->matchLabels.empty() &&
      spec.selector->matchExpressions.empty()) {
    errors.invalid(path.child("selector"), asJson(*spec.selector),
                   "empty selector is invalid for daemonset");
  }
  validatePodTemplate(spec.template_, at, errors);
  checkLongRunningTemplate(spec.template_, "DaemonSet", at, errors);
}

class DaemonSetKind final : public TypedStrategy<DaemonSet> {
 public:
  DaemonSetKind() : TypedStrategy(StrategyTraits{.generation = true}) {}

 protected:
  void defaults(DaemonSet& object) const override {
    auto& spec = object.spec;
    setPodTemplateDefaults(spec.template_);
    if (spec.updateStrategy.type.empty()) spec.updateStrategy.type = "RollingUpdate";
    if (spec.updateStrategy.type == "RollingUpdate") {
      auto& rolling = spec.updateStrategy.rollingUpdate.getOrCreate();
      if (!rolling.maxUnavailable) rolling.maxUnavailable = api::IntOrString(1);
      if (!rolling.maxSurge) rolling.maxSurge = api::IntOrString(0);
    }
    if (!spec.revisionHistoryLimit) spec.revisionHistoryLimit = 10;
    // Of who writes without it, as upstream's conversion has it.
    object.metadata.annotations.try_emplace(kTemplateGeneration, "0");
  }
  void beforeCreate(DaemonSet& object) const override {
    setTemplateGeneration(object, std::max<int64_t>(templateGeneration(object), 1));
  }
  void beforeUpdate(DaemonSet& next, const DaemonSet& current) const override {
    const bool changed = !api::semanticEqual(next.spec.template_, current.spec.template_);
    setTemplateGeneration(next, templateGeneration(current) + (changed ? 1 : 0));
  }
  void beforeStatusUpdate(DaemonSet& next, const DaemonSet& current) const override {
    setTemplateGeneration(next, templateGeneration(current));
  }
  void check(const DaemonSet& object, FieldErrors& errors) const override {
    const auto& spec = object.spec;
    const FieldPath path("spec");
    checkTemplate(spec, path, errors);
    checkNonNegative(spec.minReadySeconds, path.child("minReadySeconds"), errors);
    checkStrategy(spec.updateStrategy, path.child("updateStrategy"), errors);
    checkNonNegative(spec.revisionHistoryLimit, path.child("revisionHistoryLimit"), errors);
  }
  void checkUpdate(const DaemonSet& next, const DaemonSet& current,
                   FieldErrors& errors) const override {
    check(next, errors);
    checkSelectorUnchanged(next.spec.selector, current.spec.selector, errors);
  }
  void warn(const DaemonSet& next, const DaemonSet*, std::vector<std::string>& out) const override {
    warnOfPodTemplate(next.spec.template_, FieldPath("spec").child("template"), out);
  }
  void checkStatusUpdate(const DaemonSet& next, const DaemonSet& current,
                         FieldErrors& errors) const override {
    const auto& status = next.status;
    const FieldPath path("status");
    checkNonNegative(status.currentNumberScheduled, path.child("currentNumberScheduled"), errors);
    checkNonNegative(status.numberMisscheduled, path.child("numberMisscheduled"), errors);
    checkNonNegative(status.desiredNumberScheduled, path.child("desiredNumberScheduled"), errors);
    checkNonNegative(status.numberReady, path.child("numberReady"), errors);
    checkNonNegative(status.observedGeneration, path.child("observedGeneration"), errors);
    checkNonNegative(status.updatedNumberScheduled, path.child("updatedNumberScheduled"), errors);
    checkNonNegative(status.numberAvailable, path.child("numberAvailable"), errors);
    checkNonNegative(status.numberUnavailable, path.child("numberUnavailable"), errors);
    checkNonNegative(status.collisionCount, path.child("collisionCount"), errors);
    checkNotDecremented(status.collisionCount, current.status.collisionCount,
                        path.child("collisionCount"), errors);
  }

 private:
  static void setTemplateGeneration(DaemonSet& object, int64_t value) {
    object.metadata.annotations.insert_or_assign(kTemplateGeneration, std::to_string(value));
  }
};

}  // namespace

std::unique_ptr<Strategy> makeDaemonSetStrategy() {
  return std::make_unique<DaemonSetKind>();
}

}  // namespace coxswain::apiserver
