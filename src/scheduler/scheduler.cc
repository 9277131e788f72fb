#include "scheduler/scheduler.h"

#include "api/codec/json.h"
#include "api/gen/core_v1.h"
#include "api/helpers/objects.h"
#include "api/helpers/pods.h"
#include "base/log.h"
#include "client/resources.h"
#include "runtime/spawn.h"
#include "scheduler/plugins/plugins.h"
#include "scheduler/preemption/preemption.h"

namespace coxswain::scheduler {

using api::core::v1::Namespace;
using api::core::v1::Node;
using api::core::v1::PersistentVolume;
using api::core::v1::PersistentVolumeClaim;
using api::core::v1::Pod;

namespace {

const Logger kLog("scheduler");
/// Decisions in a row before others on the executor have their turn.
constexpr int kDecisionsInARow = 32;

}  // namespace

Scheduler::Scheduler(const SchedulerContext& context, SchedulerOptions options)
    : context_(context),
      options_(std::move(options)),
      framework_(plugins::defaultPlugins(&context.client, &context.informers)),
      picker_(framework_, context.random, options_.percentageOfNodesToScore),
      queue_(framework_, options_.queue),
      events_(context.client, context.executor, options_.schedulerName),
      bindings_(options_.bindingsMax) {
  context_.informers.of<Pod>().addHandler([this](const client::Change& c) { onPod(c); });
  context_.informers.of<Node>().addHandler([this](const client::Change& c) { onNode(c); });
  context_.informers.of<Namespace>().addHandler(
      [this](const client::Change& c) { onNamespace(c); });
  context_.informers.of<PersistentVolumeClaim>().addHandler(
      [this](const client::Change& c) { onStorage(c, kClaim); });
  context_.informers.of<PersistentVolume>().addHandler(
      [this](const client::Change& c) { onStorage(c, kVolume); });
}

Scheduler::~Scheduler() = default;

void Scheduler::start() {
  spawn(context_.executor, main(*this, gate_.enter(), stop_.get_token()));
}

Task<void> Scheduler::stop() {
  stop_.request_stop();
  co_await gate_.close();
  co_await events_.stop();
}

void Scheduler::tell(const ClusterEvent& event) {
  queue_.onEvent(event, now());
  wake_.set();
}

void Scheduler::onPod(const client::Change& change) {
  auto after = change.after ? change.after.sharedAs<Pod>() : nullptr;
  // What will not run again takes no room.
  if (after && api::isPodTerminal(*after)) after = nullptr;
  const auto before = change.before ? change.before.sharedAs<Pod>() : nullptr;
  if (!after && !before) return;

  if (!after || (before && before->metadata.uid != after->metadata.uid)) {
    const std::string key = api::objectKey(before->metadata);
    queue_.remove(key);
    const PodInfoPtr gone = cache_.pod(key);
    cache_.removePod(key);
    if (gone) {
      ClusterEvent event;
      event.events = kAssignedPodDelete;
      event.oldPod = gone.get();
      tell(event);
    }
    if (!after) return;
  }

  const auto info = std::make_shared<const PodInfo>(after);
  if (after->spec.nodeName.empty()) {
    if (after->spec.schedulerName != options_.schedulerName) return;
    // Bound already, and the informer is behind.
    if (cache_.isAssumed(info->key) && !queue_.find(info->key)) return;
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
  cache_.setPod(info);
  if (event.events) tell(event);
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

void Scheduler::onStorage(const client::Change& change, EventBit bit) {
  if (!change.after) return;
  ClusterEvent event;
  event.events = bit;
  tell(event);
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
  for (auto* used :
       {&informers.of<Namespace>(), &informers.of<PersistentVolume>(),
        &informers.of<PersistentVolumeClaim>(), &informers.of<Node>(), &informers.of<Pod>()}) {
    if (synced.ok()) synced = co_await used->waitSynced(stop);
  }
  int inARow = 0;
  while (synced.ok() && !stop.stop_requested()) {
    Status ready = co_await self.waitForWork(stop);
    if (!ready.ok()) break;
    Status permit = co_await self.bindings_.acquire(stop);
    // After stop() the gate is closed: no binding may start.
    if (!permit.ok() || stop.stop_requested()) break;
    QueuedPod* queued = self.queue_.pop(self.now());
    const bool binds = queued && self.scheduleOne(*queued, stop);
    if (!binds) self.bindings_.release();
    if (++inARow % kDecisionsInARow == 0) {
      Status slept = co_await sleepFor(Duration::zero(), stop);
      if (!slept.ok()) break;
    }
  }
}

bool Scheduler::scheduleOne(QueuedPod& queued, const std::stop_token& stop) {
  const PodInfoPtr pod = queued.pod;
  if (pod->pod->metadata.deletionTimestamp) {
    queue_.done(pod->key);
    return false;
  }
  Decision decision = picker_.pick(*pod, cache_.snapshot());
  if (!decision.error.ok()) {
    queue_.retry(pod->key, now());
    report(*pod, "SchedulerError", decision.error.message());
    return false;
  }
  if (decision.node.empty()) {
    decision.diagnosis.postFilterMessage = preempt(pod, decision);
    queue_.park(pod->key, decision.diagnosis.rejectedBy, now());
    report(*pod, "Unschedulable", decision.diagnosis.message());
    return false;
  }
  cache_.assume(pod, decision.node);
  const Status reserved = framework_.reserve(decision.state, *pod, decision.node);
  if (!reserved.ok()) {
    bindingFailed(pod, decision, reserved);
    return false;
  }
  spawn(context_.executor, bind(*this, gate_.enter(), pod, std::move(decision), stop));
  return true;
}

Task<void> Scheduler::bind(Scheduler& self, Gate::Pass pass, PodInfoPtr pod, Decision decision,
                           std::stop_token stop) {
  Status bound = co_await self.framework_.bind(pod, decision.node, stop);
  self.bindings_.release();
  if (bound.ok()) {
    const auto* queued = self.queue_.find(pod->key);
    if (queued && queued->pod->pod->metadata.uid == pod->pod->metadata.uid)
      self.queue_.done(pod->key);
    self.events_.event(*pod->pod, client::kEventNormal, "Scheduled",
                       "Successfully assigned " + pod->key + " to " + decision.node);
  } else if (!stop.stop_requested()) {
    self.bindingFailed(pod, decision, bound);
  }
}

std::string Scheduler::preempt(const PodInfoPtr& pod, const Decision& decision) {
  auto plan =
      planPreemption(framework_, *pod, cache_.snapshot(), decision, context_.random.next() >> 1);
  if (plan.node.empty()) return plan.message;
  cache_.nominate(pod, plan.node);
  if (auto pass = gate_.enter())
    spawn(context_.executor, evict(*this, std::move(pass), pod, std::move(plan.node),
                                   std::move(plan.victims), stop_.get_token()));
  return "";
}

Task<void> Scheduler::evict(Scheduler& self, Gate::Pass pass, PodInfoPtr preemptor,
                            std::string node, std::vector<PodInfoPtr> victims,
                            std::stop_token stop) {
  auto& client = self.context_.client;
  for (const auto& victim : victims) {
    const auto& meta = victim->pod->metadata;
    if (meta.deletionTimestamp) continue;
    api::core::v1::PodCondition condition;
    condition.type = "DisruptionTarget";
    condition.status = "True";
    condition.reason = "PreemptionByScheduler";
    condition.message =
        self.options_.schedulerName + ": preempting to accommodate a higher priority pod";
    condition.observedGeneration = meta.generation;
    condition.lastTransitionTime = api::Time(self.context_.executor.wallNow());
    std::string body = R"({"metadata":{"uid":")" + meta.uid + R"("},"status":{"conditions":[)" +
                       api::encodeJson(condition) + "]}}";
    co_await patchStatus(self, Gate::Pass(), victim, std::move(body), stop);
    client::DeleteOptions options;
    options.uid = meta.uid;
    Status gone = co_await client.remove(client::resourceOf<Pod>(), meta.namespace_, meta.name,
                                         std::move(options), stop);
    if (!gone.ok() && !isNotFound(gone)) {
      // The rest is not deleted in vain; the next attempt decides afresh.
      kLog.warn("cannot preempt", {{"pod", victim->key}, {"error", gone}});
      self.cache_.unnominate(preemptor->key);
      co_return;
    }
    self.events_.event(*victim->pod, client::kEventNormal, "Preempted",
                       "Preempted by pod " + preemptor->pod->metadata.uid + " on node " + node);
  }
  std::string body = R"({"metadata":{"uid":")" + preemptor->pod->metadata.uid +
                     R"("},"status":{"nominatedNodeName":")" + node + R"("}})";
  co_await patchStatus(self, Gate::Pass(), preemptor, std::move(body), stop);
}

