#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "controllers/framework/controller.h"
#include "controllers/nodelifecycle/health.h"
#include "controllers/nodelifecycle/taints.h"
#include "controllers/nodelifecycle/zones.h"

namespace coxswain::controllers::nodelifecycle {

/// Watches over nodes.
///
/// A round each 5 seconds: a node whose lease and status have not been renewed for the grace period
/// gets conditions Unknown; its pods become not ready; it gets the NoExecute taint of its Ready
/// condition, in its zone's turn (zones.h). A node that is ready again loses it at once. What the
/// taint does to pods is the taint eviction controller's matter.
///
/// The queue (node names, at each change) keeps NoSchedule taints by condition, and beta labels.
/// Upstream: pkg/controller/nodelifecycle.
class NodeLifecycleController final : public Controller {
 public:
  struct Options {
    Duration monitorPeriod = 5s;
    HealthPeriods health;
    ZoneLimits zones;
    int workers = 8;
  };
  explicit NodeLifecycleController(const Context& context)
      : NodeLifecycleController(context, Options()) {}
  NodeLifecycleController(const Context& context, const Options& options);

 protected:
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;
  Task<void> background(std::stop_token stop) override;

 private:
  using NodePointer = std::shared_ptr<const api::core::v1::Node>;

  Task<void> monitor(std::stop_token stop);
  void follow();
  /// Its Ready status after this round: "" where it has none.
  Task<std::string> checkHealth(NodePointer node, std::stop_token stop);
  Task<void> applyNoExecute(NodePointer node, bool reachable, std::stop_token stop);
  Task<bool> markPodsNotReady(std::string node, std::stop_token stop);
  Task<Status> patchTaints(NodePointer node, Taints taints, std::stop_token stop);
  void tell(const std::string& name, const std::string& uid, std::string_view reason,
            std::string message);

  Options options_;
  client::Informer& nodes_;
  client::Informer& leases_;
  client::Informer& pods_;
  std::map<std::string, Health> health_;
  std::map<std::string, std::string> known_;  ///< node -> uid: those told of
  std::map<std::string, std::string> zone_;   ///< node -> zone
  std::map<std::string, bool> wasReady_;
  std::set<std::string> podsToMark_;  ///< nodes whose pods could not be marked
  Zones zones_;
};

}  // namespace coxswain::controllers::nodelifecycle
