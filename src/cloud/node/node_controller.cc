#include "cloud/node/node_controller.h"

#include <algorithm>
#include <array>

#include "api/gen/meta_v1.h"
#include "base/log.h"
#include "client/resources.h"
#include "controllers/framework/list_patch.h"
#include "runtime/spawn.h"

namespace coxswain::cloud {

using api::core::v1::Node;
using api::core::v1::NodeAddress;

namespace {

const Logger kLog("cloud/node");

constexpr std::string_view kProvidedIp = "alpha.kubernetes.io/provided-node-ip";

/// Labels of today and of before.
struct LabelPair {
  std::string_view name;
  std::string_view beta;
};
constexpr LabelPair kType = {"node.kubernetes.io/instance-type",
                             "beta.kubernetes.io/instance-type"};
constexpr LabelPair kZone = {"topology.kubernetes.io/zone",
                             "failure-domain.beta.kubernetes.io/zone"};
constexpr LabelPair kRegion = {"topology.kubernetes.io/region",
                               "failure-domain.beta.kubernetes.io/region"};

controllers::Controller::Options controllerOptions(int workers) {
  controllers::Controller::Options o;
  o.name = "cloud-node-controller";
  o.workers = workers;
  o.queue.maxDelay = 30s;
  return o;
}

bool isUninitialized(const Node& node) {
  const auto& taints = node.spec.taints;
  return std::any_of(taints.begin(), taints.end(),
                     [](const auto& taint) { return taint.key == kUninitializedTaint; });
}

/// True: they have changed.
bool setBetaLabels(Node& node) {
  auto& labels = node.metadata.labels;
  bool changed = false;
  for (const auto& pair : {kType, kZone, kRegion}) {
    const auto* value = labels.get(pair.name);
    if (!value) continue;
    const auto* beta = labels.get(pair.beta);
    if (beta && *beta == *value) continue;
    labels.insert_or_assign(pair.beta, std::string(*value));
    changed = true;
  }
  return changed;
}

const NodeAddress* hostnameOf(const std::vector<NodeAddress>& addresses) {
  const auto found = std::find_if(addresses.begin(), addresses.end(),
                                  [](const auto& each) { return each.type == "Hostname"; });
  return found == addresses.end() ? nullptr : &*found;
}

}  // namespace

Node initialized(const Node& node, const InstanceMetadata& metadata) {
  Node next = node;
  if (next.spec.providerID.empty()) next.spec.providerID = metadata.providerId;
  auto& labels = next.metadata.labels;
  auto set = [&labels](const LabelPair& pair, const std::string& value) {
    if (value.empty()) return;
    labels.insert_or_assign(pair.name, value);
    labels.insert_or_assign(pair.beta, value);
  };
  set(kType, metadata.instanceType);
  set(kZone, metadata.zone);
  set(kRegion, metadata.region);
  for (const auto& [name, value] : metadata.labels) labels.insert_or_assign(name, value);
  std::erase_if(next.spec.taints,
                [](const auto& taint) { return taint.key == kUninitializedTaint; });
  return next;
}

Result<std::optional<std::vector<NodeAddress>>> addressesOf(const Node& node,
                                                            const InstanceMetadata& metadata) {
  auto wanted = metadata.addresses;
  if (wanted.empty()) return std::optional<std::vector<NodeAddress>>();
  const auto* hostname = hostnameOf(node.status.addresses);
  if (hostname && !hostnameOf(wanted)) wanted.push_back(*hostname);
  const auto* own = node.metadata.annotations.get(kProvidedIp);
  if (own && !own->empty()) {
    std::vector<NodeAddress> first;
    for (const auto& each : wanted) {
      if (each.address == *own) first.push_back(each);
    }
    if (first.empty()) {
      return badRequest("failed to get node address from cloud provider that matches ip: " +
                        std::string(*own));
    }
    auto isOfThose = [&first](const NodeAddress& each) {
      return std::any_of(first.begin(), first.end(),
                         [&each](const auto& known) { return known.type == each.type; });
    };
    std::copy_if(wanted.begin(), wanted.end(), std::back_inserter(first),
                 [&](const auto& each) { return !isOfThose(each); });
    wanted = std::move(first);
  }
  if (wanted == node.status.addresses) return std::optional<std::vector<NodeAddress>>();
  return std::optional(std::move(wanted));
}

NodeController::NodeController(const controllers::Context& context, Instances& instances,
                               Options options)
    : Controller(context, controllerOptions(options.workers)),
      instances_(instances),
      options_(options),
      nodes_(use<Node>()) {
  nodes_.addHandler([this](const client::Change& change) {
    const auto* node = change.after.as<Node>();
    if (node && isUninitialized(*node)) queue().add(client::objectKey(change.after));
  });
}

Task<Result<Duration>> NodeController::reconcile(std::string key, std::stop_token stop) {
  auto node = nodes_.get<Node>(key);
  if (!node || !isUninitialized(*node) || node->metadata.deletionTimestamp) co_return Duration(0);
  CO_TRY(const auto metadata, co_await instances_.metadata(node, stop));
  // Addresses first: without the taint pods come, which may ask for them.
  CO_TRY_STATUS(co_await setAddresses(node, metadata, stop));
  CO_TRY(auto current, co_await client::get<Node>(client(), "", key, stop));
  if (!isUninitialized(*current)) co_return Duration(0);
  auto updated = co_await client::update<Node>(client(), initialized(*current, metadata), "", stop);
  if (isNotFound(updated.status())) co_return Duration(0);
  if (!updated.ok()) co_return updated.status();
  events().event(**updated, client::kEventNormal, "Synced", "Node synced successfully");
  co_return Duration(0);
}

Task<Status> NodeController::setAddresses(NodePtr node, const InstanceMetadata& metadata,
                                          std::stop_token stop) {
  CO_TRY(auto wanted, addressesOf(*node, metadata));
  if (!wanted) co_return Status();
  const auto& meta = node->metadata;
  auto patched = co_await client().patch(
      client::resourceOf<Node>(), "", meta.name, "status", client::PatchType::Merge,
      controllers::listPatch(meta, "status", "addresses", *wanted), stop);
  co_return isNotFound(patched.status()) ? Status() : patched.status();
}

Task<Status> NodeController::refresh(NodePtr node, std::stop_token stop) {
  if (isUninitialized(*node) || node->metadata.deletionTimestamp) co_return Status();
  CO_TRY(const bool exists, co_await instances_.exists(node, stop));
  if (!exists) co_return Status();  // the lifecycle controller's
  CO_TRY(const auto metadata, co_await instances_.metadata(node, stop));
  CO_TRY_STATUS(co_await setAddresses(node, metadata, stop));
  CO_TRY(auto current, co_await client::get<Node>(client(), "", node->metadata.name, stop));
  Node next = *current;
  if (!setBetaLabels(next)) co_return Status();
  auto updated = co_await client::update<Node>(client(), std::move(next), "", stop);
  co_return updated.status();
}

Task<void> NodeController::background(std::stop_token stop) {
  while (true) {
    std::vector<NodePtr> all;
    nodes_.forEach(
        [&all](const api::ConstObject& object) { all.push_back(object.sharedAs<Node>()); });
    for (const auto& node : all) {
      Status done = co_await refresh(node, stop);
      if (isCanceled(done)) co_return;
      if (!done.ok()) {
        kLog.warn("node is not refreshed", {{"node", node->metadata.name}, {"error", done}});
      }
    }
    Status slept = co_await sleepFor(options_.statusPeriod, stop);
    if (!slept.ok()) co_return;
  }
}

}  // namespace coxswain::cloud
