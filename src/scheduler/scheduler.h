#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <vector>

#include "client/event_recorder.h"
#include "client/informers.h"
#include "runtime/executor.h"
#include "runtime/random.h"
#include "runtime/sync.h"
#include "scheduler/cache/cache.h"
#include "scheduler/extenders/extender.h"
#include "scheduler/framework/picker.h"
#include "scheduler/plugins/owner_selectors.h"
#include "scheduler/plugins/registry.h"
#include "scheduler/preemption/budgets.h"
#include "scheduler/queue/queue.h"
#include "scheduler/volumes/volume_state.h"

namespace coxswain::scheduler {

/// How pods of one schedulerName are scheduled.
struct ProfileOptions {
  std::string schedulerName = "default-scheduler";
  std::optional<int> percentageOfNodesToScore;  ///< nothing: the scheduler's
  std::optional<Wiring> wiring;                 ///< nothing: all plugins, as registered
  PluginArgs args;
};

struct SchedulerOptions {
  std::vector<ProfileOptions> profiles = std::vector<ProfileOptions>(1);
  int percentageOfNodesToScore = 0;  ///< 0: adaptive
  QueueOptions queue;
  /// Bindings under way at once; further pods wait.
  size_t bindingsMax = 128;
  /// What profiles may name; empty: plugins::registry().
  std::vector<Registration> registrations;
  /// What the file says of them; makeExtenders makes those that the scheduler gets.
  std::vector<config::v1::Extender> extenders;
};

/// What the scheduler gets from outside; all of it outlives the scheduler. One executor.
struct SchedulerContext {
  client::Client& client;
  client::Informers& informers;
  Executor& executor;
  Random& random;
  /// Nobody else uses the informers' pods, and the client decodes them for us: then the scheduler
  /// takes them apart and keeps a fifth (cache/pod_record.h).
  bool ownsPods = false;
};

/// Gives each pod that names one of its profiles a node. Informers fill cache and queue; a loop
/// takes one pod after the other, decides (Picker, without suspending), assumes the pod on its
/// node, and binds in the background. A pod without a node gets condition PodScheduled=False and
/// event FailedScheduling, and waits for an event that may help. What may take long before a
/// binding (Permit, PreBind: the pod's volumes) holds up nobody else, and a pod that goes meanwhile
/// ends it. Made before informers start; stop() before destruction.
class Scheduler {
 public:
  using Extenders = std::vector<std::unique_ptr<Extender>>;
  Scheduler(const SchedulerContext& context, SchedulerOptions options, Extenders extenders = {});
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  /// Decides nothing before the informers it uses have their first lists.
  void start();
  Task<void> stop();

  /// Pods that Permit plugins of the profile make wait; null: there is no such profile.
  [[nodiscard]] WaitingPods* waitingPods(const std::string& schedulerName);
  [[nodiscard]] const Queue& queue() const { return queue_; }
  [[nodiscard]] const Cache& cache() const { return cache_; }

 private:
  struct Profile {
    Profile(const SchedulerContext& context, const SchedulerOptions& options,
            const ProfileOptions& profile, VolumeState& volumes, const OwnerSelectors& owners);
    std::string name;
    Framework framework;
    Picker picker;
    client::EventRecorder events;
  };
  [[nodiscard]] Profile* find(const std::string& schedulerName);
  /// Of a pod that is or was queued.
  [[nodiscard]] Profile& profileOf(const PodInfo& pod);
  [[nodiscard]] static std::vector<std::unique_ptr<Profile>> makeProfiles(
      const SchedulerContext& context, const SchedulerOptions& options, VolumeState& volumes,
      const OwnerSelectors& owners);
  [[nodiscard]] static Frameworks frameworksOf(
      const std::vector<std::unique_ptr<Profile>>& profiles);

  void onPod(const client::Change& change);
  void onPodGone(const std::string& key);
  void onNode(const client::Change& change);
  void onNamespace(const client::Change& change);
  void onBudget(const client::Change& change);
  /// The node that the server says room is made on for a pod; empty: none.
  void onNomination(const PodInfoPtr& before, const PodInfoPtr& pod);
  /// A pod that took room on a node does not any more.
  void tellGone(const PodInfoPtr& pod, const std::string& node);
  template <typename T>
  void watchStorage(EventBit bit);
  void tell(const ClusterEvent& event);

  static Task<void> main(Scheduler& self, Gate::Pass pass, std::stop_token stop);
  /// Until the queue has a pod or something is due there.
  Task<Status> waitForWork(std::stop_token stop);
  /// True: a binding was started, which holds a permit.
  bool scheduleOne(QueuedPod& queued, const std::stop_token& stop);
  struct Preemption {
    std::string message;                   ///< for the pod's message
    std::optional<std::string> nominated;  ///< as of `report`
    std::vector<PodInfoPtr> victims;       ///< to be evicted from there
  };
  /// The node was found: takes it, and starts the binding. As of scheduleOne.
  bool commit(const PodInfoPtr& pod, Decision decision, const std::stop_token& stop);
  /// A plugin or an extender failed: again later.
  void decisionFailed(const PodInfoPtr& pod, const std::string& message);
  void parkUnschedulable(const PodInfoPtr& pod, Decision& decision, Preemption preemption);

