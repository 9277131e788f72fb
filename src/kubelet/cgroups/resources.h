#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/time.h"

namespace coxswain::api::core::v1 {
struct Container;
struct Pod;
}  // namespace coxswain::api::core::v1

namespace coxswain::kubelet {

inline constexpr uint64_t kSharesMin = 2;
inline constexpr uint64_t kSharesMax = 262144;
inline constexpr int64_t kOomScoreGuaranteed = -997;
inline constexpr int64_t kOomScoreBestEffort = 1000;

/// What a group may use. What is not there is left as it is.
struct CgroupResources {
  std::optional<uint64_t> cpuShares;  ///< version 1's unit; weight on version 2
  std::optional<int64_t> cpuQuotaUs;  ///< in each period; -1: no limit
  std::optional<int64_t> cpuPeriodUs;
  std::optional<int64_t> memoryBytes;  ///< -1: no limit
  std::optional<int64_t> pidsMax;
  std::map<std::string, int64_t> hugePages;  ///< "2MB": bytes
};

/// 1000 -> 1024, held to 2..262144.
uint64_t milliCpuToShares(int64_t milliCpu);
/// Microseconds in a period; 0 stays 0 (no limit), at least 1000 otherwise.
int64_t milliCpuToQuotaUs(int64_t milliCpu, int64_t periodUs);
/// Shares of version 1 as a weight (1..10000) of version 2, as runc does it: 1024 -> 100.
uint64_t sharesToWeight(uint64_t shares);

struct PodCgroupOptions {
  bool cpuCfsQuota = true;
  Duration cpuCfsQuotaPeriod = 100ms;
  int64_t podPidsLimit = -1;  ///< -1: none
};

/// The group of a pod. Upstream: ResourceConfigForPod.
CgroupResources podCgroupResources(const api::core::v1::Pod& pod, const PodCgroupOptions& options);

/// -997 guaranteed or node-critical, 1000 best effort, in between by the memory asked for.
int64_t containerOomScore(const api::core::v1::Pod& pod, const api::core::v1::Container& container,
                          int64_t memoryCapacityBytes);

/// Name in hugetlb files: "hugepages-2Mi" -> "2MB". Empty where it is none.
std::string hugePageFileSize(std::string_view resource);

}  // namespace coxswain::kubelet
