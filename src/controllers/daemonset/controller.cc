#include "controllers/daemonset/controller.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "api/helpers/pods.h"
#include "api/reflect/equal.h"
#include "api/select/labels.h"
#include "client/resources.h"
#include "controllers/framework/at_once.h"
#include "controllers/framework/claims.h"
#include "controllers/framework/indices.h"
#include "controllers/framework/pod_control.h"
#include "controllers/framework/pod_order.h"

namespace coxswain::controllers::daemonset {

using api::apps::v1::ControllerRevision;
using api::apps::v1::DaemonSet;
using api::apps::v1::DaemonSetStatus;
using api::core::v1::Node;
using api::core::v1::Pod;

namespace {

constexpr size_t kBurst = 250;
constexpr int32_t kManyPods = 100;
constexpr Duration kBatchTime = 200ms;
constexpr Duration kBackoffMin = 1s;
constexpr Duration kBackoffMax = 15min;

Controller::Options options(int workers) {
  Controller::Options o;
  o.name = "daemonset-controller";
  o.workers = workers;
  return o;
}

/// Nodes change all the time; these parts decide where daemon pods run.
bool placesDiffer(const Node& a, const Node& b) {
  return a.metadata.labels != b.metadata.labels || a.spec.taints != b.spec.taints ||
         a.spec.unschedulable != b.spec.unschedulable;
}

}  // namespace

DaemonSetController::DaemonSetController(const Context& context, int workers)
    : Controller(context, options(workers)),
      sets_(use<DaemonSet>()),
      pods_(use<Pod>()),
      nodes_(use<Node>()),
      revisions_(use<ControllerRevision>()) {
  addNamespaceIndex(sets_);
  addControllerIndex(pods_);
  addControllerIndex(revisions_);
  sets_.addHandler([this](const client::Change& change) {
    const auto key = client::objectKey(change.after ? change.after : change.before);
    if (!change.after) {
      expectations_.forget(key);
      memos_.erase(api::objectMeta(change.before)->uid);
    }
    queue().add(key);
  });
  pods_.addHandler([this](const client::Change& change) { onPod(change); });
  nodes_.addHandler([this](const client::Change& change) { onNode(change); });
}

DaemonSetController::SetPointer DaemonSetController::ownerOf(const Pod& pod) const {
  const auto* owner = api::controllerOf(pod.metadata);
  if (owner == nullptr || owner->kind != "DaemonSet") return nullptr;
  auto set = sets_.get<DaemonSet>(pod.metadata.namespace_ + "/" + owner->name);
  return set && set->metadata.uid == owner->uid ? set : nullptr;
}

void DaemonSetController::onPod(const client::Change& change) {
  const auto* before = change.before.as<Pod>();
  const auto* after = change.after.as<Pod>();
  const Pod& pod = after != nullptr ? *after : *before;
  if (auto set = ownerOf(pod)) {
    const auto key = api::objectKey(set->metadata);
    if (before == nullptr) expectations_.creationObserved(key);
    if (after == nullptr || after->metadata.deletionTimestamp) {
      expectations_.deletionObserved(key, pod.metadata.uid);
    }
    // A look costs by all pods and nodes: with many of them one look for many changes.
    if (set->status.desiredNumberScheduled < kManyPods) {
      queue().add(key);
    } else {
      queue().addAfter(key, kBatchTime);
    }
    return;
  }
  if (before != nullptr) {
    if (auto old = ownerOf(*before)) queue().add(api::objectKey(old->metadata));
  }
  if (after == nullptr || api::controllerOf(pod.metadata) != nullptr ||
      pod.metadata.labels.empty()) {
    return;
  }
  for (const auto& object : sets_.byIndex(kByNamespace, pod.metadata.namespace_)) {
    auto selector = api::LabelSelector::from(object.as<DaemonSet>()->spec.selector.get());
    if (selector.ok() && !selector->isEverything() && selector->matches(pod.metadata.labels)) {
      queue().add(client::objectKey(object));
    }
  }
}

void DaemonSetController::onNode(const client::Change& change) {
  const auto* before = change.before.as<Node>();
  const auto* after = change.after.as<Node>();
  if (before != nullptr && after != nullptr && !placesDiffer(*before, *after)) return;
  sets_.forEach([&](const api::ConstObject& object) {
    const auto& set = *object.as<DaemonSet>();
    const Placer placer(set);
    const auto was = before == nullptr ? Placement() : placer.on(*before);
    const auto is = after == nullptr ? Placement() : placer.on(*after);
    if (was != is) queue().add(client::objectKey(object));
  });
}

Nodes DaemonSetController::placedNodes(const DaemonSet& set) const {
  Nodes all;
  const Placer placer(set);
  nodes_.forEach([&](const api::ConstObject& object) {
    auto node = object.sharedAs<Node>();
    const auto placement = placer.on(*node);
    all.push_back({std::move(node), placement});
  });
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return a.node->metadata.name < b.node->metadata.name;
  });
  return all;
}

