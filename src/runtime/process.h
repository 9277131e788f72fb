#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "runtime/task.h"

namespace coxswain {

class Reactor;

/// What to start and how. The child gets default signal handlers, an empty signal mask, and no
/// descriptor but 0, 1, 2 and `descriptors`.
struct ProcessOptions {
  /// argv[0] is the program: a path, or a name that is looked for in PATH.
  std::vector<std::string> argv;
  /// "NAME=value" each; nullopt: this process's own.
  std::optional<std::vector<std::string>> environment;
  std::string folder;  ///< working folder; empty: this process's own
  /// Of its own process group, whose leader it is: signalGroup reaches its children too.
  bool ownGroup = true;
  /// The kernel sends it this signal when the thread that started it ends; 0: none.
  int deathSignal = 0;
  /// Descriptors it inherits: {ours, its number (3 and up)}. Ours stay open and ours.
  std::vector<std::pair<int, int>> descriptors;
};

/// How a process ended.
struct ProcessExit {
  int code = 0;    ///< exit code; meaningless when `signal` is not 0
  int signal = 0;  ///< that ended it; 0: it exited
  [[nodiscard]] bool ok() const { return code == 0 && signal == 0; }
  /// "exit code 1", "signal 9 (Killed)".
  [[nodiscard]] std::string describe() const;
  bool operator==(const ProcessExit&) const = default;
};

struct RunOptions : ProcessOptions {
  std::string input;  ///< all of standard input
  /// What exceeds these is read and dropped.
  size_t outputBytesMax = 4 << 20;
  size_t errorBytesMax = 64 << 10;
};

struct RunResult {
  ProcessExit exit;
  std::string output;
  std::string error;
  bool outputTruncated = false;
  bool errorTruncated = false;
};

struct ChildOptions : ProcessOptions {
  /// Where standard output and error are appended (made with mode 0640). Empty: /dev/null.
  std::string logFile;
  bool inheritOutput = false;  ///< instead: both are this process's own
};

/// A process that runs beside us. Destroying this leaves a running process alone; one that nobody
/// waited for stays a zombie until we end.
class ChildProcess {
 public:
  virtual ~ChildProcess() = default;

  [[nodiscard]] virtual pid_t pid() const = 0;
  /// How it ended, for any number of waiters, now or later. Canceled: stopped, it still runs.
  virtual Task<Result<ProcessExit>> wait(std::stop_token stop) = 0;
  /// NotFound once it has ended. Never reaches another process that got its number.
  virtual Status signal(int number) = 0;
  /// To its whole group, which may outlive it; with ownGroup only. NotFound: nobody is left.
  virtual Status signalGroup(int number) = 0;
};

/// Starts programs. One executor. Failures of starting: NotFound (no such program or folder),
/// Forbidden, InternalError (no processes or descriptors left).
class ProcessRunner {
 public:
  virtual ~ProcessRunner() = default;

  /// Runs a program to its end. Output that its orphans write after that is not waited for. When
  /// stopped, its whole group is killed (SIGKILL) and the answer is Canceled.
  virtual Task<Result<RunResult>> run(RunOptions options, std::stop_token stop) = 0;
  virtual Result<std::unique_ptr<ChildProcess>> start(ChildOptions options) = 0;
};

/// Of this machine: clone with a pidfd that `reactor` watches; needs no SIGCHLD handler and leaves
/// other children of this process alone. On the reactor's thread.
std::unique_ptr<ProcessRunner> systemProcesses(Reactor& reactor);

/// The file that starting `name` would execute; `path` is as in PATH. NotFound.
Result<std::string> findProgram(const std::string& name, std::string_view path);
/// The same with this process's PATH, or the usual folders (sbin too) where it has none.
Result<std::string> findProgram(const std::string& name);
/// SIGTERM, then SIGKILL after `grace`, to the group; returns when the process has ended.
Task<Result<ProcessExit>> endProcess(ChildProcess& child, Duration grace);

}  // namespace coxswain
