#include "controllers/job/controller.h"

#include <algorithm>
#include <cstdlib>

#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "api/reflect/equal.h"
#include "api/select/labels.h"
#include "client/resources.h"
#include "controllers/framework/at_once.h"
#include "controllers/framework/claims.h"
#include "controllers/framework/finalizers.h"
#include "controllers/framework/indices.h"
#include "controllers/framework/pod_control.h"

namespace coxswain::controllers::job {

using api::batch::v1::Job;
using api::core::v1::Pod;

namespace {

constexpr int32_t kManyPods = 32;
constexpr Duration kBatchTime = 500ms;
constexpr std::string_view kOurs = "kubernetes.io/job-controller";

Controller::Options options(int workers) {
  Controller::Options o;
  o.name = "job-controller";
  o.workers = workers;
  o.queue.baseDelay = 1s;
  return o;
}

uint64_t versionOf(const Job& job) {
  return std::strtoull(job.metadata.resourceVersion.c_str(), nullptr, 10);
}

Status firstFailure(std::vector<Status>& outcomes) {
  for (auto& outcome : outcomes) {
    if (!outcome.ok()) return std::move(outcome);
  }
  return {};
}

}  // namespace

JobController::JobController(const Context& context, int workers)
    : Controller(context, options(workers)), jobs_(use<Job>()), pods_(use<Pod>()) {
  addNamespaceIndex(jobs_);
  addControllerIndex(pods_);
  jobs_.addHandler([this](const client::Change& change) {
    const auto key = client::objectKey(change.after ? change.after : change.before);
    if (!change.after) {
      const auto& uid = api::objectMeta(change.before)->uid;
      memories_.erase(uid);
      written_.erase(uid);
      for (const auto& pod : pods_.byIndex(kByController, uid)) {
        queue().add("p|" + client::objectKey(pod));
      }
    }
    const auto* before = change.before.as<Job>();
    const auto* after = change.after.as<Job>();
    const bool statusOnly = before != nullptr && after != nullptr &&
                            before->metadata.generation == after->metadata.generation;
    if (statusOnly) {
      addSoon(*after);
    } else {
      queue().add("j|" + key);
    }
  });
  pods_.addHandler([this](const client::Change& change) { onPod(change); });
}

void JobController::addSoon(const Job& job) {
  const auto key = "j|" + api::objectKey(job.metadata);
  if (job.status.active < kManyPods) {
    queue().add(key);
  } else {
    queue().addAfter(key, kBatchTime);
  }
}

JobController::JobPointer JobController::ownerOf(const Pod& pod) const {
  const auto* owner = api::controllerOf(pod.metadata);
  if (owner == nullptr || owner->kind != "Job") return nullptr;
  auto job = jobs_.get<Job>(pod.metadata.namespace_ + "/" + owner->name);
  return job && job->metadata.uid == owner->uid ? job : nullptr;
}

void JobController::onPod(const client::Change& change) {
  const auto* before = change.before.as<Pod>();
  const auto* after = change.after.as<Pod>();
  const Pod& pod = after != nullptr ? *after : *before;
  if (auto job = ownerOf(pod)) {
    const auto key = api::objectKey(job->metadata);
    if (before == nullptr) expectations_.creationObserved(key);
    if (after == nullptr || after->metadata.deletionTimestamp) {
      expectations_.deletionObserved(key, pod.metadata.uid);
    }
    addSoon(*job);
    return;
  }
  if (before != nullptr) {
    if (auto old = ownerOf(*before)) queue().add("j|" + api::objectKey(old->metadata));
  }
  if (after == nullptr) return;
  if (isTracked(pod)) queue().add("p|" + api::objectKey(pod.metadata));
  if (api::controllerOf(pod.metadata) != nullptr || pod.metadata.labels.empty()) return;
  for (const auto& object : jobs_.byIndex(kByNamespace, pod.metadata.namespace_)) {
    auto selector = api::LabelSelector::from(object.as<Job>()->spec.selector.get());
    if (selector.ok() && !selector->isEverything() && selector->matches(pod.metadata.labels)) {
      queue().add("j|" + client::objectKey(object));
    }
  }
}

Task<Result<Duration>> JobController::reconcile(std::string key, std::stop_token stop) {
  const auto name = key.substr(2);
  if (key.starts_with("p|")) {
    auto pod = pods_.get<Pod>(name);
    if (pod && isTracked(*pod)) CO_TRY_STATUS(co_await releaseOrphan(pod, stop));
    co_return Duration(0);
  }
  auto job = jobs_.get<Job>(name);
  if (!job) {
    expectations_.forget(name);
    co_return Duration(0);
  }
  if (job->spec.managedBy && *job->spec.managedBy != kOurs) co_return Duration(0);
  const auto mode = job->spec.completionMode.value_or("NonIndexed");
  if (mode != "NonIndexed" && mode != "Indexed") {
    events().event(*job, client::kEventWarning, "UnknownCompletionMode",
                   "Skipped Job sync because completion mode is unknown");
    co_return Duration(0);
  }
  co_return co_await syncJob(name, job, stop);
}

Task<Status> JobController::releaseOrphan(PodPointer pod, std::stop_token stop) {
  const auto* owner = api::controllerOf(pod->metadata);
  if (owner != nullptr && owner->kind == "Job") {
    auto live = co_await client::get<Job>(client(), pod->metadata.namespace_, owner->name, stop);
    if (live.ok() && (*live)->metadata.uid == owner->uid) co_return Status();
    if (!live.ok() && !isNotFound(live.status())) co_return live.status();
  }
  api::ConstObject object(pod);
  co_return co_await setFinalizer(client(), client::resourceOf<Pod>(), object,
                                  std::string(kTrackingFinalizer), false, stop);
}

Task<Result<std::vector<PodPointer>>> JobController::claimPods(JobPointer job,
                                                               std::stop_token stop) {
  std::vector<PodPointer> mine;
  auto selector = api::LabelSelector::from(job->spec.selector.get());
  if (!selector.ok()) co_return mine;
  Claimer claimer(client(), client::resourceOf<Job>(), job->metadata, *selector,
                  kTrackingFinalizer);
  auto candidates = pods_.byIndex(kByController, job->metadata.uid);
  for (auto& orphan : orphansFor(pods_, job->metadata.namespace_, job->spec.selector.get())) {
    candidates.push_back(std::move(orphan));
  }
  for (const auto& object : candidates) {
    CO_TRY(bool isMine, co_await claimer.claim(client::resourceOf<Pod>(), object, stop));
    if (isMine) mine.push_back(object.sharedAs<Pod>());
  }
  co_return mine;
}

bool JobController::isBehind(const Job& job) const {
  auto known = written_.find(job.metadata.uid);
  return known != written_.end() && versionOf(job) < known->second;
}

Task<Result<Duration>> JobController::syncJob(std::string key, JobPointer job,
                                              std::stop_token stop) {
  // The event that is missing brings the key again; the second is for one that never comes.
  if (isBehind(*job)) co_return Duration(1s);
  const bool current = expectations_.satisfied(key, executor().now());
  CO_TRY(auto pods, co_await claimPods(job, stop));
  Memory memory;
  if (auto known = memories_.find(job->metadata.uid); known != memories_.end()) {
    memory = known->second;
  }
  auto todo = plan(*job, pods, std::move(memory), current, now());
  if (isFinished(*job)) {
    memories_.erase(job->metadata.uid);
    written_.erase(job->metadata.uid);
  } else {
    memories_[job->metadata.uid] = todo.memory;
  }
  Status done = co_await carryOut(key, job, todo, stop);
  if (!api::semanticEqual(todo.status, job->status)) {
    Job next = *job;
    next.status = todo.status;
    auto written = co_await client::update(client(), std::move(next), "status", stop);
    if (isNotFound(written.status())) co_return Duration(0);
    if (!written.ok()) co_return written.status();
    written_[job->metadata.uid] = versionOf(**written);
  }
  for (auto& event : todo.events) {
    events().event(*job, event.warning ? client::kEventWarning : client::kEventNormal, event.reason,
                   event.message);
  }
  std::vector<Status> outcomes(todo.untrack.size());
  std::vector<Task<void>> tasks;
  for (size_t i = 0; i < todo.untrack.size(); ++i) {
    tasks.push_back(untrackOne(todo.untrack[i], outcomes[i], stop));
  }
  co_await runAll(std::move(tasks));
  CO_TRY_STATUS(std::move(done));
  CO_TRY_STATUS(firstFailure(outcomes));
  const Duration waits = expectations_.untilForgotten(key, executor().now());
  co_return todo.again == Duration(0) ? waits : todo.again;
}

Task<Status> JobController::carryOut(std::string key, JobPointer job, Plan& todo,
                                     std::stop_token stop) {
  if (todo.create.empty() && todo.dismiss.empty() && todo.stop.empty()) co_return Status();
  std::vector<std::string> uids;
  for (const auto& pod : todo.dismiss) uids.push_back(pod->metadata.uid);
  for (const auto& pod : todo.stop) uids.push_back(pod->metadata.uid);
  expectations_.expect(key, static_cast<int>(todo.create.size()), uids, executor().now());
  std::vector<Status> outcomes(uids.size());
  std::vector<Task<void>> tasks;
  size_t at = 0;
  for (const auto& pod : todo.dismiss) {
    tasks.push_back(deleteOne(key, job, pod, true, outcomes[at++], stop));
  }
  for (const auto& pod : todo.stop) {
    tasks.push_back(deleteOne(key, job, pod, false, outcomes[at++], stop));
  }
  co_await runAll(std::move(tasks));
  Status failure = firstFailure(outcomes);
  size_t batch = 1;
  for (size_t made = 0; made < todo.create.size(); batch *= 2) {
    const size_t count = std::min(batch, todo.create.size() - made);
    outcomes.assign(count, Status());
    tasks.clear();
    for (size_t i = 0; i < count; ++i) {
      tasks.push_back(createOne(key, job, todo.create[made + i], outcomes[i], stop));
    }
    co_await runAll(std::move(tasks));
    made += count;
    for (auto& outcome : outcomes) {
      if (outcome.ok()) continue;
      --todo.status.active;
      failure = std::move(outcome);
    }
    if (failure.ok()) continue;
    for (; made < todo.create.size(); ++made) {
      --todo.status.active;
      expectations_.creationObserved(key);
    }
  }
  co_return failure;
}

Task<void> JobController::createOne(const std::string& key, const JobPointer& job, NewPod wanted,
                                    Status& outcome, std::stop_token stop) {
  Pod pod = podFromTemplate(Job::kInfo, job.get(), job->spec.template_);
  shapePod(*job, wanted, pod);
  outcome = co_await createPod(client(), events(), Job::kInfo, job.get(), std::move(pod), stop);
  if (!outcome.ok()) expectations_.creationObserved(key);
}

Task<void> JobController::deleteOne(const std::string& key, const JobPointer& job, PodPointer pod,
                                    bool untrack, Status& outcome, std::stop_token stop) {
  if (untrack) co_await untrackOne(pod, outcome, stop);
  if (outcome.ok()) {
    outcome = co_await deletePod(client(), events(), Job::kInfo, job.get(),
                                 pod->metadata.namespace_, pod->metadata.name, stop);
  }
  if (outcome.ok()) co_return;
  expectations_.deletionObserved(key, pod->metadata.uid);
  if (isNotFound(outcome)) outcome = Status();
}

Task<void> JobController::untrackOne(PodPointer pod, Status& outcome, std::stop_token stop) {
  // A list of finalizers merges by value: no version is needed, and none gets in the way.
  std::string body = R"({"metadata":{"uid":")" + pod->metadata.uid +
                     R"(","$deleteFromPrimitiveList/finalizers":[")" +
                     std::string(kTrackingFinalizer) + R"("]}})";
  auto patched = co_await client().patch(client::resourceOf<Pod>(), pod->metadata.namespace_,
                                         pod->metadata.name, "", client::PatchType::StrategicMerge,
                                         std::move(body), stop);
  outcome = patched.status();
  if (isNotFound(outcome) || isInvalid(outcome) || isConflict(outcome)) outcome = Status();
}

}  // namespace coxswain::controllers::job
