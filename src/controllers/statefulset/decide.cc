#include "controllers/statefulset/decide.h"

#include <algorithm>
#include <map>

#include "api/gen/meta_v1.h"
#include "api/helpers/pods.h"
#include "controllers/framework/history.h"

namespace coxswain::controllers::statefulset {

using api::apps::v1::StatefulSet;
using api::core::v1::Pod;

namespace {

bool isTerminating(const Pod& pod) {
  return pod.metadata.deletionTimestamp.has_value();
}

bool isRunningAndReady(const Pod& pod) {
  return pod.status.phase == "Running" && api::isPodReady(pod);
}

std::string revisionOf(const Pod& pod) {
  const auto* revision = pod.metadata.labels.get(kRevisionLabel);
  return revision == nullptr ? "" : *revision;
}

class Planner {
 public:
  Planner(const StatefulSet& set, const std::vector<PodPointer>& pods, const std::string& current,
          const std::string& update, WallTime now)
      : set_(set), current_(current), update_(update), now_(now), range_(ordinalsOf(set)) {
    ordered_ = set.spec.podManagementPolicy != "Parallel";
    for (const auto& pod : pods) {
      const auto ordinal = ordinalOf(set.metadata.name, pod->metadata.name);
      if (!ordinal) continue;
      (range_.contains(*ordinal) ? replicas_ : condemned_)[*ordinal] = pod;
    }
  }

  Plan make(const std::vector<PodPointer>& pods) {
    countStatus(pods);
    if (!set_.metadata.deletionTimestamp && replicas() && condemned()) update();
    return std::move(plan_);
  }

 private:
  [[nodiscard]] bool isAvailable(const Pod& pod) const {
    return isRunningAndReady(pod) &&
           api::isPodAvailable(pod, set_.spec.minReadySeconds, api::Time(now_));
  }
  [[nodiscard]] bool isHealthy(const Pod& pod) const {
    return isAvailable(pod) && !isTerminating(pod);
  }
  [[nodiscard]] int32_t partition() const {
    const auto& rolling = set_.spec.updateStrategy.rollingUpdate;
    return rolling ? rolling->partition.value_or(0) : 0;
  }
  void step(Step::Kind kind, int32_t ordinal, PodPointer pod = nullptr, bool previous = false) {
    plan_.steps.push_back({kind, ordinal, std::move(pod), previous});
  }

  void countStatus(const std::vector<PodPointer>& pods) {
    auto& status = plan_.status;
    status = set_.status;
    status.observedGeneration = set_.metadata.generation;
    status.replicas = status.readyReplicas = status.availableReplicas = 0;
    status.currentReplicas = status.updatedReplicas = 0;
    for (const auto& pod : pods) {
      if (!ordinalOf(set_.metadata.name, pod->metadata.name)) continue;
      ++status.replicas;
      if (isRunningAndReady(*pod)) ++status.readyReplicas;
      if (isAvailable(*pod)) ++status.availableReplicas;
      if (isTerminating(*pod)) continue;
      const auto revision = revisionOf(*pod);
      if (revision == current_) ++status.currentReplicas;
      if (revision == update_) ++status.updatedReplicas;
    }
    status.currentRevision = current_;
    status.updateRevision = update_;
    const int32_t wanted = range_.end - range_.begin;
    const bool done = status.updatedReplicas == wanted && status.replicas == wanted &&
                      status.readyReplicas == wanted;
    if (set_.spec.updateStrategy.type == "RollingUpdate" && done) {
      status.currentRevision = update_;
      status.currentReplicas = status.updatedReplicas;
    }
  }

  /// A new pod is of the current revision below the partition, else of the one rolled out.
  [[nodiscard]] bool ofPrevious(int32_t ordinal) const {
    const auto& strategy = set_.spec.updateStrategy;
    if (strategy.rollingUpdate) return ordinal < range_.begin + partition();
    return strategy.type == "RollingUpdate" && ordinal < range_.begin + set_.status.currentReplicas;
  }

  /// False: nothing else until this is through.
  bool replicas() {
    bool through = true;
    for (int32_t ordinal = range_.begin; ordinal < range_.end; ++ordinal) {
      auto found = replicas_.find(ordinal);
      if (found == replicas_.end()) {
        step(Step::Kind::Create, ordinal, nullptr, ofPrevious(ordinal));
        if (ordered_) return false;
        continue;
      }
      const Pod& pod = *found->second;
      if (isTerminating(pod)) {
        if (ordered_) return false;
        through = through && !api::isPodTerminal(pod);
        continue;
      }
      if (api::isPodTerminal(pod)) {
        step(Step::Kind::Recreate, ordinal, found->second);
        if (ordered_) return false;
        through = false;
        continue;
      }
      step(Step::Kind::Keep, ordinal, found->second);
      if (ordered_ && !isAvailable(pod)) return false;
    }
    return through;
  }

  bool condemned() {
    // The one that may go although it is not healthy: the lowest that is not, of all.
    PodPointer firstUnhealthy;
    for (const auto* some : {&replicas_, &condemned_}) {
      for (const auto& [ordinal, pod] : *some) {
        if (!firstUnhealthy && !isHealthy(*pod)) firstUnhealthy = pod;
      }
    }
    bool waits = false;
    for (auto at = condemned_.rbegin(); at != condemned_.rend(); ++at) {
      const auto& [ordinal, pod] = *at;
      const bool mayGo =
          !isTerminating(*pod) && (!ordered_ || isAvailable(*pod) || pod == firstUnhealthy);
      step(mayGo && !waits ? Step::Kind::Delete : Step::Kind::Own, ordinal, pod);
      // In order: the next when this one is gone.
      waits = waits || ordered_;
    }
    return !waits;
  }

  void update() {
    const auto& strategy = set_.spec.updateStrategy;
    if (strategy.type == "OnDelete") return;
    const int32_t lowest = range_.begin + std::max(0, partition());
    int budget = maxUnavailable();
    if (budget > 1) {
      for (const auto& [ordinal, pod] : replicas_) budget -= isHealthy(*pod) ? 0 : 1;
    }
    for (int32_t ordinal = range_.end - 1; ordinal >= lowest && budget > 0; --ordinal) {
      auto found = replicas_.find(ordinal);
      if (found == replicas_.end()) return;
      const Pod& pod = *found->second;
      if (revisionOf(pod) != update_ && !isTerminating(pod)) {
        step(Step::Kind::Delete, ordinal, found->second);
        --budget;
      } else if (maxUnavailable() == 1 && !isHealthy(pod)) {
        return;
      }
    }
  }

  [[nodiscard]] int maxUnavailable() const {
    const auto& rolling = set_.spec.updateStrategy.rollingUpdate;
    if (!rolling || !rolling->maxUnavailable) return 1;
    const int count = range_.end - range_.begin;
    return std::max(
        1, api::getScaledValueFromIntOrPercent(*rolling->maxUnavailable, count, false).valueOr(1));
  }

  const StatefulSet& set_;
  const std::string& current_;
  const std::string& update_;
  WallTime now_;
  Range range_;
  bool ordered_ = true;
  std::map<int32_t, PodPointer> replicas_;
  std::map<int32_t, PodPointer> condemned_;
  Plan plan_;
};

}  // namespace

Plan plan(const StatefulSet& set, const std::vector<PodPointer>& pods,
          const std::string& currentRevision, const std::string& updateRevision, WallTime now) {
  return Planner(set, pods, currentRevision, updateRevision, now).make(pods);
}

}  // namespace coxswain::controllers::statefulset
