#include "cli/remote/input_reader.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <thread>

#include "runtime/sync.h"

namespace coxswain::cli {
namespace {
constexpr size_t kPieceBytes = 32 * 1024;
}

struct InputReader::State {
  State(Executor& e, int f) : executor(e), fd(f) {}
  Executor& executor;
  int fd;
  int wake = -1;  ///< eventfd: the thread shall end
  std::thread thread;
  std::mutex mutex;
  std::condition_variable room;
  std::deque<std::string> pieces;  // guarded, as the next three
  bool ended = false;
  bool stopping = false;
  Status why;
  Event arrived;  // on the executor
};

namespace {

/// Waits for input; false: the reader is being destroyed.
bool awaitInput(int fd, int wake) {
  pollfd both[2] = {{fd, POLLIN, 0}, {wake, POLLIN, 0}};
  while (::poll(both, 2, -1) < 0)
    if (errno != EINTR) return false;
  return both[1].revents == 0;
}

}  // namespace

InputReader::InputReader(Executor& executor, int fd)
    : state_(std::make_shared<State>(executor, fd)) {
  state_->wake = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  state_->thread = std::thread([state = state_.get(), shared = std::weak_ptr(state_)] {
    std::string buffer(kPieceBytes, '\0');
    while (true) {
      ssize_t n = -1;
      bool goOn = awaitInput(state->fd, state->wake);
      if (goOn) n = ::read(state->fd, buffer.data(), buffer.size());
      if (goOn && n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      std::unique_lock lock(state->mutex);
      if (goOn && n > 0) {
        state->pieces.emplace_back(buffer.data(), static_cast<size_t>(n));
      } else {
        if (goOn && n < 0) state->why = errnoStatus("read stdin", errno);
        state->ended = true;
      }
      state->executor.post([shared] {
        if (auto locked = shared.lock()) locked->arrived.set();
      });
      if (state->ended) return;
      state->room.wait(lock, [state] { return state->pieces.size() < 2 || state->stopping; });
      if (state->stopping) return;
    }
  });
}

InputReader::~InputReader() {
  {
    std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  state_->room.notify_all();
  uint64_t one = 1;
  if (::write(state_->wake, &one, sizeof one) != sizeof one) {
    // An eventfd takes it always; and if not, the thread ends with its next input.
  }
  state_->thread.join();
  ::close(state_->wake);
}

Task<Result<std::string>> InputReader::read(std::stop_token stop) {
  auto state = state_;
  while (true) {
    {
      std::lock_guard lock(state->mutex);
      if (!state->pieces.empty()) {
        auto piece = std::move(state->pieces.front());
        state->pieces.pop_front();
        state->room.notify_all();
        co_return std::move(piece);
      }
      if (state->ended && !state->why.ok()) co_return state->why;
      if (state->ended) co_return std::string();
      state->arrived.reset();
    }
    CO_TRY_STATUS(co_await state->arrived.wait(stop));
  }
}

}  // namespace coxswain::cli