Task<Result<PodsByNode>> DaemonSetController::claimPods(const SetPointer& set,
                                                        std::stop_token stop) {
  PodsByNode mine;
  auto selector = api::LabelSelector::from(set->spec.selector.get());
  if (!selector.ok()) co_return mine;
  Claimer claimer(client(), client::resourceOf<DaemonSet>(), set->metadata, *selector);
  auto candidates = pods_.byIndex(kByController, set->metadata.uid);
  for (auto& orphan : orphansFor(pods_, set->metadata.namespace_, set->spec.selector.get())) {
    candidates.push_back(std::move(orphan));
  }
  for (const auto& object : candidates) {
    CO_TRY(bool isMine, co_await claimer.claim(client::resourceOf<Pod>(), object, stop));
    const auto& pod = *object.as<Pod>();
    // One that has ended and is deleted only waits for somebody's finalizer.
    if (!isMine || (api::isPodTerminal(pod) && pod.metadata.deletionTimestamp)) continue;
    auto node = targetNode(pod);
    if (!node.empty()) mine[std::move(node)].push_back(object.sharedAs<Pod>());
  }
  co_return mine;
}

Task<Result<Duration>> DaemonSetController::reconcile(std::string key, std::stop_token stop) {
  auto set = sets_.get<DaemonSet>(key);
  if (!set) {
    expectations_.forget(key);
    std::erase_if(backoffs_, [&key](const auto& b) { return b.first.starts_with(key + "/"); });
    co_return Duration(0);
  }
  auto selector = api::LabelSelector::from(set->spec.selector.get());
  if (selector.ok() && selector->isEverything()) {
    events().event(*set, client::kEventWarning, "SelectingAll",
                   "This daemon set is selecting all pods. A non-empty selector is required.");
    co_return Duration(0);
  }
  if (set->metadata.deletionTimestamp) co_return Duration(0);
  auto& memo = memos_[set->metadata.uid];
  if (!memo) memo = std::make_shared<HistoryMemo>();
  HistoryOwner owner{client::resourceOf<DaemonSet>(),
                     set->metadata,
                     set->spec.selector.get(),
                     set->spec.template_,
                     set->status.collisionCount,
                     HistoryOwner::Hash::Template,
                     memo};
  const bool current = expectations_.satisfied(key, executor().now());
  CO_TRY(History history, co_await syncHistory(client(), revisions_, owner, stop));
  const std::string hash = history.current->metadata.labels.at(kRevisionLabel);
  CO_TRY(PodsByNode pods, co_await claimPods(set, stop));
  CO_TRY_STATUS(co_await mergeDuplicates(history, pods, stop));
  const Nodes nodes = placedNodes(*set);
  Duration again(0);
  Status failure;
  if (current) {
    auto plan = planNodes(*set, nodes, pods, hash, now());
    again = holdBack(*set, plan);
    failure = co_await carryOut(key, set, std::move(plan), hash, stop);
    const bool rolls = set->spec.updateStrategy.type == "RollingUpdate";
    if (failure.ok() && rolls && expectations_.satisfied(key, executor().now())) {
      auto update = planUpdate(*set, nodes, pods, hash, now());
      failure = co_await carryOut(key, set, std::move(update), hash, stop);
    }
    if (failure.ok()) failure = co_await trim(*set, history, pods, stop);
  }
  auto status = computeStatus(*set, nodes, pods, hash, now());
  // The object of this generation has not been looked at yet.
  if (!current) status.observedGeneration = set->status.observedGeneration;
  if (history.collisions > 0) status.collisionCount = history.collisions;
  CO_TRY_STATUS(co_await writeStatus(set, std::move(status), stop));
  if (!failure.ok()) co_return failure;
  const auto sooner = [&again](Duration wait) {
    if (wait > Duration(0)) again = again == Duration(0) ? wait : std::min(again, wait);
  };
  sooner(expectations_.untilForgotten(key, executor().now()));
  // Pods become available with time.
  if (set->spec.minReadySeconds > 0) {
    for (const auto& [node, all] : pods) {
      sooner(untilNextAvailable(all, set->spec.minReadySeconds, now()));
    }
  }
  co_return again;
}

