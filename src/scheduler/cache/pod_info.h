#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/reflect/map.h"

namespace coxswain::api {
class Quantity;
namespace core::v1 {
struct Pod;
}
}  // namespace coxswain::api

namespace coxswain::scheduler {

/// Amounts of resources as plain numbers: cpu in thousandths, all else in units.
struct Resources {
  int64_t milliCpu = 0;
  int64_t memory = 0;
  int64_t ephemeralStorage = 0;
  int64_t pods = 0;  ///< allocatable only
  /// Every other resource ("nvidia.com/gpu", "hugepages-2Mi"), sorted by name.
  std::vector<std::pair<std::string, int64_t>> scalars;

  static Resources from(const api::Map<api::Quantity>& list);
  void add(const Resources& other);
  void subtract(const Resources& other);
  /// Zero when there is none.
  [[nodiscard]] int64_t scalar(std::string_view name) const;
};

/// A port of the node that a pod takes.
struct HostPort {
  std::string ip;  ///< "0.0.0.0" for all addresses
  std::string protocol;
  int32_t port = 0;
  /// Cannot be used together: the same port and protocol, and an address in common.
  [[nodiscard]] bool conflicts(const HostPort& other) const;
  bool operator==(const HostPort&) const = default;
};

/// What a container without requests is taken to need, for scoring only.
inline constexpr int64_t kDefaultMilliCpuRequest = 100;
inline constexpr int64_t kDefaultMemoryRequest = 200LL * 1024 * 1024;

struct PodAffinityTerms;

/// A pod with what the scheduler asks of it, worked out once. Immutable, shared between queue,
/// cache and informer.
struct PodInfo {
  explicit PodInfo(std::shared_ptr<const api::core::v1::Pod> thePod);
  ~PodInfo();
  PodInfo(const PodInfo&) = delete;
  PodInfo& operator=(const PodInfo&) = delete;

  std::shared_ptr<const api::core::v1::Pod> pod;
  int32_t priority = 0;
  int64_t startedAt = INT64_MAX;  ///< status.startTime in seconds; later than all: not yet
  Resources requests;
  int64_t nonZeroMilliCpu = 0;
  int64_t nonZeroMemory = 0;
  std::vector<HostPort> hostPorts;
  /// Normalised names, one a container (init ones too). Empty where the pod has a node.
  std::vector<std::string> images;
  std::string key;  ///< "namespace/name"
  /// Null: the pod has neither pod affinity nor anti-affinity.
  std::unique_ptr<const PodAffinityTerms> affinity;
};
using PodInfoPtr = std::shared_ptr<const PodInfo>;

/// "nginx" -> "nginx:latest".
std::string normalizedImageName(std::string_view image);

}  // namespace coxswain::scheduler
