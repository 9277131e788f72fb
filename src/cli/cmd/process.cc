#include "cli/cmd/process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "cli/framework/errors.h"

extern char** environ;

namespace coxswain::cli {

Result<TemporaryFolder> TemporaryFolder::create(const std::string& prefix) {
  const char* base = std::getenv("TMPDIR");
  auto path = std::string(base && *base ? base : "/tmp") + "/" + prefix + "XXXXXX";
  if (!::mkdtemp(path.data())) return asFault(errnoStatus("mkdtemp " + path, errno));
  return TemporaryFolder(std::move(path));
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

Result<int> runProgram(const std::vector<std::string>& args, int outFd) {
  std::vector<char*> argv;
  for (const auto& arg : args) argv.push_back(const_cast<char*>(arg.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (outFd != 1) posix_spawn_file_actions_adddup2(&actions, outFd, 1);
  pid_t pid = 0;
  const int error = ::posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return asFault(errnoStatus("exec: " + args[0], error));
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return asFault(errnoStatus("wait for " + args[0], errno));
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

Status writeText(const std::string& path, const std::string& text) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return asFault(errnoStatus("open " + path, errno));
  size_t at = 0;
  while (at < text.size()) {
    const auto n = ::write(fd, text.data() + at, text.size() - at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      const int why = errno;
      ::close(fd);
      return asFault(errnoStatus("write " + path, why));
    }
    at += static_cast<size_t>(n);
  }
  ::close(fd);
  return {};
}

}  // namespace coxswain::cli
