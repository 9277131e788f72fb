#include "scheduler/preemption/preemption.h"

#include <algorithm>
#include <tuple>

#include "api/gen/core_v1.h"

namespace coxswain::scheduler {

namespace {

constexpr size_t kCandidatesMin = 100;

int64_t startOf(const PodInfo& pod) {
  const auto& start = pod.pod->status.startTime;
  return start ? start->unix() : INT64_MAX;
}

/// Is the first the more important one: by priority, then by who runs longer?
bool moreImportant(const PodInfoPtr& a, const PodInfoPtr& b) {
  return a->priority != b->priority ? a->priority > b->priority : startOf(*a) < startOf(*b);
}

struct Candidate {
  const NodeInfo* node = nullptr;
  std::vector<PodInfoPtr> victims;  ///< the most important first

  /// Smaller is better.
  [[nodiscard]] auto cost() const {
    int64_t sum = 0;
    int64_t earliest = INT64_MAX;
    const int32_t top = victims.front()->priority;
    for (const auto& victim : victims) {
      // Shifted so that more victims of a negative priority do not look cheaper.
      sum += static_cast<int64_t>(victim->priority) + (int64_t{1} << 31);
      if (victim->priority == top) earliest = std::min(earliest, startOf(*victim));
    }
    return std::tuple(top, sum, victims.size(), -earliest);
  }
};

class Trial {
 public:
  Trial(const Framework& framework, const PodInfo& pod, const Snapshot& snapshot,
        const Decision& decision, const NodeInfo& node)
      : framework_(framework),
        pod_(pod),
        snapshot_(snapshot),
        state_(decision.state.cloneForTrial()),
        node_(node) {}

  void remove(const PodInfoPtr& other) {
    node_.removePod(other->key);
    framework_.podChanged(state_, pod_, *other, false, node_, snapshot_);
  }
  void add(const PodInfoPtr& other) {
    node_.addPod(other);
    framework_.podChanged(state_, pod_, *other, true, node_, snapshot_);
  }
  bool fits(Reasons& reasons) {
    uint32_t rejectedBy = 0;
    return framework_.filter(state_, pod_, node_, reasons, rejectedBy) == Code::Success;
  }

 private:
  const Framework& framework_;
  const PodInfo& pod_;
  const Snapshot& snapshot_;
  CycleState state_;
  NodeInfo node_;
};

/// Empty: the node does not help, for the reasons counted.
std::vector<PodInfoPtr> victimsOn(const Framework& framework, const PodInfo& pod,
                                  const Snapshot& snapshot, const Decision& decision,
                                  const NodeInfo& node, ReasonCounts& reasons) {
  std::vector<PodInfoPtr> lower;
  for (const auto& other : node.pods)
    if (other->priority < pod.priority) lower.push_back(other);
  if (lower.empty()) {
    reasons.add("No preemption victims found for incoming pod");
    return {};
  }
  Trial trial(framework, pod, snapshot, decision, node);
  for (const auto& other : lower) trial.remove(other);
  Reasons why;
  if (!trial.fits(why)) {
    for (const auto reason : why) reasons.add(reason);
    return {};
  }
  std::sort(lower.begin(), lower.end(), moreImportant);
  std::vector<PodInfoPtr> victims;
  for (const auto& other : lower) {
    trial.add(other);
    why.clear();
    if (trial.fits(why)) continue;
    trial.remove(other);
    victims.push_back(other);
  }
  return victims;
}

/// Why the pod may not preempt; empty: it may.
std::string_view notEligible(const PodInfo& pod, const Snapshot& snapshot) {
  if (pod.pod->spec.preemptionPolicy == "Never")
    return "not eligible due to preemptionPolicy=Never.";
  const NodeInfo* nominated = snapshot.find(pod.pod->status.nominatedNodeName);
  if (!nominated) return "";
  for (const auto& other : nominated->pods)
    if (other->priority < pod.priority && other->pod->metadata.deletionTimestamp)
      return "not eligible due to a terminating pod on the nominated node.";
  return "";
}

}  // namespace

PreemptionPlan planPreemption(const Framework& framework, const PodInfo& pod,
                              const Snapshot& snapshot, const Decision& decision, uint64_t offset) {
  PreemptionPlan plan;
  if (snapshot.nodes.empty()) return plan;
  if (const auto why = notEligible(pod, snapshot); !why.empty()) {
    plan.message = "preemption: " + std::string(why);
    return plan;
  }
  const auto& possible = decision.diagnosis.resolvable;
  const size_t wanted = std::max(kCandidatesMin, possible.size() / 10);
  ReasonCounts reasons;
  std::vector<Candidate> candidates;
  size_t looked = 0;
  for (; looked < possible.size() && candidates.size() < wanted; ++looked) {
    const NodeInfo& node = *snapshot.nodes[possible[(offset + looked) % possible.size()]];
    auto victims = victimsOn(framework, pod, snapshot, decision, node, reasons);
    if (!victims.empty()) candidates.push_back({&node, std::move(victims)});
  }
  if (candidates.empty()) {
    const size_t rest = snapshot.nodes.size() - possible.size();
    if (rest > 0)
      reasons.add("Preemption is not helpful for scheduling", static_cast<int64_t>(rest));
    plan.message = "preemption: " + fitErrorMessage(snapshot.nodes.size(), "", reasons, "");
    return plan;
  }
  auto best =
      std::min_element(candidates.begin(), candidates.end(),
                       [](const Candidate& a, const Candidate& b) { return a.cost() < b.cost(); });
  plan.node = best->node->name;
  plan.victims = std::move(best->victims);
  return plan;
}

}  // namespace coxswain::scheduler
