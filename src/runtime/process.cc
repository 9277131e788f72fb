#include "runtime/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "runtime/reactor.h"
#include "runtime/spawn.h"
#include "runtime/spawn_process.h"
#include "runtime/sync.h"

namespace coxswain {
namespace {

using DescriptorPointer = std::unique_ptr<Reactor::Descriptor>;

/// Closes what is not taken.
class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.take()) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() { reset(); }
  [[nodiscard]] int get() const { return fd_; }
  int take() { return std::exchange(fd_, -1); }
  void reset() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

 private:
  int fd_;
};

struct Pipe {
  Fd reader;
  Fd writer;
};

Result<Pipe> makePipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return errnoStatus("pipe", errno);
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

Result<Fd> openFile(const std::string& path, int flags) {
  int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0640);
  if (fd < 0) return errnoStatus("open " + path, errno);
  return Fd(fd);
}

/// A child as its pidfd shows it.
class SystemChild final : public ChildProcess {
 public:
  SystemChild(pid_t pid, DescriptorPointer pidfd, bool ownGroup)
      : pid_(pid), pidfd_(std::move(pidfd)), ownGroup_(ownGroup) {}
  ~SystemChild() override { reap(); }

  [[nodiscard]] pid_t pid() const override { return pid_; }

  Task<Result<ProcessExit>> wait(std::stop_token stop) override {
    // One of the waiters watches the descriptor; when it gives up, the next one does.
    if (!reap()) {
      CO_TRY_STATUS(co_await turn_.acquire(stop));
      Status ready = reap() ? Status() : co_await pidfd_->waitReadable(stop);
      turn_.release();
      if (!ready.ok()) co_return ready;
      if (!reap()) co_return internalError("a child's end could not be read");
    }
    co_return *exit_;
  }

  Status signal(int number) override {
    if (reap()) return gone();
    if (::syscall(SYS_pidfd_send_signal, pidfd_->fd(), number, nullptr, 0) == 0) return {};
    return errno == ESRCH ? gone() : errnoStatus("signal", errno);
  }

  Status signalGroup(int number) override {
    if (!ownGroup_) return badRequest("the process is not of its own group");
    // While one of the group lives, its number is nobody else's.
    if (::kill(-pid_, number) == 0) return {};
    return errno == ESRCH ? gone() : errnoStatus("signal", errno);
  }

 private:
  [[nodiscard]] Status gone() const {
    return Status(Reason::NotFound, 404, "process " + std::to_string(pid_) + " has ended");
  }
  /// True: it has ended, and `exit_` says how.
  bool reap() {
    if (exit_) return true;
    siginfo_t info{};
    if (::waitid(P_PIDFD, static_cast<id_t>(pidfd_->fd()), &info, WEXITED | WNOHANG) != 0 ||
        info.si_pid == 0) {
      return false;
    }
    exit_.emplace();
    (info.si_code == CLD_EXITED ? exit_->code : exit_->signal) = info.si_status;
    return true;
  }

  pid_t pid_;
  DescriptorPointer pidfd_;
  bool ownGroup_;
  std::optional<ProcessExit> exit_;
  Semaphore turn_{1};
};

/// Keeps the first `sizeMax` bytes of what a pipe brings.
struct Capture {
  DescriptorPointer pipe;
  size_t sizeMax = 0;
  std::string text;
  bool truncated = false;

  /// False: at the end, or nothing there right now (`wouldBlock`).
  bool readOnce(bool& wouldBlock) {
    char buffer[16384];
    ssize_t n = ::read(pipe->fd(), buffer, sizeof buffer);
    wouldBlock = n < 0 && (errno == EAGAIN || errno == EINTR);
    if (n <= 0) return false;
    auto kept = std::min(static_cast<size_t>(n), sizeMax - text.size());
    text.append(buffer, kept);
    truncated |= kept < static_cast<size_t>(n);
    return true;
  }
};

/// Until the pipe's end; once `ended` is requested, what is in it and no more.
Task<void> capture(Capture& into, std::stop_token ended) {
  while (true) {
    bool wouldBlock = false;
    if (into.readOnce(wouldBlock)) continue;
    if (!wouldBlock) co_return;
    if (ended.stop_requested()) co_return;
    Status ready = co_await into.pipe->waitReadable(ended);
    if (!ready.ok() && !isCanceled(ready)) co_return;
  }
}

/// Writes all, as far as the child reads.
Task<void> feed(DescriptorPointer pipe, const std::string& input, std::stop_token ended) {
  size_t at = 0;
  while (at < input.size()) {
    ssize_t n = ::write(pipe->fd(), input.data() + at, input.size() - at);
    if (n >= 0) {
      at += static_cast<size_t>(n);
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) co_return;  // it reads no more
    Status ready = co_await pipe->waitWritable(ended);
    if (!ready.ok()) co_return;
  }
}

