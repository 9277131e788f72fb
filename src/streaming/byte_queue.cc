#include "streaming/byte_queue.h"

namespace coxswain::streaming {

Task<Status> ByteQueue::push(std::string piece, std::stop_token stop) {
  while (bytes_ >= bytesMax_ && !ended_ && !discarding_)
    CO_TRY_STATUS(co_await writers_.wait(stop));
  if (ended_ || discarding_ || piece.empty()) co_return Status();
  bytes_ += piece.size();
  pieces_.push_back(std::move(piece));
  reader_.notifyOne();
  co_return Status();
}

Task<Result<std::string>> ByteQueue::pop(std::stop_token stop) {
  while (pieces_.empty()) {
    if (ended_ && !why_.ok()) co_return why_;
    if (ended_) co_return std::string();
    CO_TRY_STATUS(co_await reader_.wait(stop));
  }
  auto piece = std::move(pieces_.front());
  pieces_.pop_front();
  bytes_ -= piece.size();
  writers_.notifyOne();
  co_return std::move(piece);
}

void ByteQueue::end() {
  fail(Status());
}

void ByteQueue::fail(Status why) {
  if (ended_) return;
  ended_ = true;
  why_ = std::move(why);
  reader_.notifyAll();
  writers_.notifyAll();
}

void ByteQueue::discard() {
  discarding_ = true;
  pieces_.clear();
  bytes_ = 0;
  writers_.notifyAll();
}

}  // namespace coxswain::streaming
