#include "apiserver/authz/stored_node_objects.h"

#include <algorithm>

#include "api/gen/core_v1.h"

namespace coxswain::apiserver {

using api::core::v1::PersistentVolumeClaim;
using api::core::v1::Pod;

std::vector<api::ConstObject> StoredNodeObjects::podsOf(std::string_view node,
                                                        std::string_view ns) const {
  ListRequest request;
  request.ns = ns;
  request.fields = api::FieldSelector::equals("spec.nodeName", node);
  auto answer = pods_.list(request);
  if (!answer.ok()) return {};
  std::vector<api::ConstObject> objects;
  objects.reserve(answer->items.size());
  for (const auto& item : answer->items) {
    auto object = item.object();
    if (object.ok()) objects.push_back(std::move(*object));
  }
  return objects;
}

bool StoredNodeObjects::podOnNode(std::string_view node, std::string_view ns,
                                  std::string_view pod) const {
  auto object = pods_.get(ns, pod);
  return object.ok() && object->as<Pod>()->spec.nodeName == node;
}

bool StoredNodeObjects::referenced(std::string_view node, ReferencedKind kind, std::string_view ns,
                                   std::string_view name) const {
  auto pods = podsOf(node, ns);
  return std::any_of(pods.begin(), pods.end(), [&](const api::ConstObject& pod) {
    return podRefersTo(*pod.as<Pod>(), kind, name);
  });
}

bool StoredNodeObjects::volumeUsed(std::string_view node, std::string_view volume) const {
  for (const auto& object : podsOf(node, "")) {
    const auto& pod = *object.as<Pod>();
    for (const auto& one : pod.spec.volumes) {
      const auto& source = one.volumeSource;
      if (!source.persistentVolumeClaim && !source.ephemeral) continue;
      auto name = source.persistentVolumeClaim ? source.persistentVolumeClaim->claimName
                                               : pod.metadata.name + "-" + one.name;
      auto claim = claims_.get(pod.metadata.namespace_, name);
      if (claim.ok() && claim->as<PersistentVolumeClaim>()->spec.volumeName == volume) return true;
    }
  }
  return false;
}

}  // namespace coxswain::apiserver
