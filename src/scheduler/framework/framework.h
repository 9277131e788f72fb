#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "scheduler/framework/diagnosis.h"
#include "scheduler/framework/plugin.h"
#include "scheduler/framework/waiting_pods.h"
#include "scheduler/framework/wiring.h"

namespace coxswain::scheduler {

/// The plugins of a profile, sorted by extension point. Immutable once made. One executor.
class Framework {
 public:
  /// Each plugin at every point it can, in the order given, with its own weight. At most
  /// kPluginsMax plugins, exactly one that sorts the queue.
  explicit Framework(std::vector<std::unique_ptr<Plugin>> plugins);
  /// As `wiring` says; names in it that are not among `plugins` are left out.
  Framework(std::vector<std::unique_ptr<Plugin>> plugins, const Wiring& wiring);
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
  /// All filters that have something to say of the pod are local ones. After preFilter.
  [[nodiscard]] bool filtersAreLocal(const CycleState& state) const {
    return (notLocal_ & ~state.skipFilter) == 0;
  }
  void podChanged(CycleState& state, const PodInfo& pod, const PodInfo& other, bool added,
                  const NodeInfo& node, const Snapshot& snapshot) const;
  /// Weighted sums of all score plugins, into `totals` (resized).
  void score(CycleState& state, const PodInfo& pod, std::span<const NodeInfo* const> nodes,
             const Snapshot& snapshot, std::vector<int64_t>& totals) const;
  Status reserve(CycleState& state, const PodInfo& pod, const std::string& node) const;
  void unreserve(CycleState& state, const PodInfo& pod, const std::string& node) const;

  /// Null: nothing is preempted for pods of this profile.
  [[nodiscard]] const PreemptionOptions* preemption() const { return preemption_; }

  /// What stands before binding: the plugin (its bit) that said no and why. No plugin: nothing.
  struct Refusal {
    uint32_t plugin = 0;
    bool error = false;  ///< it failed; else the pod is unschedulable for now
    std::string message;
    [[nodiscard]] bool none() const { return plugin == 0; }
  };
  /// Asks all. Where plugins want the pod to wait it is in `waiting()` afterwards.
  Refusal permit(CycleState& state, const PodInfo& pod, const std::string& node) const;
  [[nodiscard]] WaitingPods& waiting() const { return waiting_; }
  [[nodiscard]] bool preBindNeeded(const CycleState& state, const PodInfo& pod) const;
  /// The wait of Permit, where there is one, then all of PreBind. `state` outlives the task.
  Task<Refusal> beforeBind(CycleState& state, PodInfoPtr pod, std::string node,
                           std::stop_token stop) const;
  void postBind(const CycleState& state, const PodInfo& pod, const std::string& node) const;
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
    int64_t weight;
  };
  void number();
  template <typename T>
  void wire(Point point, const Wiring* wiring, std::vector<At<T>>& list);
  void wireAll(const Wiring* wiring);

  std::vector<std::unique_ptr<Plugin>> plugins_;
  std::array<const Plugin*, kPluginsMax> byIndex_{};
  std::array<EventInterest, kPluginsMax> interests_{};
  std::vector<At<PreEnqueuePlugin>> preEnqueue_;
  QueueSortPlugin* queueSort_ = nullptr;
  std::vector<At<PreFilterPlugin>> preFilter_;
  std::vector<At<FilterPlugin>> filter_;
  std::vector<At<PreScorePlugin>> preScore_;
  std::vector<At<ScorePlugin>> score_;
  std::vector<At<ReservePlugin>> reserve_;
  std::vector<At<PermitPlugin>> permit_;
  std::vector<At<PreBindPlugin>> preBind_;
  std::vector<At<BindPlugin>> bind_;
  std::vector<At<PostBindPlugin>> postBind_;
  const PreemptionOptions* preemption_ = nullptr;
  uint32_t notLocal_ = 0;
  mutable WaitingPods waiting_;
  mutable std::vector<int64_t> scratch_;
};

/// The frameworks of several profiles, by the schedulerName of pods. They number their plugins
/// alike and sort the queue alike. A view: the frameworks outlive it.
class Frameworks {
 public:
  /// One for all pods.
  Frameworks(const Framework& only) : list_{{"", &only}} {}  // NOLINT
  explicit Frameworks(std::vector<std::pair<std::string, const Framework*>> list)
      : list_(std::move(list)) {}

  /// That of the pod; the first where no profile has its name.
  [[nodiscard]] const Framework& of(const PodInfo& pod) const {
    return list_.size() == 1 ? *list_.front().second : search(pod);
  }
  [[nodiscard]] const QueueSortPlugin& queueSort() const {
    return list_.front().second->queueSort();
  }
  /// Plugins (bits) of any profile that want to hear of any of these events.
  [[nodiscard]] uint32_t interested(uint32_t events) const {
    uint32_t bits = 0;
    for (const auto& [name, framework] : list_) bits |= framework->interested(events);
    return bits;
  }

 private:
  [[nodiscard]] const Framework& search(const PodInfo& pod) const;
  std::vector<std::pair<std::string, const Framework*>> list_;
};

}  // namespace coxswain::scheduler
