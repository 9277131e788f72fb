#include "scheduler/scheduler.h"

#include "api/codec/json.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/gen/policy_v1.h"
#include "api/gen/storage_v1.h"
#include "api/helpers/objects.h"
#include "api/helpers/pods.h"
#include "base/log.h"
#include "client/resources.h"
#include "runtime/spawn.h"
#include "scheduler/cache/pod_record.h"
#include "scheduler/plugins/plugins.h"
#include "scheduler/preemption/preemption.h"

namespace coxswain::scheduler {

using api::core::v1::Namespace;
using api::core::v1::Node;
using api::core::v1::PersistentVolume;
using api::core::v1::PersistentVolumeClaim;
using api::core::v1::Pod;
using api::policy::v1::PodDisruptionBudget;

namespace {

const Logger kLog("scheduler");
/// Decisions in a row before others on the executor have their turn.
constexpr int kDecisionsInARow = 32;

SchedulerOptions withRegistrations(SchedulerOptions options) {
  if (options.registrations.empty()) options.registrations = plugins::registry();
  return options;
}

/// What was asked for may have happened all the same.
bool isInDoubt(const Status& failure) {
  return isUnreachable(failure) || isTimeout(failure) || isConflict(failure) ||
         failure.code() >= 500;
}

api::core::v1::ObjectReference referenceTo(const api::meta::v1::ObjectMeta& pod) {
  api::core::v1::ObjectReference out;
  out.kind = "Pod";
  out.apiVersion = "v1";
  out.namespace_ = pod.namespace_;
  out.name = pod.name;
  out.uid = pod.uid;
  out.resourceVersion = pod.resourceVersion;
  return out;
}

}  // namespace

Scheduler::Profile::Profile(const SchedulerContext& context, const SchedulerOptions& options,
                            const ProfileOptions& profile, VolumeState& volumes,
                            const OwnerSelectors& owners)
    : name(profile.schedulerName),
      framework(plugins::makePlugins(options.registrations, *profile.wiring,
                                     {profile.args, &context.client, &volumes, &owners}),
                *profile.wiring),
      picker(framework, context.random,
             profile.percentageOfNodesToScore.value_or(options.percentageOfNodesToScore)),
      events(context.client, context.executor, profile.schedulerName) {}

std::vector<std::unique_ptr<Scheduler::Profile>> Scheduler::makeProfiles(
    const SchedulerContext& context, const SchedulerOptions& options, VolumeState& volumes,
    const OwnerSelectors& owners) {
  std::vector<std::unique_ptr<Profile>> out;
  for (ProfileOptions profile : options.profiles) {
    if (!profile.wiring) profile.wiring = plugins::defaultWiring(options.registrations);
    out.push_back(std::make_unique<Profile>(context, options, profile, volumes, owners));
  }
  return out;
}

Frameworks Scheduler::frameworksOf(const std::vector<std::unique_ptr<Profile>>& profiles) {
  std::vector<std::pair<std::string, const Framework*>> list;
  for (const auto& profile : profiles) list.emplace_back(profile->name, &profile->framework);
  return Frameworks(std::move(list));
}

Scheduler::Scheduler(const SchedulerContext& context, SchedulerOptions options, Extenders extenders)
    : context_(context),
      options_(withRegistrations(std::move(options))),
      extenders_(std::move(extenders)),
      volumes_(context.informers),
      owners_(context.informers),
      profiles_(makeProfiles(context, options_, volumes_, owners_)),
      queue_(frameworksOf(profiles_), options_.queue),
      pods_(context.ownsPods ? context.informers.of(podRecords()) : context.informers.of<Pod>()),
      bindings_(options_.bindingsMax) {
  pods_.addHandler([this](const client::Change& c) { onPod(c); });
  context_.informers.of<Node>().addHandler([this](const client::Change& c) { onNode(c); });
  context_.informers.of<Namespace>().addHandler(
      [this](const client::Change& c) { onNamespace(c); });
  context_.informers.of<PodDisruptionBudget>().addHandler(
      [this](const client::Change& c) { onBudget(c); });
  watchStorage<PersistentVolumeClaim>(kClaim);
  watchStorage<PersistentVolume>(kVolume);
  watchStorage<api::storage::v1::StorageClass>(kStorageClass);
  watchStorage<api::storage::v1::CSINode>(kCsiNode);
  watchStorage<api::storage::v1::CSIDriver>(kCsiDriver);
  watchStorage<api::storage::v1::CSIStorageCapacity>(kCsiCapacity);
  watchStorage<api::storage::v1::VolumeAttachment>(kAttachmentDelete);
}

Scheduler::~Scheduler() = default;

void Scheduler::start() {
  spawn(context_.executor, main(*this, gate_.enter(), stop_.get_token()));
}

Task<void> Scheduler::stop() {
  stop_.request_stop();
  co_await gate_.close();
  for (const auto& profile : profiles_) co_await profile->events.stop();
  for (const auto& extender : extenders_) co_await extender->close();
}

Scheduler::Profile* Scheduler::find(const std::string& schedulerName) {
  for (const auto& profile : profiles_)
    if (profile->name == schedulerName) return profile.get();
  return nullptr;
}

Scheduler::Profile& Scheduler::profileOf(const PodInfo& pod) {
  Profile* found = pod.pod ? find(pod.pod->spec.schedulerName) : nullptr;
  return found ? *found : *profiles_.front();
}

WaitingPods* Scheduler::waitingPods(const std::string& schedulerName) {
  Profile* profile = find(schedulerName);
  return profile ? &profile->framework.waiting() : nullptr;
}

void Scheduler::tell(const ClusterEvent& event) {
  ++told_;
  queue_.onEvent(event, now());
  wake_.set();
}

void Scheduler::onPod(const client::Change& change) {
  PodSeen seen;
  // What will not run again takes no room.
  if (change.after) seen = readPod(change.after);
  const PodInfoPtr& info = seen.info;
  if (change.before) {
    const auto& before = *api::objectMeta(change.before);
    if (!info || before.uid != info->meta->uid) onPodGone(api::objectKey(before));
  }
  if (!info) return;
  if (seen.nodeName.empty()) {
    if (!find(info->pod->spec.schedulerName)) return;
    // Bound already, and the informer is behind.
    if (cache_.isAssumed(info->key) && !queue_.find(info->key)) return;
    const auto* queued = queue_.find(info->key);
    onNomination(queued ? queued->pod : nullptr, info);
    queue_.set(info, now());
    wake_.set();
    return;
  }
  queue_.remove(info->key);
  const PodInfoPtr had = cache_.pod(info->key);
  const bool known = had && !cache_.isAssumed(info->key);
  ClusterEvent event;
  event.events = known ? assignedPodChanges(*had, *info) : uint32_t{kAssignedPodAdd};
  event.oldPod = known ? had.get() : nullptr;
  event.newPod = info.get();
  cache_.setPod(info, seen.nodeName);
  event.node = cache_.node(seen.nodeName);
  if (event.events) tell(event);
}

void Scheduler::onPodGone(const std::string& key) {
  const auto* queued = queue_.find(key);
  const PodInfoPtr waited = queued ? queued->pod : nullptr;
  queue_.remove(key);
  if (const auto at = preparing_.find(key); at != preparing_.end()) at->second.request_stop();
  const PodInfoPtr gone = cache_.pod(key);
  const std::string node = cache_.nodeOf(key);
  cache_.removePod(key);
  if (gone) {
    tellGone(gone, node);
  } else if (waited && !waited->pod->status.nominatedNodeName.empty()) {
    // Nothing is left of it, and room that was made is free for others.
    tellGone(waited, waited->pod->status.nominatedNodeName);
  }
}

void Scheduler::tellGone(const PodInfoPtr& pod, const std::string& node) {
  ClusterEvent event;
  event.events = kAssignedPodDelete;
  event.oldPod = pod.get();
  event.node = cache_.node(node);
  tell(event);
}

void Scheduler::onNomination(const PodInfoPtr& before, const PodInfoPtr& pod) {
  if (cache_.isAssumed(pod->key)) return;
  const std::string& node = pod->pod->status.nominatedNodeName;
  const std::string had = cache_.nominatedNode(pod->key);
  const std::string said = before ? before->pod->status.nominatedNodeName : "";
  // Told of nothing new: ours may be on its way to the server.
  if (node == said && !(before == nullptr && !node.empty())) {
    if (!had.empty() && before != pod) cache_.nominate(pod, had);
    return;
  }
  if (node.empty()) {
    cache_.unnominate(pod->key);
  } else {
    cache_.nominate(pod, node);
  }
}

void Scheduler::onBudget(const client::Change& change) {
  if (change.after) {
    budgets_.set(*change.after.as<PodDisruptionBudget>());
  } else {
    const auto& meta = change.before.as<PodDisruptionBudget>()->metadata;
    budgets_.remove(meta.namespace_, meta.name);
  }
}

void Scheduler::onNode(const client::Change& change) {
  const auto before = change.before ? change.before.sharedAs<Node>() : nullptr;
  const auto after = change.after ? change.after.sharedAs<Node>() : nullptr;
  ClusterEvent event;
  event.oldNode = before.get();
  event.newNode = after.get();
  if (!after) {
    cache_.removeNode(before->metadata.name);
    event.events = kNodeDelete;
  } else {
    cache_.setNode(after);
    event.events = before ? nodeChanges(*before, *after) : uint32_t{kNodeAdd};
    event.node = cache_.node(after->metadata.name);
  }
  if (event.events) tell(event);
}

void Scheduler::onNamespace(const client::Change& change) {
  if (!change.after) {
    cache_.removeNamespace(change.before.as<Namespace>()->metadata.name);
    return;
  }
  const auto& meta = change.after.as<Namespace>()->metadata;
  const bool changed =
      !change.before || !(change.before.as<Namespace>()->metadata.labels == meta.labels);
  if (!changed) return;
  cache_.setNamespace(meta.name, meta.labels);
  ClusterEvent event;
  event.events = kNamespaceLabel;
  tell(event);
}

template <typename T>
void Scheduler::watchStorage(EventBit bit) {
  context_.informers.of<T>().addHandler([this, bit](const client::Change& change) {
    // What goes away helps nobody, but for an attachment.
    if ((bit == kAttachmentDelete) == static_cast<bool>(change.after)) return;
    ClusterEvent event;
    event.events = bit;
    event.oldObject = change.before ? &change.before : nullptr;
    event.newObject = change.after ? &change.after : nullptr;
    tell(event);
  });
}

Task<Status> Scheduler::waitForWork(std::stop_token stop) {
  while (!queue_.ready()) {
    wake_.reset();
    const auto due = queue_.nextDue();
    Status waited;
    if (due) {
      Deadline deadline(std::max(Duration::zero(), *due - now()), stop);
      waited = co_await wake_.wait(deadline.token());
    } else {
      waited = co_await wake_.wait(stop);
    }
    if (stop.stop_requested()) co_return canceled();
    queue_.flush(now());
  }
  co_return Status();
}

Task<void> Scheduler::main(Scheduler& self, Gate::Pass pass, std::stop_token stop) {
  // Others may share the informers, with kinds that the server does not have: wait for ours only.
  auto& informers = self.context_.informers;
  Status synced;
  auto used = self.volumes_.used();
  for (auto* informer : self.owners_.used()) used.push_back(informer);
  used.push_back(&informers.of<Namespace>());
  used.push_back(&informers.of<PodDisruptionBudget>());
  used.push_back(&informers.of<Node>());
  used.push_back(&self.pods_);
  for (auto* informer : used)
    if (synced.ok()) synced = co_await informer->waitSynced(stop);
  int inARow = 0;
  while (synced.ok() && !stop.stop_requested()) {
    Status ready = co_await self.waitForWork(stop);
    if (!ready.ok()) break;
    Status permit = co_await self.bindings_.acquire(stop);
    // After stop() the gate is closed: no binding may start.
    if (!permit.ok() || stop.stop_requested()) break;
    QueuedPod* queued = self.queue_.pop(self.now());
    bool binds = false;
    if (queued && self.isExtended(*queued->pod)) {
      binds = co_await scheduleExtended(self, queued->pod, stop);
    } else if (queued) {
      binds = self.scheduleOne(*queued, stop);
    }
    if (!binds) self.bindings_.release();
    if (++inARow % kDecisionsInARow == 0) {
      Status slept = co_await sleepFor(Duration::zero(), stop);
      if (!slept.ok()) break;
    }
  }
}

bool Scheduler::scheduleOne(QueuedPod& queued, const std::stop_token& stop) {
  const PodInfoPtr pod = queued.pod;
  if (pod->meta->deletionTimestamp) {
    queue_.done(pod->key);
    return false;
  }
  Profile& profile = profileOf(*pod);
  Decision decision = profile.picker.pick(pod, cache_.snapshot());
  if (!decision.error.ok()) {
    decisionFailed(pod, decision.error.message());
    return false;
  }
  if (decision.node.empty()) {
    parkUnschedulable(pod, decision, preempt(pod, decision));
    return false;
  }
  return commit(pod, std::move(decision), stop);
}

void Scheduler::decisionFailed(const PodInfoPtr& pod, const std::string& message) {
  queue_.retry(pod->key, now());
  report(*pod, "SchedulerError", message);
}

void Scheduler::parkUnschedulable(const PodInfoPtr& pod, Decision& decision,
                                  Preemption preemption) {
  decision.diagnosis.postFilterMessage = std::move(preemption.message);
  queue_.park(pod->key, decision.diagnosis.rejectedBy, now());
  report(*pod, "Unschedulable", decision.diagnosis.message(), preemption.nominated);
  auto pass = preemption.victims.empty() ? Gate::Pass() : gate_.enter();
  if (!pass) return;
  queue_.hold(pod->key);
  spawn(context_.executor, makeRoom(*this, std::move(pass), pod, *preemption.nominated,
                                    std::move(preemption.victims), stop_.get_token()));
}

bool Scheduler::commit(const PodInfoPtr& pod, Decision decision, const std::stop_token& stop) {
  Profile& profile = profileOf(*pod);
  cache_.assume(pod, decision.node);
  const Status reserved = profile.framework.reserve(decision.state, *pod, decision.node);
  if (!reserved.ok()) {
    bindingFailed(pod, decision, reserved.message());
    return false;
  }
  const auto refusal = profile.framework.permit(decision.state, *pod, decision.node);
  if (!refusal.none()) {
    bindingFailed(pod, decision, refusal.message, refusal.error ? 0 : refusal.plugin);
    return false;
  }
  spawn(context_.executor, bind(*this, gate_.enter(), pod, std::move(decision), stop));
  return true;
}

Task<bool> Scheduler::prepare(Scheduler& self, PodInfoPtr pod, Decision& decision,
                              std::stop_token stop) {
  Framework& framework = self.profileOf(*pod).framework;
  self.bindings_.release();
  std::stop_source own;
  self.preparing_[pod->key] = own;
  const std::stop_callback forward(stop, [own]() mutable { own.request_stop(); });
  auto refusal = co_await framework.beforeBind(decision.state, pod, decision.node, own.get_token());
  const auto at = self.preparing_.find(pod->key);
  if (at != self.preparing_.end() && at->second == own) self.preparing_.erase(at);
  if (refusal.none()) {
    Status permit = co_await self.bindings_.acquire(stop);
    if (permit.ok()) co_return true;
  } else if (!stop.stop_requested()) {
    self.bindingFailed(pod, decision, std::move(refusal.message),
                       refusal.error ? 0 : refusal.plugin);
  }
  co_return false;
}

Task<void> Scheduler::bind(Scheduler& self, Gate::Pass pass, PodInfoPtr pod, Decision decision,
                           std::stop_token stop) {
  Profile& profile = self.profileOf(*pod);
  Framework& framework = profile.framework;
  const bool slow =
      framework.waiting().waits(pod->key) || framework.preBindNeeded(decision.state, *pod);
  if (slow) {
    const bool ready = co_await prepare(self, pod, decision, stop);
    if (!ready) co_return;
  }
  // What was told of it before may not arrive after its binding, which sets the same condition.
  if (const auto at = self.reports_.find(pod->key); at != self.reports_.end()) {
    const auto report = at->second;
    Status told = co_await report->wait(stop);
    if (!told.ok()) {
      self.bindings_.release();
      co_return;
    }
  }
  Status bound;
  if (self.extenders_.empty()) {
    bound = co_await framework.bind(pod, decision.node, stop);
  } else {
    bound = co_await bindPod(self, pod, decision.node, stop);
  }
  if (!bound.ok()) bound = co_await outcomeOf(self, pod, decision.node, std::move(bound), stop);
  self.bindings_.release();
  if (bound.ok()) {
    const auto* queued = self.queue_.find(pod->key);
    if (queued && queued->pod->meta->uid == pod->meta->uid) self.queue_.done(pod->key);
    profile.events.event(*pod->pod, client::kEventNormal, "Scheduled",
                         "Successfully assigned " + pod->key + " to " + decision.node);
    framework.postBind(decision.state, *pod, decision.node);
  } else if (!stop.stop_requested()) {
    self.bindingFailed(pod, decision, "binding rejected: " + bound.message());
  }
}

Task<Status> Scheduler::outcomeOf(Scheduler& self, PodInfoPtr pod, std::string node, Status failure,
                                  std::stop_token stop) {
  const auto& meta = *pod->meta;
  for (Duration pause = 500ms; isInDoubt(failure); pause = std::min<Duration>(pause * 2, 30s)) {
    auto live = co_await client::get<api::core::v1::Pod>(self.context_.client, meta.namespace_,
                                                         meta.name, stop);
    if (live.ok()) {
      const bool bound = (*live)->metadata.uid == meta.uid && (*live)->spec.nodeName == node;
      co_return bound ? Status() : failure;
    }
    if (isNotFound(live.status())) break;
    CO_TRY_STATUS(co_await sleepFor(pause, stop));
  }
  co_return failure;
}

Scheduler::Preemption Scheduler::preempt(const PodInfoPtr& pod, Decision& decision) {
  Preemption out;
  const Framework& framework = profileOf(*pod).framework;
  if (!framework.preemption()) return out;
  auto plan = planPreemption(framework, *framework.preemption(), *pod, cache_.snapshot(), decision,
                             budgets_, context_.random.next() >> 1);
  out.message = std::move(plan.message);
  if (!plan.node.empty()) {
    cache_.nominate(pod, plan.node);
    out.nominated = std::move(plan.node);
    out.victims = std::move(plan.victims);
  } else if (plan.unnominate) {
    cache_.unnominate(pod->key);
    if (!pod->pod->status.nominatedNodeName.empty()) out.nominated = "";
  }
  return out;
}

Task<void> Scheduler::makeRoom(Scheduler& self, Gate::Pass pass, PodInfoPtr preemptor,
                               std::string node, std::vector<PodInfoPtr> victims,
                               std::stop_token stop) {
  bool failed = false;
  std::vector<Task<void>> tasks;
  // Pods of lower priority that were to come here may not fit any more: let them look elsewhere.
  std::vector<PodInfoPtr> lower;
  if (const NodeInfo* there = self.cache_.node(node))
    for (const auto& other : there->nominated)
      if (other->priority < preemptor->priority) lower.push_back(other);
  for (const auto& other : lower) {
    self.cache_.unnominate(other->key);
    self.queue_.wakeUp(other->key, self.now());
    tasks.push_back(clearNomination(self, other, stop));
  }
  for (const auto& victim : victims)
    if (!victim->meta->deletionTimestamp)
      tasks.push_back(evict(self, preemptor, node, victim, failed, stop));
  co_await whenAll(std::move(tasks));
  // Nobody else tells a pod whose victims stay that it may try again.
  if (!stop.stop_requested()) self.queue_.release(preemptor->key, failed, self.now());
  self.wake_.set();
}

Task<void> Scheduler::evict(Scheduler& self, PodInfoPtr preemptor, std::string node,
                            PodInfoPtr victim, bool& failed, std::stop_token stop) {
  const auto& meta = *victim->meta;
  Profile& profile = self.profileOf(*preemptor);
  // A victim that is not bound yet need not be deleted.
  auto& waiting = self.profileOf(*victim).framework.waiting();
  if (waiting.waits(victim->key)) {
    waiting.reject(victim->key, "DefaultPreemption", "preempted");
  } else {
    api::core::v1::PodCondition condition;
    condition.type = "DisruptionTarget";
    condition.status = "True";
    condition.reason = "PreemptionByScheduler";
    condition.message =
        preemptor->pod->spec.schedulerName + ": preempting to accommodate a higher priority pod";
    condition.observedGeneration = meta.generation;
    condition.lastTransitionTime = api::Time(self.context_.executor.wallNow());
    std::string body = R"({"metadata":{"uid":")" + meta.uid + R"("},"status":{"conditions":[)" +
                       api::encodeJson(condition) + "]}}";
    auto patched = co_await self.context_.client.patch(
        client::resourceOf<Pod>(), meta.namespace_, meta.name, "status",
        client::PatchType::StrategicMerge, std::move(body), stop);
    Status gone = patched.status();
    if (gone.ok()) {
      client::DeleteOptions options;
      options.uid = meta.uid;
      gone = co_await self.context_.client.remove(client::resourceOf<Pod>(), meta.namespace_,
                                                  meta.name, std::move(options), stop);
    }
    if (isNotFound(gone)) co_return;
    if (!gone.ok()) {
      failed = true;
      if (!isCanceled(gone)) kLog.warn("cannot preempt", {{"pod", victim->key}, {"error", gone}});
      co_return;
    }
  }
  profile.events.event(referenceTo(meta), client::kEventNormal, "Preempted",
                       "Preempted by pod " + preemptor->meta->uid + " on node " + node);
}

Task<void> Scheduler::clearNomination(Scheduler& self, PodInfoPtr pod, std::stop_token stop) {
  if (pod->pod->status.nominatedNodeName.empty()) co_return;
  std::string body =
      R"({"metadata":{"uid":")" + pod->meta->uid + R"("},"status":{"nominatedNodeName":null}})";
  co_await patchStatus(self, Gate::Pass(), pod, std::move(body), stop);
}

void Scheduler::bindingFailed(const PodInfoPtr& pod, Decision& decision, std::string message,
                              uint32_t rejectedBy) {
  profileOf(*pod).framework.unreserve(decision.state, *pod, decision.node);
  const PodInfoPtr assumed = cache_.pod(pod->key);
  if (assumed == pod) {
    cache_.forget(pod->key);
    tellGone(pod, decision.node);
  }
  const auto* queued = queue_.find(pod->key);
  // Gone, bound after all, or another pod of this name by now.
  if (!queued || queued->pod->meta->uid != pod->meta->uid) return;
  kLog.warn("binding failed", {{"pod", pod->key}, {"node", decision.node}, {"error", message}});
  if (rejectedBy == 0) {
    queue_.retry(pod->key, now());
    report(*pod, "SchedulerError", message);
  } else {
    queue_.park(pod->key, rejectedBy, now());
    ReasonCounts reasons;
    reasons.add(message);
    report(*pod, "Unschedulable", fitErrorMessage(1, "", reasons, ""));
  }
  wake_.set();
}

void Scheduler::report(const PodInfo& pod, std::string_view reason, const std::string& message,
                       std::optional<std::string> nominated) {
  profileOf(pod).events.event(*pod.pod, client::kEventWarning, "FailedScheduling", message);
  const auto* have = api::findPodCondition(pod.pod->status, "PodScheduled");
  if (nominated && *nominated == pod.pod->status.nominatedNodeName) nominated.reset();
  if (!nominated && have && have->status == "False" && have->reason == reason &&
      have->message == message)
    return;
  api::core::v1::PodCondition condition;
  condition.type = "PodScheduled";
  condition.status = "False";
  condition.reason = reason;
  condition.message = message;
  condition.observedGeneration = pod.meta->generation;
  condition.lastTransitionTime = have && have->status == "False"
                                     ? have->lastTransitionTime
                                     : api::Time(context_.executor.wallNow());
  std::string body = R"({"metadata":{"uid":")" + pod.meta->uid + R"("},"status":{)";
  if (nominated)
    body += nominated->empty() ? R"("nominatedNodeName":null,)"
                               : R"("nominatedNodeName":")" + *nominated + R"(",)";
  body += R"("conditions":[)" + api::encodeJson(condition) + "]}}";
  auto pass = gate_.enter();
  if (!pass) return;
  const auto* queued = queue_.find(pod.key);
  if (!queued) return;
  auto written = std::make_shared<Event>();
  auto before = std::exchange(reports_[pod.key], written);
  spawn(context_.executor, writeReport(*this, std::move(pass), queued->pod, std::move(body),
                                       std::move(before), std::move(written), stop_.get_token()));
}

Task<void> Scheduler::writeReport(Scheduler& self, Gate::Pass pass, PodInfoPtr pod,
                                  std::string body, std::shared_ptr<Event> before,
                                  std::shared_ptr<Event> written, std::stop_token stop) {
  if (before) {
    Status told = co_await before->wait(stop);
    if (!told.ok()) co_return;
  }
  co_await patchStatus(self, Gate::Pass(), pod, std::move(body), stop);
  written->set();
  const auto at = self.reports_.find(pod->key);
  if (at != self.reports_.end() && at->second == written) self.reports_.erase(at);
}

Task<void> Scheduler::patchStatus(Scheduler& self, Gate::Pass pass, PodInfoPtr pod,
                                  std::string body, std::stop_token stop) {
  const auto& meta = *pod->meta;
  auto patched = co_await self.context_.client.patch(
      client::resourceOf<Pod>(), meta.namespace_, meta.name, "status",
      client::PatchType::StrategicMerge, std::move(body), stop);
  // The next attempt writes it again; a pod that is gone needs none.
  if (!patched.ok() && !isNotFound(patched.status()) && !isCanceled(patched.status()))
    kLog.warn("cannot write condition", {{"pod", pod->key}, {"error", patched.status()}});
}

}  // namespace coxswain::scheduler
