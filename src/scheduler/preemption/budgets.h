#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "api/select/labels.h"
#include "scheduler/cache/pod_info.h"

namespace coxswain::api::policy::v1 {
struct PodDisruptionBudget;
}

namespace coxswain::scheduler {

/// The PodDisruptionBudgets of the cluster, as preemption asks for them. One executor.
class Budgets {
 public:
  void set(const api::policy::v1::PodDisruptionBudget& budget);
  void remove(const std::string& ns, const std::string& name);
  [[nodiscard]] bool empty() const { return byNamespace_.empty(); }
  /// Another one after each change.
  [[nodiscard]] uint64_t version() const { return version_; }

  /// Which of these pods, evicted in this order, would break a budget: each takes one of what the
  /// budgets that select it still allow. Upstream: filterPodsWithPDBViolation.
  void violations(const std::vector<PodInfoPtr>& pods, std::vector<bool>& out) const;

 private:
  struct Budget {
    api::LabelSelector selector;
    int32_t allowed = 0;
    /// Being evicted already, and counted in `allowed`; sorted.
    std::vector<std::string> disrupted;
  };
  std::unordered_map<std::string, std::map<std::string, Budget>> byNamespace_;
  uint64_t version_ = 1;
};

}  // namespace coxswain::scheduler
