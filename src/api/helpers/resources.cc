#include "api/helpers/resources.h"

#include "api/gen/core_v1.h"
#include "api/helpers/pods.h"

namespace coxswain::api {

namespace {

using core::v1::Container;
using core::v1::ContainerStatus;
using core::v1::Pod;
using core::v1::PodSpec;
using core::v1::PodStatus;

enum class Which : uint8_t { Requests, Limits };

const ResourceList& pick(const core::v1::ResourceRequirements& resources, Which which) {
  return which == Which::Requests ? resources.requests : resources.limits;
}

const ContainerStatus* statusOf(const std::vector<ContainerStatus>& statuses,
                                const std::string& name) {
  for (const auto& status : statuses)
    if (status.name == name) return &status;
  return nullptr;
}

bool isPodLevel(std::string_view name) {
  return name == "cpu" || name == "memory" || isHugePages(name);
}

class Sum {
 public:
  Sum(const PodSpec& spec, const PodStatus* status, Which which, const PodResourcesOptions& options)
      : spec_(spec), status_(status), which_(which), options_(options) {}

  ResourceList total() {
    ResourceList sum;
    for (const auto& container : spec_.containers) {
      const ResourceList own =
          of(container, status_ != nullptr ? &status_->containerStatuses : nullptr);
      addResources(sum, own);
    }
    ResourceList sidecars;
    ResourceList peak;
    for (const auto& container : spec_.initContainers) {
      ResourceList own =
          of(container, status_ != nullptr ? &status_->initContainerStatuses : nullptr);
      if (isSidecar(container)) {
        // Runs on beside all that come after it.
        addResources(sum, own);
        addResources(sidecars, own);
        own = sidecars;
      } else {
        addResources(own, sidecars);
      }
      maxResources(peak, own);
    }
    maxResources(sum, peak);
    podLevel(sum);
    overhead(sum);
    return sum;
  }

 private:
  ResourceList of(const Container& container, const std::vector<ContainerStatus>* statuses) const {
    ResourceList own = pick(container.resources, which_);
    if (options_.useStatusResources && statuses != nullptr) {
      const ContainerStatus* status = statusOf(*statuses, container.name);
      if (status != nullptr) {
        if (status->resources) maxResources(own, pick(*status->resources, which_));
        if (which_ == Which::Requests) maxResources(own, status->allocatedResources);
      }
    }
    if (options_.containerFn) options_.containerFn(container, own);
    return own;
  }

  void podLevel(ResourceList& sum) const {
    if (options_.skipPodLevelResources || !spec_.resources) return;
    for (const auto& [name, quantity] : pick(*spec_.resources, which_))
      if (isPodLevel(name)) sum.insert_or_assign(name, quantity);
  }

  void overhead(ResourceList& sum) const {
    if (options_.excludeOverhead) return;
    for (const auto& [name, quantity] : spec_.overhead) {
      Quantity* there = sum.get(name);
      if (which_ == Which::Requests)
        sum[name] += quantity;
      else if (there != nullptr && !there->isZero())
        *there += quantity;
    }
  }

  const PodSpec& spec_;
  const PodStatus* status_;
  Which which_;
  const PodResourcesOptions& options_;
};

/// cpu and memory above zero.
void countForQos(ResourceList& to, const ResourceList& from) {
  for (const char* name : {"cpu", "memory"})
    if (const Quantity* quantity = from.get(name); quantity != nullptr && quantity->sign() > 0)
      to[name] += *quantity;
}

}  // namespace

void addResources(ResourceList& to, const ResourceList& more) {
  for (const auto& [name, quantity] : more) to[name] += quantity;
}

void maxResources(ResourceList& to, const ResourceList& other) {
  for (const auto& [name, quantity] : other) {
    const auto [there, added] = to.try_emplace(name, quantity);
    if (!added && there->second < quantity) there->second = quantity;
  }
}

ResourceList podRequests(const Pod& pod, const PodResourcesOptions& options) {
  return Sum(pod.spec, &pod.status, Which::Requests, options).total();
}
ResourceList podRequests(const PodSpec& spec, const PodResourcesOptions& options) {
  return Sum(spec, nullptr, Which::Requests, options).total();
}
ResourceList podLimits(const Pod& pod, const PodResourcesOptions& options) {
  return Sum(pod.spec, &pod.status, Which::Limits, options).total();
}
ResourceList podLimits(const PodSpec& spec, const PodResourcesOptions& options) {
  return Sum(spec, nullptr, Which::Limits, options).total();
}

std::string_view computeQosClass(const PodSpec& spec) {
  ResourceList requests;
  ResourceList limits;
  bool guaranteed = true;
  const auto count = [&](const core::v1::ResourceRequirements& resources) {
    ResourceList own;
    countForQos(own, resources.limits);
    if (own.size() < 2) guaranteed = false;
    addResources(limits, own);
    countForQos(requests, resources.requests);
  };
  if (spec.resources && !(spec.resources->requests.empty() && spec.resources->limits.empty())) {
    count(*spec.resources);
  } else {
    for (const auto& container : spec.initContainers) count(container.resources);
    for (const auto& container : spec.containers) count(container.resources);
  }
  if (requests.empty() && limits.empty()) return "BestEffort";
  return guaranteed && requests == limits ? "Guaranteed" : "Burstable";
}

std::string_view podQosClass(const Pod& pod) {
  if (!pod.status.qosClass.empty()) return pod.status.qosClass;
  return computeQosClass(pod.spec);
}

bool isHugePages(std::string_view name) {
  return name.starts_with("hugepages-");
}

bool isExtendedResource(std::string_view name) {
  const size_t slash = name.find('/');
  if (slash == std::string_view::npos) return false;
  const std::string_view domain = name.substr(0, slash);
  return domain != "kubernetes.io" && !domain.ends_with(".kubernetes.io") &&
         !name.starts_with("requests.");
}

}  // namespace coxswain::api
