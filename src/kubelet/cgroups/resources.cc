#include "kubelet/cgroups/resources.h"

#include <algorithm>
#include <cmath>

#include "api/gen/core_v1.h"
#include "api/helpers/pods.h"
#include "api/helpers/resources.h"

namespace coxswain::kubelet {
namespace {

using api::core::v1::Container;
using api::core::v1::Pod;

/// Of system-node-critical and above: lives as long as guaranteed ones.
constexpr int32_t kNodeCriticalPriority = 2000001000;

int64_t milli(const api::ResourceList& list, std::string_view name) {
  const auto* quantity = list.get(name);
  return quantity ? quantity->milliValue() : 0;
}

int64_t whole(const api::ResourceList& list, std::string_view name) {
  const auto* quantity = list.get(name);
  return quantity ? quantity->value() : 0;
}

int64_t burstableScore(int64_t requestBytes, int64_t capacityBytes) {
  if (capacityBytes <= 0) return kOomScoreBestEffort - 1;
  int64_t score =
      1000 - static_cast<int64_t>(static_cast<__int128>(requestBytes) * 1000 / capacityBytes);
  // Never below a guaranteed pod, never as soon as one of best effort.
  return std::clamp<int64_t>(score, 1000 + kOomScoreGuaranteed, kOomScoreBestEffort - 1);
}

}  // namespace

uint64_t milliCpuToShares(int64_t milliCpu) {
  if (milliCpu <= 0) return kSharesMin;
  auto capped = std::min<int64_t>(milliCpu, int64_t{1} << 40);
  return std::clamp<uint64_t>(static_cast<uint64_t>(capped) * 1024 / 1000, kSharesMin, kSharesMax);
}

int64_t milliCpuToQuotaUs(int64_t milliCpu, int64_t periodUs) {
  if (milliCpu <= 0) return 0;
  auto capped = std::min<int64_t>(milliCpu, int64_t{1} << 30);
  return std::max<int64_t>(capped * periodUs / 1000, 1000);
}

uint64_t sharesToWeight(uint64_t shares) {
  if (shares == 0) return 0;
  if (shares <= kSharesMin) return 1;
  if (shares >= kSharesMax) return 10000;
  double l = std::log2(static_cast<double>(shares));
  double exponent = (l * l + 125 * l) / 612.0 - 7.0 / 34.0;
  // Rounding errors must not lift exact powers: 1024 is 100, not 101.
  return static_cast<uint64_t>(std::ceil(std::pow(10, exponent) - 1e-9));
}

std::string hugePageFileSize(std::string_view resource) {
  constexpr std::string_view kPrefix = "hugepages-";
  if (!resource.starts_with(kPrefix)) return {};
  auto size = api::Quantity::parse(resource.substr(kPrefix.size()));
  if (!size.ok() || size->value() <= 0) return {};
  int64_t bytes = size->value();
  static constexpr const char* kUnits[] = {"B", "KB", "MB", "GB", "TB", "PB"};
  size_t unit = 0;
  while (bytes % 1024 == 0 && bytes >= 1024 && unit < 5) {
    bytes /= 1024;
    ++unit;
  }
  return std::to_string(bytes) + kUnits[unit];
}

CgroupResources podCgroupResources(const Pod& pod, const PodCgroupOptions& options) {
  CgroupResources out;
  bool cpuLimited = true;
  bool memoryLimited = true;
  api::PodResourcesOptions each;
  each.containerFn = [&](const Container&, const api::ResourceList& limits) {
    if (milli(limits, "cpu") == 0) cpuLimited = false;
    if (whole(limits, "memory") == 0) memoryLimited = false;
  };
  auto limits = api::podLimits(pod, each);
  auto requests = api::podRequests(pod);
  if (pod.spec.resources) {
    cpuLimited = milli(pod.spec.resources->limits, "cpu") > 0 || cpuLimited;
    memoryLimited = whole(pod.spec.resources->limits, "memory") > 0 || memoryLimited;
  }
  auto periodUs =
      std::chrono::duration_cast<std::chrono::microseconds>(options.cpuCfsQuotaPeriod).count();
  if (options.podPidsLimit > 0) out.pidsMax = options.podPidsLimit;
  for (const auto& [name, quantity] : limits) {
    auto size = hugePageFileSize(name);
    if (!size.empty()) out.hugePages[size] = quantity.value();
  }
  auto qos = api::podQosClass(pod);
  if (qos == "BestEffort") {
    out.cpuShares = kSharesMin;
    return out;
  }
  out.cpuShares = milliCpuToShares(milli(requests, "cpu"));
  if (cpuLimited || qos == "Guaranteed") {
    out.cpuPeriodUs = periodUs;
    int64_t quota = milliCpuToQuotaUs(milli(limits, "cpu"), periodUs);
    out.cpuQuotaUs = options.cpuCfsQuota && quota > 0 ? quota : -1;
  }
  if (memoryLimited || qos == "Guaranteed") {
    if (auto bytes = whole(limits, "memory"); bytes > 0) out.memoryBytes = bytes;
  }
  return out;
}

int64_t containerOomScore(const Pod& pod, const Container& container, int64_t memoryCapacityBytes) {
  if (pod.spec.priority.value_or(0) >= kNodeCriticalPriority) return kOomScoreGuaranteed;
  auto qos = api::podQosClass(pod);
  if (qos == "Guaranteed") return kOomScoreGuaranteed;
  if (qos == "BestEffort") return kOomScoreBestEffort;
  int64_t score =
      burstableScore(whole(container.resources.requests, "memory"), memoryCapacityBytes);
  if (api::isSidecar(container)) {
    for (const auto& other : pod.spec.containers) {
      score = std::min(
          score, burstableScore(whole(other.resources.requests, "memory"), memoryCapacityBytes));
    }
  }
  return score;
}

}  // namespace coxswain::kubelet
