#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace coxswain::up {

/// Exit code of a server that must not be started again: its start failed for good.
inline constexpr int kExitGivenUp = 78;

struct SupervisorOptions {
  std::vector<std::string> argv;  ///< of the server; argv[0] is the program's path
  std::string lockFile;
  Duration backoffFirst = 1s;
  Duration backoffMax = 30s;
};

/// The tiny parent of a server: starts it, and starts it again when it dies, with a backoff that a
/// run of a minute resets. Holds the lock file while it runs. SIGTERM and SIGINT are passed on, and
/// then the server's end is ours. Returns the exit code for main: 0 after an orderly end,
/// kExitGivenUp; 1 where another supervisor holds the lock or the program cannot be started. Plain
/// system calls: it has no reactor, no threads, and hardly any memory.
int supervise(const SupervisorOptions& options);

/// Starts `argv` as a session of its own with output appended to `logFile`; it outlives us.
Result<pid_t> startDetached(const std::vector<std::string>& argv, const std::string& logFile);

/// Pid of the supervisor that holds the lock; nullopt: none runs.
std::optional<pid_t> runningSupervisor(const std::string& lockFile);

}  // namespace coxswain::up
