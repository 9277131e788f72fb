#include "runtime/executor.h"

namespace coxswain {
namespace {
thread_local Executor* currentExecutor = nullptr;
}

Executor* Executor::current() {
  return currentExecutor;
}

Executor::Scope::Scope(Executor* executor) : previous_(currentExecutor) {
  currentExecutor = executor;
}
Executor::Scope::~Scope() {
  currentExecutor = previous_;
}

}  // namespace coxswain
