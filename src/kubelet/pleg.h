#pragma once

#include <functional>
#include <map>
#include <stop_token>
#include <string>

#include "kubelet/cri/services.h"
#include "runtime/executor.h"
#include "runtime/sync.h"

namespace coxswain::kubelet {

/// Pod lifecycle event generator: finds out which pods changed in the runtime, from its events at
/// once, and from lists of everything: slowly while events come, each second while they do not and
/// until what came before them is in the lists.
/// One executor; stop() before destruction. Upstream: pkg/kubelet/pleg.
class Pleg {
 public:
  struct Handlers {
    /// Something of a pod changed.
    std::function<void(const std::string& uid)> changed;
    /// The pod whose container or sandbox this is, as far as is known; empty: unknown.
    std::function<std::string(std::string_view runtimeId)> uidOf;
    /// After each list: all pods in the runtime, by uid (the values are for comparing only).
    std::function<void(const std::map<std::string, std::string>& pods)> listed;
  };

  Pleg(Executor& executor, cri::RuntimeService& runtime, Handlers handlers, Duration slow = 1min,
       Duration fast = 1s);
  ~Pleg();
  Pleg(const Pleg&) = delete;
  Pleg& operator=(const Pleg&) = delete;

  void start();
  Task<void> stop();
  /// When everything was listed last without failure; the start before the first time.
  [[nodiscard]] MonotonicTime relistedAt() const { return relistedAt_; }

 private:
  static Task<void> runEvents(Pleg& self, Gate::Pass pass, std::stop_token stop);
  static Task<void> runRelist(Pleg& self, Gate::Pass pass, std::stop_token stop);
  Task<Status> follow(std::stop_token stop);
  Task<Status> relist(std::stop_token stop);
  static Task<void> handle(Pleg& self, Gate::Pass pass, cri::ContainerEvent event,
                           std::stop_token stop);
  struct Found {
    std::string uid;  ///< empty: it is gone, or none of ours
    bool runs = false;
  };
  Task<Found> find(std::string id, std::stop_token stop);

  Executor& executor_;
  cri::RuntimeService& runtime_;
  Handlers handlers_;
  Duration slow_;
  Duration fast_;
  bool following_ = false;
  MonotonicTime followingSince_{};
  std::map<std::string, std::string> pods_;  // uid, what all of it looks like
  MonotonicTime relistedAt_{};
  Event wake_;
  Gate gate_;
  std::stop_source stop_;
};

}  // namespace coxswain::kubelet
