#include "controllers/nodelifecycle/controller.h"

#include "api/gen/coordination_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "api/helpers/pods.h"
#include "base/log.h"
#include "client/resources.h"
#include "controllers/framework/indices.h"
#include "controllers/framework/list_patch.h"
#include "controllers/framework/node_events.h"
#include "controllers/framework/pod_control.h"
#include "runtime/spawn.h"

namespace coxswain::controllers::nodelifecycle {

using api::coordination::v1::Lease;
using api::core::v1::Node;
using api::core::v1::Pod;

namespace {

const Logger kLog("nodelifecycle");

Controller::Options controllerOptions(int workers) {
  Controller::Options o;
  o.name = "node-controller";
  o.workers = workers;
  return o;
}

}  // namespace

NodeLifecycleController::NodeLifecycleController(const Context& context, const Options& options)
    : Controller(context, controllerOptions(options.workers)),
      options_(options),
      nodes_(use<Node>()),
      leases_(use<Lease>()),
      pods_(use<Pod>()),
      zones_(options.zones) {
  addNodeIndex(pods_);
  nodes_.addHandler([this](const client::Change& change) {
    if (change.after) queue().add(client::objectKey(change.after));
  });
}

void NodeLifecycleController::tell(const std::string& name, const std::string& uid,
                                   std::string_view reason, std::string message) {
  tellOfNode(events(), name, uid, reason, std::move(message));
}

Task<Status> NodeLifecycleController::patchTaints(NodePointer node, Taints taints,
                                                  std::stop_token stop) {
  const auto& meta = node->metadata;
  auto patched = co_await client().patch(client::resourceOf<Node>(), "", meta.name, "",
                                         client::PatchType::Merge,
                                         listPatch(meta, "spec", "taints", taints), stop);
  co_return isNotFound(patched.status()) ? Status() : patched.status();
}

Task<Result<Duration>> NodeLifecycleController::reconcile(std::string key, std::stop_token stop) {
  auto node = nodes_.get<Node>(key);
  if (!node) co_return Duration(0);
  auto labels = labelsPatch(*node);
  if (!labels.empty()) {
    auto patched = co_await client().patch(client::resourceOf<Node>(), "", key, "",
                                           client::PatchType::Merge, std::move(labels), stop);
    // The change brings the key again.
    if (!patched.ok() && !isNotFound(patched.status())) co_return patched.status();
    co_return Duration(0);
  }
  auto taints = noScheduleTaints(*node, now());
  if (taints) CO_TRY_STATUS(co_await patchTaints(node, std::move(*taints), stop));
  co_return Duration(0);
}

Task<void> NodeLifecycleController::background(std::stop_token stop) {
  while (!stop.stop_requested()) {
    co_await monitor(stop);
    Status slept = co_await sleepFor(options_.monitorPeriod, stop);
    if (!slept.ok()) break;
  }
}

/// Nodes that came and went.
void NodeLifecycleController::follow() {
  for (auto at = known_.begin(); at != known_.end();) {
    auto node = nodes_.get<Node>(at->first);
    if (node && node->metadata.uid == at->second) {
      ++at;
      continue;
    }
    tell(at->first, at->second, "RemovingNode", "Removing Node " + at->first + " from Controller");
    zones_.remove(zone_[at->first], at->first);
    health_.erase(at->first);
    wasReady_.erase(at->first);
    podsToMark_.erase(at->first);
    zone_.erase(at->first);
    at = known_.erase(at);
  }
  nodes_.forEach([this](const api::ConstObject& object) {
    const auto& meta = *api::objectMeta(object);
    if (known_.emplace(meta.name, meta.uid).second) {
      tell(meta.name, meta.uid, "RegisteredNode",
           "Registered Node " + meta.name + " in Controller");
    }
  });
}

Task<void> NodeLifecycleController::monitor(std::stop_token stop) {
  follow();
  std::map<std::string, ZoneCount> counts;
  std::vector<NodePointer> nodes;
  for (const auto& object : nodes_.list()) nodes.push_back(object.sharedAs<Node>());
  for (const auto& node : nodes) {
    const auto& name = node->metadata.name;
    const auto zone = zoneOf(*node);
    auto& lastZone = zone_[name];
    if (lastZone != zone) zones_.remove(lastZone, name);
    lastZone = zone;
    const auto ready = co_await checkHealth(node, stop);
    if (stop.stop_requested()) co_return;
    ++(ready == "True" ? counts[zone].ready : counts[zone].notReady);
    if (ready == "True") {
      zones_.remove(zone, name);
      podsToMark_.erase(name);
      co_await applyNoExecute(node, true, stop);
    } else if (!ready.empty()) {
      if (hasNoExecuteTaint(*node) && !zones_.allLost()) {
        co_await applyNoExecute(node, false, stop);
      } else if (!hasNoExecuteTaint(*node)) {
        zones_.add(zone, name);
      }
    }
    if (podsToMark_.contains(name)) {
      const bool marked = co_await markPodsNotReady(name, stop);
      if (marked) podsToMark_.erase(name);
    }
  }
  const auto shift = zones_.update(counts, executor().now());
  if (shift == Zones::Shift::AllLost) {
    kLog.warn("no node is ready: nobody is evicted", {{"nodes", nodes.size()}});
    for (const auto& node : nodes) co_await applyNoExecute(node, true, stop);
  } else if (shift == Zones::Shift::AllNoLonger) {
    kLog.info("some nodes are ready again");
    for (auto& [name, health] : health_) health.probe = executor().now();
  }
  for (const auto& name : zones_.take(executor().now())) {
    auto node = nodes_.get<Node>(name);
    if (node) co_await applyNoExecute(node, false, stop);
  }
}

Task<std::string> NodeLifecycleController::checkHealth(NodePointer node, std::stop_token stop) {
  const auto& name = node->metadata.name;
  auto lease = leases_.get<Lease>("kube-node-lease/" + name);
  auto& health = health_[name];
  observe(health, *node, lease.get(), executor().now());
  const auto* condition = api::findNodeCondition(*node, "Ready");
  std::string ready = condition == nullptr ? "" : condition->status;
  const auto silent = silentConditions(*node, health, options_.health, executor().now(), now());
  if (!silent.empty()) {
    auto written = co_await client().patch(
        client::resourceOf<Node>(), "", name, "status", client::PatchType::StrategicMerge,
        listPatch(node->metadata, "status", "conditions", silent), stop);
    // Else the next round tries again.
    if (written.ok()) ready = "Unknown";
  }
  auto [was, fresh] = wasReady_.try_emplace(name, ready == "True");
  if (was->second && ready != "True") {
    tell(name, node->metadata.uid, "NodeNotReady", "");
    podsToMark_.insert(name);
  } else if (fresh && !ready.empty() && ready != "True") {
    podsToMark_.insert(name);
  }
  was->second = ready == "True";
  co_return ready;
}

Task<void> NodeLifecycleController::applyNoExecute(NodePointer node, bool reachable,
                                                   std::stop_token stop) {
  auto fresh = nodes_.get<Node>(node->metadata.name);
  if (!fresh) co_return;
  auto taints = noExecuteTaints(*fresh, reachable, now());
  if (!taints) co_return;
  Status patched = co_await patchTaints(fresh, std::move(*taints), stop);
  if (!patched.ok() && !isCanceled(patched)) {
    kLog.debug("tainting failed", {{"node", fresh->metadata.name}, {"error", patched}});
  }
}

/// False: not all could be.
Task<bool> NodeLifecycleController::markPodsNotReady(std::string node, std::stop_token stop) {
  bool all = true;
  for (const auto& object : pods_.byIndex(kByNode, node)) {
    auto pod = object.sharedAs<Pod>();
    if (!api::isPodReady(*pod)) continue;
    Status written = co_await denyPodCondition(client(), pod, "Ready", now(), stop);
    if (written.ok()) {
      events().event(*pod, client::kEventWarning, "NodeNotReady", "Node is not ready");
    } else if (!isNotFound(written)) {
      all = false;
    }
  }
  co_return all;
}

}  // namespace coxswain::controllers::nodelifecycle
