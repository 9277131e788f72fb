#include "runtime/spawn_process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

// The child shares our memory until it executes the program (CLONE_VM, we sleep meanwhile), so that
// starting costs the same however large this process is. It may therefore change nothing but its
// own kernel state: system calls only, and without libc's wrappers, which sanitizers intercept.

/// glibc's clone by its other name: TSan takes `clone` for a fork, which this is not.
extern "C" int __clone(int (*function)(void*), void* stack, int flags, void* argument,  // NOLINT
                       ...);

#if defined(__clang__)
#define COXSWAIN_IN_CHILD __attribute__((disable_sanitizer_instrumentation))
#else
#define COXSWAIN_IN_CHILD __attribute__((no_sanitize("address", "thread", "undefined")))
#endif

namespace coxswain {
namespace {

constexpr size_t kStackBytes = 64 << 10;
constexpr std::string_view kUsualPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

struct Job {
  const char* program = nullptr;
  char* const* argv = nullptr;
  char* const* environment = nullptr;
  const char* folder = nullptr;
  bool ownGroup = false;
  int deathSignal = 0;
  pid_t parent = 0;
  std::pair<int, int>* descriptors = nullptr;
  size_t descriptorCount = 0;
  int firstFree = 3;  // above every number the child is to have
  // Answers of the child.
  const char* failed = nullptr;
  int error = 0;
};

/// The kernel's sigaction on the architectures we know; all zero is SIG_DFL.
struct KernelSigaction {
  void* handler;
  unsigned long flags;
  void* restorer;
  uint64_t mask;
};

COXSWAIN_IN_CHILD int fail(Job* job, const char* what) {
  job->failed = what;
  job->error = errno;
  ::syscall(SYS_exit_group, 127);
  return 127;
}

COXSWAIN_IN_CHILD int childMain(void* argument) {
  auto* job = static_cast<Job*>(argument);
  if (job->deathSignal != 0) {
    if (::syscall(SYS_prctl, PR_SET_PDEATHSIG, job->deathSignal, 0, 0, 0) != 0)
      return fail(job, "prctl");
    if (::syscall(SYS_getppid) != job->parent) ::syscall(SYS_exit_group, 127);
  }
  KernelSigaction byDefault{};
  for (int number = 1; number < 65; ++number) {
    if (number == SIGKILL || number == SIGSTOP) continue;
    ::syscall(SYS_rt_sigaction, number, &byDefault, nullptr, sizeof byDefault.mask);
  }
  if (job->ownGroup && ::syscall(SYS_setpgid, 0, 0) != 0) return fail(job, "setpgid");
  // First out of the way of all targets, then onto them.
  for (size_t i = 0; i < job->descriptorCount; ++i) {
    auto& [from, to] = job->descriptors[i];
    long moved = ::syscall(SYS_fcntl, from, F_DUPFD_CLOEXEC, job->firstFree);
    if (moved < 0) return fail(job, "dup");
    from = static_cast<int>(moved);
  }
  ::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);
  for (size_t i = 0; i < job->descriptorCount; ++i) {
    const auto& [from, to] = job->descriptors[i];
    if (::syscall(SYS_dup3, from, to, 0) < 0) return fail(job, "dup");
  }
  if (job->folder && ::syscall(SYS_chdir, job->folder) != 0) return fail(job, "chdir");
  uint64_t noSignals = 0;
  ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &noSignals, nullptr, sizeof noSignals);
  ::syscall(SYS_execve, job->program, job->argv, job->environment);
  return fail(job, "exec");
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (const auto& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

Status startFailure(const Job& job, const ProcessOptions& options) {
  auto what = std::string_view(job.failed) == "chdir"
                  ? "enter folder " + options.folder
                  : std::string(job.failed) + " " + options.argv[0];
  if (job.error == ENOENT || job.error == ENOTDIR)
    return Status(Reason::NotFound, 404, what + ": " + std::strerror(job.error));
  if (job.error == EACCES || job.error == EPERM)
    return Status(Reason::Forbidden, 403, what + ": " + std::strerror(job.error));
  return internalError(what + ": " + std::strerror(job.error));
}

std::string pathOf(const ProcessOptions& options) {
  if (options.environment) {
    for (const auto& entry : *options.environment) {
      if (entry.starts_with("PATH=")) return entry.substr(5);
    }
  }
  const char* own = std::getenv("PATH");
  return own && *own ? own : std::string(kUsualPath);
}

bool isProgram(const std::string& file) {
  struct stat found {};
  return ::stat(file.c_str(), &found) == 0 && S_ISREG(found.st_mode) &&
         ::access(file.c_str(), X_OK) == 0;
}

/// Blocks every signal of this thread while the child has our memory.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

}  // namespace

Result<std::string> findProgram(const std::string& name, std::string_view path) {
  if (name.find('/') != std::string::npos) {
    if (isProgram(name)) return name;
    return Status(Reason::NotFound, 404, "\"" + name + "\" is no executable file");
  }
  while (!name.empty() && !path.empty()) {
    auto end = std::min(path.find(':'), path.size());
    auto folder = path.substr(0, end);
    auto file = std::string(folder.empty() ? "." : folder) + "/" + name;
    if (isProgram(file)) return file;
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return Status(Reason::NotFound, 404, "\"" + name + "\": executable file not found in $PATH");
}

Result<std::string> findProgram(const std::string& name) {
  return findProgram(name, pathOf(ProcessOptions()));
}

Result<SpawnedProcess> spawnProcess(const ProcessOptions& options, const int (&standard)[3]) {
  if (options.argv.empty()) return badRequest("no program given");
  std::string program = options.argv[0];
  if (program.find('/') == std::string::npos) {
    TRY(program, findProgram(program, pathOf(options)));
  }
  Job job;
  auto argv = pointers(options.argv);
  std::vector<char*> given;
  if (options.environment) given = pointers(*options.environment);
  std::vector<std::pair<int, int>> descriptors{
      {standard[0], 0}, {standard[1], 1}, {standard[2], 2}};
  for (const auto& [ours, theirs] : options.descriptors) {
    if (theirs < 3) return badRequest("inherited descriptors are numbered from 3");
    descriptors.emplace_back(ours, theirs);
    job.firstFree = std::max(job.firstFree, theirs + 1);
  }
  job.program = program.c_str();
  job.argv = argv.data();
  job.environment = options.environment ? given.data() : environ;
  job.folder = options.folder.empty() ? nullptr : options.folder.c_str();
  job.ownGroup = options.ownGroup;
  job.deathSignal = options.deathSignal;
  job.parent = ::getpid();
  job.descriptors = descriptors.data();
  job.descriptorCount = descriptors.size();

  void* stack = ::mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack == MAP_FAILED) return errnoStatus("mmap", errno);
  SpawnedProcess spawned;
  int cloneError = 0;
  {
    SignalsBlocked blocked;
    spawned.pid = ::__clone(childMain, static_cast<char*>(stack) + kStackBytes,
                            CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &job, &spawned.pidfd);
    cloneError = errno;
  }
  ::munmap(stack, kStackBytes);
  if (spawned.pid < 0) return errnoStatus("clone", cloneError);
  if (!job.failed) return spawned;
  siginfo_t ignored{};
  ::waitid(P_PIDFD, static_cast<id_t>(spawned.pidfd), &ignored, WEXITED);
  ::close(spawned.pidfd);
  return startFailure(job, options);
}

}  // namespace coxswain
