#pragma once

#include <functional>
#include <map>
#include <stop_token>
#include <string>

#include "client/client.h"
#include "client/workqueue.h"
#include "kubelet/container/pod_containers.h"
#include "runtime/sync.h"

namespace coxswain::api::core::v1 {
struct Node;
}

namespace coxswain::kubelet {

/// Keeps a copy of each static pod at the API server, so that others see it: creates it, replaces
/// it where somebody deleted it or the manifest changed, removes it with the manifest. One
/// executor; stop() before destruction. Upstream: pkg/kubelet/pod/mirror_client.go.
class MirrorPods {
 public:
  struct Handlers {
    /// The API server's pod of that namespace/name; null: there is none.
    std::function<PodPointer(const std::string& name)> apiPod;
    std::function<const api::core::v1::Node&()> node;
  };

  MirrorPods(client::Client& client, Executor& executor, Handlers handlers);
  ~MirrorPods();
  MirrorPods(const MirrorPods&) = delete;
  MirrorPods& operator=(const MirrorPods&) = delete;

  void start();
  Task<void> stop();

  /// A static pod runs here, or no longer.
  void setStatic(PodPointer pod);
  void removeStatic(const std::string& name);
  /// A mirror changed at the API server.
  void mirrorChanged(const std::string& name) { queue_.add(name); }

 private:
  static Task<void> drain(MirrorPods& self, Gate::Pass pass, std::stop_token stop);
  Task<Status> reconcile(std::string name, std::stop_token stop);
  Task<Status> removeMirror(PodPointer mirror, std::stop_token stop);
  Task<Status> createMirror(PodPointer pod, std::stop_token stop);

  client::Client& client_;
  Executor& executor_;
  Handlers handlers_;
  std::map<std::string, PodPointer> statics_;  // by namespace/name
  client::WorkQueue queue_;
  Gate gate_;
  std::stop_source stop_;
};

}  // namespace coxswain::kubelet
