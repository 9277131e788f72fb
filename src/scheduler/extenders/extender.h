#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/task.h"
#include "scheduler/cache/pod_info.h"
#include "scheduler/config/gen/kubescheduler_v1.h"
#include "scheduler/extenders/messages.h"

namespace coxswain::scheduler {

/// The way to one extender.
class ExtenderTransport {
 public:
  virtual ~ExtenderTransport() = default;
  /// Posts JSON to `verb` under the extender's prefix; the body of an answer 200. Any other answer
  /// is a failure. Within the configured time.
  virtual Task<Result<std::string>> post(std::string verb, std::string body,
                                         std::stop_token stop) = 0;
  virtual Task<void> close() = 0;
};

/// Makes ways to extenders: over HTTP in earnest (http_transport.h).
class ExtenderTransports {
 public:
  virtual ~ExtenderTransports() = default;
  virtual Result<std::unique_ptr<ExtenderTransport>> open(const config::v1::Extender& extender) = 0;
};

/// Somebody outside who is asked about pods: which nodes suit, how well, whom to evict; or who
/// binds them. Upstream: pkg/scheduler/extender.go. One executor.
class Extender {
 public:
  Extender(config::v1::Extender config, std::unique_ptr<ExtenderTransport> transport)
      : config_(std::move(config)), transport_(std::move(transport)) {}

  /// The pod asks for one of the extender's resources, or it has none and all pods are its.
  [[nodiscard]] bool isInterested(const PodInfo& pod) const;
  /// The cycle goes on without it when it fails.
  [[nodiscard]] bool ignorable() const { return config_.ignorable; }
  [[nodiscard]] const std::string& name() const { return config_.urlPrefix; }
  [[nodiscard]] bool filters() const { return !config_.filterVerb.empty(); }
  [[nodiscard]] bool prioritizes() const { return !config_.prioritizeVerb.empty(); }
  [[nodiscard]] bool binds() const { return !config_.bindVerb.empty(); }
  [[nodiscard]] bool preempts() const { return !config_.preemptVerb.empty(); }
  /// It is told names and uids, no objects.
  [[nodiscard]] bool isCached() const { return config_.nodeCacheCapable; }
  [[nodiscard]] int64_t weight() const { return config_.weight; }

  /// `pod` waits. A node in the answer is one of `nodes`.
  Task<Result<FilterAnswer>> filter(PodInfoPtr pod, std::vector<ExtenderNode> nodes,
                                    std::stop_token stop);
  /// Without weight, from 0 to 10.
  Task<Result<std::vector<std::pair<std::string, int64_t>>>> prioritize(
      PodInfoPtr pod, std::vector<ExtenderNode> nodes, std::stop_token stop);
  Task<Status> bind(PodInfoPtr pod, std::string node, std::stop_token stop);
  Task<Result<VictimsByNode>> preempt(PodInfoPtr pod, VictimsByNode victims, std::stop_token stop);
  Task<void> close() { return transport_->close(); }

 private:
  config::v1::Extender config_;
  std::unique_ptr<ExtenderTransport> transport_;
};

/// In the order in which they are asked: those that may fail come last. What cannot be reached at
/// all (a broken URL or certificate) is a BadRequest.
Result<std::vector<std::unique_ptr<Extender>>> makeExtenders(
    std::vector<config::v1::Extender> configs, ExtenderTransports& transports);

}  // namespace coxswain::scheduler
