#pragma once

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <utility>

#include "runtime/sim/sim_executor.h"
#include "runtime/spawn.h"

namespace coxswain::sim {

namespace detail {
template <typename T>
Task<void> into(Task<T> task, std::optional<T>& out) {
  out.emplace(co_await std::move(task));
}
}  // namespace detail

/// What `task` answers, once virtual time has gone on as far as it needs. For tests: a task that
/// does not end within `limit` ends the process.
template <typename T>
T runTask(SimExecutor& executor, Task<T> task, Duration limit = 1h) {
  std::optional<T> out;
  spawn(executor, detail::into(std::move(task), out));
  if (!executor.runUntil([&out] { return out.has_value(); }, limit)) {
    std::fputs("a task under simulation did not end in time\n", stderr);
    std::abort();
  }
  return std::move(*out);
}

inline void runTask(SimExecutor& executor, Task<void> task, Duration limit = 1h) {
  runTask(executor, coxswain::detail::endOf(std::move(task)), limit);
}

}  // namespace coxswain::sim
