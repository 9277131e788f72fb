#include "apiserver/admission/templates.h"

#include "api/gen/apps_v1.h"
#include "api/gen/batch_v1.h"
#include "api/gen/core_v1.h"

namespace coxswain::apiserver {

using namespace api::core::v1;  // NOLINT

bool makesPods(const RequestInfo& info) {
  const auto& name = info.resource;
  if (info.group.empty()) return name == "replicationcontrollers" || name == "podtemplates";
  if (info.group == "apps") {
    return name == "deployments" || name == "replicasets" || name == "statefulsets" ||
           name == "daemonsets";
  }
  return info.group == "batch" && (name == "jobs" || name == "cronjobs");
}

const PodTemplateSpec* podTemplateOf(const api::Object& object) {
  if (const auto* one = object.as<PodTemplate>()) return &one->template_;
  if (const auto* one = object.as<ReplicationController>()) return one->spec.template_.get();
  if (const auto* one = object.as<api::apps::v1::Deployment>()) return &one->spec.template_;
  if (const auto* one = object.as<api::apps::v1::ReplicaSet>()) return &one->spec.template_;
  if (const auto* one = object.as<api::apps::v1::StatefulSet>()) return &one->spec.template_;
  if (const auto* one = object.as<api::apps::v1::DaemonSet>()) return &one->spec.template_;
  if (const auto* one = object.as<api::batch::v1::Job>()) return &one->spec.template_;
  if (const auto* one = object.as<api::batch::v1::CronJob>()) {
    return &one->spec.jobTemplate.spec.template_;
  }
  return nullptr;
}

}  // namespace coxswain::apiserver
