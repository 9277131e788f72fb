#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "api/gen/core_v1.h"
#include "client/client.h"
#include "client/workqueue.h"
#include "kubelet/container/pod_containers.h"
#include "runtime/sync.h"

namespace coxswain::kubelet {

/// Keeps the newest status of each pod and writes it to the API server by patches, only where it
/// differs, a pod's writes one after the other; failed ones again with backoff. At a pod's end it
/// removes the object (grace 0, by uid). One executor; stop() before destruction.
/// Upstream: pkg/kubelet/status.
class StatusManager {
 public:
  /// The API server's object for a pod (its mirror, for a static one); null: there is none.
  using ApiPodFunction = std::function<PodPointer(const api::core::v1::Pod& pod)>;

  StatusManager(client::Client& client, Executor& executor, ApiPodFunction apiPod);
  ~StatusManager();
  StatusManager(const StatusManager&) = delete;
  StatusManager& operator=(const StatusManager&) = delete;

  void start();
  Task<void> stop();

  /// Reports a status. Nothing is written where the API server has it already.
  void set(PodPointer pod, api::core::v1::PodStatus status);
  /// The pod's work is over: after its last status its object is removed (that of a pod that is
  /// being deleted only).
  void finish(PodPointer pod);
  /// The API server's object came or changed: it may lack what was reported.
  void touch(const std::string& uid);
  void forget(const std::string& uid);
  /// What was reported last; null: nothing.
  [[nodiscard]] const api::core::v1::PodStatus* get(const std::string& uid) const;

 private:
  struct Entry {
    PodPointer pod;
    api::core::v1::PodStatus status;
    bool reported = false;
    bool finished = false;
    PodPointer written;  ///< what the server answered last
  };
  static Task<void> drain(StatusManager& self, Gate::Pass pass, std::stop_token stop);
  Task<Status> write(std::string uid, std::stop_token stop);
  Task<Status> patch(std::string uid, PodPointer base, std::stop_token stop);
  Task<Status> removeObject(std::string uid, PodPointer base, std::stop_token stop);

  client::Client& client_;
  Executor& executor_;
  ApiPodFunction apiPod_;
  std::map<std::string, Entry> entries_;
  client::WorkQueue queue_;
  Gate gate_;
  std::stop_source stop_;
};

}  // namespace coxswain::kubelet
