#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

#include "base/time.h"
#include "scheduler/framework/framework.h"

namespace coxswain::scheduler {

/// A pod that waits for a node.
struct QueuedPod {
  enum class Place : uint8_t { Active, Backoff, Unschedulable, Gated, InFlight };

  PodInfoPtr pod;
  Place place = Place::Active;
  MonotonicTime queuedAt;  ///< entered the active queue; orders equals
  MonotonicTime parkedAt;  ///< became unschedulable
  MonotonicTime backoffUntil;
  int attempts = 0;
  /// Plugins that rejected it last time. Zero with Unschedulable: any event may help.
  uint32_t rejectedBy = 0;
  bool failedByError = false;
  bool held = false;      ///< stays parked until released
  bool woken = false;     ///< something happened meanwhile that may help
  uint64_t sequence = 0;  ///< makes equals distinct, in order of arrival
};

struct QueueOptions {
  Duration initialBackoff = std::chrono::seconds(1);
  Duration maxBackoff = std::chrono::seconds(10);
  Duration maxUnschedulable = std::chrono::minutes(5);
  /// Takes pods out of backoff early when nothing else is to do (not after errors). Upstream:
  /// SchedulerPopFromBackoffQ.
  bool popFromBackoff = true;
};

/// Pods without a node: active (by priority, then time), in backoff, unschedulable until an event
/// or five minutes have passed, gated. A pod that `pop` gave out is in flight until `done`,
/// `park` or `retry`; who decides must park before it suspends, or events are missed. The caller
/// passes the time; nothing runs by itself. One executor.
class Queue {
 public:
  /// A framework alone serves all pods.
  Queue(Frameworks frameworks, QueueOptions options = {});  // NOLINT
  ~Queue();
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  /// A new pod, or a new version of one that waits. A change of what schedulers look at wakes an
  /// unschedulable pod if its plugins say so.
  void set(PodInfoPtr pod, MonotonicTime now);
  /// It is bound or gone.
  void remove(const std::string& key);

  /// The next pod to schedule; counts as an attempt. Null: none is ready. The pointer lives until
  /// the pod is removed.
  QueuedPod* pop(MonotonicTime now);
  /// The pod in flight has a node.
  void done(const std::string& key) { remove(key); }
  /// No node fits: waits for an event that interests one of `rejectedBy`.
  void park(const std::string& key, uint32_t rejectedBy, MonotonicTime now);
  /// A parked pod stays so, whatever happens, while room is being made for it.
  void hold(const std::string& key);
  /// A parked pod may try again: what stood in its way is known to have changed.
  void wakeUp(const std::string& key, MonotonicTime now);
  /// Now it may go on: where something happened meanwhile, or `anyway`.
  void release(const std::string& key, bool anyway, MonotonicTime now);
  /// Something failed: again after backoff.
  void retry(const std::string& key, MonotonicTime now);

  /// Moves the pods that the event may help to active, or to backoff where their time is not up.
  void onEvent(const ClusterEvent& event, MonotonicTime now);
  /// Moves what is due: ended backoffs, pods unschedulable for too long.
  void flush(MonotonicTime now);
  /// When `flush` has something to do next.
  [[nodiscard]] std::optional<MonotonicTime> nextDue() const;

  [[nodiscard]] const QueuedPod* find(const std::string& key) const;
  [[nodiscard]] size_t size(QueuedPod::Place place) const;
  [[nodiscard]] size_t size() const { return pods_.size(); }
  [[nodiscard]] bool ready() const;

 private:
  struct ActiveLess {
    const QueueSortPlugin* sort;
    bool operator()(const QueuedPod* a, const QueuedPod* b) const;
  };
  struct BackoffLess {
    bool operator()(const QueuedPod* a, const QueuedPod* b) const;
  };
  struct ParkedLess {
    bool operator()(const QueuedPod* a, const QueuedPod* b) const;
  };
  void take(QueuedPod& pod);
  void wake(QueuedPod& pod, MonotonicTime now);
  void activate(QueuedPod& pod, MonotonicTime now);
  void toBackoffOrActive(QueuedPod& pod, MonotonicTime now);
  [[nodiscard]] Duration backoff(const QueuedPod& pod) const;
  void enter(QueuedPod& pod, MonotonicTime now);

  Frameworks frameworks_;
  QueueOptions options_;
  std::unordered_map<std::string, std::unique_ptr<QueuedPod>> pods_;
  std::set<QueuedPod*, ActiveLess> active_;
  std::set<QueuedPod*, BackoffLess> backoff_;
  std::set<QueuedPod*, BackoffLess> errorBackoff_;  ///< nothing fetches these early
  std::set<QueuedPod*, ParkedLess> parked_;
  /// How many parked pods each plugin rejected; events nobody waits for cost nothing.
  std::array<size_t, kPluginsMax> parkedBy_{};
  size_t parkedByNone_ = 0;
  size_t gated_ = 0;
  uint64_t sequence_ = 0;
};

}  // namespace coxswain::scheduler
