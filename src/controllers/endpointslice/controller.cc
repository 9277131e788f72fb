#include "controllers/endpointslice/controller.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "controllers/endpointslice/writer.h"
#include "controllers/framework/indices.h"
#include "controllers/framework/services.h"

namespace coxswain::controllers::endpointslice {

using api::core::v1::Node;
using api::core::v1::Pod;
using api::core::v1::Service;
using api::discovery::v1::EndpointSlice;

namespace {

constexpr std::string_view kZoneLabel = "topology.kubernetes.io/zone";
/// Where slices of a service are found.
constexpr const char* kByService = "service";
/// A key of the queue that is no service's.
constexpr const char* kSharesKey = "zone shares";
constexpr Duration kSharesGather = 1s;

Controller::Options controllerOptions(int workers) {
  Controller::Options o;
  o.name = "endpoint-slice-controller";
  o.workers = workers;
  o.retriesMax = 15;
  o.queue.baseDelay = 1s;
  return o;
}

std::string zoneOf(const Node& node) {
  const auto* zone = node.metadata.labels.get(kZoneLabel);
  return zone == nullptr ? "" : *zone;
}

std::string serviceKeyOf(const EndpointSlice& slice) {
  const auto* name = slice.metadata.labels.get(api::discovery::v1::kLabelServiceName);
  return name == nullptr ? "" : slice.metadata.namespace_ + "/" + *name;
}

bool isOurs(const EndpointSlice& slice) {
  const auto* manager = slice.metadata.labels.get(api::discovery::v1::kLabelManagedBy);
  return manager != nullptr && *manager == kManagedBy;
}

bool isOwnedBy(const EndpointSlice& slice, const Service& service) {
  const auto& owners = slice.metadata.ownerReferences;
  return std::any_of(owners.begin(), owners.end(), [&service](const auto& owner) {
    return owner.uid == service.metadata.uid && owner.kind == "Service" && owner.apiVersion == "v1";
  });
}

void append(SliceChanges& all, SliceChanges changes) {
  std::move(changes.create.begin(), changes.create.end(), std::back_inserter(all.create));
  std::move(changes.update.begin(), changes.update.end(), std::back_inserter(all.update));
  std::move(changes.remove.begin(), changes.remove.end(), std::back_inserter(all.remove));
}

/// As Go joins errors. Empty: each pod's node is there.
std::string lostPods(const Service& service, const std::vector<PodPointer>& pods,
                     const Zones& zones) {
  if (service.spec.publishNotReadyAddresses) return "";
  std::vector<std::string> lost;
  for (const auto& pod : pods) {
    const auto& node = pod->spec.nodeName;
    if (!hasEndpoint(*pod) || node.empty() || zones.contains(node)) continue;
    lost.push_back(fmt::format("skipping Pod {} for Service {}: Node {} Not Found",
                               pod->metadata.name, api::objectKey(service.metadata), node));
  }
  if (lost.size() < 2) return lost.empty() ? "" : lost[0];
  return fmt::format("[{}]", fmt::join(lost, ", "));
}

std::vector<std::string> serviceValues(const api::ConstObject& object) {
  const auto& slice = *object.as<EndpointSlice>();
  if (!isOurs(slice)) return {};
  return {serviceKeyOf(slice)};
}

}  // namespace

EndpointSliceController::EndpointSliceController(const Context& context, Options options)
    : Controller(context, controllerOptions(options.workers)),
      options_(options),
      services_(use<Service>()),
      pods_(use<Pod>()),
      nodes_(use<Node>()),
      slices_(use<EndpointSlice>()) {
  addSelectorIndex(services_);
  addLabelIndex(pods_);
  addNodeIndex(pods_);
  slices_.addIndex(kByService, serviceValues);
  services_.addHandler([this](const client::Change& change) {
    queue().add(client::objectKey(change.after ? change.after : change.before));
  });
  pods_.addHandler([this](const client::Change& change) { onPod(change); });
  nodes_.addHandler([this](const client::Change& change) { onNode(change); });
  slices_.addHandler([this](const client::Change& change) { onSlice(change); });
}

void EndpointSliceController::onPod(const client::Change& change) {
  const auto* before = change.before.as<Pod>();
  const auto* after = change.after.as<Pod>();
  if (before != nullptr && after != nullptr && !endpointChanged(*before, *after)) return;
  for (const auto& key : servicesOfPod(services_, before, after)) {
    if (options_.batchPeriod > Duration(0)) {
      queue().addAfter(key, options_.batchPeriod);
    } else {
      queue().add(key);
    }
  }
}

void EndpointSliceController::onNode(const client::Change& change) {
  const auto* before = change.before.as<Node>();
  const auto* after = change.after.as<Node>();
  const Node none;
  if (sharesChanged(before == nullptr ? none : *before, after == nullptr ? none : *after)) {
    shares_.reset();
    if (!hinted_.empty()) queue().addAfter(kSharesKey, kSharesGather);
  }
  if (before != nullptr && after != nullptr && zoneOf(*before) == zoneOf(*after)) return;
  const auto& name = (after != nullptr ? after : before)->metadata.name;
  for (const auto& object : pods_.byIndex(kByNode, name)) {
    for (const auto& key : servicesOfPod(services_, nullptr, object.as<Pod>())) queue().add(key);
  }
}

void EndpointSliceController::onSlice(const client::Change& change) {
  const auto& slice = *(change.after ? change.after : change.before).as<EndpointSlice>();
  const auto key = serviceKeyOf(slice);
  if (!isOurs(slice) || key.empty()) return;
  if (!change.after) tracker_.observeGone(key, slice.metadata.uid);
  queue().add(key);
}

std::vector<SlicePointer> EndpointSliceController::slicesOf(const Service& service) const {
  std::vector<SlicePointer> slices;
  for (const auto& object : slices_.byIndex(kByService, api::objectKey(service.metadata))) {
    slices.push_back(object.sharedAs<EndpointSlice>());
  }
  return slices;
}

Zones EndpointSliceController::zonesOf(const std::vector<PodPointer>& pods) const {
  Zones zones;
  for (const auto& pod : pods) {
    auto node = nodes_.get<Node>(pod->spec.nodeName);
    if (node) zones.emplace(pod->spec.nodeName, zoneOf(*node));
  }
  return zones;
}

const ZoneShares& EndpointSliceController::shares() {
  if (!shares_) {
    std::vector<std::shared_ptr<const Node>> nodes;
    nodes.reserve(nodes_.size());
    nodes_.forEach(
        [&](const api::ConstObject& object) { nodes.push_back(object.sharedAs<Node>()); });
    shares_ = zoneShares(nodes);
  }
  return *shares_;
}

void EndpointSliceController::onShares() {
  for (const auto& [key, hinted] : hinted_) {
    const bool overloaded =
        std::any_of(hinted.counts.begin(), hinted.counts.end(),
                    [this](const auto& entry) { return isOverloaded(entry.second, shares()); });
    if (overloaded || (hinted.baseless && !shares().empty())) queue().add(key);
  }
}

void EndpointSliceController::tellHints(const Service& service, bool enabled, std::string_view why,
                                        std::string_view addressType) {
  events().event(service, enabled ? client::kEventNormal : client::kEventWarning,
                 enabled ? "TopologyAwareHintsEnabled" : "TopologyAwareHintsDisabled",
                 fmt::format("{}, addressType: {}", why, addressType));
}

void EndpointSliceController::tellFailure(const Service& service, const std::string& why) {
  events().event(service, client::kEventWarning, "FailedToUpdateEndpointSlices",
                 fmt::format("Error updating Endpoint Slices for Service {}: {}",
                             api::objectKey(service.metadata), why));
}

void EndpointSliceController::assignHints(const std::string& key, const Service& service,
                                          const std::string& addressType, SliceChanges& changes,
                                          const std::vector<SlicePointer>& existing) {
  if (!wantsTopologyHints(service)) {
    auto known = hinted_.find(key);
    if (known == hinted_.end()) return;
    if (known->second.told) tellHints(service, false, kHintsDisabled, addressType);
    hinted_.erase(known);
    return;
  }
  auto& hinted = hinted_[key];
  hinted.baseless = shares().empty();
  auto outcome = endpointslice::assignHints(changes, existing, shares());
  if (!outcome.problem.empty()) {
    hinted.counts.erase(addressType);
    hinted.told = false;
    tellHints(service, false, outcome.problem, addressType);
    return;
  }
  hinted.counts[addressType] = std::move(outcome.counts);
  if (!hinted.told) tellHints(service, true, kHintsEnabled, addressType);
  hinted.told = true;
}

SliceChanges EndpointSliceController::changesFor(const std::string& key, const Service& service,
                                                 const std::vector<PodPointer>& pods,
                                                 const std::vector<SlicePointer>& slices) {
  const auto zones = zonesOf(pods);
  const auto types = addressTypesOf(service);
  SliceChanges all;
  for (const auto& type : types) {
    std::vector<SlicePointer> existing;
    for (const auto& slice : slices) {
      const bool usable = slice->addressType == type && isOwnedBy(*slice, service);
      if (usable && !slice->metadata.deletionTimestamp) existing.push_back(slice);
    }
    auto groups = endpointsOf(service, pods, zones, type);
    if (wantsTopologyHints(service)) carryHints(groups, existing);
    auto changes = packSlices(std::move(groups), existing, slicePattern(service, type),
                              options_.endpointsPerSliceMax, true);
    assignHints(key, service, type, changes, existing);
    append(all, std::move(changes));
  }
  for (const auto& slice : slices) {
    const bool served = std::find(types.begin(), types.end(), slice->addressType) != types.end();
    // Those of an earlier service of this name are no use either.
    if (!served || !isOwnedBy(*slice, service)) all.remove.push_back(slice);
  }
  const auto lost = lostPods(service, pods, zones);
  // A node that appears brings the service again.
  if (!lost.empty()) tellFailure(service, lost);
  return all;
}

Task<Result<Duration>> EndpointSliceController::reconcile(std::string key, std::stop_token stop) {
  if (key == kSharesKey) {
    onShares();
    co_return Duration(0);
  }
  auto service = services_.get<Service>(key);
  if (!service) {
    tracker_.forget(key);
    triggers_.forget(key);
    hinted_.erase(key);
    co_return Duration(0);
  }
  if (service->spec.type == "ExternalName" || service->spec.selector.empty()) co_return Duration(0);
  if (service->metadata.deletionTimestamp) co_return Duration(0);
  auto slices = slicesOf(*service);
  // The event that is missing brings this key again; the second is for an event that never comes.
  if (tracker_.stale(key, slices)) co_return Duration(1s);
  const auto pods = podsOfService(pods_, *service);
  const auto trigger = triggers_.changed(key, *service, pods);
  auto changes = changesFor(key, *service, pods, slices);
  for (auto& slice : changes.create) annotateTriggerTime(slice.metadata.annotations, trigger);
  for (auto& slice : changes.update) annotateTriggerTime(slice.metadata.annotations, trigger);
  Status written = co_await writeSlices(client(), tracker_, key, std::move(changes), stop);
  if (written.ok()) co_return Duration(0);
  if (!isConflict(written) && !isCanceled(written)) tellFailure(*service, written.message());
  co_return written;
}

}  // namespace coxswain::controllers::endpointslice
