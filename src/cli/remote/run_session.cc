#include "cli/remote/run_session.h"

#include "cli/framework/errors.h"
#include "cli/remote/input_reader.h"
#include "cli/remote/join_session.h"
#include "cli/remote/terminal.h"
#include "runtime/spawn.h"

namespace coxswain::cli {
namespace {

class StandardInput final : public SessionInput {
 public:
  StandardInput(Reactor& reactor, int fd) : reader_(reactor, fd) {}
  Task<Result<std::string>> read(std::stop_token stop) override {
    return reader_.read(std::move(stop));
  }

 private:
  InputReader reader_;
};

/// What the terminal needs while a session has it.
struct TerminalLoan {
  std::unique_ptr<SignalWatch> resizes;
  std::unique_ptr<RawTerminal> raw;

  Status take(Session& session) {
    TRY(resizes, SignalWatch::create(session.reactor(), {SIGWINCH}));
    TRY(raw, RawTerminal::enter(session.streams().in));
    return {};
  }
};

Task<void> passSizes(streaming::ClientSession& remote, SignalWatch& resizes, int fd,
                     std::stop_token stop) {
  while (true) {
    if (auto size = terminalSize(fd)) {
      Status sent = co_await remote.resize(*size, stop);
      if (!sent.ok()) co_return;
    }
    auto changed = co_await resizes.next(stop);
    if (!changed.ok()) co_return;
  }
}

Task<void> joinInto(streaming::ClientSession& remote, SessionInput* input, SessionOutput& out,
                    SessionOutput& err, std::stop_source ended,
                    Result<streaming::Outcome>& outcome) {
  outcome = co_await joinSession(remote, input, out, err, ended);
}

}  // namespace

Status concludeSession(Session& session, const Result<streaming::Outcome>& outcome) {
  if (!outcome.ok()) return fault(outcome.status().message());
  if (outcome->ok()) return {};
  if (!outcome->exitCode) return fault(outcome->status.message());
  session.error("command terminated with exit code " + std::to_string(*outcome->exitCode) + "\n");
  session.exitCode(*outcome->exitCode);
  return {};
}

Task<Status> runSession(Session& session, DialTask dial, bool tty) {
  const auto& streams = session.streams();
  session.out().flush();
  Result<streaming::Outcome> outcome = canceled();
  {
    TerminalLoan terminal;
    if (tty && isTerminal(streams.in)) CO_TRY_STATUS(terminal.take(session));
    CO_TRY(auto remote, co_await std::move(dial));
    std::unique_ptr<StandardInput> input;
    if (remote->streams().stdin_)
      input = std::make_unique<StandardInput>(session.reactor(), streams.in);
    FdOutput out(streams.out);
    FdOutput err(streams.err);
    std::stop_source ended;
    std::vector<Task<void>> tasks;
    tasks.push_back(joinInto(*remote, input.get(), out, err, ended, outcome));
    if (terminal.resizes)
      tasks.push_back(passSizes(*remote, *terminal.resizes, streams.in, ended.get_token()));
    co_await whenAll(std::move(tasks));
  }
  co_return concludeSession(session, outcome);
}

}  // namespace coxswain::cli
