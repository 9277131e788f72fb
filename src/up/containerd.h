#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "runtime/process.h"
#include "runtime/reactor.h"
#include "runtime/task.h"

namespace coxswain::up {

/// What a containerd of our own must know of this machine.
struct ContainerdSettings {
  std::string program = "containerd";
  std::string configFile;
  std::string root;    ///< images and snapshots; survives
  std::string state;   ///< run folder
  std::string socket;  ///< path
  std::string pidFile;
  std::string logFile;
  std::string sandboxImage;
  std::string cniConfigFolder;
  std::string cniPluginFolder;
  std::string snapshotter = "overlayfs";  ///< "native" where overlays cannot be mounted
  bool restrictOomScore = false;          ///< this process may not lower an oom_score_adj
};

/// Its configuration file (version 2), with nothing loaded that a node does not need.
std::string containerdConfig(const ContainerdSettings& settings);

/// Can this process lower an oom_score_adj (CAP_SYS_RESOURCE)? Found by trying on itself.
bool mayLowerOomScore();
/// Can overlays be mounted on the file system of `folder` (made if missing)? Found by trying.
bool overlayWorks(const std::string& folder);

/// Our own containerd: started when it does not answer, watched, and started again when it dies.
/// It outlives this program on purpose, so that containers go on; `end` ends it. One reactor.
class Containerd {
 public:
  Containerd(Reactor& reactor, ContainerdSettings settings);
  ~Containerd();
  Containerd(const Containerd&) = delete;
  Containerd& operator=(const Containerd&) = delete;

  /// Returns when it serves. Timeout after 30 s, with the end of its log in the message.
  Task<Status> start(std::stop_token stop);
  /// Keeps it running until stopped, with backoff; leaves it running then. After start().
  Task<void> keep(std::stop_token stop);
  /// SIGTERM, then SIGKILL after 10 s. No effect where it does not run.
  Task<void> end();

  /// "unix:///run/x.sock".
  [[nodiscard]] std::string endpoint() const { return "unix://" + settings_.socket; }
  /// Of the image archive `file` (OCI or docker) into the namespace that pods use. What it printed.
  Task<Result<std::string>> importImage(std::string file, std::stop_token stop);

 private:
  Task<bool> answers(std::stop_token stop);
  Task<Status> launch(std::stop_token stop);
  Task<Status> awaitEnd(std::stop_token stop);

  Reactor& reactor_;
  ContainerdSettings settings_;
  std::unique_ptr<ProcessRunner> processes_;
  std::unique_ptr<ChildProcess> child_;  // null: it was running before us
};

}  // namespace coxswain::up
