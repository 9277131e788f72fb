#pragma once

#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "runtime/sync.h"
#include "runtime/task.h"

namespace coxswain::scheduler {

/// Pods that have a node and wait until Permit plugins let them on. One executor.
class WaitingPods {
 public:
  struct Wait {
    std::string plugin;
    Duration atMost;
  };
  /// Why a pod may not go on. No plugin: it may.
  struct Verdict {
    std::string plugin;
    std::string message;
    [[nodiscard]] bool allowed() const { return plugin.empty(); }
  };

  WaitingPods() = default;
  WaitingPods(const WaitingPods&) = delete;
  WaitingPods& operator=(const WaitingPods&) = delete;

  /// Remembers the pod: from now on it can be allowed and rejected. Another pod of this name may
  /// still wait for its stop: it has nothing to do with this one.
  void add(const std::string& key, std::vector<Wait> waits);
  /// Until all plugins allowed the pod, one rejected it, or the shortest time is over (which
  /// rejects it). Forgets it. Stopped: rejected by nobody in particular ("stopped").
  Task<Verdict> wait(std::string key, std::stop_token stop);

  /// One of the pod's plugins has nothing against it any more. No effect on pods that do not wait.
  void allow(const std::string& key, std::string_view plugin);
  void reject(const std::string& key, std::string_view plugin, std::string message);
  [[nodiscard]] bool waits(const std::string& key) const { return pods_.contains(key); }
  [[nodiscard]] std::vector<std::string> keys() const;

 private:
  struct Entry {
    std::vector<Wait> waits;
    std::optional<Verdict> verdict;
    Event decided;
  };
  std::map<std::string, std::shared_ptr<Entry>> pods_;
};

}  // namespace coxswain::scheduler
