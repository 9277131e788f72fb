#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/gen/policy_v1.h"
#include "api/helpers/pods.h"
#include "apiserver/subresources/disruption_budget.h"
#include "apiserver/subresources/posters.h"

namespace coxswain::apiserver {
namespace {

using api::core::v1::Pod;
using api::policy::v1::Eviction;

Result<DeleteRequest> deleteRequest(const Eviction& eviction, bool dryRun) {
  DeleteRequest request;
  request.dryRun = dryRun;
  if (!eviction.deleteOptions) return request;
  const auto& options = *eviction.deleteOptions;
  request.gracePeriodSeconds = options.gracePeriodSeconds;
  request.propagationPolicy = options.propagationPolicy.value_or("");
  if (options.preconditions) {
    request.preconditions.uid = options.preconditions->uid.value_or("");
    request.preconditions.resourceVersion = options.preconditions->resourceVersion.value_or("");
  }
  for (const auto& value : options.dryRun) {
    if (value != "All") {
      api::FieldErrors errors;
      errors.notSupported(api::FieldPath("dryRun"), value, {"All"});
      return errors.toStatus("DeleteOptions.meta.k8s.io", "");
    }
    request.dryRun = true;
  }
  return request;
}

Status checkPreconditions(const DeleteRequest& request, const Pod& pod) {
  const auto& wanted = request.preconditions;
  const auto& meta = pod.metadata;
  auto differs = [&meta](std::string_view what, const std::string& asked, const std::string& have) {
    return conflict("Pod", meta.name,
                    "the " + std::string(what) + " in the precondition (" + asked +
                        ") does not match the " + std::string(what) + " in record (" + have +
                        "). The object might have been " +
                        (what == "UID" ? "deleted and then recreated" : "modified"));
  };
  if (!wanted.uid.empty() && wanted.uid != meta.uid) return differs("UID", wanted.uid, meta.uid);
  if (!wanted.resourceVersion.empty() && wanted.resourceVersion != meta.resourceVersion) {
    return differs("ResourceVersion", wanted.resourceVersion, meta.resourceVersion);
  }
  return {};
}

class EvictionPoster final : public ObjectPoster {
 public:
  EvictionPoster(Executor& executor, Admission* admission, GenericRegistry& budgets)
      : executor_(executor), admission_(admission), budgets_(budgets) {}

  [[nodiscard]] std::vector<BodyKind> bodies() const override {
    return {{"policy", "v1", "Eviction", &Eviction::info()},
            {"policy", "v1beta1", "Eviction", &Eviction::info()}};
  }

  Task<Result<api::ConstObject>> post(RequestContext& context, api::Object body) override {
    CO_TRY_STATUS(matchNames(context, body, "Eviction"));
    WriteAdmission admission(admission_, context);
    CO_TRY_STATUS(co_await admission.admit(WriteKind::Create, &body, nullptr));
    CO_TRY_STATUS(co_await admission.validate(WriteKind::Create, &body, nullptr));
    CO_TRY(auto request, deleteRequest(*body.as<Eviction>(), context.dryRun));
    auto& pods = *context.registry;
    const auto& ns = context.info.ns;
    const auto& name = context.info.name;
    CO_TRY(auto pod, pods.get(ns, name));
    CO_TRY_STATUS(checkPreconditions(request, *pod.as<Pod>()));
    CO_TRY_STATUS(co_await bookDisruption(budgets_, *pod.as<Pod>(), request.dryRun));
    if (!request.dryRun) {
      CO_TRY_STATUS(co_await tellWhy(pods, ns, name, request.preconditions.uid));
      // The resourceVersion that was asked for was checked; telling changed it.
      request.preconditions.resourceVersion.clear();
    }
    auto deleted = co_await pods.remove(ns, name, std::move(request));
    if (!deleted.ok()) co_return deleted.status();
    co_return successStatus(201);
  }

 private:
  Task<Status> tellWhy(GenericRegistry& pods, std::string ns, std::string name, std::string uid) {
    GenericRegistry::UpdateRequest request;
    request.ns = std::move(ns);
    request.name = name;
    request.status = true;
    request.preconditions.uid = std::move(uid);
    const auto now = executor_.wallNow();
    GenericRegistry::Transform transform =
        [now, &name](const api::Object* current) -> Result<api::Object> {
      if (!current) return notFound("pods", name);
      auto next = current->clone();
      api::core::v1::PodCondition condition;
      condition.type = "DisruptionTarget";
      condition.status = "True";
      condition.reason = "EvictionByEvictionAPI";
      condition.message = "Eviction API: evicting";
      condition.lastTransitionTime = api::Time(now);
      api::setPodCondition(next.as<Pod>()->status, condition);
      return next;
    };
    auto updated = co_await pods.update(std::move(request), transform);
    co_return updated.status();
  }

  Executor& executor_;
  Admission* admission_;
  GenericRegistry& budgets_;
};

}  // namespace

std::unique_ptr<ObjectPoster> makeEvictionPoster(Executor& executor, Admission* admission,
                                                 GenericRegistry& budgets) {
  return std::make_unique<EvictionPoster>(executor, admission, budgets);
}

}  // namespace coxswain::apiserver
