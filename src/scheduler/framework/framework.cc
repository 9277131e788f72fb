#include "scheduler/framework/framework.h"

#include <algorithm>
#include <type_traits>

#include "api/gen/core_v1.h"
#include "base/assert.h"

namespace coxswain::scheduler {

namespace {

constexpr Duration kPermitWaitMax = std::chrono::minutes(15);

std::string running(std::string_view point, std::string_view plugin) {
  std::string out = "running ";
  out.append(point).append(" plugin \"").append(plugin).append("\"");
  return out;
}

}  // namespace

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

void Framework::number() {
  COXSWAIN_ASSERT(plugins_.size() <= kPluginsMax);
  for (const auto& plugin : plugins_) {
    if (plugin->index == Plugin::kUnset) {
      plugin->index = 0;
      while (byIndex_[plugin->index]) ++plugin->index;
    }
    COXSWAIN_ASSERT(plugin->index < kPluginsMax && !byIndex_[plugin->index]);
    byIndex_[plugin->index] = plugin.get();
    interests_[plugin->index] = plugin->events();
  }
}

template <typename T>
void Framework::wire(Point point, const Wiring* wiring, std::vector<At<T>>& list) {
  const auto add = [&](Plugin& plugin, int64_t weight) {
    auto* as = dynamic_cast<T*>(&plugin);
    if (!as) return;
    if constexpr (std::is_same_v<T, ScorePlugin>)
      if (weight == 0) weight = as->weight();
    list.push_back({as, plugin.index, 1U << plugin.index, weight});
  };
  if (!wiring) {
    for (const auto& plugin : plugins_) add(*plugin, 0);
    return;
  }
  for (const auto& enabled : wiring->at(point))
    for (const auto& plugin : plugins_)
      if (plugin->name() == enabled.name) add(*plugin, enabled.weight);
}

void Framework::wireAll(const Wiring* wiring) {
  std::vector<At<QueueSortPlugin>> sorters;
  std::vector<At<PostFilterPlugin>> postFilter;
  wire(Point::PreEnqueue, wiring, preEnqueue_);
  wire(Point::QueueSort, wiring, sorters);
  wire(Point::PreFilter, wiring, preFilter_);
  wire(Point::Filter, wiring, filter_);
  wire(Point::PostFilter, wiring, postFilter);
  wire(Point::PreScore, wiring, preScore_);
  wire(Point::Score, wiring, score_);
  wire(Point::Reserve, wiring, reserve_);
  wire(Point::Permit, wiring, permit_);
  wire(Point::PreBind, wiring, preBind_);
  wire(Point::Bind, wiring, bind_);
  wire(Point::PostBind, wiring, postBind_);
  for (const auto& at : filter_)
    if (!at.plugin->isLocal()) notLocal_ |= at.bit;
  COXSWAIN_ASSERT(sorters.size() == 1);
  queueSort_ = sorters.front().plugin;
  if (!postFilter.empty()) preemption_ = &postFilter.front().plugin->preemption();
  for (const auto& at : permit_) at.plugin->waiting = &waiting_;
}

Framework::Framework(std::vector<std::unique_ptr<Plugin>> plugins) : plugins_(std::move(plugins)) {
  number();
  wireAll(nullptr);
}

Framework::Framework(std::vector<std::unique_ptr<Plugin>> plugins, const Wiring& wiring)
    : plugins_(std::move(plugins)) {
  number();
  wireAll(&wiring);
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
    out.narrowedBy.push_back(byIndex_[at.index]->name());
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
    for (size_t i = 0; i < nodes.size(); ++i) totals[i] += at.weight * scratch_[i];
  }
}

Status Framework::reserve(CycleState& state, const PodInfo& pod, const std::string& node) const {
  for (const auto& at : reserve_) {
    Status done = at.plugin->reserve(state, pod, node);
    if (!done.ok()) {
      unreserve(state, pod, node);
      return done.withContext(running("Reserve", byIndex_[at.index]->name()));
    }
  }
  return {};
}

