#include "api/gen/core_v1.h"
#include "api/helpers/pods.h"
#include "apiserver/subresources/posters.h"

namespace coxswain::apiserver {
namespace {

using api::core::v1::Binding;
using api::core::v1::Pod;

constexpr std::string_view kResource = "pods/binding";

/// Only what a binding changes changes, so there is nothing to restore or to check.
class BindingStrategy final : public TypedStrategy<Pod> {
 public:
  BindingStrategy() : TypedStrategy(StrategyTraits{}) {}

 protected:
  [[nodiscard]] bool resetsStatus() const override { return false; }
  void checkUpdate(const Pod& next, const Pod& current, api::FieldErrors& errors) const override {}
};

const BindingStrategy& bindingStrategy() {
  static const BindingStrategy kStrategy;
  return kStrategy;
}

Status checkTarget(const Binding& binding) {
  const auto& target = binding.target;
  api::FieldErrors errors;
  const api::FieldPath path("target");
  if (!target.kind.empty() && target.kind != "Node") {
    errors.notSupported(path.child("kind"), target.kind, {"Node", "<empty>"});
  }
  if (target.name.empty()) errors.required(path.child("name"));
  // Upstream answers with the bare list of what is wrong.
  return errors.empty() ? Status() : Status(Reason::Unknown, 500, errors.str());
}

Status bind(const Binding& binding, WallTime now, Pod& pod) {
  const auto& name = pod.metadata.name;
  if (pod.metadata.deletionTimestamp) {
    return conflict(kResource, name,
                    "pod " + name + " is being deleted, cannot be assigned to a host");
  }
  if (!pod.spec.nodeName.empty()) {
    return conflict(kResource, name,
                    "pod " + name + " is already assigned to node \"" + pod.spec.nodeName + "\"");
  }
  if (!pod.spec.schedulingGates.empty()) {
    return conflict(kResource, name, "pod " + name + " has non-empty .spec.schedulingGates");
  }
  pod.spec.nodeName = binding.target.name;
  pod.status.nominatedNodeName.clear();
  for (const auto& [key, value] : binding.metadata.annotations) {
    pod.metadata.annotations.insert_or_assign(key, value);
  }
  for (const auto& [key, value] : binding.metadata.labels) {
    pod.metadata.labels.insert_or_assign(key, value);
  }
  api::core::v1::PodCondition scheduled;
  scheduled.type = "PodScheduled";
  scheduled.status = "True";
  scheduled.lastTransitionTime = api::Time(now);
  api::setPodCondition(pod.status, scheduled);
  return {};
}

class BindingPoster final : public ObjectPoster {
 public:
  BindingPoster(Executor& executor, Admission* admission, GenericRegistry& pods)
      : executor_(executor), admission_(admission), pods_(pods) {}

  [[nodiscard]] std::vector<BodyKind> bodies() const override {
    return {{"", "v1", "Binding", &Binding::info()}};
  }

  Task<Result<api::ConstObject>> post(RequestContext& context, api::Object body) override {
    CO_TRY_STATUS(matchNames(context, body, "Binding"));
    WriteAdmission admission(admission_, context);
    CO_TRY_STATUS(co_await admission.admit(WriteKind::Create, &body, nullptr));
    const auto& binding = *body.as<Binding>();
    CO_TRY_STATUS(checkTarget(binding));
    CO_TRY_STATUS(co_await admission.validate(WriteKind::Create, &body, nullptr));

    GenericRegistry::UpdateRequest request;
    request.ns = context.info.ns;
    request.name = binding.metadata.name;
    request.strategy = &bindingStrategy();
    request.dryRun = context.dryRun;
    request.preconditions.uid = binding.metadata.uid;
    request.preconditions.resourceVersion = binding.metadata.resourceVersion;
    const auto now = executor_.wallNow();
    auto name = request.name;
    GenericRegistry::Transform transform =
        [&binding, now, &name](const api::Object* current) -> Result<api::Object> {
      if (!current) return notFound("pods", name);
      auto next = current->clone();
      TRY_STATUS(bind(binding, now, *next.as<Pod>()));
      return next;
    };
    auto updated = co_await pods_.update(std::move(request), transform);
    if (!updated.ok()) co_return updated.status();
    co_return successStatus(201);
  }

 private:
  Executor& executor_;
  Admission* admission_;
  GenericRegistry& pods_;
};

}  // namespace

std::unique_ptr<ObjectPoster> makeBindingPoster(Executor& executor, Admission* admission,
                                                GenericRegistry& pods) {
  return std::make_unique<BindingPoster>(executor, admission, pods);
}

}  // namespace coxswain::apiserver
