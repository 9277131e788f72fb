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
struct Volume;
}  // namespace core::v1
namespace meta::v1 {
struct ObjectMeta;
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
  bool operator==(const Resources&) const = default;
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

/// A pod with what the scheduler asks of it, worked out once. Immutable, shared between queue and
/// cache. There are a hundred thousand of them with a node: those have no more than what is asked
/// of pods on nodes.
struct PodInfo {
  explicit PodInfo(std::shared_ptr<const api::core::v1::Pod> whole);
  /// Of a pod that has a node: `spec` and `status` of `whole` are read and not kept.
  PodInfo(std::shared_ptr<const api::meta::v1::ObjectMeta> theMeta,
          const api::core::v1::Pod& whole);
  ~PodInfo();
  PodInfo(const PodInfo&) = delete;
  PodInfo& operator=(const PodInfo&) = delete;

  std::shared_ptr<const api::meta::v1::ObjectMeta> meta;
  /// All of a pod that waits for a node. Null: it has one.
  std::shared_ptr<const api::core::v1::Pod> pod;
  int32_t priority = 0;
  bool preempted = false;         ///< leaves its node because of another pod, as its conditions say
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
  /// Those that plugins ask about, in the pod's order: claims, and disks that are not for everybody
  /// at once. Of a claim's template nothing.
  std::vector<api::core::v1::Volume> volumes;

 private:
  void read(const api::core::v1::Pod& whole, bool placed);
};
using PodInfoPtr = std::shared_ptr<const PodInfo>;

/// "nginx" -> "nginx:latest".
std::string normalizedImageName(std::string_view image);

}  // namespace coxswain::scheduler
