#include <algorithm>

#include "api/names/names.h"
#include "api/reflect/equal.h"
#include "apiserver/registry/core/pod_internal_json.h"
#include "apiserver/registry/core/pod_spec_internal.h"

namespace coxswain::apiserver::pods {

namespace v1 = api::core::v1;
using api::FieldErrors;
using api::FieldPath;

namespace {

constexpr std::string_view kSpecText =
    "pod updates may not change fields other than "
    "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
    "`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

/// Images, told of once more than by the rules of containers. False: another number of containers,
/// after which there is nothing to compare.
bool checkContainersUpdate(const std::vector<v1::Container>& next,
                           const std::vector<v1::Container>& current, const FieldPath& path,
                           FieldErrors& errors) {
  if (next.size() != current.size()) {
    errors.forbidden(path, "pod updates may not add or remove containers");
    return false;
  }
  for (size_t i = 0; i < next.size(); ++i) {
    const auto image = path.index(i).child("image");
    requireText(next[i].image, image, errors);
    checkImageText(next[i].image, image, errors);
  }
  return true;
}

/// It may come, and shrink. False: nothing more is to be told.
bool checkDeadline(const v1::PodSpec& next, const v1::PodSpec& current, const FieldPath& path,
                   FieldErrors& errors) {
  const auto at = path.child("activeDeadlineSeconds");
  const auto& now = next.activeDeadlineSeconds;
  const auto& was = current.activeDeadlineSeconds;
  if (!now) {
    if (was) errors.invalid(at, nullptr, "must not update from a positive integer to nil value");
    return true;
  }
  if (*now < 0 || *now > INT32_MAX) {
    errors.invalid(at, *now, api::rangeMessage(0, INT32_MAX));
    return false;
  }
  if (was && *was < *now) {
    errors.invalid(at, *now, "must be less than or equal to previous value");
    return false;
  }
  return true;
}

void checkOnlyAddedTolerations(const v1::PodSpec& next, const v1::PodSpec& current,
                               const FieldPath& path, FieldErrors& errors) {
  for (v1::Toleration was : current.tolerations) {
    const bool kept = std::any_of(next.tolerations.begin(), next.tolerations.end(),
                                  [&](const v1::Toleration& now) {
                                    was.tolerationSeconds = now.tolerationSeconds;
                                    return was == now;
                                  });
    if (!kept) {
      errors.forbidden(path.child("tolerations"),
                       "existing toleration can not be modified except its tolerationSeconds");
      return;
    }
  }
  validateTolerations(next.tolerations, path.child("tolerations"), errors);
}

void checkGates(const v1::PodSpec& next, const v1::PodSpec& current, const FieldPath& path,
                FieldErrors& errors) {
  for (size_t i = 0; i < next.schedulingGates.size(); ++i) {
    const auto& name = next.schedulingGates[i].name;
    const bool old = std::any_of(current.schedulingGates.begin(), current.schedulingGates.end(),
                                 [&](const auto& gate) { return gate.name == name; });
    if (!old) {
      errors.forbidden(path.child("schedulingGates").index(i).child("name"),
                       "only deletion is allowed, but found new scheduling gate '" + name + "'");
    }
  }
}

const v1::NodeSelector* requiredNodes(const v1::PodSpec& spec) {
  if (!spec.affinity || !spec.affinity->nodeAffinity) return nullptr;
  return spec.affinity->nodeAffinity->requiredDuringSchedulingIgnoredDuringExecution.get();
}

bool startsWith(const std::vector<v1::NodeSelectorRequirement>& next,
                const std::vector<v1::NodeSelectorRequirement>& current) {
  return next.size() >= current.size() && std::equal(current.begin(), current.end(), next.begin());
}

/// A pod that waits at its gates may become choosier about nodes.
void checkGatedNarrowing(const v1::PodSpec& next, const v1::PodSpec& current, const FieldPath& path,
                         FieldErrors& errors) {
  const bool narrowed =
      std::all_of(current.nodeSelector.begin(), current.nodeSelector.end(), [&](const auto& entry) {
        const auto* value = next.nodeSelector.get(entry.first);
        return value != nullptr && *value == entry.second;
      });
  if (!narrowed) {
    errors.invalid(path.child("nodeSelector"), next.nodeSelector,
                   "only additions are allowed to spec.nodeSelector (no mutations or deletions)");
  }
  const v1::NodeSelector* was = requiredNodes(current);
  if (was == nullptr || was->nodeSelectorTerms.empty()) return;
  const v1::NodeSelector* now = requiredNodes(next);
  const auto at =
      path.child("affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution");
  const auto terms = at.child("nodeSelectorTerms");
  if (now == nullptr || now->nodeSelectorTerms.size() != was->nodeSelectorTerms.size()) {
    std::string shown = now == nullptr ? "null" : "[";
    for (size_t i = 0; now != nullptr && i < now->nodeSelectorTerms.size(); ++i) {
      shown.append(i > 0 ? "," : "").append(internalJson(now->nodeSelectorTerms[i]));
    }
    if (now != nullptr) shown += "]";
    errors.invalid(terms, api::FieldValue::json(shown),
                   "no additions/deletions to non-empty NodeSelectorTerms list are allowed");
    return;
  }
  for (size_t i = 0; i < was->nodeSelectorTerms.size(); ++i) {
    const auto& a = was->nodeSelectorTerms[i];
    const auto& b = now->nodeSelectorTerms[i];
    const auto empty = [](const v1::NodeSelectorTerm& term) {
      return term.matchExpressions.empty() && term.matchFields.empty();
    };
    if ((empty(a) && !empty(b)) || !startsWith(b.matchExpressions, a.matchExpressions) ||
        !startsWith(b.matchFields, a.matchFields)) {
      errors.invalid(terms.index(i), api::FieldValue::json(internalJson(b)),
                     "only additions are allowed (no mutations or deletions)");
    }
  }
}

/// `next` with everything that an update may change set back.
v1::PodSpec withoutAllowedChanges(const v1::PodSpec& next, const v1::PodSpec& current) {
  v1::PodSpec spec = next;
  for (size_t i = 0; i < spec.containers.size(); ++i) {
    spec.containers[i].image = current.containers[i].image;
  }
  for (size_t i = 0; i < spec.initContainers.size(); ++i) {
    spec.initContainers[i].image = current.initContainers[i].image;
  }
  spec.activeDeadlineSeconds = current.activeDeadlineSeconds;
  spec.tolerations = current.tolerations;
  spec.schedulingGates = current.schedulingGates;
  if (current.terminationGracePeriodSeconds.value_or(0) < 0 &&
      spec.terminationGracePeriodSeconds.value_or(0) == 1) {
    spec.terminationGracePeriodSeconds = current.terminationGracePeriodSeconds;
  }
  if (current.schedulingGates.empty()) return spec;
  spec.nodeSelector = current.nodeSelector;
  const auto* was = current.affinity ? current.affinity->nodeAffinity.get() : nullptr;
  const auto* now = spec.affinity ? spec.affinity->nodeAffinity.get() : nullptr;
  if (was == nullptr && now == nullptr) return spec;
  auto& affinity = spec.affinity.getOrCreate();
  if (was == nullptr) {
    affinity.nodeAffinity.reset();
  } else {
    affinity.nodeAffinity = *was;
  }
  // An affinity that held nothing but the addition was not there before.
  if (!current.affinity && affinity == v1::Affinity()) spec.affinity.reset();
  return spec;
}

}  // namespace

void checkPod(const v1::Pod& pod, FieldErrors& errors) {
  const FieldPath metadata("metadata");
  const FieldPath path("spec");
  const auto& spec = pod.spec;
  checkPodAnnotations(pod.metadata.annotations, spec, metadata.child("annotations"), errors);
  validatePodSpec(spec, path, errors, {.metadata = &pod.metadata});
  const auto volumes = path.child("volumes");
  for (size_t v = 0; spec.serviceAccountName.empty() && v < spec.volumes.size(); ++v) {
    const auto& projected = spec.volumes[v].volumeSource.projected;
    if (!projected) continue;
    for (size_t i = 0; i < projected->sources.size(); ++i) {
      if (!projected->sources[i].serviceAccountToken) continue;
      const auto source = volumes.index(v).child("projected", "sources").index(i);
      errors.forbidden(source.child("serviceAccountToken"),
                       "must not be specified when serviceAccountName is not set");
    }
  }
  const auto images = [&](const std::vector<v1::Container>& list, const FieldPath& at) {
    for (size_t i = 0; i < list.size(); ++i)
      checkImageText(list[i].image, at.index(i).child("image"), errors);
  };
  images(spec.containers, path.child("containers"));
  images(spec.initContainers, path.child("initContainers"));
}

void checkNewPod(const v1::Pod& pod, FieldErrors& errors) {
  checkPod(pod, errors);
  const FieldPath path("spec");
  if (!pod.spec.ephemeralContainers.empty())
    errors.forbidden(path.child("ephemeralContainers"), "cannot be set on create");
  if (!pod.spec.nodeName.empty() && !pod.spec.schedulingGates.empty()) {
    errors.forbidden(path.child("nodeName"),
                     "cannot be set until all schedulingGates have been cleared");
  }
  checkProfileAnnotations(pod.metadata.annotations, pod.spec, path, errors);
}

void checkPodUpdate(const v1::Pod& next, const v1::Pod& current, FieldErrors& errors) {
  checkPod(next, errors);
  checkAnnotationsUpdate(next, current, errors);
  const FieldPath path("spec");
  if (!checkContainersUpdate(next.spec.containers, current.spec.containers,
                             path.child("containers"), errors) ||
      !checkContainersUpdate(next.spec.initContainers, current.spec.initContainers,
                             path.child("initContainers"), errors) ||
      !checkDeadline(next.spec, current.spec, path, errors)) {
    return;
  }
  checkOnlyAddedTolerations(next.spec, current.spec, path, errors);
  checkGates(next.spec, current.spec, path, errors);
  if (!current.spec.schedulingGates.empty())
    checkGatedNarrowing(next.spec, current.spec, path, errors);
  const v1::PodSpec rest = withoutAllowedChanges(next.spec, current.spec);
  if (!api::semanticEqual(rest, current.spec)) {
    errors.forbidden(path, std::string(kSpecText) + "\n" + objectDiff(current.spec, rest));
  }
}

void checkEphemeralContainersUpdate(const v1::Pod& next, const v1::Pod& current,
                                    FieldErrors& errors) {
  if (current.metadata.annotations.contains(kMirrorAnnotation)) {
    // Nothing else is told.
    return errors.forbidden(FieldPath().key(""), "static pods do not support ephemeral containers");
  }
  checkPod(next, errors);
  checkAnnotationsUpdate(next, current, errors);
  const FieldPath spec("spec");
  const auto path = spec.child("ephemeralContainers");
  for (const auto& was : current.spec.ephemeralContainers) {
    const std::string& name = was.ephemeralContainerCommon.name;
    const auto& list = next.spec.ephemeralContainers;
    const auto now = std::find_if(list.begin(), list.end(), [&](const auto& c) {
      return c.ephemeralContainerCommon.name == name;
    });
    if (now == list.end()) {
      errors.forbidden(
          path, "existing ephemeral containers " + api::goQuote(name) + " may not be removed\n");
    } else if (!api::semanticEqual(*now, was)) {
      errors.forbidden(path, "existing ephemeral containers " + api::goQuote(name) +
                                 " may not be changed\n" + objectDiff(was, *now));
    }
  }
}

}  // namespace coxswain::apiserver::pods
