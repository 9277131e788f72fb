#include "controllers/framework/disruption.h"

#include "api/codec/json.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/pods.h"
#include "client/resources.h"

namespace coxswain::controllers {

using api::core::v1::Pod;
using api::core::v1::PodCondition;

Task<Status> markDisrupted(client::Client& client, const Pod& pod, DisruptionReason why,
                           WallTime now, std::stop_token stop) {
  api::core::v1::PodStatus status = pod.status;
  std::string members;
  if (why.fail && !api::isPodTerminal(pod)) members = "\"phase\":\"Failed\"";
  if (!why.reason.empty()) {
    PodCondition condition;
    condition.type = "DisruptionTarget";
    condition.status = "True";
    condition.reason = std::move(why.reason);
    condition.message = std::move(why.message);
    condition.observedGeneration = pod.metadata.generation;
    condition.lastTransitionTime = api::Time(now);
    if (api::setPodCondition(status, condition)) {
      if (!members.empty()) members += ",";
      members += "\"conditions\":[";
      api::encodeJson(PodCondition::info(), api::findPodCondition(status, condition.type), members);
      members += "]";
    }
  }
  if (members.empty()) co_return Status();
  std::string body =
      "{\"metadata\":{\"uid\":\"" + pod.metadata.uid + "\"},\"status\":{" + members + "}}";
  auto patched =
      co_await client.patch(client::resourceOf<Pod>(), pod.metadata.namespace_, pod.metadata.name,
                            "status", client::PatchType::StrategicMerge, std::move(body), stop);
  co_return patched.status();
}

}  // namespace coxswain::controllers
