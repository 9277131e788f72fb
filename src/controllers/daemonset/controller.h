#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "controllers/daemonset/decide.h"
#include "controllers/framework/controller.h"
#include "controllers/framework/expectations.h"
#include "controllers/framework/history.h"

namespace coxswain::controllers::daemonset {

/// One pod of the set on each node that fits its template. The scheduler binds them: each has an
/// affinity to its node's name.
/// Upstream: pkg/controller/daemon.
class DaemonSetController final : public Controller {
 public:
  explicit DaemonSetController(const Context& context, int workers = 2);

 protected:
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;

 private:
  using SetPointer = std::shared_ptr<const api::apps::v1::DaemonSet>;
  struct Backoff {
    Duration delay{};
    MonotonicTime until{};
  };

  void onPod(const client::Change& change);
  void onNode(const client::Change& change);
  [[nodiscard]] SetPointer ownerOf(const api::core::v1::Pod& pod) const;
  Task<Result<PodsByNode>> claimPods(const SetPointer& set, std::stop_token stop);
  /// Takes failed pods out of the plan that must wait; when the first of them may go.
  Duration holdBack(const api::apps::v1::DaemonSet& set, Plan& plan);
  Task<Status> trim(const api::apps::v1::DaemonSet& set, const History& history,
                    const PodsByNode& pods, std::stop_token stop);
  Task<Status> carryOut(std::string key, SetPointer set, Plan plan, std::string hash,
                        std::stop_token stop);
  Task<void> createOne(const std::string& key, const SetPointer& set, std::string node,
                       const std::string& hash, Status& outcome, std::stop_token stop);
  Task<void> deleteOne(const std::string& key, const SetPointer& set, PodPointer pod,
                       Status& outcome, std::stop_token stop);
  Task<Status> writeStatus(SetPointer set, api::apps::v1::DaemonSetStatus wanted,
                           std::stop_token stop);
  [[nodiscard]] Nodes placedNodes(const api::apps::v1::DaemonSet& set) const;
  /// Pods of revisions that say the same as the current one become its; then those go.
  Task<Status> mergeDuplicates(const History& history, const PodsByNode& pods,
                               std::stop_token stop);

  client::Informer& sets_;
  client::Informer& pods_;
  client::Informer& nodes_;
  client::Informer& revisions_;
  Expectations expectations_;
  std::map<std::string, Backoff> backoffs_;                    ///< by set and node
  std::map<std::string, std::shared_ptr<HistoryMemo>> memos_;  ///< by uid
};

}  // namespace coxswain::controllers::daemonset