void Scheduler::bindingFailed(const PodInfoPtr& pod, Decision& decision, const Status& why) {
  framework_.unreserve(decision.state, *pod, decision.node);
  const PodInfoPtr assumed = cache_.pod(pod->key);
  if (assumed == pod) {
    cache_.forget(pod->key);
    ClusterEvent event;
    event.events = kAssignedPodDelete;
    event.oldPod = pod.get();
    tell(event);
  }
  const auto* queued = queue_.find(pod->key);
  // Gone, bound after all, or another pod of this name by now.
  if (!queued || queued->pod->pod->metadata.uid != pod->pod->metadata.uid) return;
  kLog.warn("binding failed", {{"pod", pod->key}, {"node", decision.node}, {"error", why}});
  queue_.retry(pod->key, now());
  wake_.set();
  report(*pod, "SchedulerError", "binding rejected: " + std::string(why.message()));
}

void Scheduler::report(const PodInfo& pod, std::string_view reason, const std::string& message) {
  events_.event(*pod.pod, client::kEventWarning, "FailedScheduling", message);
  const auto* have = api::findPodCondition(pod.pod->status, "PodScheduled");
  if (have && have->status == "False" && have->reason == reason && have->message == message) return;
  api::core::v1::PodCondition condition;
  condition.type = "PodScheduled";
  condition.status = "False";
  condition.reason = reason;
  condition.message = message;
  condition.observedGeneration = pod.pod->metadata.generation;
  condition.lastTransitionTime = have && have->status == "False"
                                     ? have->lastTransitionTime
                                     : api::Time(context_.executor.wallNow());
  std::string body = R"({"metadata":{"uid":")" + pod.pod->metadata.uid +
                     R"("},"status":{"conditions":[)" + api::encodeJson(condition) + "]}}";
  auto pass = gate_.enter();
  if (!pass) return;
  const auto* queued = queue_.find(pod.key);
  if (!queued) return;
  spawn(context_.executor,
        patchStatus(*this, std::move(pass), queued->pod, std::move(body), stop_.get_token()));
}

Task<void> Scheduler::patchStatus(Scheduler& self, Gate::Pass pass, PodInfoPtr pod,
                                  std::string body, std::stop_token stop) {
  const auto& meta = pod->pod->metadata;
  auto patched = co_await self.context_.client.patch(
      client::resourceOf<Pod>(), meta.namespace_, meta.name, "status",
      client::PatchType::StrategicMerge, std::move(body), stop);
  // The next attempt writes it again; a pod that is gone needs none.
  if (!patched.ok() && !isNotFound(patched.status()) && !isCanceled(patched.status()))
    kLog.warn("cannot write condition", {{"pod", pod->key}, {"error", patched.status()}});
}

}  // namespace coxswain::scheduler
