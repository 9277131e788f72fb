#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "scheduler/framework/diagnosis.h"
#include "scheduler/framework/plugin.h"

namespace coxswain::scheduler {

/// The plugins of a profile, sorted by extension point. Immutable once made. One executor.
class Framework {
 public:
  /// At most kPluginsMax plugins, exactly one that sorts the queue.
  explicit Framework(std::vector<std::unique_ptr<Plugin>> plugins);
  ~Framework();
  Framework(const Framework&) = delete;
  Framework& operator=(const Framework&) = delete;

  /// Why the pod may not enter the queue (bit of the plugin, text); nothing: it may.
  struct Gate {
    uint32_t plugin = 0;
    std::string reason;
  };
  [[nodiscard]] std::optional<Gate> preEnqueue(const PodInfo& pod) const;
  [[nodiscard]] const QueueSortPlugin& queueSort() const { return *queueSort_; }

  /// Runs PreFilter of all. Not Success: the plugin's message is in the diagnosis.
  /// `nodeNames`: nodes still possible.
  struct PreFilterOutcome {
    Code code = Code::Success;
    std::string message;
    std::optional<std::vector<std::string>> nodeNames;
    /// Which plugins narrowed the nodes.
    std::vector<std::string_view> narrowedBy;
    uint32_t rejectedBy = 0;
  };
  PreFilterOutcome preFilter(CycleState& state, const PodInfo& pod, const Snapshot& snapshot) const;
  /// Stops at the first plugin that objects; its bit goes into `rejectedBy`.
  Code filter(const CycleState& state, const PodInfo& pod, const NodeInfo& node, Reasons& reasons,
              uint32_t& rejectedBy) const;
  void podChanged(CycleState& state, const PodInfo& pod, const PodInfo& other, bool added,
                  const NodeInfo& node, const Snapshot& snapshot) const;
  /// Weighted sums of all score plugins, into `totals` (resized).
  void score(CycleState& state, const PodInfo& pod, std::span<const NodeInfo* const> nodes,
             const Snapshot& snapshot, std::vector<int64_t>& totals) const;
  Status reserve(CycleState& state, const PodInfo& pod, const std::string& node) const;
  void unreserve(CycleState& state, const PodInfo& pod, const std::string& node) const;
  /// Internal error where no plugin binds.
  Task<Status> bind(PodInfoPtr pod, std::string node, std::stop_token stop) const;

  /// Plugins (bits) that want to hear of any of these events.
  [[nodiscard]] uint32_t interested(uint32_t events) const;
  /// Is it worth trying a pod again that `rejectedBy` plugins rejected? Zero: anything is.
  [[nodiscard]] bool worthRetry(const PodInfo& pod, uint32_t rejectedBy,
                                const ClusterEvent& event) const;
  [[nodiscard]] std::vector<std::string_view> names(uint32_t bits) const;

 private:
  template <typename T>
  struct At {
    T* plugin;
    size_t index;
    uint32_t bit;
  };
  std::vector<std::unique_ptr<Plugin>> plugins_;
  std::vector<EventInterest> interests_;
  std::vector<At<PreEnqueuePlugin>> preEnqueue_;
  QueueSortPlugin* queueSort_ = nullptr;
  std::vector<At<PreFilterPlugin>> preFilter_;
  std::vector<At<FilterPlugin>> filter_;
  std::vector<At<PreScorePlugin>> preScore_;
  std::vector<At<ScorePlugin>> score_;
  std::vector<At<ReservePlugin>> reserve_;
  std::vector<At<BindPlugin>> bind_;
  mutable std::vector<int64_t> scratch_;
};

}  // namespace coxswain::scheduler
