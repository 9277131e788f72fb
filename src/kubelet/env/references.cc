#include "kubelet/env/references.h"

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"

namespace coxswain::kubelet {

using api::core::v1::Container;
using api::core::v1::ObjectReference;
using api::core::v1::Pod;

namespace {

template <typename List>
const typename List::value_type* named(const List& list, std::string_view name) {
  for (const auto& item : list) {
    if (item.name == name) return &item;
  }
  return nullptr;
}

}  // namespace

ObjectReference podReference(const Pod& pod) {
  ObjectReference reference;
  reference.kind = "Pod";
  reference.apiVersion = "v1";
  reference.namespace_ = pod.metadata.namespace_;
  reference.name = pod.metadata.name;
  reference.uid = pod.metadata.uid;
  reference.resourceVersion = pod.metadata.resourceVersion;
  return reference;
}

ObjectReference containerReference(const Pod& pod, std::string_view container) {
  ObjectReference reference = podReference(pod);
  std::string_view list;
  if (named(pod.spec.containers, container)) {
    list = "spec.containers{";
  } else if (named(pod.spec.initContainers, container)) {
    list = "spec.initContainers{";
  } else {
    for (const auto& ephemeral : pod.spec.ephemeralContainers) {
      if (ephemeral.ephemeralContainerCommon.name == container) list = "spec.ephemeralContainers{";
    }
  }
  if (!list.empty()) reference.fieldPath = std::string(list) + std::string(container) + "}";
  return reference;
}

const Container* findContainer(const Pod& pod, std::string_view name) {
  if (const auto* found = named(pod.spec.containers, name)) return found;
  return named(pod.spec.initContainers, name);
}

}  // namespace coxswain::kubelet
