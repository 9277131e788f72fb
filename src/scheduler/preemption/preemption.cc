#include "scheduler/preemption/preemption.h"

#include <algorithm>
#include <tuple>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "scheduler/framework/nominated.h"

namespace coxswain::scheduler {

namespace {

/// Nodes looked at between asking the memory for one and looking at it.
constexpr size_t kAhead = 8;

struct Candidate {
  const NodeInfo* node = nullptr;
  std::vector<PodInfoPtr> victims;  ///< the most important first
  int violations = 0;

  [[nodiscard]] VictimCost cost() const { return costOf(victims, violations); }
};

/// Finds candidates, node by node: takes pods off nodes of the snapshot and puts them back. Members
/// are kept from node to node for their memory.
class Search {
 public:
  Search(const Framework& framework, const PodInfo& pod, const Snapshot& snapshot,
         CycleState& state, const Budgets& budgets)
      : framework_(framework), pod_(pod), snapshot_(snapshot), state_(state), budgets_(budgets) {}

  /// False: the node does not help, for reasons `why()`.
  bool look(const NodeInfo& node, Candidate& candidate) {
    node_ = &forTrial(node);
    const TrialScope scope(*node_);
    why_.clear();
    lower_.clear();
    for (size_t at = node_->pods.size(); at-- > 0;)
      if (node_->pods[at]->priority < pod_.priority) lower_.push_back(take(at));
    if (lower_.empty()) {
      why_.push_back("No preemption victims found for incoming pod");
      return false;
    }
    const bool helps = fits();
    if (helps) chooseVictims(candidate);
    for (auto& pod : lower_)
      if (pod) put(pod);
    if (!helps) return false;
    why_.clear();
    return !candidate.victims.empty();
  }
  [[nodiscard]] const Reasons& why() const { return why_; }

 private:
  PodInfoPtr take(size_t at) {
    PodInfoPtr taken = node_->takePod(at);
    framework_.podChanged(state_, pod_, *taken, false, *node_, snapshot_);
    return taken;
  }
  void put(PodInfoPtr& pod) {
    const PodInfo& back = *pod;
    node_->addPod(std::move(pod));
    framework_.podChanged(state_, pod_, back, true, *node_, snapshot_);
  }
  bool fits() {
    uint32_t rejectedBy = 0;
    why_.clear();
    return filterBesideNominated(framework_, state_, pod_, *node_, snapshot_, why_, rejectedBy) ==
           Code::Success;
  }
  /// Puts back whom it can, the important ones first, and those that a budget protects before all
  /// others, so that they leave last.
  void chooseVictims(Candidate& candidate) {
    std::sort(lower_.begin(), lower_.end(), moreImportant);
    budgets_.violations(lower_, violates_);
    candidate.node = node_;
    candidate.victims.clear();
    candidate.violations = 0;
    for (const bool guarded : {true, false}) {
      for (size_t i = 0; i < lower_.size(); ++i) {
        if (violates_[i] != guarded) continue;
        put(lower_[i]);
        if (fits()) continue;
        lower_[i] = take(node_->pods.size() - 1);
        candidate.violations += guarded ? 1 : 0;
      }
    }
    for (const auto& pod : lower_)
      if (pod) candidate.victims.push_back(pod);
  }

