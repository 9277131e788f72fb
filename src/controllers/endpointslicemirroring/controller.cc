#include "controllers/endpointslicemirroring/controller.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "controllers/endpointslice/writer.h"

namespace coxswain::controllers::endpointslicemirroring {

using api::core::v1::EndpointAddress;
using api::core::v1::Endpoints;
using api::core::v1::Service;
using api::discovery::v1::Endpoint;
using api::discovery::v1::EndpointPort;
using api::discovery::v1::EndpointSlice;
using endpointslice::EndpointGroup;
using endpointslice::SliceChanges;
using endpointslice::SlicePointer;

namespace {

constexpr std::string_view kManagedBy = "endpointslicemirroring-controller.k8s.io";
constexpr std::string_view kLeaderLock = "control-plane.alpha.kubernetes.io/leader";
constexpr std::string_view kTriggerTime = "endpoints.kubernetes.io/last-change-trigger-time";
constexpr std::string_view kLastApplied = "kubectl.kubernetes.io/last-applied-configuration";
constexpr const char* kByEndpoints = "endpoints";
constexpr size_t kSubsetMax = 1000;

Controller::Options options(int workers) {
  Controller::Options o;
  o.name = "endpoint-slice-mirroring-controller";
  o.workers = workers;
  o.retriesMax = 15;
  o.queue.baseDelay = 1s;
  return o;
}

std::string keyOf(const EndpointSlice& slice) {
  const auto* manager = slice.metadata.labels.get(api::discovery::v1::kLabelManagedBy);
  const auto* name = slice.metadata.labels.get(api::discovery::v1::kLabelServiceName);
  if (manager == nullptr || *manager != kManagedBy || name == nullptr) return "";
  return slice.metadata.namespace_ + "/" + *name;
}

std::vector<std::string> endpointsValues(const api::ConstObject& object) {
  auto key = keyOf(*object.as<EndpointSlice>());
  if (key.empty()) return {};
  return {std::move(key)};
}

bool isMirrored(const Endpoints& endpoints) {
  const auto* skip = endpoints.metadata.labels.get(api::discovery::v1::kLabelSkipMirror);
  if (skip != nullptr && *skip == "true") return false;
  return !endpoints.metadata.annotations.contains(kLeaderLock) &&
         !endpoints.metadata.deletionTimestamp;
}

void addAddresses(const std::vector<EndpointAddress>& addresses, bool ready,
                  std::string_view addressType, EndpointGroup& group, size_t& dropped) {
  const bool six = addressType == api::discovery::v1::kAddressTypeIPv6;
  for (const auto& address : addresses) {
    if ((address.ip.find(':') != std::string::npos) != six) continue;
    if (group.endpoints.size() >= kSubsetMax) {
      ++dropped;
      continue;
    }
    Endpoint endpoint;
    endpoint.addresses = {address.ip};
    endpoint.conditions.ready = ready;
    endpoint.targetRef = address.targetRef;
    endpoint.nodeName = address.nodeName;
    if (!address.hostname.empty()) endpoint.hostname = address.hostname;
    group.endpoints.push_back(std::move(endpoint));
  }
}

EndpointSlice patternOf(const Endpoints& endpoints, std::string_view addressType) {
  EndpointSlice slice;
  slice.addressType = addressType;
  auto& meta = slice.metadata;
  meta.namespace_ = endpoints.metadata.namespace_;
  meta.generateName = endpoints.metadata.name + "-";
  meta.labels = endpoints.metadata.labels;
  meta.labels[api::discovery::v1::kLabelServiceName] = endpoints.metadata.name;
  meta.labels[api::discovery::v1::kLabelManagedBy] = kManagedBy;
  meta.annotations = endpoints.metadata.annotations;
  meta.annotations.erase(kTriggerTime);
  meta.annotations.erase(kLastApplied);
  meta.ownerReferences.push_back(api::newControllerRef(endpoints.metadata, "v1", "Endpoints"));
  return slice;
}

}  // namespace

std::vector<EndpointGroup> mirrored(const Endpoints& endpoints, std::string_view addressType,
                                    size_t& dropped) {
  std::vector<EndpointGroup> groups;
  for (const auto& subset : endpoints.subsets) {
    EndpointGroup group;
    for (const auto& from : subset.ports) {
      EndpointPort port;
      port.name = from.name;
      port.protocol = from.protocol;
      port.port = from.port;
      port.appProtocol = from.appProtocol;
      group.ports.push_back(std::move(port));
    }
    addAddresses(subset.addresses, true, addressType, group, dropped);
    addAddresses(subset.notReadyAddresses, false, addressType, group, dropped);
    if (group.endpoints.empty()) continue;
    auto same = std::find_if(groups.begin(), groups.end(),
                             [&group](const auto& g) { return g.ports == group.ports; });
    if (same == groups.end()) {
      groups.push_back(std::move(group));
    } else {
      std::move(group.endpoints.begin(), group.endpoints.end(),
                std::back_inserter(same->endpoints));
    }
  }
  return groups;
}

EndpointSliceMirroringController::EndpointSliceMirroringController(const Context& context,
                                                                   int workers)
    : Controller(context, options(workers)),
      endpoints_(use<Endpoints>()),
      services_(use<Service>()),
      slices_(use<EndpointSlice>()) {
  slices_.addIndex(kByEndpoints, endpointsValues);
  auto enqueue = [this](const client::Change& change) {
    queue().add(client::objectKey(change.after ? change.after : change.before));
  };
  endpoints_.addHandler(enqueue);
  services_.addHandler(enqueue);
  slices_.addHandler([this](const client::Change& change) {
    const auto& slice = *(change.after ? change.after : change.before).as<EndpointSlice>();
    const auto key = keyOf(slice);
    if (key.empty()) return;
    if (!change.after) tracker_.observeGone(key, slice.metadata.uid);
    queue().add(key);
  });
}

std::vector<SlicePointer> EndpointSliceMirroringController::slicesOf(const std::string& key) const {
  std::vector<SlicePointer> slices;
  for (const auto& object : slices_.byIndex(kByEndpoints, key)) {
    slices.push_back(object.sharedAs<EndpointSlice>());
  }
  return slices;
}

Task<Result<Duration>> EndpointSliceMirroringController::reconcile(std::string key,
                                                                   std::stop_token stop) {
  auto endpoints = endpoints_.get<Endpoints>(key);
  auto service = services_.get<Service>(key);
  auto slices = slicesOf(key);
  if (tracker_.stale(key, slices)) co_return Duration(1s);
  SliceChanges all;
  if (!endpoints || !service || !service->spec.selector.empty() || !isMirrored(*endpoints)) {
    all.remove = std::move(slices);
    CO_TRY_STATUS(
        co_await endpointslice::writeSlices(client(), tracker_, key, std::move(all), stop));
    tracker_.forget(key);
    co_return Duration(0);
  }
  size_t dropped = 0;
  for (std::string_view type : {"IPv4", "IPv6"}) {
    std::vector<SlicePointer> existing;
    for (const auto& slice : slices) {
      if (slice->addressType == type) existing.push_back(slice);
    }
    const auto pattern = patternOf(*endpoints, type);
    auto changes = endpointslice::packSlices(mirrored(*endpoints, type, dropped), existing, pattern,
                                             kSubsetMax, false);
    std::move(changes.create.begin(), changes.create.end(), std::back_inserter(all.create));
    std::move(changes.update.begin(), changes.update.end(), std::back_inserter(all.update));
    std::move(changes.remove.begin(), changes.remove.end(), std::back_inserter(all.remove));
  }
  if (dropped > 0) {
    events().event(*endpoints, client::kEventWarning, "TooManyAddressesToMirror",
                   fmt::format("A max of {} addresses can be mirrored to EndpointSlices per "
                               "Endpoints subset. {} addresses were skipped",
                               kSubsetMax, dropped));
  }
  CO_TRY_STATUS(co_await endpointslice::writeSlices(client(), tracker_, key, std::move(all), stop));
  co_return Duration(0);
}

}  // namespace coxswain::controllers::endpointslicemirroring
