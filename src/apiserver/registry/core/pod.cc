#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/resources.h"
#include "api/names/names.h"
#include "apiserver/registry/core/pod_spec_internal.h"
#include "apiserver/registry/core/pod_warnings.h"
#include "apiserver/registry/ip_warnings.h"
#include "apiserver/registry/strategy.h"

namespace coxswain::apiserver {

namespace v1 = api::core::v1;

namespace {

/// A limit is a request as well, where there is none.
void requestsFromLimits(v1::ResourceRequirements& resources) {
  for (const auto& [name, limit] : resources.limits) resources.requests.try_emplace(name, limit);
}

void podLevelDefaults(v1::PodSpec& spec) {
  if (!spec.resources) return;
  auto& resources = *spec.resources;
  if (resources.limits.empty() && resources.requests.empty()) return;
  const api::PodResourcesOptions containersOnly{.excludeOverhead = true,
                                                .skipPodLevelResources = true};
  for (const auto& [name, limit] : api::podLimits(spec, containersOnly)) {
    if (api::isHugePages(name) && !resources.requests.contains(name))
      resources.limits.try_emplace(name, limit);
  }
  const auto sums = api::podRequests(spec, containersOnly);
  for (const auto& [name, limit] : resources.limits) {
    const auto* sum = sums.get(name);
    const bool overcommit = !api::isHugePages(name);
    resources.requests.try_emplace(name, sum != nullptr && overcommit ? *sum : limit);
  }
}

void hostPorts(std::vector<v1::Container>& containers) {
  for (auto& container : containers) {
    for (auto& port : container.ports) {
      if (port.hostPort == 0) port.hostPort = port.containerPort;
    }
  }
}

/// Adds the pod's own values of these labels to the selector, for and against.
void selectLabels(api::Box<api::meta::v1::LabelSelector>& selector,
                  const std::vector<std::string>& keys, std::string_view op, const v1::Pod& pod) {
  if (!selector) return;
  for (const auto& key : keys) {
    const auto* value = pod.metadata.labels.get(key);
    if (!value) continue;
    auto& requirement = selector->matchExpressions.emplace_back();
    requirement.key = key;
    requirement.operator_ = op;
    requirement.values = {*value};
  }
}

void selectLabels(std::vector<v1::PodAffinityTerm>& terms, const v1::Pod& pod) {
  for (auto& term : terms) {
    selectLabels(term.labelSelector, term.matchLabelKeys, "In", pod);
    selectLabels(term.labelSelector, term.mismatchLabelKeys, "NotIn", pod);
  }
}

void selectLabels(std::vector<v1::WeightedPodAffinityTerm>& terms, const v1::Pod& pod) {
  for (auto& weighted : terms) {
    auto& term = weighted.podAffinityTerm;
    selectLabels(term.labelSelector, term.matchLabelKeys, "In", pod);
    selectLabels(term.labelSelector, term.mismatchLabelKeys, "NotIn", pod);
  }
}

/// matchLabelKeys and mismatchLabelKeys become part of the selectors, with the labels that the pod
/// has now: schedulers see selectors only.
void mergeLabelKeys(v1::Pod& pod) {
  if (auto* affinity = pod.spec.affinity.get()) {
    const auto merge = [&](auto& group) {
      if (!group) return;
      selectLabels(group->requiredDuringSchedulingIgnoredDuringExecution, pod);
      selectLabels(group->preferredDuringSchedulingIgnoredDuringExecution, pod);
    };
    merge(affinity->podAffinity);
    merge(affinity->podAntiAffinity);
  }
  for (auto& constraint : pod.spec.topologySpreadConstraints)
    selectLabels(constraint.labelSelector, constraint.matchLabelKeys, "In", pod);
}

/// Makes `next` the current pod, but for what identifies the request.
void keepAllBut(v1::Pod& next, const v1::Pod& current) {
  auto version = std::move(next.metadata.resourceVersion);
  auto managed = std::move(next.metadata.managedFields);
  next = current;
  next.metadata.resourceVersion = std::move(version);
  next.metadata.managedFields = std::move(managed);
}

class PodStrategy : public TypedStrategy<v1::Pod> {
 public:
  PodStrategy()
      : TypedStrategy(
            {.generation = true,
             .fieldSelectors = {"spec.hostNetwork", "spec.nodeName", "spec.restartPolicy",
                                "spec.schedulerName", "spec.serviceAccountName",
                                "status.nominatedNodeName", "status.phase", "status.podIP"},
             .returnsDeleted = true}) {}