  const Framework& framework_;
  const PodInfo& pod_;
  const Snapshot& snapshot_;
  CycleState& state_;
  const Budgets& budgets_;
  NodeInfo* node_ = nullptr;
  std::vector<PodInfoPtr> lower_;  ///< those off the node; null: put back
  std::vector<bool> violates_;
  Reasons why_;
};

/// Why the pod may not preempt; empty: it may.
std::string_view notEligible(const PodInfo& pod, const Snapshot& snapshot,
                             const Diagnosis& diagnosis) {
  if (pod.pod->spec.preemptionPolicy == "Never")
    return "not eligible due to preemptionPolicy=Never.";
  const NodeInfo* nominated = snapshot.find(pod.pod->status.nominatedNodeName);
  if (!nominated) return "";
  const auto& resolvable = diagnosis.resolvable;
  if (std::none_of(resolvable.begin(), resolvable.end(),
                   [&](uint32_t index) { return snapshot.nodes[index] == nominated; }))
    return "";  // nobody's leaving would help there
  for (const auto& other : nominated->pods)
    if (other->priority < pod.priority && other->preempted && other->meta->deletionTimestamp)
      return "not eligible due to a terminating pod on the nominated node.";
  return "";
}

}  // namespace

bool moreImportant(const PodInfoPtr& a, const PodInfoPtr& b) {
  return a->priority != b->priority ? a->priority > b->priority : a->startedAt < b->startedAt;
}

VictimCost costOf(const std::vector<PodInfoPtr>& victims, int violations) {
  int64_t sum = 0;
  int64_t earliest = INT64_MAX;
  const int32_t top = victims.front()->priority;
  for (const auto& victim : victims) {
    // Shifted so that more victims of a negative priority do not look cheaper.
    sum += static_cast<int64_t>(victim->priority) + (int64_t{1} << 31);
    if (victim->priority == top) earliest = std::min(earliest, victim->startedAt);
  }
  return {violations, top, sum, victims.size(), -earliest};
}

PreemptionPlan planPreemption(const Framework& framework, const PreemptionOptions& options,
                              const PodInfo& pod, const Snapshot& snapshot, Decision& decision,
                              const Budgets& budgets, uint64_t offset,
                              std::vector<PreemptionCandidate>* all) {
  PreemptionPlan plan;
  if (snapshot.nodes.empty()) return plan;
  if (const auto why = notEligible(pod, snapshot, decision.diagnosis); !why.empty()) {
    plan.message = "preemption: " + std::string(why);
    return plan;
  }
  const auto& possible = decision.diagnosis.resolvable;
  const size_t share =
      possible.size() * static_cast<size_t>(std::max(0, options.minCandidateNodesPercentage)) / 100;
  const size_t wanted =
      std::max(static_cast<size_t>(std::max(0, options.minCandidateNodesAbsolute)), share);
  ReasonCounts reasons;
  Search search(framework, pod, snapshot, decision.state, budgets);
  Candidate candidate;
  const NodeInfo* best = nullptr;
  VictimCost bestCost;
  size_t found = 0;
  const NodeInfo* own = snapshot.nominatedNode(pod.key);
  bool harmless = false;  // a candidate breaks no budget
  for (size_t looked = 0; looked < possible.size() && (found < wanted || !harmless); ++looked) {
    const auto nodeAt = [&](size_t ahead) {
      return snapshot.nodes[possible[(offset + looked + ahead) % possible.size()]];
    };
    const NodeInfo& node = *nodeAt(0);
    Memo* memo = &node != own && !all ? decision.memo : nullptr;
    VictimCost cost;
    if (const auto* known = memo ? memo->trial(node, budgets.version()) : nullptr) {
      if (!known->helps) {
        for (const auto& reason : memo->why(*known)) reasons.add(reason);
        continue;
      }
      cost = known->cost;
    } else {
      fetchEarly(*nodeAt(kAhead));
      for (const auto& other : nodeAt(kAhead / 2)->pods) __builtin_prefetch(other.get());
      if (!search.look(node, candidate)) {
        for (const auto reason : search.why()) reasons.add(reason);
        if (memo) memo->rememberUseless(node, search.why());
        continue;
      }
      cost = candidate.cost();
      if (memo) memo->rememberVictims(node, cost);
      if (all) all->push_back({node.name, candidate.victims, candidate.violations});
    }
    harmless = harmless || std::get<0>(cost) == 0;
    if (found++ > 0 && !(cost < bestCost)) continue;
    best = &node;
    bestCost = cost;
  }
  if (found == 0) {
    const size_t rest = snapshot.nodes.size() - possible.size();
    if (rest > 0)
      reasons.add("Preemption is not helpful for scheduling", static_cast<int64_t>(rest));
    plan.message = "preemption: " + fitErrorMessage(snapshot.nodes.size(), "", reasons, "");
    plan.unnominate = true;
    return plan;
  }
  search.look(*best, candidate);
  plan.node = best->name;
  plan.victims = std::move(candidate.victims);
  return plan;
}

}  // namespace coxswain::scheduler
