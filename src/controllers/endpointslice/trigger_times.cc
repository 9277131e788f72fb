#include "controllers/endpointslice/trigger_times.h"

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/pods.h"

namespace coxswain::controllers::endpointslice {

using api::Time;
using api::core::v1::Pod;
using api::core::v1::Service;

namespace {

void keepEarlier(Time& earliest, Time when) {
  if (earliest.isZero() || when < earliest) earliest = when;
}

}  // namespace

Time TriggerTimes::changed(const std::string& key, const Service& service,
                           const std::vector<std::shared_ptr<const Pod>>& pods) {
  auto& seen = services_[key];
  Time earliest;
  std::map<std::string, Time, std::less<>> now;
  for (const auto& pod : pods) {
    const auto* ready = api::findPodCondition(pod->status, "Ready");
    if (ready == nullptr || ready->lastTransitionTime.isZero()) continue;
    const auto when = ready->lastTransitionTime;
    // The zero time is before all others.
    auto known = seen.pods.find(pod->metadata.name);
    if (known == seen.pods.end() || known->second < when) keepEarlier(earliest, when);
    now.emplace(pod->metadata.name, when);
  }
  const auto made = service.metadata.creationTimestamp;
  if (seen.service < made) keepEarlier(earliest, made);
  seen.pods = std::move(now);
  seen.service = made;
  return earliest;
}

void annotateTriggerTime(api::Map<std::string>& annotations, Time when) {
  if (when.isZero()) {
    annotations.erase(kTriggerTime);
  } else {
    annotations[kTriggerTime] = when.str();
  }
}

}  // namespace coxswain::controllers::endpointslice
