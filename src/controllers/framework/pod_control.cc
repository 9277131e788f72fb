#include "controllers/framework/pod_control.h"

#include <fmt/format.h>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "api/helpers/pods.h"
#include "client/resources.h"
#include "controllers/framework/list_patch.h"

namespace coxswain::controllers {

using api::core::v1::Pod;
using client::kEventNormal;
using client::kEventWarning;

bool isNamespaceTerminating(const Status& status) {
  if (!isForbidden(status)) return false;
  if (const auto* details = status.details()) {
    for (const auto& cause : details->causes) {
      if (cause.type == "NamespaceTerminating") return true;
    }
  }
  return status.message().find("because it is being terminated") != std::string::npos;
}

Pod podFromTemplate(const api::MessageInfo& ownerInfo, const void* owner,
                    const api::core::v1::PodTemplateSpec& templateSpec) {
  const auto& meta = *api::objectMeta(ownerInfo, owner);
  Pod pod;
  pod.metadata.namespace_ = meta.namespace_;
  pod.metadata.labels = templateSpec.metadata.labels;
  pod.metadata.annotations = templateSpec.metadata.annotations;
  pod.metadata.finalizers = templateSpec.metadata.finalizers;
  pod.metadata.generateName = meta.name + "-";
  pod.metadata.ownerReferences.push_back(
      api::newControllerRef(meta, ownerInfo.kind->apiVersion, ownerInfo.kind->kind));
  pod.spec = templateSpec.spec;
  return pod;
}

Task<Status> createPod(client::Client& client, client::EventRecorder& events,
                       const api::MessageInfo& ownerInfo, const void* owner, Pod pod,
                       std::stop_token stop) {
  auto made = co_await client::create(client, std::move(pod), stop);
  if (made.ok()) {
    events.event(ownerInfo, owner, kEventNormal, "SuccessfulCreate",
                 "Created pod: " + (*made)->metadata.name);
    co_return Status();
  }
  if (!isNamespaceTerminating(made.status()) && !isCanceled(made.status())) {
    events.event(ownerInfo, owner, kEventWarning, "FailedCreate",
                 "Error creating: " + made.status().message());
  }
  co_return made.status();
}

Task<Status> deletePod(client::Client& client, client::EventRecorder& events,
                       const api::MessageInfo& ownerInfo, const void* owner, std::string ns,
                       std::string name, std::stop_token stop) {
  client::DeleteOptions options;
  Status status = co_await client.remove(client::resourceOf<Pod>(), std::move(ns), name,
                                         std::move(options), stop);
  if (status.ok()) {
    events.event(ownerInfo, owner, kEventNormal, "SuccessfulDelete", "Deleted pod: " + name);
  } else if (!isNotFound(status) && !isCanceled(status)) {
    events.event(ownerInfo, owner, kEventWarning, "FailedDelete",
                 "Error deleting: " + status.message());
    co_return status.withContext("unable to delete pods");
  }
  co_return status;
}

Task<Status> denyPodCondition(client::Client& client, std::shared_ptr<const Pod> pod,
                              std::string type, WallTime now, std::stop_token stop) {
  const auto& meta = pod->metadata;
  std::vector<api::core::v1::PodCondition> denied{*api::findPodCondition(pod->status, type)};
  denied[0].status = "False";
  denied[0].lastTransitionTime = api::Time(now);
  auto written = co_await client.patch(client::resourceOf<Pod>(), meta.namespace_, meta.name,
                                       "status", client::PatchType::StrategicMerge,
                                       listPatch(meta, "status", "conditions", denied), stop);
  co_return written.status();
}

}  // namespace coxswain::controllers