  /// The kubelet ends a pod that runs somewhere; others go at once.
  [[nodiscard]] std::optional<int64_t> gracePeriod(
      const void* object, std::optional<int64_t> requested) const override {
    const auto& pod = *static_cast<const v1::Pod*>(object);
    auto period = requested.value_or(pod.spec.terminationGracePeriodSeconds.value_or(0));
    if (pod.spec.nodeName.empty()) period = 0;
    if (pod.status.phase == "Succeeded" || pod.status.phase == "Failed") period = 0;
    return period < 0 ? 1 : period;
  }

 protected:
  void defaults(v1::Pod& pod) const override {
    setPodSpecDefaults(pod.spec);
    for (auto& container : pod.spec.containers) requestsFromLimits(container.resources);
    for (auto& container : pod.spec.initContainers) requestsFromLimits(container.resources);
    podLevelDefaults(pod.spec);
    if (!pod.spec.enableServiceLinks) pod.spec.enableServiceLinks = true;
    if (pod.spec.hostNetwork) {
      hostPorts(pod.spec.containers);
      hostPorts(pod.spec.initContainers);
    }
    // podIP is the first of podIPs, whichever of the two was written.
    auto& status = pod.status;
    if (!status.podIP.empty()) {
      if (status.podIPs.empty() || status.podIPs.front().ip != status.podIP) {
        status.podIPs.assign(1, {});
        status.podIPs.front().ip = status.podIP;
      }
    } else if (!status.podIPs.empty()) {
      status.podIP = status.podIPs.front().ip;
    }
  }

  void beforeCreate(v1::Pod& pod) const override {
    pod.status.phase = "Pending";
    pod.status.qosClass = api::computeQosClass(pod.spec);
    mergeLabelKeys(pod);
    if (!pod.spec.schedulingGates.empty()) {
      auto& condition = pod.status.conditions.emplace_back();
      condition.type = "PodScheduled";
      condition.status = "False";
      condition.reason = "SchedulingGated";
      condition.message = "Scheduling is blocked due to non-empty scheduling gates";
      condition.lastTransitionTime = pod.metadata.creationTimestamp;
    }
  }
  void check(const v1::Pod& pod, api::FieldErrors& errors) const override {
    pods::checkNewPod(pod, errors);
  }

  void checkUpdate(const v1::Pod& next, const v1::Pod& current,
                   api::FieldErrors& errors) const override {
    pods::checkPodUpdate(next, current, errors);
  }

  void beforeStatusUpdate(v1::Pod& next, const v1::Pod& current) const override {
    next.metadata.ownerReferences = current.metadata.ownerReferences;
    if (next.status.qosClass.empty()) next.status.qosClass = current.status.qosClass;
  }
  void checkStatusUpdate(const v1::Pod& next, const v1::Pod& current,
                         api::FieldErrors& errors) const override {
    pods::checkPodStatusUpdate(next, current, errors);
  }

  void warn(const v1::Pod& next, const v1::Pod* current,
            std::vector<std::string>& out) const override {
    // Nobody who reads warnings updates pods, and those who do must not pay for them.
    if (current) return;
    warnOfName(next.metadata.name,
               "metadata.name: this is used in the Pod's hostname, which can result in surprising "
               "behavior",
               out);
    warnOfPod(next, out);
  }

