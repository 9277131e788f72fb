#include "cli/remote/join_session.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>

#include "runtime/spawn.h"

namespace coxswain::cli {
namespace {

Task<void> pumpInput(streaming::ClientSession& remote, SessionInput* input,
                     std::stop_source ended) {
  auto stop = ended.get_token();
  while (input) {
    auto piece = co_await input->read(stop);
    if (!piece.ok()) co_return;
    Status sent = piece->empty() ? co_await remote.closeStdin(stop)
                                 : co_await remote.writeStdin(*piece, stop);
    if (!sent.ok() || piece->empty()) co_return;
  }
}

Task<void> pumpOutput(streaming::ClientSession& remote, bool err, SessionOutput& output) {
  bool open = true;
  while (true) {
    auto piece = err ? co_await remote.readStderr({}) : co_await remote.readStdout({});
    if (!piece.ok() || piece->empty()) co_return;
    if (!open) continue;
    Status written = co_await output.write(*piece);
    open = written.ok();
  }
}

Task<void> pumpOutputs(streaming::ClientSession& remote, SessionOutput& out, SessionOutput& err,
                       Result<streaming::Outcome>& outcome, std::stop_source ended) {
  std::vector<Task<void>> both;
  both.push_back(pumpOutput(remote, false, out));
  both.push_back(pumpOutput(remote, true, err));
  co_await whenAll(std::move(both));
  outcome = co_await remote.outcome({});
  ended.request_stop();
}

}  // namespace

bool writeAll(int fd, std::string_view data) {
  while (!data.empty()) {
    ssize_t n = ::write(fd, data.data(), data.size());
    if (n >= 0) {
      data.remove_prefix(static_cast<size_t>(n));
    } else if (errno == EAGAIN) {
      pollfd poll{fd, POLLOUT, 0};
      ::poll(&poll, 1, -1);
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

Task<Status> FdOutput::write(std::string_view data) {
  co_return writeAll(fd_, data) ? Status() : errnoStatus("write", errno);
}

Task<Result<streaming::Outcome>> joinSession(streaming::ClientSession& remote, SessionInput* input,
                                             SessionOutput& out, SessionOutput& err,
                                             std::stop_source ended) {
  Result<streaming::Outcome> outcome = canceled();
  std::vector<Task<void>> pumps;
  pumps.push_back(pumpInput(remote, input, ended));
  pumps.push_back(pumpOutputs(remote, out, err, outcome, ended));
  co_await whenAll(std::move(pumps));
  co_await remote.close();
  co_return std::move(outcome);
}

}  // namespace coxswain::cli
