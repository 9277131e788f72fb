#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>

#include "client/event_recorder.h"
#include "client/informers.h"
#include "runtime/executor.h"
#include "runtime/random.h"
#include "runtime/sync.h"
#include "scheduler/cache/cache.h"
#include "scheduler/framework/picker.h"
#include "scheduler/queue/queue.h"

namespace coxswain::scheduler {

struct SchedulerOptions {
  std::string schedulerName = "default-scheduler";
  int percentageOfNodesToScore = 0;  ///< 0: adaptive
  QueueOptions queue;
  /// Bindings under way at once; further pods wait.
  size_t bindingsMax = 128;
};

/// What the scheduler gets from outside; all of it outlives the scheduler. One executor.
struct SchedulerContext {
  client::Client& client;
  client::Informers& informers;
  Executor& executor;
  Random& random;
};

/// Gives each pod of its name a node. Informers fill cache and queue; a loop takes one pod after
/// the other, decides (Picker, without suspending), assumes the pod on its node, and binds in the
/// background. A pod without a node gets condition PodScheduled=False and event FailedScheduling,
/// and waits for an event that may help. Made before informers start; stop() before destruction.
class Scheduler {
 public:
  Scheduler(const SchedulerContext& context, SchedulerOptions options);
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  /// Decides nothing before the informers it uses have their first lists.
  void start();
  Task<void> stop();

  [[nodiscard]] const Queue& queue() const { return queue_; }
  [[nodiscard]] const Cache& cache() const { return cache_; }

 private:
  void onPod(const client::Change& change);
  void onNode(const client::Change& change);
  void onNamespace(const client::Change& change);
  void onStorage(const client::Change& change, EventBit bit);
  void tell(const ClusterEvent& event);

  static Task<void> main(Scheduler& self, Gate::Pass pass, std::stop_token stop);
  /// Until the queue has a pod or something is due there.
  Task<Status> waitForWork(std::stop_token stop);
  /// True: a binding was started, which holds a permit.
  bool scheduleOne(QueuedPod& queued, const std::stop_token& stop);
  static Task<void> bind(Scheduler& self, Gate::Pass pass, PodInfoPtr pod, Decision decision,
                         std::stop_token stop);
  void bindingFailed(const PodInfoPtr& pod, Decision& decision, const Status& why);
  /// Condition and event of a pod that got no node. `reason`: Unschedulable or SchedulerError.
  void report(const PodInfo& pod, std::string_view reason, const std::string& message);
  /// Tries preemption: the text for the pod's message; victims are deleted in the background.
  std::string preempt(const PodInfoPtr& pod, const Decision& decision);
  static Task<void> evict(Scheduler& self, Gate::Pass pass, PodInfoPtr preemptor, std::string node,
                          std::vector<PodInfoPtr> victims, std::stop_token stop);
  static Task<void> patchStatus(Scheduler& self, Gate::Pass pass, PodInfoPtr pod, std::string body,
                                std::stop_token stop);
  [[nodiscard]] MonotonicTime now() const { return context_.executor.now(); }

  SchedulerContext context_;
  SchedulerOptions options_;
  Framework framework_;
  Picker picker_;
  Cache cache_;
  Queue queue_;
  client::EventRecorder events_;
  Event wake_;
  Semaphore bindings_;
  Gate gate_;
  std::stop_source stop_;
};

}  // namespace coxswain::scheduler
