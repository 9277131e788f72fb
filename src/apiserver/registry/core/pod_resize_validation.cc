#include <algorithm>

#include "api/helpers/pods.h"
#include "api/helpers/resources.h"
#include "api/reflect/equal.h"
#include "apiserver/registry/core/pod_spec_internal.h"

// What PUT and PATCH of /resize may change: cpu and memory of containers and of the pod.

namespace coxswain::apiserver::pods {

namespace v1 = api::core::v1;
using api::FieldErrors;
using api::FieldPath;
using v1::Container;
using v1::ResourceRequirements;

namespace {

bool anyRemoved(const api::ResourceList& next, const api::ResourceList& current) {
  return std::any_of(current.begin(), current.end(),
                     [&](const auto& entry) { return !next.contains(entry.first); });
}

/// Tells of amounts that were there and are not any more. `whose`: "" or "pod-level ".
void checkNoneRemoved(const ResourceRequirements& next, const ResourceRequirements& current,
                      std::string_view whose, const FieldPath& path, FieldErrors& errors) {
  const auto text = [&](std::string_view what) {
    return std::string(whose) + "resource " + std::string(what) + " cannot be removed";
  };
  if (anyRemoved(next.requests, current.requests)) {
    errors.forbidden(path.child("requests"), text("requests"));
  }
  if (anyRemoved(next.limits, current.limits)) {
    errors.forbidden(path.child("limits"), text("limits"));
  }
}

/// Sets cpu and memory of `to` to those of `from`.
void takeResizable(ResourceRequirements& to, const ResourceRequirements& from) {
  for (const std::string_view name : {"cpu", "memory"}) {
    const auto copy = [&](api::ResourceList& list, const api::ResourceList& old) {
      list.erase(name);
      if (const auto* amount = old.get(name)) list.insert_or_assign(name, *amount);
    };
    copy(to.limits, from.limits);
    copy(to.requests, from.requests);
  }
}

/// A node that knows of resizing tells what its containers have.
bool nodeResizes(const v1::Pod& pod) {
  for (const auto& status : pod.status.containerStatuses) {
    if (status.state.running) return static_cast<bool>(status.resources);
  }
  return true;
}

bool hasAmounts(const api::Box<ResourceRequirements>& resources) {
  return resources && !(resources->limits.empty() && resources->requests.empty());
}

/// Of the pod as a whole; `rest` loses what may change.
void checkPodLevel(const v1::PodSpec& next, const v1::PodSpec& current, v1::PodSpec& rest,
                   const FieldPath& path, FieldErrors& errors) {
  if (!hasAmounts(next.resources) && !hasAmounts(current.resources)) return;
  const auto at = path.child("resources");
  if (current.resources && !next.resources) {
    return errors.forbidden(at, "pod-level resources cannot be removed");
  }
  const ResourceRequirements before =
      current.resources ? *current.resources : ResourceRequirements();
  checkNoneRemoved(*next.resources, before, "pod-level ", at, errors);
  takeResizable(*rest.resources, before);
  if (!current.resources && *rest.resources == ResourceRequirements()) rest.resources.reset();
  const bool same = static_cast<bool>(rest.resources) == static_cast<bool>(current.resources) &&
                    (!rest.resources || api::semanticEqual(*rest.resources, *current.resources));
  if (!same) {
    errors.forbidden(path, "only cpu and memory resources are mutable at pod-level");
  }
}

/// Whether both have the same containers; tells where they have not.
bool checkOrder(const std::vector<Container>& next, const std::vector<Container>& current,
                std::string_view member, const FieldPath& path, FieldErrors& errors) {
  const auto at = path.child(member);
  if (next.size() != current.size()) {
    errors.forbidden(at, std::string(member) + " may not be added or removed on resize");
    return false;
  }
  bool same = true;
  for (size_t i = 0; i < next.size(); ++i) {
    if (next[i].name == current[i].name) continue;
    same = false;
    errors.forbidden(at.index(i).child("name"),
                     std::string(member) + " may not be renamed or reordered on resize");
  }
  return same;
}

void checkInit(const Container& next, const Container& current, Container& rest,
               const FieldPath& path, FieldErrors& errors) {
  takeResizable(rest.resources, current.resources);
  if (!api::semanticEqual(rest, current)) {
    errors.forbidden(path,
                     "only cpu and memory resources for init or sidecar containers are mutable");
  }
  const bool restarts =
      std::any_of(rest.resizePolicy.begin(), rest.resizePolicy.end(),
                  [](const auto& policy) { return policy.restartPolicy == "RestartContainer"; });
  if (restarts && !api::isSidecar(next) && !api::semanticEqual(next, current)) {
    errors.forbidden(path,
                     "non-sidecar init containers with a resize policy of RestartContainer cannot "
                     "be resized");
  }
}

void checkContainers(const v1::PodSpec& next, const v1::PodSpec& current, v1::PodSpec& rest,
                     const FieldPath& path, FieldErrors& errors) {
  const auto init = path.child("initContainers");
  const auto containers = path.child("containers");
  for (size_t i = 0; i < next.initContainers.size(); ++i) {
    checkNoneRemoved(next.initContainers[i].resources, current.initContainers[i].resources, "",
                     init.index(i).child("resources"), errors);
  }
  for (size_t i = 0; i < next.containers.size(); ++i) {
    checkNoneRemoved(next.containers[i].resources, current.containers[i].resources, "",
                     containers.index(i).child("resources"), errors);
  }
  for (size_t i = 0; i < next.containers.size(); ++i) {
    takeResizable(rest.containers[i].resources, current.containers[i].resources);
    if (!api::semanticEqual(rest.containers[i], current.containers[i])) {
      errors.forbidden(path, "only cpu and memory resources are mutable");
    }
  }
  for (size_t i = 0; i < next.initContainers.size(); ++i) {
    checkInit(next.initContainers[i], current.initContainers[i], rest.initContainers[i],
              init.index(i), errors);
  }
}

}  // namespace

void checkResize(const v1::Pod& next, const v1::Pod& current, FieldErrors& errors) {
  const FieldPath path("spec");
  // These two are told alone.
  if (current.metadata.annotations.contains(kMirrorAnnotation)) {
    return errors.forbidden(FieldPath().key(""), "static pods cannot be resized");
  }
  if (current.spec.os && current.spec.os->name == "windows") {
    return errors.forbidden(FieldPath().key(""), "windows pods cannot be resized");
  }
  checkPod(next, errors);
  const std::string_view was = api::podQosClass(current);
  if (api::computeQosClass(next.spec) != was) {
    errors.invalid(path, was, "Pod QOS Class may not change as a result of resizing");
  }
  if (!nodeResizes(current)) {
    errors.forbidden(path, "Pod running on node without support for resize");
  }
  v1::PodSpec rest = next.spec;
  checkPodLevel(next.spec, current.spec, rest, path, errors);
  const bool containers =
      checkOrder(next.spec.containers, current.spec.containers, "containers", path, errors);
  const bool init = checkOrder(next.spec.initContainers, current.spec.initContainers,
                               "initContainers", path, errors);
  if (!containers || !init) return;
  checkContainers(next.spec, current.spec, rest, path, errors);
  if (errors.empty() && !api::semanticEqual(rest, current.spec)) {
    errors.forbidden(path, "only cpu and memory resources are mutable");
  }
}

}  // namespace coxswain::apiserver::pods
