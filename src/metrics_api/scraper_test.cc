#include "metrics_api/scraper.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>

#include "runtime/sim/sim_executor.h"
#include "runtime/spawn.h"

namespace coxswain::metrics_api {
namespace {

/// Nodes that use one core each; some never answer.
class FakeKubelets final : public Kubelets {
 public:
  explicit FakeKubelets(Executor& executor) : executor_(executor) {}

  Result<std::vector<std::string>> nodes() override { return names; }
  Task<Result<std::string>> resourceMetrics(std::string node, std::stop_token stop) override {
    ++reads;
    if (node == silent) {
      Event never;
      CO_TRY_STATUS(co_await never.wait(stop));
    }
    const auto seconds =
        std::chrono::duration<double>(executor_.wallNow().time_since_epoch()).count();
    co_return fmt::format(
        "node_cpu_usage_seconds_total {0} {1}\nnode_memory_working_set_bytes 1000 {1}\n", seconds,
        static_cast<int64_t>(seconds * 1000));
  }

  std::vector<std::string> names = {"n1"};
  std::string silent;
  int reads = 0;

 private:
  Executor& executor_;
};

class Scraping : public ::testing::Test {
 protected:
  sim::SimExecutor executor{1};
  FakeKubelets kubelets{executor};
  Scraper scraper{executor, kubelets, Scraper::Options()};

  ~Scraping() override {
    bool done = false;
    spawn(executor, end(*this, done));
    executor.runFor(1min);
    EXPECT_TRUE(done);
  }
  static Task<void> end(Scraping& self, bool& done) {
    co_await self.scraper.stop();
    done = true;
  }
  static Task<void> ask(Scraping& self, bool& answered) {
    co_await self.scraper.ready({});
    answered = true;
  }
  /// How long whoever asks waits.
  Duration wait() {
    const auto start = executor.now();
    bool answered = false;
    spawn(executor, ask(*this, answered));
    while (!answered && executor.now() - start < 1min) executor.runFor(10ms);
    return executor.now() - start;
  }
};

TEST_F(Scraping, NothingIsReadUnasked) {
  executor.runFor(1h);
  EXPECT_EQ(kubelets.reads, 0);
  EXPECT_FALSE(scraper.running());
}

TEST_F(Scraping, WhoAsksFirstWaitsForTwoReadings) {
  EXPECT_LT(wait(), 1100ms);
  EXPECT_EQ(kubelets.reads, 2);
  const auto usage = scraper.usage().node("n1");
  ASSERT_TRUE(usage);
  EXPECT_NEAR(static_cast<double>(usage->cpuNanos), 1e9, 1e7);
  EXPECT_LT(wait(), 20ms);
  executor.runFor(30s);
  EXPECT_EQ(kubelets.reads, 4);
  EXPECT_EQ(scraper.usage().node("n1")->window, Duration(15s));
}

TEST_F(Scraping, EndsWhenNobodyAsks) {
  wait();
  executor.runFor(10min);
  EXPECT_FALSE(scraper.running());
  EXPECT_FALSE(scraper.usage().node("n1"));
  const int reads = kubelets.reads;
  executor.runFor(1h);
  EXPECT_EQ(kubelets.reads, reads);
  // And starts again.
  EXPECT_LT(wait(), 1100ms);
  EXPECT_TRUE(scraper.usage().node("n1"));
}

TEST_F(Scraping, ASilentNodeHindersTheOthersForAWhileOnly) {
  kubelets.names = {"n1", "n2", "n3"};
  kubelets.silent = "n2";
  EXPECT_LT(wait(), 7s);
  executor.runFor(2min);
  EXPECT_TRUE(scraper.usage().node("n1"));
  EXPECT_TRUE(scraper.usage().node("n3"));
  EXPECT_FALSE(scraper.usage().node("n2"));
}

}  // namespace
}  // namespace coxswain::metrics_api
