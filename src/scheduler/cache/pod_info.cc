#include "scheduler/cache/pod_info.h"

#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "api/helpers/pods.h"
#include "api/helpers/resources.h"
#include "scheduler/cache/pod_affinity.h"

namespace coxswain::scheduler {

namespace {

auto find(auto& scalars, std::string_view name) {
  return std::lower_bound(scalars.begin(), scalars.end(), name,
                          [](const auto& have, std::string_view n) { return have.first < n; });
}

int64_t& scalarOf(Resources& resources, std::string_view name) {
  auto at = find(resources.scalars, name);
  if (at == resources.scalars.end() || at->first != name)
    at = resources.scalars.insert(at, {std::string(name), 0});
  return at->second;
}

/// The pod's requests where each container without a request for cpu or memory has the default.
/// Pod-level requests need no guess.
void computeNonZero(const api::core::v1::Pod& pod, PodInfo& info) {
  const bool podCpu = pod.spec.resources && pod.spec.resources->requests.contains("cpu");
  const bool podMemory = pod.spec.resources && pod.spec.resources->requests.contains("memory");
  bool missing = false;
  const auto lacks = [&](const api::core::v1::Container& container) {
    const auto& requests = container.resources.requests;
    missing = missing || (!podCpu && !requests.contains("cpu")) ||
              (!podMemory && !requests.contains("memory"));
  };
  for (const auto& container : pod.spec.containers) lacks(container);
  for (const auto& container : pod.spec.initContainers) lacks(container);
  info.nonZeroMilliCpu = info.requests.milliCpu;
  info.nonZeroMemory = info.requests.memory;
  if (!missing) return;

  api::core::v1::PodSpec spec;
  spec.overhead = pod.spec.overhead;
  spec.resources = pod.spec.resources;
  const auto fill = [&](const std::vector<api::core::v1::Container>& from,
                        std::vector<api::core::v1::Container>& to) {
    for (const auto& container : from) {
      api::core::v1::Container copy;
      copy.name = container.name;
      copy.restartPolicy = container.restartPolicy;
      copy.resources.requests = container.resources.requests;
      auto& requests = copy.resources.requests;
      if (!podCpu && !requests.contains("cpu"))
        requests.insert_or_assign("cpu", api::Quantity::fromMilli(kDefaultMilliCpuRequest));
      if (!podMemory && !requests.contains("memory"))
        requests.insert_or_assign("memory", api::Quantity::fromInt(kDefaultMemoryRequest));
      to.push_back(std::move(copy));
    }
  };
  fill(pod.spec.containers, spec.containers);
  fill(pod.spec.initContainers, spec.initContainers);
  const Resources filled = Resources::from(api::podRequests(spec));
  info.nonZeroMilliCpu = std::max(info.nonZeroMilliCpu, filled.milliCpu);
  info.nonZeroMemory = std::max(info.nonZeroMemory, filled.memory);
}

void addHostPorts(const api::core::v1::Container& container, std::vector<HostPort>& out) {
  for (const auto& port : container.ports) {
    if (port.hostPort <= 0) continue;
    out.push_back({port.hostIP.empty() ? "0.0.0.0" : port.hostIP,
                   port.protocol.empty() ? "TCP" : port.protocol, port.hostPort});
  }
}

bool isAskedAbout(const api::core::v1::VolumeSource& source) {
  return source.persistentVolumeClaim || source.ephemeral || source.gcePersistentDisk ||
         source.awsElasticBlockStore || source.rbd || source.iscsi;
}

api::core::v1::Volume withoutTemplate(const api::core::v1::Volume& volume) {
  if (!volume.volumeSource.ephemeral) return volume;
  api::core::v1::Volume out;
  out.name = volume.name;
  out.volumeSource.ephemeral.getOrCreate();
  return out;
}

bool leavesForAnother(const api::core::v1::PodStatus& status) {
  const auto* condition = api::findPodCondition(status, "DisruptionTarget");
  return condition && condition->status == "True" && condition->reason == "PreemptionByScheduler";
}

}  // namespace

Resources Resources::from(const api::Map<api::Quantity>& list) {
  Resources out;
  for (const auto& [name, quantity] : list) {
    if (name == "cpu") {
      out.milliCpu = quantity.milliValue();
    } else if (name == "memory") {
      out.memory = quantity.value();
    } else if (name == "ephemeral-storage") {
      out.ephemeralStorage = quantity.value();
    } else if (name == "pods") {
      out.pods = quantity.value();
    } else {
      out.scalars.emplace_back(name, quantity.value());
    }
  }
  return out;
}

void Resources::add(const Resources& other) {
  milliCpu += other.milliCpu;
  memory += other.memory;
  ephemeralStorage += other.ephemeralStorage;
  for (const auto& [name, amount] : other.scalars) scalarOf(*this, name) += amount;
}

void Resources::subtract(const Resources& other) {
  milliCpu -= other.milliCpu;
  memory -= other.memory;
  ephemeralStorage -= other.ephemeralStorage;
  for (const auto& [name, amount] : other.scalars) scalarOf(*this, name) -= amount;
}

int64_t Resources::scalar(std::string_view name) const {
  const auto at = find(scalars, name);
  return at == scalars.end() || at->first != name ? 0 : at->second;
}

bool HostPort::conflicts(const HostPort& other) const {
  return port == other.port && protocol == other.protocol &&
         (ip == other.ip || ip == "0.0.0.0" || other.ip == "0.0.0.0");
}

std::string normalizedImageName(std::string_view image) {
  std::string out(image);
  const size_t colon = out.rfind(':');
  const size_t slash = out.rfind('/');
  if (colon == std::string::npos || (slash != std::string::npos && colon < slash)) out += ":latest";
  return out;
}

PodInfo::PodInfo(std::shared_ptr<const api::core::v1::Pod> whole)
    : meta(whole, &whole->metadata), pod(std::move(whole)) {
  const bool placed = !pod->spec.nodeName.empty();
  read(*pod, placed);
  if (placed) pod = nullptr;
}

PodInfo::PodInfo(std::shared_ptr<const api::meta::v1::ObjectMeta> theMeta,
                 const api::core::v1::Pod& whole)
    : meta(std::move(theMeta)) {
  read(whole, true);
}

void PodInfo::read(const api::core::v1::Pod& whole, bool placed) {
  const auto& spec = whole.spec;
  key = api::objectKey(*meta);
  priority = spec.priority.value_or(0);
  if (whole.status.startTime) startedAt = whole.status.startTime->unix();
  api::PodResourcesOptions options;
  options.useStatusResources = placed;
  requests = Resources::from(api::podRequests(whole, options));
  computeNonZero(whole, *this);
  for (const auto& container : spec.containers) addHostPorts(container, hostPorts);
  for (const auto& container : spec.initContainers)
    if (api::isSidecar(container)) addHostPorts(container, hostPorts);
  affinity = PodAffinityTerms::of(spec, meta->namespace_);
  for (const auto& volume : spec.volumes)
    if (isAskedAbout(volume.volumeSource)) volumes.push_back(withoutTemplate(volume));
  volumes.shrink_to_fit();
  if (placed) {
    preempted = leavesForAnother(whole.status);
    return;
  }
  images.reserve(spec.initContainers.size() + spec.containers.size());
  for (const auto& container : spec.initContainers)
    images.push_back(normalizedImageName(container.image));
  for (const auto& container : spec.containers)
    images.push_back(normalizedImageName(container.image));
}

PodInfo::~PodInfo() = default;

}  // namespace coxswain::scheduler
