#include "up/containerd.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "base/log.h"
#include "net/grpc/grpc.h"
#include "runtime/spawn.h"

namespace coxswain::up {
namespace fs = std::filesystem;
namespace {

const Logger kLog("containerd");

constexpr Duration kStartMax = 60s;
constexpr Duration kAskEvery = 20ms;  // only while it starts
constexpr Duration kEndGrace = 10s;
constexpr Duration kBackoffFirst = 100ms;
constexpr Duration kBackoffMax = 30s;

/// A descriptor of the containerd that an earlier run of this program started; -1: none runs.
int openProcess(const std::string& pidFile, const std::string& program) {
  pid_t pid = 0;
  std::ifstream(pidFile) >> pid;
  if (pid <= 1) return -1;
  int fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (fd < 0) return -1;
  // The number may be another process's by now.
  std::error_code error;
  auto running = fs::read_symlink("/proc/" + std::to_string(pid) + "/exe", error).filename();
  if (running == fs::path(program).filename()) return fd;
  ::close(fd);
  return -1;
}

std::string lastLines(const std::string& path) {
  std::ifstream in(path);
  std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  constexpr size_t kShown = 1000;
  return text.size() > kShown ? text.substr(text.size() - kShown) : text;
}

}  // namespace

Containerd::Containerd(Reactor& reactor, ContainerdSettings settings)
    : reactor_(reactor), settings_(std::move(settings)), processes_(systemProcesses(reactor)) {}

Containerd::~Containerd() = default;

Task<bool> Containerd::answers(std::stop_token stop) {
  std::error_code error;
  if (!fs::exists(settings_.socket, error)) co_return false;
  net::HttpClientOptions options;
  options.server = endpoint();
  options.http2Always = true;
  net::grpc::Channel channel(reactor_, std::move(options));
  Deadline deadline(2s, stop);
  std::string method = "/containerd.services.version.v1.Version/Version";
  std::string empty;
  net::Headers metadata;
  auto reply = co_await channel.call(std::move(method), std::move(empty), std::move(metadata),
                                     deadline.token());
  co_await channel.close();
  co_return reply.ok();
}

Task<Status> Containerd::start(std::stop_token stop) {
  if (co_await answers(stop)) {
    kLog.info("found running", {{"socket", settings_.socket}});
    co_return Status();
  }
  co_return co_await launch(std::move(stop));
}

Task<Status> Containerd::launch(std::stop_token stop) {
  std::error_code error;
  for (const auto& folder : {settings_.root, settings_.state, settings_.cniConfigFolder,
                             fs::path(settings_.logFile).parent_path().string()}) {
    fs::create_directories(folder, error);
    if (error) co_return errnoStatus("create " + folder, error.value());
  }
  std::ofstream config(settings_.configFile, std::ios::trunc);
  config << containerdConfig(settings_);
  config.close();
  if (!config) co_return errnoStatus("write " + settings_.configFile, errno);

  ChildOptions options;
  options.argv = {settings_.program, "--config", settings_.configFile};
  options.logFile = settings_.logFile;
  CO_TRY(child_, processes_->start(std::move(options)));
  std::ofstream(settings_.pidFile, std::ios::trunc) << child_->pid() << "\n";

  Deadline deadline(kStartMax, stop);
  while (!co_await answers(deadline.token())) {
    std::stop_source passed;
    passed.request_stop();
    auto ended = co_await child_->wait(passed.get_token());
    if (ended.ok()) {
      co_return internalError("containerd ended with " + ended->describe() +
                              "; its log: " + lastLines(settings_.logFile));
    }
    Status slept = co_await sleepFor(kAskEvery, deadline.token());
    if (slept.ok()) continue;
    if (!deadline.expired()) co_return canceled();
    co_return timeoutError("containerd does not answer; its log: " + lastLines(settings_.logFile));
  }
  kLog.info("started", {{"pid", child_->pid()}, {"socket", settings_.socket}});
  co_return Status();
}

Task<Status> Containerd::awaitEnd(std::stop_token stop) {
  if (child_) {
    auto ended = co_await child_->wait(stop);
    if (!ended.ok()) co_return ended.status();
    kLog.warn("ended", {{"how", ended->describe()}});
    co_return Status();
  }
  int fd = openProcess(settings_.pidFile, settings_.program);
  if (fd < 0) co_return Status();
  CO_TRY(auto descriptor, Reactor::Descriptor::create(reactor_, fd));
  Status readable = co_await descriptor->waitReadable(stop);
  co_return readable;
}

Task<void> Containerd::keep(std::stop_token stop) {
  Duration backoff = kBackoffFirst;
  while (true) {
    auto since = reactor_.now();
    Status ended = co_await awaitEnd(stop);
    if (stop.stop_requested()) co_return;
    if (!ended.ok()) kLog.error("cannot be watched", {{"error", ended}});
    if (reactor_.now() - since > kBackoffMax) backoff = kBackoffFirst;
    Status slept = co_await sleepFor(backoff, stop);
    if (!slept.ok()) co_return;
    backoff = std::min(backoff * 2, kBackoffMax);
    Status started = co_await start(stop);
    if (!started.ok()) kLog.error("did not start again", {{"error", started}});
  }
}

Task<void> Containerd::end() {
  if (child_) {
    auto ended = co_await endProcess(*child_, kEndGrace);
    if (!ended.ok()) kLog.warn("was not ended", {{"error", ended.status()}});
    child_.reset();
  } else if (int fd = openProcess(settings_.pidFile, settings_.program); fd >= 0) {
    ::syscall(SYS_pidfd_send_signal, fd, SIGTERM, nullptr, 0);
    auto descriptor = Reactor::Descriptor::create(reactor_, fd);
    if (!descriptor.ok()) co_return;
    Deadline deadline(kEndGrace, std::stop_token());
    Status gone = co_await (*descriptor)->waitReadable(deadline.token());
    if (!gone.ok()) {
      ::syscall(SYS_pidfd_send_signal, (*descriptor)->fd(), SIGKILL, nullptr, 0);
      gone = co_await (*descriptor)->waitReadable(std::stop_token());
    }
  }
  std::error_code error;
  fs::remove(settings_.pidFile, error);
}

Task<Result<std::string>> Containerd::importImage(std::string file, std::stop_token stop) {
  RunOptions options;
  options.argv = {"ctr",    "--address", settings_.socket, "--namespace",
                  "k8s.io", "images",    "import",         std::move(file)};
  if (settings_.snapshotter != "overlayfs") {
    options.argv.insert(options.argv.end() - 1, {"--snapshotter", settings_.snapshotter});
  }
  CO_TRY(auto result, co_await processes_->run(std::move(options), std::move(stop)));
  if (!result.exit.ok()) {
    co_return internalError("ctr images import: " + result.exit.describe() + ": " + result.error);
  }
  co_return result.output;
}

}  // namespace coxswain::up
