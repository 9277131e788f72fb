// The decision about a pod that extenders are interested in. Plugins and extenders are asked in
// turns, and while an extender thinks the cluster goes on: so nodes are kept by name, and what is
// chosen in the end is checked again by the plugins, without suspending, before the pod takes it.
#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "base/log.h"
#include "scheduler/preemption/preemption.h"
#include "scheduler/scheduler.h"

namespace coxswain::scheduler {

using api::core::v1::Pod;

namespace {

const Logger kLog("scheduler");
/// Extenders score to 10, plugins to 100.
constexpr int64_t kExtenderScale = kScoreMax / 10;

/// Victims as extenders may name them: by uid, among the pods of the node.
PodInfoPtr findByUid(const NodeInfo& node, const std::string& uid) {
  const auto at = std::find_if(node.pods.begin(), node.pods.end(),
                               [&](const PodInfoPtr& pod) { return pod->meta->uid == uid; });
  return at == node.pods.end() ? nullptr : *at;
}

/// Only nodes and pods that there are may come back, and each node with a victim.
Status keepKnown(const Extender& extender, const VictimsByNode& asked, VictimsByNode& answer,
                 Cache& cache) {
  for (auto at = answer.begin(); at != answer.end();) {
    const auto& [name, victims] = *at;
    const NodeInfo* node = cache.node(name);
    Status wrong;
    if (victims.pods.empty())
      wrong = internalError("expected at least one victim pod on node \"" + name + "\"");
    else if (!asked.contains(name))
      wrong = internalError("extender: " + extender.name() + " claims to preempt on node: " + name +
                            ", which it was not asked about");
    for (const auto& victim : victims.pods)
      if (wrong.ok() && node && !findByUid(*node, victim.uid))
        wrong = internalError("extender: " + extender.name() +
                              " claims to preempt pod (UID: " + victim.uid + ") on node: " + name +
                              ", but the pod is not found on that node");
    if (wrong.ok() && node) {
      ++at;
      continue;
    }
    if (!wrong.ok() && !extender.ignorable()) return wrong;
    at = answer.erase(at);
  }
  return {};
}

}  // namespace

/// What is known so far.
struct Scheduler::ExtendedCycle {
  PodInfoPtr pod;
  std::vector<ExtenderNode> nodes;  ///< still possible
  std::set<std::string> asked;      ///< nodes that extenders were asked about
  std::map<std::string, std::string> failed;
  std::map<std::string, std::string> unresolvable;
  Picker::Scores scores;
};

bool Scheduler::goesOn(const PodInfo& pod) {
  const auto* queued = queue_.find(pod.key);
  if (!queued || queued->place != QueuedPod::Place::InFlight ||
      queued->pod->meta->uid != pod.meta->uid)
    return false;
  if (!queued->pod->meta->deletionTimestamp) return true;
  queue_.done(pod.key);
  return false;
}

Task<Status> Scheduler::askFilters(Scheduler& self, ExtendedCycle& cycle, std::stop_token stop) {
  for (const auto& extender : self.extenders_) {
    if (cycle.nodes.empty()) break;
    if (!extender->filters() || !extender->isInterested(*cycle.pod)) continue;
    auto answer = co_await extender->filter(cycle.pod, cycle.nodes, stop);
    if (!answer.ok()) {
      if (!extender->ignorable()) co_return answer.status();
      kLog.warn("extender left out", {{"extender", extender->name()}, {"error", answer.status()}});
      continue;
    }
    std::sort(answer->nodes.begin(), answer->nodes.end());
    std::erase_if(cycle.nodes, [&](const ExtenderNode& node) {
      return !std::binary_search(answer->nodes.begin(), answer->nodes.end(), node.name);
    });
    cycle.failed.merge(answer->failed);
    cycle.unresolvable.merge(answer->unresolvable);
  }
  co_return Status();
}

Task<void> Scheduler::askPriorities(Scheduler& self, ExtendedCycle& cycle, std::stop_token stop) {
  for (const auto& node : cycle.nodes) cycle.scores[node.name] = 0;
  if (cycle.nodes.size() < 2) co_return;
  for (const auto& extender : self.extenders_) {
    if (!extender->prioritizes() || !extender->isInterested(*cycle.pod)) continue;
    auto answer = co_await extender->prioritize(cycle.pod, cycle.nodes, stop);
    if (!answer.ok()) {
      // Others may still say where the pod is best off.
      kLog.warn("extender left out", {{"extender", extender->name()}, {"error", answer.status()}});
      continue;
    }
    for (const auto& [name, score] : *answer)
      if (const auto at = cycle.scores.find(name); at != cycle.scores.end())
        at->second += std::clamp<int64_t>(score, -1'000'000, 1'000'000) *
                      std::min<int64_t>(extender->weight(), 1'000'000) * kExtenderScale;
  }
}

Task<bool> Scheduler::scheduleExtended(Scheduler& self, PodInfoPtr pod, std::stop_token stop) {
  if (pod->meta->deletionTimestamp) {
    self.queue_.done(pod->key);
    co_return false;
  }
  const uint64_t told = self.told_;
  Picker& picker = self.profileOf(*pod).picker;
  ExtendedCycle cycle;
  cycle.pod = pod;
  for (const bool nominatedFirst : {true, false}) {
    const Decision first = picker.find(pod, self.cache_.snapshot(), nominatedFirst);
    if (!first.error.ok()) {
      self.decisionFailed(pod, first.error.message());
      co_return false;
    }
    cycle.nodes.clear();
    for (const NodeInfo* node : picker.feasible()) {
      cycle.nodes.push_back({node->name, node->node});
      cycle.asked.insert(node->name);
    }
    const Status asked = co_await askFilters(self, cycle, stop);
    if (stop.stop_requested() || !self.goesOn(*pod)) co_return false;
    if (!asked.ok()) {
      self.decisionFailed(pod, asked.message());
      co_return false;
    }
    if (!cycle.nodes.empty() || pod->pod->status.nominatedNodeName.empty()) break;
  }
  co_await askPriorities(self, cycle, stop);
  if (stop.stop_requested() || !self.goesOn(*pod)) co_return false;
  if (!cycle.nodes.empty()) {
    Decision decision = picker.pickAmong(pod, self.cache_.snapshot(), cycle.scores);
    if (!decision.error.ok()) {
      self.decisionFailed(pod, decision.error.message());
      co_return false;
    }
    if (!decision.node.empty()) co_return self.commit(pod, std::move(decision), stop);
  }
  // None is left: why not is told as things are now.
  const Snapshot& snapshot = self.cache_.snapshot();
  Decision decision = picker.find(pod, snapshot, false);
  if (!decision.error.ok()) {
    self.decisionFailed(pod, decision.error.message());
    co_return false;
  }
  bool again = false;
  if (!picker.feasible().empty()) {
    std::unordered_map<const NodeInfo*, uint32_t> indices;
    for (uint32_t i = 0; i < snapshot.nodes.size(); ++i) indices[snapshot.nodes[i]] = i;
    for (const NodeInfo* node : picker.feasible()) {
      const auto hopeless = cycle.unresolvable.find(node->name);
      const auto failed = cycle.failed.find(node->name);
      if (hopeless != cycle.unresolvable.end()) {
        decision.diagnosis.reasons.add(hopeless->second);
      } else if (failed != cycle.failed.end()) {
        decision.diagnosis.reasons.add(failed->second);
        decision.diagnosis.resolvable.push_back(indices.at(node));
      } else if (!cycle.asked.contains(node->name) || cycle.scores.contains(node->name)) {
        again = true;  // it has become free meanwhile, or was taken and is free again
      }
    }
    // What an extender looks at, any event may have changed.
    decision.diagnosis.rejectedBy = 0;
  }
  Preemption preemption = co_await preemptExtended(self, pod, decision, stop);
  if (stop.stop_requested() || !self.goesOn(*pod)) co_return false;
  self.parkUnschedulable(pod, decision, std::move(preemption));
  // What happened in between may have helped.
  if (again || self.told_ != told) self.queue_.wakeUp(pod->key, self.now());
  co_return false;
}

Task<Scheduler::Preemption> Scheduler::preemptExtended(Scheduler& self, PodInfoPtr pod,
                                                       Decision& decision, std::stop_token stop) {
  const Framework& framework = self.profileOf(*pod).framework;
  std::vector<Extender*> asked;
  for (const auto& extender : self.extenders_)
    if (extender->preempts() && extender->isInterested(*pod)) asked.push_back(extender.get());
  if (asked.empty() || !framework.preemption()) co_return self.preempt(pod, decision);

  std::vector<PreemptionCandidate> candidates;
  auto plan =
      planPreemption(framework, *framework.preemption(), *pod, self.cache_.snapshot(), decision,
                     self.budgets_, self.context_.random.next() >> 1, &candidates);
  Preemption out;
  out.message = std::move(plan.message);
  VictimsByNode victims;
  for (const auto& candidate : candidates) {
    auto& those = victims[candidate.node];
    those.violations = candidate.violations;
    for (const auto& victim : candidate.victims)
      those.pods.push_back({victim->meta->uid, self.pods_.get<Pod>(victim->key)});
  }
  for (Extender* extender : asked) {
    if (victims.empty()) break;
    if (!extender->isCached()) {
      // Some may have gone since an extender named them.
      for (auto& [name, those] : victims) {
        const NodeInfo* node = self.cache_.node(name);
        for (auto& victim : those.pods) {
          const auto info = node ? findByUid(*node, victim.uid) : nullptr;
          victim.pod = info ? self.pods_.get<Pod>(info->key) : nullptr;
        }
        std::erase_if(those.pods, [](const ExtenderVictim& victim) { return !victim.pod; });
      }
      std::erase_if(victims, [](const auto& entry) { return entry.second.pods.empty(); });
    }
    auto answer = co_await extender->preempt(pod, victims, stop);
    if (stop.stop_requested() || !self.goesOn(*pod)) co_return Preemption();
    Status failure = answer.status();
    if (failure.ok()) failure = keepKnown(*extender, victims, *answer, self.cache_);
    if (failure.ok()) {
      victims = std::move(*answer);
    } else if (extender->ignorable()) {
      kLog.warn("extender left out", {{"extender", extender->name()}, {"error", failure}});
    } else {
      kLog.warn("cannot preempt", {{"pod", pod->key}, {"error", failure}});
      co_return Preemption();
    }
  }
  if (candidates.empty()) {
    if (plan.unnominate) {
      self.cache_.unnominate(pod->key);
      if (!pod->pod->status.nominatedNodeName.empty()) out.nominated = "";
    }
    co_return out;
  }
  std::optional<VictimCost> best;
  for (const auto& [name, those] : victims) {
    const NodeInfo* node = self.cache_.node(name);
    std::vector<PodInfoPtr> pods;
    for (const auto& victim : those.pods)
      if (auto info = node ? findByUid(*node, victim.uid) : nullptr)
        pods.push_back(std::move(info));
    if (pods.empty()) continue;
    std::sort(pods.begin(), pods.end(), moreImportant);
    const auto cost = costOf(pods, static_cast<int>(those.violations));
    if (best && !(cost < *best)) continue;
    best = cost;
    out.nominated = name;
    out.victims = std::move(pods);
  }
  if (best) {
    self.cache_.nominate(pod, *out.nominated);
  } else {
    out.message = "preemption: no candidate node for preemption";
  }
  co_return out;
}

Task<Status> Scheduler::bindPod(Scheduler& self, PodInfoPtr pod, std::string node,
                                std::stop_token stop) {
  for (const auto& extender : self.extenders_) {
    if (!extender->binds() || !extender->isInterested(*pod)) continue;
    Status bound = co_await extender->bind(pod, node, stop);
    if (bound.ok() || !extender->ignorable()) co_return bound;
    kLog.warn("extender left out", {{"extender", extender->name()}, {"error", bound}});
  }
  co_return co_await self.profileOf(*pod).framework.bind(pod, std::move(node), std::move(stop));
}

}  // namespace coxswain::scheduler
