#include "scheduler/preemption/budgets.h"

#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/gen/policy_v1.h"

namespace coxswain::scheduler {

void Budgets::set(const api::policy::v1::PodDisruptionBudget& budget) {
  ++version_;
  const auto& meta = budget.metadata;
  auto selector = api::LabelSelector::from(budget.spec.selector.get());
  // One without a selector, or with an empty one, protects nothing here.
  if (!selector.ok() || selector->isEverything() || selector->isNothing()) {
    remove(meta.namespace_, meta.name);
    return;
  }
  Budget& entry = byNamespace_[meta.namespace_][meta.name];
  entry.selector = std::move(*selector);
  entry.allowed = budget.status.disruptionsAllowed;
  entry.disrupted.clear();
  for (const auto& [pod, time] : budget.status.disruptedPods) entry.disrupted.push_back(pod);
}

void Budgets::remove(const std::string& ns, const std::string& name) {
  ++version_;
  const auto at = byNamespace_.find(ns);
  if (at == byNamespace_.end()) return;
  at->second.erase(name);
  if (at->second.empty()) byNamespace_.erase(at);
}

void Budgets::violations(const std::vector<PodInfoPtr>& pods, std::vector<bool>& out) const {
  out.assign(pods.size(), false);
  if (empty()) return;
  std::unordered_map<const Budget*, int32_t> left;
  for (size_t i = 0; i < pods.size(); ++i) {
    const auto& meta = *pods[i]->meta;
    const auto at = byNamespace_.find(meta.namespace_);
    if (at == byNamespace_.end() || meta.labels.empty()) continue;
    for (const auto& [name, budget] : at->second) {
      if (!budget.selector.matches(meta.labels)) continue;
      if (std::binary_search(budget.disrupted.begin(), budget.disrupted.end(), meta.name)) continue;
      int32_t& allowed = left.try_emplace(&budget, budget.allowed).first->second;
      if (--allowed < 0) out[i] = true;
    }
  }
}

}  // namespace coxswain::scheduler
