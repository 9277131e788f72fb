#pragma once

#include <string>
#include <vector>

#include "api/gen/autoscaling_v2.h"
#include "base/time.h"

namespace coxswain::controllers::podautoscaler {

/// What a controller remembers of one autoscaler between its looks: what was recommended and what
/// was done, as long as a rule asks for it.
struct History {
  struct Recommendation {
    int32_t replicas = 0;
    WallTime when{};
  };
  struct Change {
    int32_t replicas = 0;  ///< how many more, or fewer
    WallTime when{};
  };
  std::vector<Recommendation> recommendations;
  std::vector<Change> ups;
  std::vector<Change> downs;
};

/// A condition's reason and message.
struct Reasoned {
  std::string reason;
  std::string message;
};

/// What is left of a recommendation after all limits.
struct Limited {
  int32_t replicas = 0;
  Reasoned able;         ///< of AbleToScale, which is True
  bool limited = false;  ///< ScalingLimited
  Reasoned limit;
};

struct Limits {
  int32_t current = 0;
  int32_t min = 1;
  int32_t max = 1;
  /// --horizontal-pod-autoscaler-downscale-stabilization, where the autoscaler has none of its own.
  Duration downscaleStabilization = 5min;
  WallTime now{};
};

/// Holds `recommended` against the stabilization windows, the rates of `behavior` (null: the
/// general rules) and the autoscaler's range. Remembers the recommendation.
Limited limit(const api::autoscaling::v2::HorizontalPodAutoscalerBehavior* behavior,
              const Limits& limits, int32_t recommended, History& history);

/// Remembers a change that was made, if `behavior` has rates that count it.
void remember(const api::autoscaling::v2::HorizontalPodAutoscalerBehavior* behavior, int32_t from,
              int32_t to, WallTime now, History& history);

}  // namespace coxswain::controllers::podautoscaler
