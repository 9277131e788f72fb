#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/time.h"
#include "runtime/task.h"
#include "scheduler/cache/cache.h"
#include "scheduler/framework/events.h"

namespace coxswain::scheduler {

class WaitingPods;

/// What a plugin says of a pod, or of a pod on a node.
enum class Code : uint8_t {
  Success,
  /// The pod does not fit; other pods going away may help.
  Unschedulable,
  /// The pod does not fit, and preemption would not help.
  UnschedulableAndUnresolvable,
  /// The plugin has nothing to say about this pod: not asked further in this cycle.
  Skip,
  Error,
};

/// Why not, without copying: texts are literals or live in the plugin's state of the cycle.
using Reasons = std::vector<std::string_view>;

/// What a plugin keeps from PreFilter or PreScore for the later points of one cycle.
class PluginState {
 public:
  virtual ~PluginState() = default;
};

inline constexpr size_t kPluginsMax = 32;

/// The states of one cycle, by plugin, and which plugins do not care.
class CycleState {
 public:
  CycleState() = default;
  CycleState(CycleState&&) = default;
  CycleState& operator=(CycleState&&) = default;

  template <typename T>
  [[nodiscard]] const T* filterState(size_t plugin) const {
    return static_cast<const T*>(filter_[plugin].get());
  }
  template <typename T>
  [[nodiscard]] T* filterState(size_t plugin) {
    return static_cast<T*>(filter_[plugin].get());
  }
  void setFilterState(size_t plugin, std::shared_ptr<PluginState> state) {
    filter_[plugin] = std::move(state);
  }
  template <typename T>
  [[nodiscard]] const T* scoreState(size_t plugin) const {
    return static_cast<const T*>(score_[plugin].get());
  }
  void setScoreState(size_t plugin, std::shared_ptr<PluginState> state) {
    score_[plugin] = std::move(state);
  }
  uint32_t skipFilter = 0;  ///< bit of each plugin whose PreFilter answered Skip
  uint32_t skipScore = 0;

 private:
  std::array<std::shared_ptr<PluginState>, kPluginsMax> filter_;
  std::array<std::shared_ptr<PluginState>, kPluginsMax> score_;
};

inline constexpr int64_t kScoreMax = 100;

/// A policy of the scheduler. Derives from the interfaces of the points where it takes part; the
/// framework asks the plugins of a point in the order of registration. Plugins hold configuration
/// only; they are asked on the scheduler's executor.
class Plugin {
 public:
  virtual ~Plugin() = default;
  [[nodiscard]] virtual std::string_view name() const = 0;
  /// What may make a pod schedulable that this plugin rejected.
  [[nodiscard]] virtual EventInterest events() const { return 0; }
  /// Asked where `events` has the event: is it worth trying `pod` again?
  [[nodiscard]] virtual QueueingHint hint(const PodInfo& pod, const ClusterEvent& event) const {
    (void)pod, (void)event;
    return QueueingHint::Queue;
  }

