// Jobs: each pod that ended is counted once, never more run than wanted, each index once at a time;
// finalizers go; what has finished stays as it is.
#include <map>

#include "api/helpers/pods.h"
#include "invariants.h"
#include "scenarios/list.h"
#include "scenarios/objects.h"

namespace coxswain::simulation {

using api::batch::v1::Job;
using api::core::v1::Pod;

namespace {

/// Counts pods as they end, and compares with what the status says.
class CountsAreRight final : public Invariant {
 public:
  void wrote(World& world, const client::ResourceType& /*type*/, const api::ConstObject& before,
             const api::ConstObject& after) override {
    if (after && after.is<Pod>()) {
      const auto* pod = after.as<Pod>();
      if (pod->status.phase == "Succeeded") succeeded_.insert(pod->metadata.uid);
      // One that is deleted before it has ended counts as failed.
      if (pod->status.phase == "Failed" || pod->metadata.deletionTimestamp) {
        failed_.insert(pod->metadata.uid);
      }
    }
    const auto* job = after ? after.as<Job>() : nullptr;
    if (job == nullptr) return;
    const auto& now = job->status;
    const bool indexed = job->spec.completionMode == "Indexed";
    if (now.succeeded > static_cast<int32_t>(succeeded_.size()) ||
        now.failed > static_cast<int32_t>(failed_.size() + (indexed ? succeeded_.size() : 0))) {
      world.fail("the job counts " + std::to_string(now.succeeded) + " + " +
                 std::to_string(now.failed) + " pods, there were " +
                 std::to_string(succeeded_.size()) + " + " + std::to_string(failed_.size()));
    }
    const auto* old = before ? before.as<Job>() : nullptr;
    if (old && (now.succeeded < old->status.succeeded || now.failed < old->status.failed)) {
      world.fail("the job counts backwards");
    }
  }

 private:
  std::set<std::string> succeeded_;
  std::set<std::string> failed_;
};

std::string conditionOf(const World& world, const char* name) {
  auto job = world.server.peek<Job>("default", name);
  if (!job) return "gone";
  for (const auto& condition : job->status.conditions) {
    if (condition.status != "True") continue;
    if (condition.type == "Complete" || condition.type == "Failed") return condition.type;
  }
  return "";
}

/// The status is final: nothing is left to count, nothing runs.
bool finished(const World& world, const char* name, const char* how) {
  if (conditionOf(world, name) != how) return false;
  for (const auto& pod : world.server.peekAll<Pod>()) {
    if (!pod->metadata.finalizers.empty() || api::isPodActive(*pod)) return false;
  }
  return true;
}

std::string indexOf(const Pod& pod) {
  const auto* index = pod.metadata.annotations.get("batch.kubernetes.io/job-completion-index");
  return index ? *index : "";
}

void playPlain(World& world) {
  world.watchFor<CountsAreRight>();
  const auto parallelism = world.draw(1, 4);
  const auto completions = world.draw(3, 8);
  // Surplus pods of doubt are deleted again.
  world.watchFor<PodsAtMost>("work", static_cast<size_t>(parallelism), 4);
  world.server.put(makeJob("work", completions, parallelism));
  world.run(std::chrono::milliseconds(world.draw(0, 4000)));
  world.server.change<Job>("default", "work", [](Job& job) { job.spec.suspend = true; });
  world.until("suspended", [&] {
    auto job = world.server.peek<Job>("default", "work");
    return job->status.active == 0;
  });
  world.run(10s);
  world.server.change<Job>("default", "work", [](Job& job) { job.spec.suspend = false; });
  world.until("complete", [&] { return finished(world, "work", "Complete"); });
  // How many had to end when it was suspended is chance: only what must be is compared.
  auto job = world.server.peek<Job>("default", "work");
  if (!world.failed() && job->status.succeeded != completions) {
    world.fail(std::to_string(job->status.succeeded) + " have succeeded, " +
               std::to_string(completions) + " were wanted");
  }
  remove<Job>(world, "work");
  world.until("gone", [&] { return podCount(world, "work") == 0; });
}

void playIndexed(World& world) {
  world.watchFor<CountsAreRight>();
  world.watchFor<ActivePodsAreDistinct>("index", indexOf);
  const auto completions = world.draw(3, 6);
  auto job = makeJob("idx", completions, world.draw(1, 4));
  job.spec.completionMode = "Indexed";
  world.server.put(job);
  // Index 1 fails the first time.
  auto failed = std::make_shared<bool>(false);
  world.kubelets.ending = [failed](const Pod& pod) -> std::optional<Kubelets::Ending> {
    if (pod.status.phase != "Running" || indexOf(pod) != "1" || *failed) return Kubelets::Ending();
    return Kubelets::Ending{2s, "Failed", 1};
  };
  world.until("index 1 has failed", [&] {
    auto now = world.server.peek<Job>("default", "idx");
    *failed = *failed || now->status.failed > 0;
    return *failed;
  });
  world.until("complete", [&] { return finished(world, "idx", "Complete"); });
  auto now = world.server.peek<Job>("default", "idx");
  if (now->status.completedIndexes != "0-" + std::to_string(completions - 1)) {
    world.fail("completed indexes: " + now->status.completedIndexes);
  }
  remove<Job>(world, "idx");
  world.until("gone", [&] { return podCount(world, "idx") == 0; });
}

void playFailing(World& world) {
  world.watchFor<CountsAreRight>();
  world.kubelets.ending = [](const Pod&) -> std::optional<Kubelets::Ending> {
    return Kubelets::Ending{1s, "Failed", 3};
  };
  auto job = makeJob("bad", 4, 1);
  job.spec.backoffLimit = world.draw(0, 3);
  const auto tries = *job.spec.backoffLimit + 1;
  world.server.put(job);
  world.until("failed", [&] { return finished(world, "bad", "Failed"); });
  auto now = world.server.peek<Job>("default", "bad");
  if (!world.failed() && !world.faults.doubts() && now->status.failed != tries) {
    world.fail(std::to_string(now->status.failed) + " tries, " + std::to_string(tries) +
               " were allowed");
  }
  remove<Job>(world, "bad", "Foreground");
  world.until("gone", [&] { return podCount(world, "bad") == 0; });
}

const std::vector<std::string> kParts = {"job-controller", "garbage-collector-controller"};

}  // namespace

Scenario job() {
  return {"job", kParts, playPlain, oneNodeWherePodsSucceed};
}
Scenario jobIndexed() {
  return {"job-indexed", kParts, playIndexed, oneNodeWherePodsSucceed};
}
Scenario jobFailing() {
  return {"job-failing", kParts, playFailing, oneNodeWherePodsSucceed};
}

}  // namespace coxswain::simulation
