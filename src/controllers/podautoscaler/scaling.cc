#include "controllers/podautoscaler/scaling.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

namespace coxswain::controllers::podautoscaler {

using api::autoscaling::v2::HorizontalPodAutoscalerBehavior;
using api::autoscaling::v2::HPAScalingRules;

namespace {

const Reasoned kReady{"ReadyForNewScale", "recommended size matches current size"};
const Reasoned kWaitsToScaleDown{
    "ScaleDownStabilized",
    "recent recommendations were higher than current one, applying the highest recent "
    "recommendation"};
const Reasoned kWaitsToScaleUp{
    "ScaleUpStabilized",
    "recent recommendations were lower than current one, applying the lowest recent "
    "recommendation"};
const Reasoned kWithin{"DesiredWithinRange", "the desired count is within the acceptable range"};
const Reasoned kTooFew{"TooFewReplicas",
                       "the desired replica count is less than the minimum replica count"};
const Reasoned kTooMany{"TooManyReplicas",
                        "the desired replica count is more than the maximum replica count"};
const Reasoned kUpLimit{"ScaleUpLimit",
                        "the desired replica count is increasing faster than the maximum scale "
                        "rate"};
const Reasoned kDownLimit{"ScaleDownLimit",
                          "the desired replica count is decreasing faster than the maximum scale "
                          "rate"};

constexpr int32_t kMost = std::numeric_limits<int32_t>::max();

Duration windowOf(const HPAScalingRules& rules, Duration otherwise) {
  return rules.stabilizationWindowSeconds ? std::chrono::seconds(*rules.stabilizationWindowSeconds)
                                          : otherwise;
}

/// Between the lowest recent recommendation of the way up and the highest of the way down. What is
/// older than both windows is forgotten.
int32_t stabilize(int32_t current, int32_t recommended, WallTime upFrom, WallTime downFrom,
                  WallTime now, std::vector<History::Recommendation>& recent) {
  int32_t up = recommended;
  int32_t down = recommended;
  for (const auto& each : recent) {
    if (each.when > upFrom) up = std::min(up, each.replicas);
    if (each.when > downFrom) down = std::max(down, each.replicas);
  }
  std::erase_if(recent, [oldest = std::min(upFrom, downFrom)](const auto& each) {
    return each.when <= oldest;
  });
  recent.push_back({recommended, now});
  return std::min(std::max(current, up), down);
}

int64_t sumSince(const std::vector<History::Change>& changes, WallTime from) {
  int64_t sum = 0;
  for (const auto& each : changes) {
    if (each.when > from) sum += each.replicas;
  }
  return sum;
}

int32_t held(double replicas) {
  return static_cast<int32_t>(std::clamp(replicas, 0.0, static_cast<double>(kMost)));
}

/// The furthest that the policies allow from here; nothing: no policy, no limit.
int32_t reach(const HPAScalingRules& rules, bool up, const Limits& limits, const History& history) {
  if (rules.selectPolicy == "Disabled") return limits.current;
  std::optional<int32_t> best;
  const bool most = !rules.selectPolicy || *rules.selectPolicy == "Max";
  for (const auto& policy : rules.policies) {
    const WallTime from = limits.now - std::chrono::seconds(policy.periodSeconds);
    // Where the period began.
    const auto start = static_cast<double>(limits.current - sumSince(history.ups, from) +
                                           sumSince(history.downs, from));
    const int32_t sign = up ? 1 : -1;
    const double raw = policy.type == "Pods" ? start + sign * static_cast<double>(policy.value)
                                             : start * (1 + sign * (policy.value / 100.0));
    const int32_t allowed = held(up ? std::ceil(raw) : std::trunc(raw));
    const bool larger = up == most;
    best = !best ? allowed : larger ? std::max(*best, allowed) : std::min(*best, allowed);
  }
  if (best) return *best;
  return up ? kMost : 0;
}

void holdBetween(Limited& out, int32_t lowest, const Reasoned& low, int32_t highest,
                 const Reasoned& high) {
  const int32_t wanted = out.replicas;
  if (wanted < lowest) {
    out.replicas = lowest;
    out.limit = low;
  } else if (wanted > highest) {
    out.replicas = highest;
    out.limit = high;
  } else {
    out.limit = kWithin;
  }
  out.limited = out.replicas != wanted;
}

Limited limitByGeneralRules(const Limits& limits, int32_t recommended, History& history) {
  Limited out;
  // The highest recent one, however many there are now.
  out.replicas =
      stabilize(kMost, recommended, limits.now, limits.now - limits.downscaleStabilization,
                limits.now, history.recommendations);
  out.able = out.replicas == recommended ? kReady : kWaitsToScaleDown;
  constexpr double kUpFactor = 2;
  constexpr int32_t kUpLeast = 4;
  const int32_t fastest = std::max(held(kUpFactor * limits.current), kUpLeast);
  if (limits.max > fastest) {
    holdBetween(out, limits.min, kTooFew, fastest, kUpLimit);
  } else {
    holdBetween(out, limits.min, kTooFew, limits.max, kTooMany);
  }
  return out;
}

void holdToRates(const HorizontalPodAutoscalerBehavior& behavior, const Limits& limits,
                 const History& history, Limited& out) {
  if (out.replicas > limits.current) {
    const int32_t fastest =
        behavior.scaleUp ? std::max(reach(*behavior.scaleUp, true, limits, history), limits.current)
                         : kMost;
    const bool rate = limits.max > fastest;
    holdBetween(out, 0, kTooFew, rate ? fastest : limits.max, rate ? kUpLimit : kTooMany);
  } else if (out.replicas < limits.current) {
    const int32_t fastest =
        behavior.scaleDown
            ? std::min(reach(*behavior.scaleDown, false, limits, history), limits.current)
            : 0;
    const bool rate = limits.min < fastest;
    holdBetween(out, rate ? fastest : limits.min, rate ? kDownLimit : kTooFew, kMost, kTooMany);
  } else {
    out.limit = kWithin;
  }
}

void add(std::vector<History::Change>& changes, const HPAScalingRules* rules, int32_t replicas,
         WallTime now) {
  if (!rules) return;
  Duration longest{};
  for (const auto& policy : rules->policies) {
    longest = std::max<Duration>(longest, std::chrono::seconds(policy.periodSeconds));
  }
  std::erase_if(changes, [from = now - longest](const auto& each) { return each.when <= from; });
  changes.push_back({replicas, now});
}

}  // namespace

Limited limit(const HorizontalPodAutoscalerBehavior* behavior, const Limits& limits,
              int32_t recommended, History& history) {
  if (!behavior) return limitByGeneralRules(limits, recommended, history);
  const Duration upWindow =
      behavior->scaleUp ? windowOf(*behavior->scaleUp, Duration(0)) : Duration(0);
  const Duration downWindow = behavior->scaleDown
                                  ? windowOf(*behavior->scaleDown, limits.downscaleStabilization)
                                  : limits.downscaleStabilization;
  Limited out;
  out.replicas = stabilize(limits.current, recommended, limits.now - upWindow,
                           limits.now - downWindow, limits.now, history.recommendations);
  out.able = out.replicas == recommended     ? kReady
             : recommended >= limits.current ? kWaitsToScaleUp
                                             : kWaitsToScaleDown;
  holdToRates(*behavior, limits, history, out);
  return out;
}

void remember(const HorizontalPodAutoscalerBehavior* behavior, int32_t from, int32_t to,
              WallTime now, History& history) {
  if (!behavior) return;
  if (to > from) add(history.ups, behavior->scaleUp.get(), to - from, now);
  if (to < from) add(history.downs, behavior->scaleDown.get(), from - to, now);
}

}  // namespace coxswain::controllers::podautoscaler