  /// Its bit in sets of plugins and its slot in cycle states. Set once: by the registry, the same
  /// in all profiles, or else by the framework.
  size_t index = kUnset;
  static constexpr size_t kUnset = SIZE_MAX;
};

/// May the pod enter the active queue at all? The reason if not.
class PreEnqueuePlugin {
 public:
  virtual ~PreEnqueuePlugin() = default;
  [[nodiscard]] virtual std::optional<std::string> preEnqueue(const PodInfo& pod) const = 0;
};

class QueueSortPlugin {
 public:
  virtual ~QueueSortPlugin() = default;
  /// Is the first scheduled before the second?
  [[nodiscard]] virtual bool less(const PodInfo& a, MonotonicTime queuedA, const PodInfo& b,
                                  MonotonicTime queuedB) const = 0;
};

struct PreFilterResult {
  Code code = Code::Success;
  std::string message;  ///< with Unschedulable*, Error
  /// Only these nodes are possible; nothing: all.
  std::optional<std::vector<std::string>> nodeNames;
};

/// Once a cycle: works out what Filter needs, or rejects the pod altogether.
class PreFilterPlugin {
 public:
  virtual ~PreFilterPlugin() = default;
  [[nodiscard]] virtual PreFilterResult preFilter(CycleState& state, const PodInfo& pod,
                                                  const Snapshot& snapshot) const = 0;
  /// `other` was added to or taken from `node` in a trial: adapt this plugin's filter state. What
  /// was added is taken away again and the other way round, which must leave the state as it was.
  virtual void podChanged(CycleState& state, const PodInfo& pod, const PodInfo& other, bool added,
                          const NodeInfo& node, const Snapshot& snapshot) const {
    (void)state, (void)pod, (void)other, (void)added, (void)node, (void)snapshot;
  }
};

/// Hot: thousands of calls a pod. Allocates nothing when the pod fits.
class FilterPlugin {
 public:
  virtual ~FilterPlugin() = default;
  /// `node.node` is set. Adds to `reasons` unless Success.
  [[nodiscard]] virtual Code filter(const CycleState& state, const PodInfo& pod,
                                    const NodeInfo& node, Reasons& reasons) const = 0;
  /// The answer depends on nothing but the pod and this node: as long as the node does not change
  /// it is the same (NodeInfo::version), also for pods that ask for the same (Memo::isOf).
  [[nodiscard]] virtual bool isLocal() const { return false; }
};

class PreScorePlugin {
 public:
  virtual ~PreScorePlugin() = default;
  /// Success, or Skip: every node is the same to this plugin.
  [[nodiscard]] virtual Code preScore(CycleState& state, const PodInfo& pod,
                                      std::span<const NodeInfo* const> nodes,
                                      const Snapshot& snapshot) const = 0;
};

class ScorePlugin {
 public:
  virtual ~ScorePlugin() = default;
  [[nodiscard]] virtual int64_t score(const CycleState& state, const PodInfo& pod,
                                      const NodeInfo& node, const Snapshot& snapshot) const = 0;
  /// Brings the scores of all nodes to 0..kScoreMax.
  virtual void normalize(const CycleState& state, const PodInfo& pod,
                         std::span<const NodeInfo* const> nodes, std::span<int64_t> scores) const {
    (void)state, (void)pod, (void)nodes, (void)scores;
  }
  /// Where configuration gives none.
  [[nodiscard]] virtual int64_t weight() const = 0;
};

/// How far preemption looks.
struct PreemptionOptions {
  int32_t minCandidateNodesPercentage = 10;
  int32_t minCandidateNodesAbsolute = 100;
};

/// No node fits: room may be made. The scheduler does it (scheduler/preemption), by these options.
class PostFilterPlugin {
 public:
  virtual ~PostFilterPlugin() = default;
  [[nodiscard]] virtual const PreemptionOptions& preemption() const = 0;
};

/// A node was chosen: keep what the pod will use. `unreserve` takes it back, also after a failed
/// `reserve`, and may be called twice.
class ReservePlugin {
 public:
  virtual ~ReservePlugin() = default;
  [[nodiscard]] virtual Status reserve(CycleState& state, const PodInfo& pod,
                                       const std::string& node) = 0;
  virtual void unreserve(CycleState& state, const PodInfo& pod, const std::string& node) = 0;
};

struct PermitResult {
  Code code = Code::Success;  ///< Unschedulable: not now; Error
  std::string message;
  /// With Success: the pod waits that long at most until the plugin allows or rejects it.
  std::optional<Duration> wait;
};

/// The pod has its node and is about to be bound: may it, or does it wait for something?
class PermitPlugin {
 public:
  virtual ~PermitPlugin() = default;
  [[nodiscard]] virtual PermitResult permit(CycleState& state, const PodInfo& pod,
                                            const std::string& node) = 0;
  /// Where the plugin lets waiting pods on. Set by the framework, which owns it.
  WaitingPods* waiting = nullptr;
};

/// Work that must be done before the pod is bound, such as its volumes. May take long: the
/// scheduler goes on with other pods meanwhile.
class PreBindPlugin {
 public:
  virtual ~PreBindPlugin() = default;
  /// Is there anything to do for this pod? Asked of each pod: cheap.
  [[nodiscard]] virtual bool preBindNeeded(const CycleState& state, const PodInfo& pod) const = 0;
  /// `state` outlives the task. A failure takes the pod off the node again.
  virtual Task<Status> preBind(CycleState& state, PodInfoPtr pod, std::string node,
                               std::stop_token stop) = 0;
};

/// Told of pods that were bound.
class PostBindPlugin {
 public:
  virtual ~PostBindPlugin() = default;
  virtual void postBind(const CycleState& state, const PodInfo& pod, const std::string& node) = 0;
};

class BindPlugin {
 public:
  virtual ~BindPlugin() = default;
  virtual Task<Status> bind(PodInfoPtr pod, std::string node, std::stop_token stop) = 0;
};

/// Scores to 0..kScoreMax by the largest; `reverse`: the largest becomes 0.
void normalizeByMax(std::span<int64_t> scores, bool reverse);

}  // namespace coxswain::scheduler
