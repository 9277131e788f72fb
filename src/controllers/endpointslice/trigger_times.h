#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/meta/time.h"

namespace coxswain::api {
template <typename V>
class Map;
namespace core::v1 {
struct Pod;
struct Service;
}  // namespace core::v1
}  // namespace coxswain::api

namespace coxswain::controllers::endpointslice {

/// The annotation that says when what slices and Endpoints were last changed for had happened; from
/// it others measure how long a change takes to reach nodes.
inline constexpr std::string_view kTriggerTime = "endpoints.kubernetes.io/last-change-trigger-time";

/// Finds out for each service when the earliest of the changes since the last look happened: a
/// pod's condition Ready turned, or the service was made. Remembers moments, not objects; after a
/// restart all pods count as changed. One executor.
/// Upstream: staging/src/k8s.io/endpointslice/util/trigger_time_tracker.go.
class TriggerTimes {
 public:
  /// The zero time: nothing that has a moment has changed. Each change is told once.
  api::Time changed(const std::string& key, const api::core::v1::Service& service,
                    const std::vector<std::shared_ptr<const api::core::v1::Pod>>& pods);
  void forget(const std::string& key) { services_.erase(key); }

 private:
  struct Seen {
    api::Time service;
    std::map<std::string, api::Time, std::less<>> pods;  ///< by name
  };
  std::map<std::string, Seen> services_;
};

/// Sets the annotation, or removes it for the zero time.
void annotateTriggerTime(api::Map<std::string>& annotations, api::Time when);

}  // namespace coxswain::controllers::endpointslice
