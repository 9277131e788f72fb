#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "runtime/executor.h"
#include "runtime/task.h"

namespace coxswain::cli {

/// Reads a descriptor of any kind (terminal, pipe, file) on a thread of its own, so that neither
/// the reactor blocks nor the descriptor's mode, which others share, has to change. Reads ahead by
/// one piece. The executor outlives it.
class InputReader {
 public:
  InputReader(Executor& executor, int fd);
  ~InputReader();
  InputReader(const InputReader&) = delete;
  InputReader& operator=(const InputReader&) = delete;

  /// The next piece, at most 32 KiB; empty at the end. Canceled; Unreachable: reading failed.
  Task<Result<std::string>> read(std::stop_token stop);

 private:
  struct State;
  std::shared_ptr<State> state_;  // shared with the thread's notices to the executor
};

}  // namespace coxswain::cli
