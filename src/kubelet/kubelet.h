#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "base/status.h"
#include "kubelet/config/options.h"
#include "runtime/task.h"

namespace coxswain {
class Executor;
class Files;
class FileWatches;
class Mounter;
class Random;
class Reactor;
}  // namespace coxswain
namespace coxswain::client {
class Client;
}
namespace coxswain::kubelet::cri {
class ImageService;
class RuntimeService;
}  // namespace coxswain::kubelet::cri
namespace coxswain::kubelet::csi {
class PluginChannels;
}
namespace coxswain::kubelet::server {
class Backend;
}

namespace coxswain::kubelet {

class CgroupManager;
class NodeFacts;
class ProbeTransport;

/// The node agent: registers its node and keeps its lease and status, runs the pods that are bound
/// to it (and static ones) in a container runtime over the CRI, and reports how they are. Does not
/// listen: src/cmd puts server::Server (port 10250) on `backend()`.
///
/// One executor, on which every method is called. start() once; stop() before destruction. Stopping
/// leaves containers running; the next kubelet with the same node name and root folder adopts them.
///
///     Kubelet kubelet(dependencies, options);
///     CO_TRY_STATUS(co_await kubelet.start(stop));  ...  co_await kubelet.stop();
class Kubelet {
 public:
  /// All outlive the kubelet.
  struct Dependencies {
    Executor& executor;
    client::Client& client;
    cri::RuntimeService& runtime;
    cri::ImageService& images;
    Files& files;
    Mounter& mounter;
    Random& random;
    ProbeTransport& probes;
    CgroupManager& cgroups;
    const NodeFacts& facts;
    FileWatches* watches = nullptr;          ///< null: static pods are looked for periodically only
    csi::PluginChannels* plugins = nullptr;  ///< null: no plugins can register, no CSI volumes
  };

  Kubelet(Dependencies dependencies, KubeletOptions options);
  ~Kubelet();
  Kubelet(const Kubelet&) = delete;
  Kubelet& operator=(const Kubelet&) = delete;

  /// Waits for the runtime and makes folders and cgroups, then starts everything and returns; the
  /// node registers in the background, again and again where the API server is not there yet. Fails
  /// where this machine cannot be a node (BadRequest: options; InternalError: cgroups, folders) or
  /// when stopped (Canceled).
  Task<Status> start(std::stop_token stop);
  Task<void> stop();

  /// The node is registered and its Ready condition was written as True.
  [[nodiscard]] bool ready() const;
  [[nodiscard]] const std::string& nodeName() const;
  [[nodiscard]] server::Backend& backend();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

struct SystemKubeletOptions {
  KubeletOptions kubelet;
  std::string containerRuntimeEndpoint = "unix:///run/containerd/containerd.sock";
  std::string imageServiceEndpoint;  ///< empty: the same
  Duration runtimeRequestTimeout = 2min;
};

/// A Kubelet with this machine's own files, mounts, cgroups and network and a runtime behind a unix
/// socket: what src/cmd and `coxswain up` use. The reactor runs until stop() has ended.
class SystemKubelet {
 public:
  SystemKubelet(Reactor& reactor, client::Client& client, SystemKubeletOptions options);
  ~SystemKubelet();
  SystemKubelet(const SystemKubelet&) = delete;
  SystemKubelet& operator=(const SystemKubelet&) = delete;

  Task<Status> start(std::stop_token stop);
  Task<void> stop();
  [[nodiscard]] Kubelet& kubelet();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace coxswain::kubelet
