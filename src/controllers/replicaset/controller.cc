#include "controllers/replicaset/controller.h"

#include <algorithm>
#include <unordered_set>

#include "api/gen/apps_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "api/helpers/pods.h"
#include "api/reflect/equal.h"
#include "api/select/labels.h"
#include "controllers/framework/at_once.h"
#include "controllers/framework/claims.h"
#include "controllers/framework/indices.h"
#include "controllers/framework/pod_control.h"
#include "controllers/framework/pod_order.h"

namespace coxswain::controllers::replicaset {

using api::apps::v1::ReplicaSet;
using api::apps::v1::ReplicaSetStatus;
using api::core::v1::Pod;

namespace {

constexpr int kBurst = 500;
constexpr int32_t kManyPods = 100;
constexpr Duration kBatchTime = 100ms;

Controller::Options options(const Flavor& flavor, int workers) {
  Controller::Options o;
  o.name = flavor.controller;
  o.workers = workers;
  return o;
}

}  // namespace

ReplicaSetController::ReplicaSetController(const Context& context, const Flavor& flavor,
                                           int workers)
    : Controller(context, options(flavor, workers)),
      flavor_(flavor),
      sets_(use(*flavor.type)),
      pods_(use<Pod>()) {
  addControllerIndex(sets_);
  addNamespaceIndex(sets_);
  addControllerIndex(pods_);
  sets_.addHandler([this](const client::Change& change) { onSet(change); });
  pods_.addHandler([this](const client::Change& change) { onPod(change); });
}

void ReplicaSetController::onSet(const client::Change& change) {
  const auto key = client::objectKey(change.after ? change.after : change.before);
  const bool replaced = change.before && change.after &&
                        api::objectMeta(change.before)->uid != api::objectMeta(change.after)->uid;
  if (!change.after || replaced) expectations_.forget(key);
  queue().add(key);
}

View ReplicaSetController::controllerOf(const Pod& pod) const {
  const auto* owner = api::controllerOf(pod.metadata);
  if (owner == nullptr || owner->kind != kind().kind->kind) return {};
  auto set = flavor_.view(sets_.get(pod.metadata.namespace_ + "/" + owner->name));
  if (set && set->metadata.uid != owner->uid) return {};
  return set;
}

void ReplicaSetController::addSoon(const View& set) {
  const auto key = api::objectKey(set->metadata);
  if (set->status.replicas < kManyPods) {
    queue().add(key);
  } else {
    queue().addAfter(key, kBatchTime);
  }
}

void ReplicaSetController::enqueueOwnersOf(const Pod& pod) {
  if (const auto set = controllerOf(pod)) {
    addSoon(set);
    return;
  }
  if (api::controllerOf(pod.metadata) != nullptr || pod.metadata.labels.empty()) return;
  for (const auto& object : sets_.byIndex(kByNamespace, pod.metadata.namespace_)) {
    const auto set = flavor_.view(object);
    auto selector = api::LabelSelector::from(set->spec.selector.get());
    if (selector.ok() && !selector->isEverything() && selector->matches(pod.metadata.labels)) {
      queue().add(api::objectKey(set->metadata));
    }
  }
}

void ReplicaSetController::onPod(const client::Change& change) {
  const auto* before = change.before.as<Pod>();
  const auto* after = change.after.as<Pod>();
  const Pod& pod = after ? *after : *before;
  const auto set = controllerOf(pod);
  if (set) {
    const auto key = api::objectKey(set->metadata);
    if (before == nullptr) expectations_.creationObserved(key);
    if (after == nullptr || after->metadata.deletionTimestamp) {
      expectations_.deletionObserved(key, pod.metadata.uid);
    }
  }
  if (before != nullptr && after != nullptr) {
    const auto old = controllerOf(*before);
    if (old && (!set || old->metadata.uid != set->metadata.uid))
      queue().add(api::objectKey(old->metadata));
  }
  if (after == nullptr && !set) return;
  enqueueOwnersOf(pod);
}

Task<Result<Duration>> ReplicaSetController::reconcile(std::string key, std::stop_token stop) {
  auto set = flavor_.view(sets_.get(key));
  if (!set) {
    expectations_.forget(key);
    co_return Duration(0);
  }
  const bool current = expectations_.satisfied(key, executor().now());
  CO_TRY(Pods pods, co_await claimPods(key, set, stop));
  Status failure;
  if (current && !set->metadata.deletionTimestamp) {
    failure = co_await manage(key, set, pods, stop);
  }
  const auto wanted = computeStatus(*set, pods.active, pods.terminating, failure, now());
  CO_TRY_STATUS(co_await writeStatus(set, wanted, stop));
  if (!failure.ok()) co_return failure;
  const Duration waits = expectations_.untilForgotten(key, executor().now());
  const Duration ready = untilNextAvailable(pods.active, set->spec.minReadySeconds, now());
  co_return ready == Duration(0) ? waits : ready;
}

Task<Result<ReplicaSetController::Pods>> ReplicaSetController::claimPods(const std::string& key,
                                                                         const View& set,
                                                                         std::stop_token stop) {
  Pods mine;
  auto selector = api::LabelSelector::from(set->spec.selector.get());
  // Validation keeps these out; nothing to do until the spec changes.
  if (!selector.ok()) co_return mine;
  Claimer claimer(client(), *flavor_.type, set->metadata, *selector);
  auto candidates = pods_.byIndex(kByController, set->metadata.uid);
  for (auto& orphan : orphansFor(pods_, set->metadata.namespace_, set->spec.selector.get())) {
    candidates.push_back(std::move(orphan));
  }
  for (const auto& object : candidates) {
    auto pod = object.sharedAs<Pod>();
    if (expectations_.expectsDeletion(key, pod->metadata.uid, executor().now())) {
      ++mine.terminating;
    } else if (api::isPodActive(*pod)) {
      CO_TRY(bool isMine, co_await claimer.claim(client::resourceOf<Pod>(), object, stop));
      if (isMine) mine.active.push_back(std::move(pod));
    } else if (pod->metadata.deletionTimestamp && !api::isPodTerminal(*pod) &&
               api::isControlledBy(pod->metadata, set->metadata) &&
               selector->matches(pod->metadata.labels)) {
      ++mine.terminating;
    }
  }
  co_return mine;
}

Task<Status> ReplicaSetController::manage(std::string key, View set, Pods& pods,
                                          std::stop_token stop) {
  const int difference = static_cast<int>(pods.active.size()) - set->spec.replicas.value_or(1);
  if (difference < 0) {
    co_return co_await createPods(key, set, std::min(-difference, kBurst), stop);
  }
  if (difference > 0) {
    const auto count = static_cast<size_t>(std::min(difference, kBurst));
    co_return co_await deletePods(key, set, pods, count, stop);
  }
  co_return Status();
}

PodsByNode ReplicaSetController::crowds(const ReplicaSet& set) const {
  std::vector<std::string> owners{set.metadata.uid};
  if (const auto* owner = api::controllerOf(set.metadata)) {
    owners.clear();
    for (const auto& sibling : sets_.byIndex(kByController, owner->uid)) {
      owners.push_back(api::objectMeta(sibling)->uid);
    }
  }
  PodsByNode crowds;
  for (const auto& owner : owners) {
    for (const auto& object : pods_.byIndex(kByController, owner)) {
      const auto& pod = *object.as<Pod>();
      if (api::isPodActive(pod)) ++crowds[pod.spec.nodeName];
    }
  }
  return crowds;
}

Task<void> ReplicaSetController::createOne(const std::string& key, const View& set, Status& outcome,
                                           std::stop_token stop) {
  Pod pod = podFromTemplate(kind(), set.original.data(), set->spec.template_);
  outcome =
      co_await createPod(client(), events(), kind(), set.original.data(), std::move(pod), stop);
  if (outcome.ok()) co_return;
  // No event will come for it.
  expectations_.creationObserved(key);
  if (isNamespaceTerminating(outcome)) outcome = Status();
}

/// In batches that double, so that a quota that is used up costs few requests.
Task<Status> ReplicaSetController::createPods(std::string key, View set, int count,
                                              std::stop_token stop) {
  expectations_.expectCreations(key, count, executor().now());
  int batch = 1;
  for (int left = count; left > 0; batch *= 2) {
    batch = std::min(batch, left);
    std::vector<Status> outcomes(static_cast<size_t>(batch));
    std::vector<Task<void>> tasks;
    for (auto& outcome : outcomes) tasks.push_back(createOne(key, set, outcome, stop));
    co_await runAll(std::move(tasks));
    left -= batch;
    for (const auto& outcome : outcomes) {
      if (outcome.ok()) continue;
      for (int i = 0; i < left; ++i) expectations_.creationObserved(key);
      co_return outcome;
    }
  }
  co_return Status();
}

Task<void> ReplicaSetController::deleteOne(const std::string& key, const View& set, PodPointer pod,
                                           Status& outcome, std::stop_token stop) {
  outcome = co_await deletePod(client(), events(), kind(), set.original.data(),
                               pod->metadata.namespace_, pod->metadata.name, stop);
  if (outcome.ok()) co_return;
  if (isUnreachable(outcome) || isTimeout(outcome)) {
    const bool there = co_await stays(pod, stop);
    if (!there) {
      // Its event is to come.
      outcome = Status();
      co_return;
    }
  }
  expectations_.deletionObserved(key, pod->metadata.uid);
  if (isNotFound(outcome)) outcome = Status();
}

Task<bool> ReplicaSetController::stays(PodPointer pod, std::stop_token stop) {
  auto found = co_await client::get<Pod>(client(), pod->metadata.namespace_, pod->metadata.name,
                                         std::move(stop));
  if (!found.ok()) co_return !isNotFound(found.status());
  co_return (*found)->metadata.uid == pod->metadata.uid && !(*found)->metadata.deletionTimestamp;
}

Task<Status> ReplicaSetController::deletePods(std::string key, View set, Pods& pods, size_t count,
                                              std::stop_token stop) {
  const auto chosen = podsToDelete(pods.active, crowds(*set), count, now());
  std::vector<std::string> uids;
  for (const auto& pod : chosen) uids.push_back(pod->metadata.uid);
  expectations_.expectDeletions(key, uids, executor().now());
  std::vector<Status> outcomes(chosen.size());
  std::vector<Task<void>> tasks;
  for (size_t i = 0; i < chosen.size(); ++i) {
    tasks.push_back(deleteOne(key, set, chosen[i], outcomes[i], stop));
  }
  co_await runAll(std::move(tasks));
  std::unordered_set<const Pod*> gone;
  Status failure;
  for (size_t i = 0; i < chosen.size(); ++i) {
    if (outcomes[i].ok()) {
      gone.insert(chosen[i].get());
    } else if (failure.ok()) {
      failure = outcomes[i];
    }
  }
  std::erase_if(pods.active, [&gone](const PodPointer& pod) { return gone.contains(pod.get()); });
  pods.terminating += gone.size();
  co_return failure;
}

Task<Status> ReplicaSetController::writeStatus(View set, const ReplicaSetStatus& wanted,
                                               std::stop_token stop) {
  if (api::semanticEqual(set->status, wanted) &&
      set->metadata.generation == set->status.observedGeneration) {
    co_return Status();
  }
  ReplicaSetStatus next = wanted;
  next.observedGeneration = set->metadata.generation;
  api::ConstObject object(flavor_.withStatus(set.original, next));
  auto written = co_await client().update(*flavor_.type, "status", std::move(object), stop);
  if (written.ok() || !isConflict(written.status())) co_return written.status();
  // Someone else wrote: once more on what is there now.
  auto fresh =
      co_await client().get(*flavor_.type, set->metadata.namespace_, set->metadata.name, stop);
  if (!fresh.ok()) co_return fresh.status();
  if (api::objectMeta(*fresh)->uid != set->metadata.uid) co_return Status();
  api::ConstObject once(flavor_.withStatus(*fresh, next));
  auto again = co_await client().update(*flavor_.type, "status", std::move(once), stop);
  co_return again.status();
}

}  // namespace coxswain::controllers::replicaset
