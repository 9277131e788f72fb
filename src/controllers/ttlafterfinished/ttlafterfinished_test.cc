#include <gtest/gtest.h>

#include "api/gen/meta_v1.h"
#include "controllers/framework/testing/harness.h"
#include "controllers/ttlafterfinished/controller.h"

namespace coxswain::controllers::ttlafterfinished {
namespace {

using api::batch::v1::Job;
using testing::Harness;

Job makeJob(const std::string& name, std::optional<int32_t> ttl) {
  Job job;
  job.metadata.name = name;
  job.metadata.namespace_ = "default";
  job.spec.ttlSecondsAfterFinished = ttl;
  return job;
}

void finish(Job& job, WallTime when) {
  auto& condition = job.status.conditions.emplace_back();
  condition.type = "Complete";
  condition.status = "True";
  condition.lastTransitionTime = api::Time(when);
}

TEST(TtlAfterFinished, DeletesWhenTheTimeIsOver) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    Harness h(seed);
    h.client.faults.error = h.client.faults.unreachable = h.client.faults.lostAnswer = 0.05;
    h.add<TtlAfterFinishedController>();
    h.start();
    for (const auto& [name, ttl] :
         std::initializer_list<std::pair<std::string, std::optional<int32_t>>>{
             {"stays", std::nullopt}, {"soon", 60}, {"runs", 0}}) {
      auto job = makeJob(name, ttl);
      if (name != "runs") finish(job, h.wallNow());
      h.client.put(job);
    }
    h.run(50s);
    EXPECT_TRUE(h.client.peek<Job>("default", "soon")) << seed;
    // What is deleted in the foreground stays until a collector has looked at its pods.
    ASSERT_TRUE(h.until([&] {
      auto job = h.client.peek<Job>("default", "soon");
      return !job || job->metadata.deletionTimestamp;
    })) << seed;
    ASSERT_FALSE(h.client.peek<Job>("default", "runs")->metadata.deletionTimestamp);
    h.client.change<Job>("default", "runs", [&](Job& job) { finish(job, h.wallNow()); });
    ASSERT_TRUE(h.until([&] {
      auto job = h.client.peek<Job>("default", "runs");
      return !job || job->metadata.deletionTimestamp;
    })) << seed;
    EXPECT_FALSE(h.client.peek<Job>("default", "stays")->metadata.deletionTimestamp);
  }
}

TEST(TtlAfterFinished, ALongerTimeCounts) {
  Harness h(1);
  h.add<TtlAfterFinishedController>();
  h.start();
  auto job = makeJob("j", 60);
  finish(job, h.wallNow());
  h.client.put(job);
  h.run(30s);
  h.client.change<Job>("default", "j", [](Job& j) { j.spec.ttlSecondsAfterFinished = 600; });
  h.run(5min);
  EXPECT_FALSE(h.client.peek<Job>("default", "j")->metadata.deletionTimestamp);
}

}  // namespace
}  // namespace coxswain::controllers::ttlafterfinished
