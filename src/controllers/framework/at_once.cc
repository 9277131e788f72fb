#include "controllers/framework/at_once.h"

#include <algorithm>

#include "runtime/spawn.h"

namespace coxswain::controllers {

/// Takes one task after the other. What it works on lives in runAll's frame.
static Task<void> lane(std::vector<Task<void>>& tasks, size_t& next) {
  while (next < tasks.size()) {
    Task<void> task = std::move(tasks[next++]);
    co_await std::move(task);
  }
}

Task<void> runAll(std::vector<Task<void>> tasks, size_t limit) {
  size_t next = 0;
  std::vector<Task<void>> lanes;
  for (size_t i = 0; i < std::min(limit, tasks.size()); ++i) lanes.push_back(lane(tasks, next));
  co_await whenAll(std::move(lanes));
}

}  // namespace coxswain::controllers
