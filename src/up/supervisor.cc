#include "up/supervisor.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "base/log.h"

extern char** environ;  // NOLINT: POSIX declares it nowhere

namespace coxswain::up {
namespace {

const Logger kLog("supervisor");

constexpr Duration kGoodRun = 60s;

/// Takes the lock for as long as the process lives; -1: somebody else has it.
int takeLock(const std::string& path) {
  int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return -1;
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    ::close(fd);
    return -1;
  }
  auto text = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd, 0) != 0 || ::write(fd, text.data(), text.size()) < 0) {
    ::close(fd);
    return -1;
  }
  return fd;
}

sigset_t watchedSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (int number : {SIGCHLD, SIGTERM, SIGINT}) sigaddset(&set, number);
  return set;
}

/// A program with default signal handling; `logFd` -1: our own output. Zero: it failed.
pid_t spawnProgram(const std::vector<std::string>& argv, int logFd, short flags) {
  std::vector<char*> words;
  for (const auto& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  sigset_t all = watchedSignals();
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(
      &attributes, static_cast<short>(flags | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (logFd >= 0) {
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, logFd, 1);
    posix_spawn_file_actions_adddup2(&actions, logFd, 2);
  }
  pid_t pid = 0;
  int error = ::posix_spawnp(&pid, words[0], &actions, &attributes, words.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  errno = error;
  return error == 0 ? pid : 0;
}

Duration monotonicNow() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

/// Waits for the child; passes SIGTERM and SIGINT on and notes that in `stopping`.
int awaitChild(pid_t child, bool& stopping) {
  sigset_t set = watchedSignals();
  while (true) {
    int status = 0;
    if (::waitpid(child, &status, WNOHANG) == child) return status;
    int number = 0;
    if (::sigwait(&set, &number) != 0 || number == SIGCHLD) continue;
    stopping = true;
    ::kill(child, SIGTERM);
  }
}

/// True: a signal asked us to stop meanwhile.
bool pauseFor(Duration delay) {
  sigset_t set = watchedSignals();
  sigdelset(&set, SIGCHLD);
  auto seconds = std::chrono::duration_cast<std::chrono::seconds>(delay);
  timespec timeout{seconds.count(), (delay - seconds).count()};
  return ::sigtimedwait(&set, nullptr, &timeout) > 0;
}

}  // namespace

int supervise(const SupervisorOptions& options) {
  sigset_t set = watchedSignals();
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  int lock = takeLock(options.lockFile);
  if (lock < 0) {
    kLog.error("the lock is not to be had", {{"file", options.lockFile}});
    return 1;
  }
  Duration backoff = options.backoffFirst;
  bool stopping = false;
  while (true) {
    auto since = monotonicNow();
    pid_t child = spawnProgram(options.argv, -1, 0);
    if (child == 0) {
      kLog.error("cannot start", {{"program", options.argv[0]}, {"errno", errno}});
      return 1;
    }
    int status = awaitChild(child, stopping);
    if (stopping) return 0;
    if (WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == kExitGivenUp)) {
      return WEXITSTATUS(status);
    }
    if (monotonicNow() - since > kGoodRun) backoff = options.backoffFirst;
    kLog.error("the server died; it is started again",
               {{"status", status}, {"backoffMs", backoff / 1ms}});
    if (pauseFor(backoff)) return 0;
    backoff = std::min(backoff * 2, options.backoffMax);
  }
}

Result<pid_t> startDetached(const std::vector<std::string>& argv, const std::string& logFile) {
  int log = ::open(logFile.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
  if (log < 0) return errnoStatus("open " + logFile, errno);
  pid_t pid = spawnProgram(argv, log, POSIX_SPAWN_SETSID);
  int error = errno;
  ::close(log);
  if (pid == 0) return errnoStatus("start " + argv[0], error);
  return pid;
}

std::optional<pid_t> runningSupervisor(const std::string& lockFile) {
  int fd = ::open(lockFile.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  std::optional<pid_t> pid;
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    char text[32] = {};
    if (::read(fd, text, sizeof text - 1) > 0) pid = static_cast<pid_t>(std::atoi(text));
  }
  ::close(fd);
  return pid;
}

}  // namespace coxswain::up
