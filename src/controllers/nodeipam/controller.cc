#include "controllers/nodeipam/controller.h"

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "base/log.h"
#include "client/resources.h"
#include "controllers/framework/node_events.h"

namespace coxswain::controllers::nodeipam {

using api::core::v1::Node;

namespace {

const Logger kLog("nodeipam");

Controller::Options controllerOptions() {
  Controller::Options o;
  o.name = "cidrAllocator";
  o.workers = 5;
  o.queue.maxDelay = 60s;
  return o;
}

std::vector<std::string> cidrsOf(const Node& node) {
  if (node.spec.podCIDRs.empty() && !node.spec.podCIDR.empty()) return {node.spec.podCIDR};
  return node.spec.podCIDRs;
}

std::string patchOf(const Node& node, const std::vector<std::string>& cidrs) {
  std::string list;
  for (const auto& cidr : cidrs) list += (list.empty() ? "\"" : ",\"") + cidr + "\"";
  return "{\"metadata\":{\"uid\":\"" + node.metadata.uid + "\"},\"spec\":{\"podCIDR\":\"" +
         cidrs.front() + "\",\"podCIDRs\":[" + list + "]}}";
}

}  // namespace

Result<std::vector<CidrSet>> NodeIpamController::makeSets(const Options& options) {
  std::vector<CidrSet> sets;
  for (const auto& cidr : options.clusterCidrs) {
    const bool six = cidr.find(':') != std::string::npos;
    TRY(CidrSet set, CidrSet::create(cidr, six ? options.nodeMaskV6 : options.nodeMaskV4));
    for (const auto& service : options.serviceCidrs) (void)set.occupy(service);
    for (const auto& other : sets) {
      if (other.isV6() == set.isV6()) {
        return badRequest("--cluster-cidr may have one range of each address family");
      }
    }
    sets.push_back(std::move(set));
  }
  if (sets.empty()) return badRequest("--cluster-cidr is needed to allocate node CIDRs");
  return sets;
}

NodeIpamController::NodeIpamController(const Context& context, std::vector<CidrSet> sets)
    : Controller(context, controllerOptions()), nodes_(use<Node>()), sets_(std::move(sets)) {
  nodes_.addHandler([this](const client::Change& change) { onNode(change); });
}

void NodeIpamController::releaseAll(const std::vector<std::string>& cidrs) {
  for (const auto& cidr : cidrs) {
    for (auto& set : sets_) set.release(cidr);
  }
}

void NodeIpamController::onNode(const client::Change& change) {
  const auto key = client::objectKey(change.after ? change.after : change.before);
  const auto* after = change.after.as<Node>();
  if (after == nullptr) {
    releaseAll(held_[key]);
    held_.erase(key);
    return;
  }
  const auto cidrs = cidrsOf(*after);
  if (cidrs.empty()) {
    queue().add(key);
    return;
  }
  auto& held = held_[key];
  if (held == cidrs) return;
  releaseAll(held);
  held = cidrs;
  for (const auto& cidr : cidrs) {
    bool known = false;
    for (auto& set : sets_) known = set.occupy(cidr) || known;
    if (!known) kLog.warn("outside of the cluster's ranges", {{"node", key}, {"cidr", cidr}});
  }
}

Task<Result<Duration>> NodeIpamController::reconcile(std::string key, std::stop_token stop) {
  auto node = nodes_.get<Node>(key);
  if (!node || !cidrsOf(*node).empty() || node->metadata.deletionTimestamp) co_return Duration(0);
  // A write without an answer may have happened: then the same ranges once more.
  auto cidrs = held_[key];
  if (cidrs.empty()) {
    for (auto& set : sets_) {
      auto taken = set.take();
      if (!taken) {
        releaseAll(cidrs);
        held_.erase(key);
        tellOfNode(events(), key, node->metadata.uid, "CIDRNotAvailable", "");
        co_return serviceUnavailable(
            "there are no remaining CIDRs left to allocate in the "
            "accepted range");
      }
      cidrs.push_back(std::move(*taken));
    }
    held_[key] = cidrs;
  }
  auto patched =
      co_await client().patch(client::resourceOf<Node>(), "", key, "",
                              client::PatchType::StrategicMerge, patchOf(*node, cidrs), stop);
  if (patched.ok()) co_return Duration(0);
  const Status failure = patched.status();
  // Refused: it was not written. The node is gone, or has other ranges. After a conflict the ranges
  // stay its own: an earlier write may have happened that the cache has not seen yet.
  const bool refused = isNotFound(failure) || isInvalid(failure);
  if (refused && held_[key] == cidrs) {
    releaseAll(cidrs);
    held_.erase(key);
  }
  if (isNotFound(failure)) co_return Duration(0);
  if (!isCanceled(failure)) {
    tellOfNode(events(), key, node->metadata.uid, "CIDRAssignmentFailed", "");
  }
  co_return failure;
}

}  // namespace coxswain::controllers::nodeipam
