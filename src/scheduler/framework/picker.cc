#include "scheduler/framework/picker.h"

#include <algorithm>

#include "api/gen/core_v1.h"
#include "scheduler/framework/nominated.h"

namespace coxswain::scheduler {

namespace {

constexpr size_t kFeasibleMin = 100;
/// With fewer nodes nothing is gained by remembering.
constexpr size_t kMemoNodesMin = 100;
/// Nodes looked at between asking the memory for one and looking at it.
constexpr size_t kAhead = 8;

/// Counts as upstream does: every reason of a node by itself.
void note(Diagnosis& diagnosis, const Reasons& reasons) {
  for (const auto reason : reasons) diagnosis.reasons.add(reason);
}

}  // namespace

size_t feasibleNodesWanted(size_t nodeCount, int percentage) {
  if (nodeCount < kFeasibleMin) return nodeCount;
  size_t percent = static_cast<size_t>(std::clamp(percentage, 0, 100));
  if (percent == 0) {
    const size_t less = nodeCount / 125;
    percent = less > 45 ? 5 : 50 - less;
  }
  return std::max(kFeasibleMin, nodeCount * percent / 100);
}

bool Picker::findFeasible(const PodInfo& pod, const Snapshot& snapshot, Decision& decision,
                          bool nominatedFirst) {
  Diagnosis& diagnosis = decision.diagnosis;
  feasible_.clear();
  auto narrowed = framework_.preFilter(decision.state, pod, snapshot);
  if (narrowed.code != Code::Success) {
    diagnosis.rejectedBy |= narrowed.rejectedBy;
    if (narrowed.code == Code::Error) {
      decision.error = internalError(narrowed.message);
      return false;
    }
    diagnosis.preFilterMessage = std::move(narrowed.message);
    if (narrowed.code == Code::Unschedulable)
      for (uint32_t i = 0; i < snapshot.nodes.size(); ++i) diagnosis.resolvable.push_back(i);
    return true;
  }

  // There others are not asked to make room for it.
  const NodeInfo* own = snapshot.nominatedNode(pod.key);
  const auto tryNode = [&](const NodeInfo* node, size_t index) {
    reasons_.clear();
    ++decision.evaluated;
    uint32_t rejectedBy = 0;
    const bool alone = node->nominated.empty();
    const Code code = alone ? framework_.filter(decision.state, pod, *node, reasons_, rejectedBy)
                            : filterBesideNominated(framework_, decision.state, pod, *node,
                                                    snapshot, reasons_, rejectedBy);
    diagnosis.rejectedBy |= rejectedBy;
    if (node != own && decision.memo && code != Code::Error)
      decision.memo->remember(*node, code, rejectedBy, reasons_);
    if (code == Code::Success) {
      feasible_.push_back(node);
      return true;
    }
    if (code == Code::Error) {
      decision.error = internalError(reasons_.empty() ? "filter failed" : reasons_.front());
      return false;
    }
    note(diagnosis, reasons_);
    if (code == Code::Unschedulable) diagnosis.resolvable.push_back(static_cast<uint32_t>(index));
    return true;
  };

  const size_t count = snapshot.nodes.size();
  const auto allowed = [&](const std::string& name) {
    const auto& names = narrowed.nodeNames;
    return !names || std::binary_search(names->begin(), names->end(), name);
  };
  if (nominatedFirst && allowed(pod.pod->status.nominatedNodeName) &&
      fitsWhereNominated(pod, snapshot, decision))
    return true;
  if (narrowed.nodeNames) {
    size_t known = 0;
    for (const auto& name : *narrowed.nodeNames) {
      const NodeInfo* node = snapshot.find(name);
      if (!node) continue;
      ++known;
      const auto at = std::find(snapshot.nodes.begin(), snapshot.nodes.end(), node);
      if (!tryNode(node, static_cast<size_t>(at - snapshot.nodes.begin()))) return false;
    }
    if (feasible_.empty()) {
      diagnosis.rejectedBy |= narrowed.rejectedBy;
      std::string by;
      for (const auto name : narrowed.narrowedBy) by.append(by.empty() ? "" : " ").append(name);
      if (known < count)
        diagnosis.reasons.add("node(s) didn't satisfy plugin(s) [" + by + "]",
                              static_cast<int64_t>(count - known));
    }
    return true;
  }

  const size_t wanted = feasibleNodesWanted(count, percentage_);
  Memo* memo = framework_.filtersAreLocal(decision.state) ? memos_.find(pod) : nullptr;
  decision.memo = memo;
  if (memo) diagnosis.resolvable.reserve(count);
  size_t looked = 0;
  for (; looked < count && feasible_.size() < wanted; ++looked) {
    const size_t index = (start_ + looked) % count;
    const NodeInfo& node = *snapshot.nodes[index];
    const NodeInfo& soon = *snapshot.nodes[(index + kAhead) % count];
    const bool known = memo && &node != own;
    if (!memo) {
      fetchEarly(soon);
    } else {
      __builtin_prefetch(&soon);
      auto* verdict = known ? memo->verdict(node) : nullptr;
      if (verdict) {
        if (verdict->code == Code::Success) {
          feasible_.push_back(&node);
          continue;
        }
        ++verdict->count;
        if (verdict->code == Code::Unschedulable)
          diagnosis.resolvable.push_back(static_cast<uint32_t>(index));
        continue;
      }
    }
    if (!tryNode(&node, index)) break;
  }
  if (memo) memo->tell(diagnosis);
  if (!decision.error.ok()) return false;
  start_ = (start_ + looked) % count;
  return true;
}

bool Picker::fitsWhereNominated(const PodInfo& pod, const Snapshot& snapshot, Decision& decision) {
  const std::string& name = pod.pod->status.nominatedNodeName;
  const NodeInfo* node = name.empty() ? nullptr : snapshot.find(name);
  if (!node) return false;
  reasons_.clear();
  uint32_t rejectedBy = 0;
  const Code code =
      filterBesideNominated(framework_, decision.state, pod, *node, snapshot, reasons_, rejectedBy);
  if (code != Code::Success) return false;
  ++decision.evaluated;
  feasible_.push_back(node);
  return true;
}

uint64_t Picker::below(uint64_t bound) {
  ties_ ^= ties_ << 13;
  ties_ ^= ties_ >> 7;
  ties_ ^= ties_ << 17;
  return (ties_ >> 11) % bound;
}

const NodeInfo* Picker::best(const PodInfo& pod, const Snapshot& snapshot, CycleState& state,
                             const Scores* others) {
  if (feasible_.size() == 1) return feasible_.front();
  framework_.score(state, pod, feasible_, snapshot, totals_);
  if (others)
    for (size_t i = 0; i < feasible_.size(); ++i) totals_[i] += others->at(feasible_[i]->name);
  const NodeInfo* chosen = feasible_.front();
  int64_t most = totals_.front();
  uint64_t ties = 1;
  for (size_t i = 1; i < feasible_.size(); ++i) {
    if (totals_[i] > most) {
      most = totals_[i];
      chosen = feasible_[i];
      ties = 1;
    } else if (totals_[i] == most && below(++ties) == 0) {
      chosen = feasible_[i];  // each of n equals has its chance of 1/n
    }
  }
  return chosen;
}

Decision Picker::find(const PodInfoPtr& info, const Snapshot& snapshot, bool nominatedFirst) {
  const PodInfo& pod = *info;
  Decision decision;
  decision.diagnosis.nodeCount = snapshot.nodes.size();
  feasible_.clear();
  if (snapshot.nodes.empty()) return decision;
  if (!findFeasible(pod, snapshot, decision, nominatedFirst)) return decision;
  decision.feasible = feasible_.size();
  if (feasible_.empty()) {
    // More of its kind may follow.
    const bool lookedAtAll = decision.evaluated == snapshot.nodes.size();
    if (!decision.memo && lookedAtAll && decision.evaluated >= kMemoNodesMin &&
        framework_.filtersAreLocal(decision.state))
      memos_.add(info);
  }
  return decision;
}

Decision Picker::pick(const PodInfoPtr& pod, const Snapshot& snapshot) {
  Decision decision = find(pod, snapshot, true);
  if (decision.error.ok() && decision.feasible > 0)
    decision.node = best(*pod, snapshot, decision.state)->name;
  return decision;
}

Decision Picker::pickAmong(const PodInfoPtr& pod, const Snapshot& snapshot, const Scores& nodes) {
  Decision decision;
  decision.diagnosis.nodeCount = snapshot.nodes.size();
  feasible_.clear();
  const auto narrowed = framework_.preFilter(decision.state, *pod, snapshot);
  if (narrowed.code == Code::Error) decision.error = internalError(narrowed.message);
  if (narrowed.code != Code::Success) return decision;
  for (const auto& [name, score] : nodes) {
    const NodeInfo* node = snapshot.find(name);
    if (!node) continue;
    const auto& names = narrowed.nodeNames;
    if (names && !std::binary_search(names->begin(), names->end(), name)) continue;
    reasons_.clear();
    ++decision.evaluated;
    const Code code = filterBesideNominated(framework_, decision.state, *pod, *node, snapshot,
                                            reasons_, decision.diagnosis.rejectedBy);
    if (code == Code::Success) feasible_.push_back(node);
  }
  decision.feasible = feasible_.size();
  if (!feasible_.empty()) decision.node = best(*pod, snapshot, decision.state, &nodes)->name;
  return decision;
}

}  // namespace coxswain::scheduler
