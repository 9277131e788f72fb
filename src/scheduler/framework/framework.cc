#include "scheduler/framework/framework.h"

#include <algorithm>

#include "base/assert.h"

namespace coxswain::scheduler {

void normalizeByMax(std::span<int64_t> scores, bool reverse) {
  int64_t most = 0;
  for (const int64_t score : scores) most = std::max(most, score);
  for (int64_t& score : scores) {
    if (most == 0) {
      if (reverse) score = kScoreMax;
      continue;
    }
    score = kScoreMax * score / most;
    if (reverse) score = kScoreMax - score;
  }
}

Framework::Framework(std::vector<std::unique_ptr<Plugin>> plugins) : plugins_(std::move(plugins)) {
  COXSWAIN_ASSERT(plugins_.size() <= kPluginsMax);
  for (size_t i = 0; i < plugins_.size(); ++i) {
    Plugin& plugin = *plugins_[i];
    plugin.index = i;
    const uint32_t bit = 1U << i;
    interests_.push_back(plugin.events());
    const auto into = [&]<typename T>(std::vector<At<T>>& list) {
      if (auto* as = dynamic_cast<T*>(&plugin)) list.push_back({as, i, bit});
    };
    into(preEnqueue_);
    into(preFilter_);
    into(filter_);
    into(preScore_);
    into(score_);
    into(reserve_);
    into(bind_);
    if (auto* sort = dynamic_cast<QueueSortPlugin*>(&plugin)) {
      COXSWAIN_ASSERT(queueSort_ == nullptr);
      queueSort_ = sort;
    }
  }
  COXSWAIN_ASSERT(queueSort_ != nullptr);
}

Framework::~Framework() = default;

std::optional<Framework::Gate> Framework::preEnqueue(const PodInfo& pod) const {
  for (const auto& at : preEnqueue_)
    if (auto reason = at.plugin->preEnqueue(pod)) return Gate{at.bit, std::move(*reason)};
  return std::nullopt;
}

Framework::PreFilterOutcome Framework::preFilter(CycleState& state, const PodInfo& pod,
                                                 const Snapshot& snapshot) const {
  PreFilterOutcome out;
  for (const auto& at : preFilter_) {
    PreFilterResult result = at.plugin->preFilter(state, pod, snapshot);
    if (result.code == Code::Skip) {
      state.skipFilter |= at.bit;
      continue;
    }
    if (result.code != Code::Success) {
      out.code = result.code;
      out.message = std::move(result.message);
      out.rejectedBy |= at.bit;
      return out;
    }
    if (!result.nodeNames) continue;
    out.narrowedBy.push_back(plugins_[at.index]->name());
    out.rejectedBy |= at.bit;
    auto& names = *result.nodeNames;
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    if (!out.nodeNames) {
      out.nodeNames = std::move(names);
    } else {
      std::vector<std::string> both;
      std::set_intersection(names.begin(), names.end(), out.nodeNames->begin(),
                            out.nodeNames->end(), std::back_inserter(both));
      out.nodeNames = std::move(both);
    }
    if (out.nodeNames->empty()) {
      std::string by;
      for (const auto name : out.narrowedBy) by.append(by.empty() ? "" : " ").append(name);
      out.code = Code::UnschedulableAndUnresolvable;
      out.message = "node(s) didn't satisfy plugin(s) [" + by + "] simultaneously";
      if (out.narrowedBy.size() == 1) out.message = "node(s) didn't satisfy plugin " + by;
      return out;
    }
  }
  return out;
}

Code Framework::filter(const CycleState& state, const PodInfo& pod, const NodeInfo& node,
                       Reasons& reasons, uint32_t& rejectedBy) const {
  for (const auto& at : filter_) {
    if (state.skipFilter & at.bit) continue;
    const Code code = at.plugin->filter(state, pod, node, reasons);
    if (code == Code::Success) continue;
    rejectedBy |= at.bit;
    return code;
  }
  return Code::Success;
}

void Framework::podChanged(CycleState& state, const PodInfo& pod, const PodInfo& other, bool added,
                           const NodeInfo& node, const Snapshot& snapshot) const {
  for (const auto& at : preFilter_)
    if (!(state.skipFilter & at.bit))
      at.plugin->podChanged(state, pod, other, added, node, snapshot);
}

void Framework::score(CycleState& state, const PodInfo& pod, std::span<const NodeInfo* const> nodes,
                      const Snapshot& snapshot, std::vector<int64_t>& totals) const {
  totals.assign(nodes.size(), 0);
  for (const auto& at : preScore_)
    if (at.plugin->preScore(state, pod, nodes, snapshot) == Code::Skip) state.skipScore |= at.bit;
  scratch_.resize(nodes.size());
  for (const auto& at : score_) {
    if (state.skipScore & at.bit) continue;
    for (size_t i = 0; i < nodes.size(); ++i)
      scratch_[i] = at.plugin->score(state, pod, *nodes[i], snapshot);
    at.plugin->normalize(state, pod, nodes, scratch_);
    const int64_t weight = at.plugin->weight();
    for (size_t i = 0; i < nodes.size(); ++i) totals[i] += weight * scratch_[i];
  }
}

Status Framework::reserve(CycleState& state, const PodInfo& pod, const std::string& node) const {
  for (const auto& at : reserve_) {
    Status done = at.plugin->reserve(state, pod, node);
    if (!done.ok()) {
      unreserve(state, pod, node);
      return done;
    }
  }
  return {};
}

void Framework::unreserve(CycleState& state, const PodInfo& pod, const std::string& node) const {
  for (size_t i = reserve_.size(); i-- > 0;) reserve_[i].plugin->unreserve(state, pod, node);
}

Task<Status> Framework::bind(PodInfoPtr pod, std::string node, std::stop_token stop) const {
  if (bind_.empty()) co_return internalError("no plugin binds pods");
  co_return co_await bind_.front().plugin->bind(std::move(pod), std::move(node), std::move(stop));
}

uint32_t Framework::interested(uint32_t events) const {
  uint32_t bits = 0;
  for (size_t i = 0; i < interests_.size(); ++i)
    if (interests_[i] & events) bits |= 1U << i;
  return bits;
}

bool Framework::worthRetry(const PodInfo& pod, uint32_t rejectedBy,
                           const ClusterEvent& event) const {
  if (rejectedBy == 0) return true;
  for (size_t i = 0; i < plugins_.size(); ++i) {
    if (!(rejectedBy & (1U << i)) || !(interests_[i] & event.events)) continue;
    if (plugins_[i]->hint(pod, event) == QueueingHint::Queue) return true;
  }
  return false;
}

std::vector<std::string_view> Framework::names(uint32_t bits) const {
  std::vector<std::string_view> out;
  for (size_t i = 0; i < plugins_.size(); ++i)
    if (bits & (1U << i)) out.push_back(plugins_[i]->name());
  return out;
}

}  // namespace coxswain::scheduler
