#include "controllers/framework/at_once.h"

#include <gtest/gtest.h>

#include "runtime/sim/run_task.h"

namespace coxswain::controllers {
namespace {

struct Counts {
  size_t running = 0;
  size_t most = 0;
  size_t ended = 0;
};

Task<void> one(Counts& counts) {
  ++counts.running;
  counts.most = std::max(counts.most, counts.running);
  Status slept = co_await sleepFor(1s);
  EXPECT_TRUE(slept.ok());
  --counts.running;
  ++counts.ended;
}

TEST(RunAll, EndsWithTheLastAndNeverRunsMoreThanItsLimit) {
  struct Row {
    size_t tasks, limit, most;
  };
  for (const auto& row : {Row{0, 4, 0}, Row{3, 4, 3}, Row{4, 4, 4}, Row{101, 4, 4}, Row{5, 1, 1}}) {
    sim::SimExecutor executor(7);
    Counts counts;
    std::vector<Task<void>> tasks;
    for (size_t i = 0; i < row.tasks; ++i) tasks.push_back(one(counts));
    sim::runTask(executor, runAll(std::move(tasks), row.limit));
    EXPECT_EQ(counts.ended, row.tasks);
    EXPECT_EQ(counts.most, row.most) << row.tasks;
  }
}

}  // namespace
}  // namespace coxswain::controllers
