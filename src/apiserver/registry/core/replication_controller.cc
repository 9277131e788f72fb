#include "api/gen/core_v1.h"
#include "api/select/labels.h"
#include "apiserver/registry/apps/workload.h"
#include "apiserver/registry/core/pod_warnings.h"
#include "apiserver/registry/strategies.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::core::v1::ReplicationController;

namespace {

class ReplicationControllerKind final : public TypedStrategy<ReplicationController> {
 public:
  ReplicationControllerKind()
      : TypedStrategy(StrategyTraits{
            .generation = true, .orphanByDefault = true, .fieldSelectors = {"status.replicas"}}) {}

 protected:
  void defaults(ReplicationController& object) const override {
    auto& spec = object.spec;
    if (!spec.replicas) spec.replicas = 1;
    if (!spec.template_) return;
    setPodTemplateDefaults(*spec.template_);
    const auto& labels = spec.template_->metadata.labels;
    if (labels.empty()) return;
    if (spec.selector.empty()) spec.selector = labels;
    if (object.metadata.labels.empty()) object.metadata.labels = labels;
  }
  void check(const ReplicationController& object, FieldErrors& errors) const override {
    const auto& spec = object.spec;
    const FieldPath path("spec");
    checkNonNegative(spec.minReadySeconds, path.child("minReadySeconds"), errors);
    if (spec.selector.empty()) errors.required(path.child("selector"));
    if (spec.replicas) {
      checkNonNegative(*spec.replicas, path.child("replicas"), errors);
    } else {
      errors.required(path.child("replicas"));
    }
    const auto at = path.child("template");
    if (!spec.template_) return errors.required(at);
    const auto& labels = spec.template_->metadata.labels;
    if (!spec.selector.empty() && !api::LabelSelector::fromLabels(spec.selector).matches(labels)) {
      errors.invalid(at.child("metadata").child("labels"), labels,
                     "`selector` does not match template `labels`");
    }
    validatePodTemplate(*spec.template_, at, errors);
    checkLongRunningTemplate(*spec.template_, "ReplicationController", at, errors);
  }
  void warn(const ReplicationController& next, const ReplicationController* current,
            std::vector<std::string>& out) const override {
    if (!current) warnOfPodMakersName(next.metadata.name, out);
    if (!next.spec.template_) return;
    warnOfPodTemplate(*next.spec.template_, FieldPath("spec").child("template"), out);
  }
  void checkStatusUpdate(const ReplicationController& next, const ReplicationController&,
                         FieldErrors& errors) const override {
    checkReplicaStatus(next.status, errors);
  }
  void fields(const ReplicationController& object, api::FieldSet& out) const override {
    out.emplace_back("status.replicas", std::to_string(object.status.replicas));
  }
};

}  // namespace

std::unique_ptr<Strategy> makeReplicationControllerStrategy() {
  return std::make_unique<ReplicationControllerKind>();
}

}  // namespace coxswain::apiserver
