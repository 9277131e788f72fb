#pragma once

#include <cstddef>
#include <vector>

#include "runtime/task.h"

namespace coxswain::controllers {

/// How many requests one key's work has under way at once. More make nothing faster, and each holds
/// an object, its bytes and its coroutines until it is answered.
inline constexpr size_t kAtOnce = 32;

/// Runs the tasks on the current executor, started in their order, at most `limit` at a time; ends
/// when all have.
Task<void> runAll(std::vector<Task<void>> tasks, size_t limit = kAtOnce);

}  // namespace coxswain::controllers
