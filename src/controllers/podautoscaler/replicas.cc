#include "controllers/podautoscaler/replicas.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/pods.h"
#include "api/helpers/resources.h"

namespace coxswain::controllers::podautoscaler {

using api::core::v1::Pod;

namespace {

/// Sums of amounts, which anybody may write into a pod, and more than an int64_t holds.
using Wide = __int128;

template <typename T>
T held(Wide value) {
  using Range = std::numeric_limits<T>;
  return static_cast<T>(std::clamp<Wide>(value, Range::min(), Range::max()));
}

/// At least the ratio's part of so many pods.
int32_t replicasFor(double ratio, int64_t pods) {
  const double most = std::numeric_limits<int32_t>::max();
  return static_cast<int32_t>(std::clamp(std::ceil(ratio * static_cast<double>(pods)), 0.0, most));
}

/// The pods a selector matches, by what they are good for.
struct Groups {
  int64_t ready = 0;
  std::set<std::string> unready;  ///< just starting: their readings say little
  std::set<std::string> missing;  ///< without a reading
  std::set<std::string> ignored;  ///< going or gone
};

bool startsStill(const Pod& pod, const Reading& reading, const Counting& counting) {
  const auto* ready = api::findPodCondition(pod.status, "Ready");
  if (!ready || !pod.status.startTime) return true;
  const WallTime started = pod.status.startTime->wall();
  const WallTime turned = ready->lastTransitionTime.wall();
  if (started + counting.cpuInitialization > counting.now) {
    return ready->status == "False" || reading.when < turned + reading.window;
  }
  return ready->status == "False" && started + counting.initialReadinessDelay > turned;
}

Groups group(const Pods& pods, const Readings& readings, std::string_view resource,
             const Counting& counting) {
  Groups out;
  for (const auto& pod : pods) {
    const auto& name = pod->metadata.name;
    const auto reading = readings.find(name);
    if (pod->metadata.deletionTimestamp || pod->status.phase == "Failed") {
      out.ignored.insert(name);
    } else if (pod->status.phase == "Pending") {
      out.unready.insert(name);
    } else if (reading == readings.end()) {
      out.missing.insert(name);
    } else if (resource == "cpu" && startsStill(*pod, reading->second, counting)) {
      out.unready.insert(name);
    } else {
      ++out.ready;
    }
  }
  return out;
}

void remove(Readings& readings, const std::set<std::string>& names) {
  for (const auto& name : names) readings.erase(name);
}

using Requests = std::map<std::string, int64_t, std::less<>>;

/// In thousandths, by pod.
Result<Requests> requestsOf(const Pods& pods, std::string_view resource,
                            std::string_view container) {
  Requests out;
  for (const auto& pod : pods) {
    Wide sum = 0;
    const auto& levels = pod->spec.resources;
    if (container.empty() && levels && levels->requests.contains(resource)) {
      out[pod->metadata.name] = levels->requests.find(resource)->second.milliValue();
      continue;
    }
    const auto add = [&](const api::core::v1::Container& one) {
      if (!container.empty() && one.name != container) return Status();
      const auto request = one.resources.requests.find(resource);
      if (request == one.resources.requests.end()) {
        return badRequest("missing request for " + std::string(resource) + " in container " +
                          one.name + " of Pod " + pod->metadata.name);
      }
      sum += request->second.milliValue();
      return Status();
    };
    for (const auto& one : pod->spec.containers) TRY_STATUS(add(one));
    for (const auto& one : pod->spec.initContainers) {
      if (one.restartPolicy == "Always") TRY_STATUS(add(one));
    }
    out[pod->metadata.name] = held<int64_t>(sum);
  }
  return out;
}

/// What readings come to, against what was wanted.
struct Usage {
  double ratio = 0;
  int32_t utilization = 0;
  int64_t averageMilli = 0;
};

Result<Usage> utilizationOf(const Readings& readings, const Requests& requests, int32_t target) {
  Wide used = 0;
  Wide requested = 0;
  int64_t count = 0;
  for (const auto& [name, reading] : readings) {
    const auto request = requests.find(name);
    if (request == requests.end()) continue;
    used += reading.milli;
    requested += request->second;
    ++count;
  }
  if (requested == 0) return badRequest("no metrics returned matched known pods");
  Usage out;
  out.utilization = held<int32_t>(used * 100 / requested);
  out.ratio = static_cast<double>(out.utilization) / target;
  out.averageMilli = held<int64_t>(used / count);
  return out;
}

Result<Usage> averageOf(const Readings& readings, int64_t targetMilli) {
  Wide used = 0;
  for (const auto& [name, reading] : readings) used += reading.milli;
  Usage out;
  out.averageMilli = held<int64_t>(used / static_cast<int64_t>(readings.size()));
  out.ratio = static_cast<double>(out.averageMilli) / static_cast<double>(targetMilli);
  return out;
}

/// The rule both share. `measure` compares readings with the target; `full` is what a pod without a
/// reading is held to use when replicas would become fewer.
template <typename Measure, typename Full>
Result<Proposal> propose(const Counting& counting, std::string_view resource, const Pods& pods,
                         Readings& readings, Measure measure, Full full) {
  const Groups groups = group(pods, readings, resource, counting);
  remove(readings, groups.ignored);
  remove(readings, groups.unready);
  if (readings.empty()) {
    return badRequest("did not receive metrics for targeted pods (pods might be unready)");
  }
  TRY(const Usage usage, measure(readings));
  Proposal out{counting.current, usage.utilization, usage.averageMilli};
  const bool withUnready = !groups.unready.empty() && usage.ratio > 1.0;
  if (!withUnready && groups.missing.empty()) {
    if (!counting.tolerance.holds(usage.ratio)) {
      out.replicas = replicasFor(usage.ratio, groups.ready);
    }
    return out;
  }
  // Those we know nothing of are taken to be such that less changes.
  for (const auto& name : groups.missing) {
    if (usage.ratio < 1.0) readings[name].milli = full(name);
    if (usage.ratio > 1.0) readings[name].milli = 0;
  }
  if (withUnready) {
    for (const auto& name : groups.unready) readings[name].milli = 0;
  }
  TRY(const Usage careful, measure(readings));
  const bool turned =
      (usage.ratio < 1.0 && careful.ratio > 1.0) || (usage.ratio > 1.0 && careful.ratio < 1.0);
  if (counting.tolerance.holds(careful.ratio) || turned) return out;
  const auto wanted = replicasFor(careful.ratio, static_cast<int64_t>(readings.size()));
  const bool against = (careful.ratio < 1.0 && wanted > counting.current) ||
                       (careful.ratio > 1.0 && wanted < counting.current);
  if (!against) out.replicas = wanted;
  return out;
}

constexpr const char* kNoPods = "no pods returned by selector while calculating replica count";

}  // namespace

Result<Proposal> forUtilization(const Counting& counting, int32_t target, std::string_view resource,
                                std::string_view container, const Pods& pods, Readings readings) {
  if (pods.empty()) return badRequest(kNoPods);
  TRY(const Requests requests, requestsOf(pods, resource, container));
  return propose(
      counting, resource, pods, readings,
      [&](const Readings& all) { return utilizationOf(all, requests, target); },
      [&](const std::string& name) {
        return held<int64_t>(Wide(requests.find(name)->second) * std::max(100, target) / 100);
      });
}

Result<Proposal> forValue(const Counting& counting, int64_t milli, int64_t targetMilli,
                          const Pods& pods) {
  Proposal out{counting.current, 0, milli};
  const double ratio = static_cast<double>(milli) / static_cast<double>(targetMilli);
  if (counting.current == 0) {
    out.replicas = replicasFor(ratio, 1);
    return out;
  }
  if (counting.tolerance.holds(ratio)) return out;
  if (pods.empty()) {
    return badRequest(std::string("unable to calculate ready pods: ") + kNoPods);
  }
  const auto ready = std::ranges::count_if(pods, [](const auto& pod) {
    const auto* condition = api::findPodCondition(pod->status, "Ready");
    return pod->status.phase == "Running" && condition && condition->status == "True";
  });
  out.replicas = replicasFor(ratio, ready);
  return out;
}

Proposal forValuePerPod(const Counting& counting, int64_t milli, int64_t targetMilli,
                        int32_t running) {
  Proposal out{running, 0, milli};
  const auto value = static_cast<double>(milli);
  const auto target = static_cast<double>(targetMilli);
  const double ratio = value / (target * running);
  if (running == 0 || !counting.tolerance.holds(ratio))
    out.replicas = replicasFor(value / target, 1);
  if (running > 0) out.averageMilli = held<int64_t>((Wide(milli) + running - 1) / running);
  return out;
}

Result<Proposal> forAverage(const Counting& counting, int64_t targetMilli,
                            std::string_view resource, const Pods& pods, Readings readings) {
  if (pods.empty()) return badRequest(kNoPods);
  return propose(
      counting, resource, pods, readings,
      [&](const Readings& all) { return averageOf(all, targetMilli); },
      [&](const std::string&) { return targetMilli; });
}

}  // namespace coxswain::controllers::podautoscaler
