#include "apiserver/server/scale.h"

#include "api/gen/apps_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/names/field_error.h"
#include "api/select/labels.h"

namespace coxswain::apiserver {

using api::autoscaling::v1::Scale;

namespace {

template <typename T>
Scale scaleOfKind(const T& object, std::string selector) {
  Scale scale;
  const auto& meta = object.metadata;
  scale.metadata.name = meta.name;
  scale.metadata.namespace_ = meta.namespace_;
  scale.metadata.uid = meta.uid;
  scale.metadata.resourceVersion = meta.resourceVersion;
  scale.metadata.creationTimestamp = meta.creationTimestamp;
  scale.spec.replicas = object.spec.replicas.value_or(1);
  scale.status.replicas = object.status.replicas;
  scale.status.selector = std::move(selector);
  return scale;
}

template <typename T>
Result<Scale> scaleOfWorkload(const void* data) {
  const auto& object = *static_cast<const T*>(data);
  std::string text;
  if (object.spec.selector) {
    TRY(auto selector, api::LabelSelector::from(*object.spec.selector));
    text = selector.str();
  }
  return scaleOfKind(object, std::move(text));
}

template <typename T>
bool setReplicas(api::Object& object, int32_t replicas) {
  auto* typed = object.as<T>();
  if (typed) typed->spec.replicas = replicas;
  return typed != nullptr;
}

}  // namespace

Result<Scale> scaleOf(const api::MessageInfo& info, const void* object) {
  if (&info == &api::apps::v1::Deployment::info()) {
    return scaleOfWorkload<api::apps::v1::Deployment>(object);
  }
  if (&info == &api::apps::v1::ReplicaSet::info()) {
    return scaleOfWorkload<api::apps::v1::ReplicaSet>(object);
  }
  if (&info == &api::apps::v1::StatefulSet::info()) {
    return scaleOfWorkload<api::apps::v1::StatefulSet>(object);
  }
  if (&info == &api::core::v1::ReplicationController::info()) {
    const auto& controller = *static_cast<const api::core::v1::ReplicationController*>(object);
    return scaleOfKind(controller, api::LabelSelector::fromLabels(controller.spec.selector).str());
  }
  return internalError("no scale for " + std::string(info.name));
}

Status applyScale(const Scale& scale, api::Object& object) {
  const auto replicas = scale.spec.replicas;
  if (replicas < 0) {
    api::FieldErrors errors;
    errors.invalid(api::FieldPath("spec").child("replicas"), replicas,
                   "must be greater than or equal to 0");
    return errors.toStatus("Scale.autoscaling", scale.metadata.name);
  }
  const bool known = setReplicas<api::apps::v1::Deployment>(object, replicas) ||
                     setReplicas<api::apps::v1::ReplicaSet>(object, replicas) ||
                     setReplicas<api::apps::v1::StatefulSet>(object, replicas) ||
                     setReplicas<api::core::v1::ReplicationController>(object, replicas);
  if (!known) return internalError("no scale for " + std::string(object.info().name));
  // Empty: whatever is stored.
  if (!scale.metadata.resourceVersion.empty()) {
    api::objectMeta(object)->resourceVersion = scale.metadata.resourceVersion;
  }
  return {};
}

}  // namespace coxswain::apiserver
