#include "apiserver/registry/apps/workload.h"
#include "apiserver/registry/core/pod_warnings.h"
#include "apiserver/registry/strategies.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::apps::v1::ReplicaSet;

namespace {

class ReplicaSetKind final : public TypedStrategy<ReplicaSet> {
 public:
  ReplicaSetKind() : TypedStrategy(StrategyTraits{.generation = true}) {}

 protected:
  void defaults(ReplicaSet& object) const override {
    setPodTemplateDefaults(object.spec.template_);
    if (!object.spec.replicas) object.spec.replicas = 1;
  }
  void check(const ReplicaSet& object, FieldErrors& errors) const override {
    const auto& spec = object.spec;
    const FieldPath path("spec");
    checkNonNegative(spec.replicas, path.child("replicas"), errors);
    checkNonNegative(spec.minReadySeconds, path.child("minReadySeconds"), errors);
    checkSelectorAndTemplate(spec.selector, spec.template_,
                             "empty selector is invalid for deployment", "ReplicaSet", path,
                             errors);
  }
  void checkUpdate(const ReplicaSet& next, const ReplicaSet& current,
                   FieldErrors& errors) const override {
    check(next, errors);
    checkSelectorUnchanged(next.spec.selector, current.spec.selector, errors);
  }
  void warn(const ReplicaSet& next, const ReplicaSet* current,
            std::vector<std::string>& out) const override {
    if (!current) warnOfPodMakersName(next.metadata.name, out);
    warnOfPodTemplate(next.spec.template_, FieldPath("spec").child("template"), out);
  }
  void checkStatusUpdate(const ReplicaSet& next, const ReplicaSet&,
                         FieldErrors& errors) const override {
    checkReplicaStatus(next.status, errors);
  }
};

}  // namespace

std::unique_ptr<Strategy> makeReplicaSetStrategy() {
  return std::make_unique<ReplicaSetKind>();
}

}  // namespace coxswain::apiserver
