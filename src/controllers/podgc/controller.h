#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "controllers/framework/controller.h"
#include "controllers/podgc/decide.h"

namespace coxswain::controllers::podgc {

/// A round each 20 seconds removes pods that nobody else will: those that have ended, beyond a
/// threshold; those on nodes that do not exist (for 40 seconds, and the server agrees); those that
/// are being deleted and have no node, or one that is out of service.
/// Upstream: pkg/controller/podgc/gc_controller.go.
class PodGarbageCollector final : public Controller {
 public:
  struct Options {
    int terminatedPodThreshold = 12500;  ///< 0 or less: those that have ended stay
    Duration period = 20s;
    Duration quarantine = 40s;
  };
  explicit PodGarbageCollector(const Context& context) : PodGarbageCollector(context, Options()) {}
  PodGarbageCollector(const Context& context, const Options& options);

 protected:
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;
  Task<void> background(std::stop_token stop) override;

 private:
  Task<void> collect(std::stop_token stop);
  Task<void> collectOrphaned(std::vector<PodPointer> pods, std::stop_token stop);
  /// Failed first, for whoever counts. `why` empty: no condition.
  Task<void> removePod(PodPointer pod, std::string why, std::stop_token stop);

  Options options_;
  client::Informer& pods_;
  client::Informer& nodes_;
  std::map<std::string, MonotonicTime> missing_;  ///< nodes, since when
};

}  // namespace coxswain::controllers::podgc