  // Pods that extenders are interested in (extended_cycle.cc): the decision waits for their
  // answers, and what it was based on may change meanwhile.
  struct ExtendedCycle;
  [[nodiscard]] bool isExtended(const PodInfo& pod) const {
    return std::any_of(extenders_.begin(), extenders_.end(),
                       [&](const auto& extender) { return extender->isInterested(pod); });
  }
  /// It is still the pod that is being decided about. One that is leaving by now is done with.
  [[nodiscard]] bool goesOn(const PodInfo& pod);
  /// As scheduleOne.
  static Task<bool> scheduleExtended(Scheduler& self, PodInfoPtr pod, std::stop_token stop);
  static Task<Status> askFilters(Scheduler& self, ExtendedCycle& cycle, std::stop_token stop);
  static Task<void> askPriorities(Scheduler& self, ExtendedCycle& cycle, std::stop_token stop);
  static Task<Preemption> preemptExtended(Scheduler& self, PodInfoPtr pod, Decision& decision,
                                          std::stop_token stop);
  /// By an extender that binds, else by the framework.
  static Task<Status> bindPod(Scheduler& self, PodInfoPtr pod, std::string node,
                              std::stop_token stop);
  static Task<void> bind(Scheduler& self, Gate::Pass pass, PodInfoPtr pod, Decision decision,
                         std::stop_token stop);
  /// The slow way to a binding: waits for Permit, does PreBind. Releases the binding permit
  /// meanwhile. False: it is over, and said so.
  static Task<bool> prepare(Scheduler& self, PodInfoPtr pod, Decision& decision,
                            std::stop_token stop);
  /// Whether a binding whose answer is a failure happened all the same: asked of the server until
  /// it says so, for the room is taken until that is known.
  static Task<Status> outcomeOf(Scheduler& self, PodInfoPtr pod, std::string node, Status failure,
                                std::stop_token stop);
  /// Off the node again, and back to the queue: `rejectedBy` none: after backoff, as an error.
  void bindingFailed(const PodInfoPtr& pod, Decision& decision, std::string message,
                     uint32_t rejectedBy = 0);
  /// Condition and event of a pod that got no node. `reason`: Unschedulable or SchedulerError.
  /// `nominated`: its new status.nominatedNodeName; nothing: as it is.
  void report(const PodInfo& pod, std::string_view reason, const std::string& message,
              std::optional<std::string> nominated = std::nullopt);
  Preemption preempt(const PodInfoPtr& pod, Decision& decision);
  /// Evicts the victims, all at once, and takes the node from pods of lower priority that it was
  /// nominated for. The preemptor is held in the queue meanwhile.
  static Task<void> makeRoom(Scheduler& self, Gate::Pass pass, PodInfoPtr preemptor,
                             std::string node, std::vector<PodInfoPtr> victims,
                             std::stop_token stop);
  static Task<void> evict(Scheduler& self, PodInfoPtr preemptor, std::string node,
                          PodInfoPtr victim, bool& failed, std::stop_token stop);
  static Task<void> clearNomination(Scheduler& self, PodInfoPtr pod, std::stop_token stop);
  /// After the one before.
  static Task<void> writeReport(Scheduler& self, Gate::Pass pass, PodInfoPtr pod, std::string body,
                                std::shared_ptr<Event> before, std::shared_ptr<Event> written,
                                std::stop_token stop);
  static Task<void> patchStatus(Scheduler& self, Gate::Pass pass, PodInfoPtr pod, std::string body,
                                std::stop_token stop);
  [[nodiscard]] MonotonicTime now() const { return context_.executor.now(); }

  SchedulerContext context_;
  SchedulerOptions options_;
  Extenders extenders_;
  uint64_t told_ = 0;  ///< events so far
  VolumeState volumes_;
  OwnerSelectors owners_;
  std::vector<std::unique_ptr<Profile>> profiles_;
  Cache cache_;
  Queue queue_;
  Budgets budgets_;
  client::Informer& pods_;
  /// Pods before their binding, by key: stopped when they go.
  std::unordered_map<std::string, std::stop_source> preparing_;
  /// The last condition of each pod that is being written.
  std::unordered_map<std::string, std::shared_ptr<Event>> reports_;
  Event wake_;
  Semaphore bindings_;
  Gate gate_;
  std::stop_source stop_;
};

}  // namespace coxswain::scheduler
