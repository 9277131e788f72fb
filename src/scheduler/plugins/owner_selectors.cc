#include "scheduler/plugins/owner_selectors.h"

#include "api/gen/apps_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "client/resources.h"

namespace coxswain::scheduler {

using api::apps::v1::ReplicaSet;
using api::apps::v1::StatefulSet;
using api::core::v1::ReplicationController;
using api::core::v1::Service;

namespace {

const std::string kByNamespace = "scheduler-namespace";

std::vector<std::string> namespaceOfService(const api::ConstObject& object) {
  const auto& service = *object.as<Service>();
  // A service without a selector has no pods.
  if (service.spec.selector.empty()) return {};
  return {service.metadata.namespace_};
}

void addRequirements(api::LabelSelector& to, const api::meta::v1::LabelSelector* from) {
  const auto selector = api::LabelSelector::from(from);
  if (!selector.ok() || selector->isNothing()) return;
  for (const auto& requirement : selector->requirements()) to.add(requirement);
}

}  // namespace

OwnerSelectors::OwnerSelectors(client::Informers& informers)
    : services_(informers.of<Service>()),
      replicationControllers_(informers.of<ReplicationController>()),
      replicaSets_(informers.of<ReplicaSet>()),
      statefulSets_(informers.of<StatefulSet>()) {
  services_.addIndex(kByNamespace, namespaceOfService);
}

api::LabelSelector OwnerSelectors::selectorOf(const api::core::v1::Pod& pod) const {
  api::Labels labels;
  const auto merge = [&labels](const api::Labels& more) {
    for (const auto& [key, value] : more) labels.insert_or_assign(key, value);
  };
  for (const auto& object : services_.byIndex(kByNamespace, pod.metadata.namespace_)) {
    const auto& selector = object.as<Service>()->spec.selector;
    if (api::LabelSelector::fromLabels(selector).matches(pod.metadata.labels)) merge(selector);
  }
  const api::meta::v1::OwnerReference* owner = nullptr;
  for (const auto& reference : pod.metadata.ownerReferences)
    if (reference.controller.value_or(false)) owner = &reference;
  if (!owner) return api::LabelSelector::fromLabels(labels);
  const std::string key = pod.metadata.namespace_ + "/" + owner->name;
  if (owner->apiVersion == "v1" && owner->kind == "ReplicationController") {
    if (const auto found = replicationControllers_.get<ReplicationController>(key))
      merge(found->spec.selector);
  }
  auto selector = api::LabelSelector::fromLabels(labels);
  if (owner->apiVersion != "apps/v1") return selector;
  if (owner->kind == "ReplicaSet") {
    if (const auto found = replicaSets_.get<ReplicaSet>(key))
      addRequirements(selector, found->spec.selector.get());
  } else if (owner->kind == "StatefulSet") {
    if (const auto found = statefulSets_.get<StatefulSet>(key))
      addRequirements(selector, found->spec.selector.get());
  }
  return selector;
}

}  // namespace coxswain::scheduler