Task<Status> DaemonSetController::trim(const DaemonSet& set, const History& history,
                                       const PodsByNode& pods, std::stop_token stop) {
  const auto limit = static_cast<size_t>(std::max(0, set.spec.revisionHistoryLimit.value_or(10)));
  if (history.all.size() <= limit + 1) co_return Status();
  std::vector<std::string> live;
  for (const auto& [node, all] : pods) {
    for (const auto& pod : all) {
      const auto* label = pod->metadata.labels.get(kRevisionLabel);
      if (label != nullptr) live.push_back(*label);
    }
  }
  co_return co_await trimHistory(client(), history, limit, Limit::Old, std::move(live), stop);
}

Task<Status> DaemonSetController::mergeDuplicates(const History& history, const PodsByNode& pods,
                                                  std::stop_token stop) {
  const auto& hash = history.current->metadata.labels.at(kRevisionLabel);
  for (const auto& duplicate : history.duplicates) {
    const auto* label = duplicate->metadata.labels.get(kRevisionLabel);
    for (const auto& [node, all] : pods) {
      for (const auto& pod : all) {
        const auto* theirs = pod->metadata.labels.get(kRevisionLabel);
        if (label == nullptr || theirs == nullptr || *theirs != *label) continue;
        std::string body = fmt::format(R"({{"metadata":{{"uid":"{}","labels":{{"{}":"{}"}}}}}})",
                                       pod->metadata.uid, kRevisionLabel, hash);
        auto patched = co_await client().patch(
            client::resourceOf<Pod>(), pod->metadata.namespace_, pod->metadata.name, "",
            client::PatchType::StrategicMerge, std::move(body), stop);
        if (!patched.ok() && !isNotFound(patched.status())) co_return patched.status();
      }
    }
    client::DeleteOptions options;
    options.uid = duplicate->metadata.uid;
    Status gone = co_await client().remove(client::resourceOf<ControllerRevision>(),
                                           duplicate->metadata.namespace_, duplicate->metadata.name,
                                           std::move(options), stop);
    if (!gone.ok() && !isNotFound(gone)) co_return gone;
  }
  co_return Status();
}

Duration DaemonSetController::holdBack(const DaemonSet& set, Plan& plan) {
  Duration first(0);
  const auto now = executor().now();
  for (const auto& pod : plan.failed) {
    auto& backoff = backoffs_[api::objectKey(set.metadata) + "/" + targetNode(*pod)];
    if (now < backoff.until) {
      std::erase(plan.remove, pod);
      const Duration left = backoff.until - now;
      first = first == Duration(0) ? left : std::min(first, left);
      continue;
    }
    // Healthy for long: as at first.
    const bool fresh = backoff.delay == Duration(0) || now - backoff.until > 2 * kBackoffMax;
    backoff.delay = fresh ? kBackoffMin : std::min(backoff.delay * 2, kBackoffMax);
    backoff.until = now + backoff.delay;
    events().event(set, client::kEventWarning, "FailedDaemonPod",
                   fmt::format("Found failed daemon pod {}/{} on node {}, will try to kill it",
                               pod->metadata.namespace_, pod->metadata.name, targetNode(*pod)));
  }
  for (const auto& pod : plan.succeeded) {
    events().event(set, client::kEventNormal, "SucceededDaemonPod",
                   fmt::format("Found succeeded daemon pod {}/{} on node {}, will try to delete it",
                               pod->metadata.namespace_, pod->metadata.name, targetNode(*pod)));
  }
  return first;
}

