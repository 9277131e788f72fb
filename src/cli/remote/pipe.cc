#include "cli/remote/pipe.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>

namespace coxswain::cli {
namespace {

constexpr size_t kPieceBytes = 32 * 1024;

Result<std::unique_ptr<Reactor::Descriptor>> makePipe(Reactor& reactor, bool nearReads, int& far) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return errnoStatus("pipe", errno);
  // Only this end is made non-blocking: the two are different open files.
  auto near = Reactor::Descriptor::create(reactor, nearReads ? ends[0] : ends[1]);
  far = nearReads ? ends[1] : ends[0];
  if (!near.ok()) ::close(far);
  return near;
}

}  // namespace

Result<std::unique_ptr<PipeInput>> PipeInput::create(Reactor& reactor, int& far) {
  TRY(auto descriptor, makePipe(reactor, true, far));
  return std::unique_ptr<PipeInput>(new PipeInput(std::move(descriptor)));
}

Task<Result<std::string>> PipeInput::read(std::stop_token stop) {
  std::string piece(kPieceBytes, '\0');
  while (true) {
    ssize_t n = ::read(descriptor_->fd(), piece.data(), piece.size());
    if (n >= 0) {
      piece.resize(static_cast<size_t>(n));
      co_return std::move(piece);
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) co_return errnoStatus("read", errno);
    CO_TRY_STATUS(co_await descriptor_->waitReadable(stop));
  }
}

Result<std::unique_ptr<PipeOutput>> PipeOutput::create(Reactor& reactor, int& far) {
  // A reader that gave up shows as EPIPE.
  ::signal(SIGPIPE, SIG_IGN);
  TRY(auto descriptor, makePipe(reactor, false, far));
  return std::unique_ptr<PipeOutput>(new PipeOutput(std::move(descriptor)));
}

Task<Status> PipeOutput::write(std::string_view data) {
  while (!data.empty()) {
    ssize_t n = ::write(descriptor_->fd(), data.data(), data.size());
    if (n >= 0) {
      data.remove_prefix(static_cast<size_t>(n));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) co_return errnoStatus("write", errno);
    CO_TRY_STATUS(co_await descriptor_->waitWritable({}));
  }
  co_return Status();
}

}  // namespace coxswain::cli
