#pragma once

#include "runtime/spawn.h"

namespace coxswain {
namespace detail {
template <typename T>
Task<void> runThenStop(Task<T> task, std::optional<T>& result, Reactor& reactor) {
  result.emplace(co_await std::move(task));
  reactor.stop();
}
inline Task<void> runThenStopVoid(Task<void> task, Reactor& reactor) {
  co_await std::move(task);
  reactor.stop();
}
}  // namespace detail

template <typename T>
T blockOn(Reactor& reactor, Task<T> task) {
  if constexpr (std::is_void_v<T>) {
    spawn(reactor, detail::runThenStopVoid(std::move(task), reactor));
    reactor.run();
  } else {
    std::optional<T> result;
    spawn(reactor, detail::runThenStop(std::move(task), result, reactor));
    reactor.run();
    return std::move(*result);
  }
}

}  // namespace coxswain