Task<void> DaemonSetController::createOne(const std::string& key, const SetPointer& set,
                                          std::string node, const std::string& hash,
                                          Status& outcome, std::stop_token stop) {
  Pod pod = podFromTemplate(DaemonSet::kInfo, set.get(), set->spec.template_);
  shapePod(*set, node, hash, pod);
  outcome =
      co_await createPod(client(), events(), DaemonSet::kInfo, set.get(), std::move(pod), stop);
  if (outcome.ok()) co_return;
  expectations_.creationObserved(key);
  if (isNamespaceTerminating(outcome)) outcome = Status();
}

Task<void> DaemonSetController::deleteOne(const std::string& key, const SetPointer& set,
                                          PodPointer pod, Status& outcome, std::stop_token stop) {
  outcome = co_await deletePod(client(), events(), DaemonSet::kInfo, set.get(),
                               pod->metadata.namespace_, pod->metadata.name, stop);
  if (outcome.ok()) co_return;
  expectations_.deletionObserved(key, pod->metadata.uid);
  if (isNotFound(outcome)) outcome = Status();
}

Task<Status> DaemonSetController::carryOut(std::string key, SetPointer set, Plan plan,
                                           std::string hash, std::stop_token stop) {
  if (plan.create.size() > kBurst) plan.create.resize(kBurst);
  if (plan.remove.size() > kBurst) plan.remove.resize(kBurst);
  if (plan.create.empty() && plan.remove.empty()) co_return Status();
  std::vector<std::string> uids;
  for (const auto& pod : plan.remove) uids.push_back(pod->metadata.uid);
  expectations_.expect(key, static_cast<int>(plan.create.size()), uids, executor().now());
  Status failure;
  size_t batch = 1;
  for (size_t at = 0; at < plan.create.size(); batch *= 2) {
    const size_t count = std::min(batch, plan.create.size() - at);
    std::vector<Status> outcomes(count);
    std::vector<Task<void>> tasks;
    for (size_t i = 0; i < count; ++i) {
      tasks.push_back(createOne(key, set, plan.create[at + i], hash, outcomes[i], stop));
    }
    co_await runAll(std::move(tasks));
    at += count;
    for (auto& outcome : outcomes) {
      if (!outcome.ok()) failure = std::move(outcome);
    }
    if (failure.ok()) continue;
    for (; at < plan.create.size(); ++at) expectations_.creationObserved(key);
  }
  std::vector<Status> outcomes(plan.remove.size());
  std::vector<Task<void>> tasks;
  for (size_t i = 0; i < plan.remove.size(); ++i) {
    tasks.push_back(deleteOne(key, set, plan.remove[i], outcomes[i], stop));
  }
  co_await runAll(std::move(tasks));
  for (auto& outcome : outcomes) {
    if (!outcome.ok()) failure = std::move(outcome);
  }
  co_return failure;
}

Task<Status> DaemonSetController::writeStatus(SetPointer set, DaemonSetStatus wanted,
                                              std::stop_token stop) {
  if (api::semanticEqual(set->status, wanted)) co_return Status();
  DaemonSet next = *set;
  next.status = std::move(wanted);
  auto written = co_await client::update(client(), std::move(next), "status", stop);
  co_return isNotFound(written.status()) ? Status() : written.status();
}

}  // namespace coxswain::controllers::daemonset