void Framework::unreserve(CycleState& state, const PodInfo& pod, const std::string& node) const {
  for (size_t i = reserve_.size(); i-- > 0;) reserve_[i].plugin->unreserve(state, pod, node);
}

Framework::Refusal Framework::permit(CycleState& state, const PodInfo& pod,
                                     const std::string& node) const {
  Refusal refusal;
  std::vector<WaitingPods::Wait> waits;
  for (const auto& at : permit_) {
    const auto name = byIndex_[at.index]->name();
    PermitResult result = at.plugin->permit(state, pod, node);
    if (result.code == Code::Success || result.code == Code::Skip) {
      if (result.wait) waits.push_back({std::string(name), std::min(*result.wait, kPermitWaitMax)});
      continue;
    }
    refusal.plugin = at.bit;
    refusal.error = result.code == Code::Error;
    refusal.message =
        refusal.error ? running("Permit", name) + ": " + result.message : std::move(result.message);
    return refusal;
  }
  if (!waits.empty()) waiting_.add(pod.key, std::move(waits));
  return refusal;
}

bool Framework::preBindNeeded(const CycleState& state, const PodInfo& pod) const {
  return std::any_of(preBind_.begin(), preBind_.end(), [&](const At<PreBindPlugin>& at) {
    return at.plugin->preBindNeeded(state, pod);
  });
}

Task<Framework::Refusal> Framework::beforeBind(CycleState& state, PodInfoPtr pod, std::string node,
                                               std::stop_token stop) const {
  Refusal refusal;
  if (waiting_.waits(pod->key)) {
    auto verdict = co_await waiting_.wait(pod->key, stop);
    if (!verdict.allowed()) {
      for (const auto& at : permit_)
        if (byIndex_[at.index]->name() == verdict.plugin) refusal.plugin = at.bit;
      refusal.message = std::move(verdict.message);
      co_return refusal;
    }
  }
  for (const auto& at : preBind_) {
    if (!at.plugin->preBindNeeded(state, *pod)) continue;
    Status done = co_await at.plugin->preBind(state, pod, node, stop);
    if (done.ok()) continue;
    refusal.plugin = at.bit;
    refusal.error = true;
    refusal.message = running("PreBind", byIndex_[at.index]->name()) + ": " + done.message();
    co_return refusal;
  }
  co_return refusal;
}

void Framework::postBind(const CycleState& state, const PodInfo& pod,
                         const std::string& node) const {
  for (const auto& at : postBind_) at.plugin->postBind(state, pod, node);
}

Task<Status> Framework::bind(PodInfoPtr pod, std::string node, std::stop_token stop) const {
  if (bind_.empty()) co_return internalError("no plugin binds pods");
  co_return co_await bind_.front().plugin->bind(std::move(pod), std::move(node), std::move(stop));
}

uint32_t Framework::interested(uint32_t events) const {
  uint32_t bits = 0;
  for (size_t i = 0; i < kPluginsMax; ++i)
    if (interests_[i] & events) bits |= 1U << i;
  return bits;
}

bool Framework::worthRetry(const PodInfo& pod, uint32_t rejectedBy,
                           const ClusterEvent& event) const {
  if (rejectedBy == 0) return true;
  for (size_t i = 0; i < kPluginsMax; ++i) {
    if (!(rejectedBy & (1U << i)) || !(interests_[i] & event.events)) continue;
    if (byIndex_[i]->hint(pod, event) == QueueingHint::Queue) return true;
  }
  return false;
}

std::vector<std::string_view> Framework::names(uint32_t bits) const {
  std::vector<std::string_view> out;
  for (size_t i = 0; i < kPluginsMax; ++i)
    if ((bits & (1U << i)) && byIndex_[i]) out.push_back(byIndex_[i]->name());
  return out;
}

const Framework& Frameworks::search(const PodInfo& pod) const {
  for (const auto& [name, framework] : list_)
    if (name == pod.pod->spec.schedulerName) return *framework;
  return *list_.front().second;
}

}  // namespace coxswain::scheduler
