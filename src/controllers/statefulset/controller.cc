#include "controllers/statefulset/controller.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "api/reflect/equal.h"
#include "api/select/labels.h"
#include "client/resources.h"
#include "controllers/framework/at_once.h"
#include "controllers/framework/claims.h"
#include "controllers/framework/indices.h"
#include "controllers/framework/pod_control.h"
#include "controllers/framework/pod_order.h"

namespace coxswain::controllers::statefulset {

using api::apps::v1::ControllerRevision;
using api::apps::v1::StatefulSet;
using api::apps::v1::StatefulSetStatus;
using api::core::v1::PersistentVolumeClaim;
using api::core::v1::Pod;

namespace {

constexpr size_t kAtOnce = 100;

Controller::Options options(int workers) {
  Controller::Options o;
  o.name = "statefulset-controller";
  o.workers = workers;
  return o;
}

}  // namespace

StatefulSetController::StatefulSetController(const Context& context, int workers)
    : Controller(context, options(workers)),
      sets_(use<StatefulSet>()),
      pods_(use<Pod>()),
      claims_(use<PersistentVolumeClaim>()),
      revisions_(use<ControllerRevision>()) {
  addNamespaceIndex(sets_);
  addControllerIndex(pods_);
  addControllerIndex(revisions_);
  sets_.addHandler([this](const client::Change& change) {
    queue().add(client::objectKey(change.after ? change.after : change.before));
    if (!change.after) memos_.erase(api::objectMeta(change.before)->uid);
  });
  claims_.addHandler([this](const client::Change& change) {
    if (change.after) return;
    const auto& meta = *api::objectMeta(change.before);
    onClaimGone(meta.namespace_, meta.name);
  });
  pods_.addHandler([this](const client::Change& change) { onPod(change); });
}

StatefulSetController::SetPointer StatefulSetController::ownerOf(const Pod& pod) const {
  const auto* owner = api::controllerOf(pod.metadata);
  if (owner == nullptr || owner->kind != "StatefulSet") return nullptr;
  auto set = sets_.get<StatefulSet>(pod.metadata.namespace_ + "/" + owner->name);
  return set && set->metadata.uid == owner->uid ? set : nullptr;
}

void StatefulSetController::onPod(const client::Change& change) {
  const auto* before = change.before.as<Pod>();
  const auto* after = change.after.as<Pod>();
  for (const auto* pod : {before, after}) {
    auto set = pod == nullptr ? nullptr : ownerOf(*pod);
    if (set) queue().add(api::objectKey(set->metadata));
  }
  if (after == nullptr || api::controllerOf(after->metadata) != nullptr) return;
  for (const auto& object : sets_.byIndex(kByNamespace, after->metadata.namespace_)) {
    const auto& set = *object.as<StatefulSet>();
    auto selector = api::LabelSelector::from(set.spec.selector.get());
    const bool mine = selector.ok() && !selector->isEverything() &&
                      selector->matches(after->metadata.labels) &&
                      ordinalOf(set.metadata.name, after->metadata.name).has_value();
    if (mine) queue().add(client::objectKey(object));
  }
}

/// A pod may wait for a claim of before to be gone.
void StatefulSetController::onClaimGone(const std::string& ns, const std::string& name) {
  for (const auto& object : sets_.byIndex(kByNamespace, ns)) {
    const auto& set = *object.as<StatefulSet>();
    const auto& patterns = set.spec.volumeClaimTemplates;
    const bool ours = std::any_of(patterns.begin(), patterns.end(), [&](const auto& pattern) {
      return ordinalOf(pattern.metadata.name + "-" + set.metadata.name, name).has_value();
    });
    if (ours) queue().add(client::objectKey(object));
  }
}

Task<Result<std::vector<PodPointer>>> StatefulSetController::claimPods(SetPointer set,
                                                                       std::stop_token stop) {
  std::vector<PodPointer> mine;
  auto selector = api::LabelSelector::from(set->spec.selector.get());
  if (!selector.ok() || selector->isEverything()) co_return mine;
  Claimer claimer(client(), client::resourceOf<StatefulSet>(), set->metadata, *selector);
  auto candidates = pods_.byIndex(kByController, set->metadata.uid);
  for (auto& orphan : orphansFor(pods_, set->metadata.namespace_, set->spec.selector.get())) {
    if (ordinalOf(set->metadata.name, api::objectMeta(orphan)->name)) {
      candidates.push_back(std::move(orphan));
    }
  }
  for (const auto& object : candidates) {
    CO_TRY(bool isMine, co_await claimer.claim(client::resourceOf<Pod>(), object, stop));
    if (isMine) mine.push_back(object.sharedAs<Pod>());
  }
  co_return mine;
}

Result<StatefulSetController::Revisions> StatefulSetController::revisionsOf(
    const StatefulSet& set, const History& history) const {
  Revisions revisions;
  revisions.update = revisions.current = history.current->metadata.name;
  for (const auto& revision : history.all) {
    if (revision->metadata.name != set.status.currentRevision) continue;
    if (revision->metadata.uid == history.current->metadata.uid) continue;
    revisions.current = revision->metadata.name;
    TRY(revisions.currentTemplate, templateOf(*revision));
  }
  return revisions;
}

Task<Result<Duration>> StatefulSetController::reconcile(std::string key, std::stop_token stop) {
  auto set = sets_.get<StatefulSet>(key);
  if (!set) co_return Duration(0);
  HistoryOwner owner{client::resourceOf<StatefulSet>(), set->metadata,
                     set->spec.selector.get(),          set->spec.template_,
                     set->status.collisionCount,        HistoryOwner::Hash::Data};
  if (set->metadata.deletionTimestamp) co_return Duration(0);
  auto& memo = memos_[set->metadata.uid];
  if (!memo) memo = std::make_shared<HistoryMemo>();
  owner.memo = memo;
  CO_TRY(History history, co_await syncHistory(client(), revisions_, owner, stop));
  CO_TRY(Revisions revisions, revisionsOf(*set, history));
  CO_TRY(auto pods, co_await claimPods(set, stop));
  auto todo = plan(*set, pods, revisions.current, revisions.update, now());
  todo.status.collisionCount = history.collisions;
  Status failure;
  for (size_t at = 0; at < todo.steps.size() && failure.ok(); at += kAtOnce) {
    const size_t count = std::min(kAtOnce, todo.steps.size() - at);
    std::vector<Status> outcomes(count);
    std::vector<Task<void>> tasks;
    for (size_t i = 0; i < count; ++i) {
      tasks.push_back(carryOut(set, revisions, todo.steps[at + i], outcomes[i], stop));
    }
    co_await runAll(std::move(tasks));
    for (auto& outcome : outcomes) {
      if (!outcome.ok()) failure = std::move(outcome);
    }
  }
  CO_TRY_STATUS(co_await writeStatus(set, std::move(todo.status), stop));
  if (!failure.ok()) co_return failure;
  std::vector<std::string> live{revisions.current, revisions.update};
  for (const auto& pod : pods) {
    const auto* revision = pod->metadata.labels.get(kRevisionLabel);
    if (revision != nullptr) live.push_back(*revision);
  }
  const auto limit = static_cast<size_t>(std::max(0, set->spec.revisionHistoryLimit.value_or(10)));
  CO_TRY_STATUS(
      co_await trimHistory(client(), history, limit, Limit::Unused, std::move(live), stop));
  co_return untilNextAvailable(pods, set->spec.minReadySeconds, now());
}

void StatefulSetController::tell(const StatefulSet& set, std::string_view verb,
                                 const std::string& pod, const Status& outcome) {
  std::string word(verb);
  word[0] = static_cast<char>(word[0] - 'a' + 'A');
  if (outcome.ok()) {
    events().event(
        set, client::kEventNormal, "Successful" + word,
        fmt::format("{} Pod {} in StatefulSet {} successful", verb, pod, set.metadata.name));
  } else if (!isCanceled(outcome) && !isNamespaceTerminating(outcome)) {
    events().event(set, client::kEventWarning, "Failed" + word,
                   fmt::format("{} Pod {} in StatefulSet {} failed error: {}", verb, pod,
                               set.metadata.name, outcome.message()));
  }
}

Task<void> StatefulSetController::carryOut(const SetPointer& set, const Revisions& revisions,
                                           Step step, Status& outcome, std::stop_token stop) {
  switch (step.kind) {
    case Step::Kind::Create:
      outcome = co_await createOne(set, revisions, step, stop);
      break;
    case Step::Kind::Recreate:
      outcome = co_await deleteOne(set, step.pod, stop);
      break;
    case Step::Kind::Own:
      outcome = co_await ownClaims(set, step.pod, step.ordinal, stop);
      break;
    case Step::Kind::Delete:
      outcome = co_await ownClaims(set, step.pod, step.ordinal, stop);
      if (outcome.ok()) outcome = co_await deleteOne(set, step.pod, stop);
      break;
    case Step::Kind::Keep:
      if (step.pod->status.phase == "Pending" || step.pod->status.phase.empty()) {
        outcome = co_await makeClaims(set, step.ordinal, true, stop);
      }
      if (outcome.ok()) outcome = co_await ownClaims(set, step.pod, step.ordinal, stop);
      if (outcome.ok()) outcome = co_await repairOne(set, step.pod, stop);
      break;
  }
}

Task<Status> StatefulSetController::createOne(SetPointer set, const Revisions& revisions, Step step,
                                              std::stop_token stop) {
  // Comes again when they are gone.
  if (hasStaleClaims(*set, step.ordinal)) co_return Status();
  Status claims = co_await makeClaims(set, step.ordinal, false, stop);
  if (isNamespaceTerminating(claims)) co_return Status();
  if (!claims.ok()) {
    tell(*set, "create", set->metadata.name + "-" + std::to_string(step.ordinal), claims);
    co_return claims;
  }
  Pod pod = podFromTemplate(StatefulSet::kInfo, set.get(),
                            step.previous && revisions.currentTemplate ? *revisions.currentTemplate
                                                                       : set->spec.template_);
  shapePod(*set, step.ordinal, step.previous ? revisions.current : revisions.update, pod);
  const std::string name = pod.metadata.name;
  auto made = co_await client::create(client(), std::move(pod), stop);
  // The cache does not show it yet; or it is somebody else's, then its end brings the set again.
  if (isAlreadyExists(made.status())) co_return made.status();
  tell(*set, "create", name, made.status());
  co_return isNamespaceTerminating(made.status()) ? Status() : made.status();
}

Task<Status> StatefulSetController::deleteOne(SetPointer set, PodPointer pod,
                                              std::stop_token stop) {
  client::DeleteOptions options;
  options.uid = pod->metadata.uid;
  Status gone = co_await client().remove(client::resourceOf<Pod>(), pod->metadata.namespace_,
                                         pod->metadata.name, std::move(options), stop);
  if (isNotFound(gone) || isConflict(gone)) co_return Status();
  tell(*set, "delete", pod->metadata.name, gone);
  co_return gone;
}

Task<Status> StatefulSetController::repairOne(SetPointer set, PodPointer pod,
                                              std::stop_token stop) {
  if (!repaired(*set, *pod)) co_return Status();
  // The cache has less than the whole pod, which is what is written.
  auto live =
      co_await client::get<Pod>(client(), pod->metadata.namespace_, pod->metadata.name, stop);
  if (isNotFound(live.status())) co_return Status();
  if (!live.ok()) co_return live.status();
  if ((*live)->metadata.uid != pod->metadata.uid) co_return Status();
  auto next = repaired(*set, **live);
  if (!next) co_return Status();
  auto written = co_await client::update(client(), std::move(*next), "", stop);
  if (isNotFound(written.status())) co_return Status();
  tell(*set, "update", pod->metadata.name, written.status());
  co_return written.status();
}

Task<Status> StatefulSetController::writeStatus(SetPointer set, StatefulSetStatus wanted,
                                                std::stop_token stop) {
  if (api::semanticEqual(set->status, wanted)) co_return Status();
  StatefulSet next = *set;
  next.status = std::move(wanted);
  auto written = co_await client::update(client(), std::move(next), "status", stop);
  co_return isNotFound(written.status()) ? Status() : written.status();
}

}  // namespace coxswain::controllers::statefulset