/// Waits for the end of the child, killing it when stopped; then lets the pipes end.
Task<void> watchExit(ChildProcess& child, std::stop_token stop, Result<ProcessExit>& exit,
                     std::stop_source ended) {
  exit = co_await child.wait(stop);
  if (!exit.ok() && isCanceled(exit.status())) {
    (void)child.signalGroup(SIGKILL);
    auto last = co_await child.wait({});
    if (!last.ok()) exit = last.status();
  }
  ended.request_stop();
}

class SystemProcesses final : public ProcessRunner {
 public:
  explicit SystemProcesses(Reactor& reactor) : reactor_(reactor) {}

  Task<Result<RunResult>> run(RunOptions options, std::stop_token stop) override {
    if (stop.stop_requested()) co_return canceled();
    options.ownGroup = true;
    CO_TRY(auto input, makePipe());
    CO_TRY(auto output, makePipe());
    CO_TRY(auto error, makePipe());
    CO_TRY(auto child,
           spawn_(options, input.reader.get(), output.writer.get(), error.writer.get()));
    input.reader.reset();
    output.writer.reset();
    error.writer.reset();

    Capture out;
    out.sizeMax = options.outputBytesMax;
    Capture err;
    err.sizeMax = options.errorBytesMax;
    auto toChild = Reactor::Descriptor::create(reactor_, input.writer.take());
    auto fromOut = Reactor::Descriptor::create(reactor_, output.reader.take());
    auto fromErr = Reactor::Descriptor::create(reactor_, error.reader.take());
    if (!toChild.ok() || !fromOut.ok() || !fromErr.ok()) {
      (void)child->signalGroup(SIGKILL);
      (void)co_await child->wait({});
      co_return internalError("no descriptors are left to watch a child with");
    }
    out.pipe = std::move(*fromOut);
    err.pipe = std::move(*fromErr);

    std::stop_source ended;
    Result<ProcessExit> exit{ProcessExit()};
    std::vector<Task<void>> parts;
    parts.push_back(feed(std::move(*toChild), options.input, ended.get_token()));
    parts.push_back(capture(out, ended.get_token()));
    parts.push_back(capture(err, ended.get_token()));
    parts.push_back(watchExit(*child, stop, exit, ended));
    co_await whenAll(std::move(parts));
    if (!exit.ok()) co_return exit.status();

    RunResult result;
    result.exit = *exit;
    result.output = std::move(out.text);
    result.error = std::move(err.text);
    result.outputTruncated = out.truncated;
    result.errorTruncated = err.truncated;
    co_return std::move(result);
  }

  Result<std::unique_ptr<ChildProcess>> start(ChildOptions options) override {
    TRY(auto nothing, openFile("/dev/null", O_RDWR));
    if (options.inheritOutput) return spawn_(options, nothing.get(), 1, 2);
    if (options.logFile.empty())
      return spawn_(options, nothing.get(), nothing.get(), nothing.get());
    TRY(auto log, openFile(options.logFile, O_WRONLY | O_APPEND | O_CREAT));
    return spawn_(options, nothing.get(), log.get(), log.get());
  }

 private:
  Result<std::unique_ptr<ChildProcess>> spawn_(const ProcessOptions& options, int in, int out,
                                               int err) {
    TRY(auto spawned, spawnProcess(options, {in, out, err}));
    auto pidfd = Reactor::Descriptor::create(reactor_, spawned.pidfd);
    if (!pidfd.ok()) {
      ::kill(spawned.pid, SIGKILL);
      ::waitpid(spawned.pid, nullptr, 0);
      return pidfd.status();
    }
    return std::unique_ptr<ChildProcess>(
        std::make_unique<SystemChild>(spawned.pid, std::move(*pidfd), options.ownGroup));
  }

  Reactor& reactor_;
};

}  // namespace

std::string ProcessExit::describe() const {
  if (signal == 0) return "exit code " + std::to_string(code);
  const char* name = ::strsignal(signal);
  return "signal " + std::to_string(signal) + " (" + (name ? name : "unknown") + ")";
}

std::unique_ptr<ProcessRunner> systemProcesses(Reactor& reactor) {
  return std::make_unique<SystemProcesses>(reactor);
}

Task<Result<ProcessExit>> endProcess(ChildProcess& child, Duration grace) {
  Status sent = child.signalGroup(SIGTERM);
  if (!sent.ok()) sent = child.signal(SIGTERM);
  {
    Deadline deadline(grace, {});
    auto exit = co_await child.wait(deadline.token());
    if (exit.ok() || !isCanceled(exit.status())) {
      (void)child.signalGroup(SIGKILL);  // what it left behind
      co_return exit;
    }
  }
  sent = child.signalGroup(SIGKILL);
  if (!sent.ok()) sent = child.signal(SIGKILL);
  co_return co_await child.wait({});
}

}  // namespace coxswain