  void fields(const v1::Pod& pod, api::FieldSet& out) const override {
    out.emplace_back("spec.nodeName", pod.spec.nodeName);
    out.emplace_back("spec.restartPolicy", pod.spec.restartPolicy);
    out.emplace_back("spec.schedulerName", pod.spec.schedulerName);
    out.emplace_back("spec.serviceAccountName", pod.spec.serviceAccountName);
    out.emplace_back("spec.hostNetwork", pod.spec.hostNetwork ? "true" : "false");
    out.emplace_back("status.phase", pod.status.phase);
    out.emplace_back("status.podIP", pod.status.podIP);
    out.emplace_back("status.nominatedNodeName", pod.status.nominatedNodeName);
  }
};

/// PUT and PATCH of /ephemeralcontainers: changes nothing but those.
class EphemeralContainersStrategy final : public PodStrategy {
 protected:
  void beforeUpdate(v1::Pod& next, const v1::Pod& current) const override {
    auto containers = std::move(next.spec.ephemeralContainers);
    keepAllBut(next, current);
    next.spec.ephemeralContainers = std::move(containers);
  }
  void checkUpdate(const v1::Pod& next, const v1::Pod& current,
                   api::FieldErrors& errors) const override {
    pods::checkEphemeralContainersUpdate(next, current, errors);
  }
};

/// PUT and PATCH of /resize: changes resources and resize policies of containers.
class ResizeStrategy final : public PodStrategy {
 protected:
  void beforeUpdate(v1::Pod& next, const v1::Pod& current) const override {
    v1::PodSpec wanted = std::move(next.spec);
    keepAllBut(next, current);
    next.spec.resources = std::move(wanted.resources);
    const auto take = [](std::vector<v1::Container>& to, std::vector<v1::Container>& from) {
      // Renamed, added or removed ones are for validation to tell.
      if (to.size() != from.size() ||
          !std::equal(to.begin(), to.end(), from.begin(),
                      [](const auto& a, const auto& b) { return a.name == b.name; })) {
        to = std::move(from);
        return;
      }
      for (size_t i = 0; i < to.size(); ++i) {
        to[i].resources = std::move(from[i].resources);
        to[i].resizePolicy = std::move(from[i].resizePolicy);
      }
    };
    take(next.spec.containers, wanted.containers);
    take(next.spec.initContainers, wanted.initContainers);
  }
  void checkUpdate(const v1::Pod& next, const v1::Pod& current,
                   api::FieldErrors& errors) const override {
    pods::checkResize(next, current, errors);
  }
};

class PodTemplateStrategy final : public TypedStrategy<v1::PodTemplate> {
 public:
  PodTemplateStrategy() : TypedStrategy({.generation = true, .returnsDeleted = true}) {}

 protected:
  void defaults(v1::PodTemplate& object) const override {
    setPodTemplateDefaults(object.template_);
  }
  void check(const v1::PodTemplate& object, api::FieldErrors& errors) const override {
    validatePodTemplate(object.template_, api::FieldPath("template"), errors);
  }
  void warn(const v1::PodTemplate& next, const v1::PodTemplate*,
            std::vector<std::string>& out) const override {
    warnOfPodTemplate(next.template_, api::FieldPath("template"), out);
  }
};

}  // namespace

std::unique_ptr<Strategy> makePodStrategy() {
  return std::make_unique<PodStrategy>();
}
std::unique_ptr<Strategy> makePodEphemeralContainersStrategy() {
  return std::make_unique<EphemeralContainersStrategy>();
}
std::unique_ptr<Strategy> makePodResizeStrategy() {
  return std::make_unique<ResizeStrategy>();
}
std::unique_ptr<Strategy> makePodTemplateStrategy() {
  return std::make_unique<PodTemplateStrategy>();
}

}  // namespace coxswain::apiserver
