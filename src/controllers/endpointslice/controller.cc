#include "controllers/endpointslice/controller.h"

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

std::vector<std::string> serviceValues(const api::ConstObject& object) {
  const auto& slice = *object.as<EndpointSlice>();
  if (!isOurs(slice)) return {};
  return {serviceKeyOf(slice)};
}

}  // namespace

EndpointSliceController::EndpointSliceController(const Context& context, Options options)
    : Controller(context, controllerOptions(options.workers)),
      endpointsPerSliceMax_(options.endpointsPerSliceMax),
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
  for (const auto& key : servicesOfPod(services_, before, after)) queue().add(key);
}

void EndpointSliceController::onNode(const client::Change& change) {
  const auto* before = change.before.as<Node>();
  const auto* after = change.after.as<Node>();
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

Task<Result<Duration>> EndpointSliceController::reconcile(std::string key, std::stop_token stop) {
  auto service = services_.get<Service>(key);
  if (!service) {
    tracker_.forget(key);
    co_return Duration(0);
  }
  if (service->spec.type == "ExternalName" || service->spec.selector.empty()) co_return Duration(0);
  if (service->metadata.deletionTimestamp) co_return Duration(0);
  auto slices = slicesOf(*service);
  // The event that is missing brings this key again; the second is for an event that never comes.
  if (tracker_.stale(key, slices)) co_return Duration(1s);
  const auto pods = podsOfService(pods_, *service);
  const auto zones = zonesOf(pods);
  const auto types = addressTypesOf(*service);
  SliceChanges all;
  for (const auto& type : types) {
    std::vector<SlicePointer> existing;
    for (const auto& slice : slices) {
      if (slice->addressType == type && !slice->metadata.deletionTimestamp) {
        existing.push_back(slice);
      }
    }
    const auto pattern = slicePattern(*service, type);
    auto changes = packSlices(endpointsOf(*service, pods, zones, type), existing, pattern,
                              endpointsPerSliceMax_, true);
    std::move(changes.create.begin(), changes.create.end(), std::back_inserter(all.create));
    std::move(changes.update.begin(), changes.update.end(), std::back_inserter(all.update));
    std::move(changes.remove.begin(), changes.remove.end(), std::back_inserter(all.remove));
  }
  for (const auto& slice : slices) {
    if (std::find(types.begin(), types.end(), slice->addressType) == types.end()) {
      all.remove.push_back(slice);
    }
  }
  Status written = co_await writeSlices(client(), tracker_, key, std::move(all), stop);
  if (!written.ok()) {
    if (!isConflict(written) && !isCanceled(written)) {
      events().event(
          *service, client::kEventWarning, "FailedToUpdateEndpointSlices",
          "Error updating Endpoint Slices for Service " + key + ": " + written.message());
    }
    co_return written;
  }
  co_return Duration(0);
}

}  // namespace coxswain::controllers::endpointslice
