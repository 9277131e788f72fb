#pragma once

#include <cstdint>
#include <map>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kubelet/cri/services.h"

namespace coxswain {
class Files;
}

namespace coxswain::kubelet {

/// A sandbox as the runtime tells of it.
struct SandboxState {
  std::string id;
  bool ready = false;
  uint32_t attempt = 0;
  int64_t createdAt = 0;         ///< nanoseconds since the epoch
  std::vector<std::string> ips;  ///< of the newest one only; empty on the host's network
  bool hostNetwork = false;
};

/// A run of a container.
struct ContainerRun {
  std::string id;
  std::string name;
  std::string sandboxId;
  std::string image;     ///< as asked for
  std::string imageRef;  ///< what it resolved to
  cri::ContainerState state = cri::CONTAINER_UNKNOWN;
  int64_t createdAt = 0;
  int64_t startedAt = 0;
  int64_t finishedAt = 0;
  int32_t exitCode = 0;
  std::string reason;
  std::string message;
  uint32_t restartCount = 0;
  std::string hash;
  std::string logPath;
  api::Box<cri::ContainerUser> user;

  [[nodiscard]] bool running() const { return state == cri::CONTAINER_RUNNING; }
  [[nodiscard]] bool exited() const { return state == cri::CONTAINER_EXITED; }
};

/// Everything of one pod in the runtime.
struct PodState {
  std::string uid;
  std::string name;
  std::string ns;
  std::vector<SandboxState> sandboxes;   ///< newest first
  std::vector<ContainerRun> containers;  ///< newest first

  /// Null: there is none.
  [[nodiscard]] const SandboxState* sandbox() const {
    return sandboxes.empty() ? nullptr : &sandboxes.front();
  }
  /// The newest run of a container, or an older one; null: none.
  [[nodiscard]] const ContainerRun* run(std::string_view container, size_t age = 0) const;
  [[nodiscard]] const ContainerRun* runById(std::string_view id) const;
  [[nodiscard]] bool anyRunning() const;
  /// Of the newest sandbox.
  [[nodiscard]] std::vector<std::string> ips() const;
};

/// Reads pods' states. Remembers what cannot change any more, so that reading again is cheap. One
/// executor.
class PodStateReader {
 public:
  PodStateReader(cri::RuntimeService& runtime, Files& files) : runtime_(runtime), files_(files) {}

  /// By uid; a pod that the runtime does not know has an empty state.
  Task<Result<PodState>> read(std::string uid, std::stop_token stop);
  /// A container or a pod is gone.
  void forget(const std::string& uid) { finished_.erase(uid); }

 private:
  Task<Result<ContainerRun>> readRun(cri::Container listed, std::stop_token stop);
  std::string terminationMessage(const cri::ContainerStatus& status) const;

  cri::RuntimeService& runtime_;
  Files& files_;
  std::map<std::string, std::map<std::string, ContainerRun>> finished_;  // uid, container id
};

}  // namespace coxswain::kubelet
