#pragma once

#include <deque>
#include <optional>
#include <string>

#include "base/result.h"
#include "runtime/sync.h"
#include "runtime/task.h"

namespace coxswain::streaming {

/// Pieces of bytes from one coroutine to another, bounded by their sum. One executor, one reader.
class ByteQueue {
 public:
  explicit ByteQueue(size_t bytesMax) : bytesMax_(bytesMax) {}

  /// Waits while it holds `bytesMax` or more. Dropped after end, fail or discard.
  Task<Status> push(std::string piece, std::stop_token stop);
  /// The oldest piece; empty at the end; the failure after fail (and after what was pushed before).
  Task<Result<std::string>> pop(std::stop_token stop);
  /// No more will come.
  void end();
  /// Likewise, and the reader shall know why. The first of end and fail counts.
  void fail(Status why);
  /// Nobody will read: forgets what is there and what comes.
  void discard();
  [[nodiscard]] size_t bytes() const { return bytes_; }

 private:
  size_t bytesMax_;
  size_t bytes_ = 0;
  bool ended_ = false;
  bool discarding_ = false;
  Status why_;
  std::deque<std::string> pieces_;
  WaitList reader_;
  WaitList writers_;
};

}  // namespace coxswain::streaming
