#include "controllers/endpointslicemirroring/controller.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "controllers/endpointslice/writer.h"

namespace coxswain::controllers::endpointslicemirroring {

using api::core::v1::EndpointAddress;
using api::core::v1::Endpoints;
using api::core::v1::EndpointSubset;
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

Controller::Options controllerOptions(int workers) {
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

/// "IPv4", "IPv6"; empty: it is no address.
std::string_view familyOf(const std::string& ip) {
  in_addr v4;
  in6_addr v6;
  if (inet_pton(AF_INET, ip.c_str(), &v4) == 1) return api::discovery::v1::kAddressTypeIPv4;
  if (inet_pton(AF_INET6, ip.c_str(), &v6) == 1) return api::discovery::v1::kAddressTypeIPv6;
  return "";
}

/// One subset: at most `room` addresses of both families together.
struct SubsetMirror {
  EndpointGroup v4;
  EndpointGroup v6;
  size_t room = 0;
  size_t invalid = 0;

  void add(const std::vector<EndpointAddress>& addresses, bool ready) {
    for (const auto& address : addresses) {
      if (room == 0) return;
      const auto family = familyOf(address.ip);
      if (family.empty()) {
        ++invalid;
        continue;
      }
      --room;
      Endpoint endpoint;
      endpoint.addresses = {address.ip};
      endpoint.conditions.ready = ready;
      endpoint.targetRef = address.targetRef;
      endpoint.nodeName = address.nodeName;
      if (!address.hostname.empty()) endpoint.hostname = address.hostname;
      const bool six = family == api::discovery::v1::kAddressTypeIPv6;
      (six ? v6 : v4).endpoints.push_back(std::move(endpoint));
    }
  }
};

void addGroup(std::vector<EndpointGroup>& groups, EndpointGroup group) {
  if (group.endpoints.empty()) return;
  auto same = std::find_if(groups.begin(), groups.end(),
                           [&group](const auto& g) { return g.ports == group.ports; });
  if (same == groups.end()) {
    groups.push_back(std::move(group));
    return;
  }
  std::move(group.endpoints.begin(), group.endpoints.end(), std::back_inserter(same->endpoints));
}

std::vector<EndpointPort> portsOf(const EndpointSubset& subset) {
  std::vector<EndpointPort> ports;
  for (const auto& from : subset.ports) {
    EndpointPort port;
    port.name = from.name;
    port.protocol = from.protocol;
    port.port = from.port;
    port.appProtocol = from.appProtocol;
    ports.push_back(std::move(port));
  }
  return ports;
}

/// What slices are given by the annotations of their Endpoints.
void annotate(SliceChanges& changes, const std::vector<SlicePointer>& existing,
              const EndpointSlice& pattern) {
  const auto& wanted = pattern.metadata.annotations;
  for (const auto& slice : endpointslice::keptOf(existing, changes)) {
    if (slice->metadata.annotations != wanted) changes.update.push_back(*slice);
  }
  for (auto& slice : changes.update) slice.metadata.annotations = wanted;
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

Mirrors mirrored(const Endpoints& endpoints, size_t addressesMax) {
  Mirrors mirrors;
  for (const auto& subset : endpoints.subsets) {
    SubsetMirror mirror;
    mirror.room = addressesMax;
    mirror.v4.ports = mirror.v6.ports = portsOf(subset);
    mirror.add(subset.addresses, true);
    mirror.add(subset.notReadyAddresses, false);
    mirrors.skipped +=
        subset.addresses.size() + subset.notReadyAddresses.size() - (addressesMax - mirror.room);
    mirrors.invalid += mirror.invalid;
    addGroup(mirrors.v4, std::move(mirror.v4));
    addGroup(mirrors.v6, std::move(mirror.v6));
  }
  return mirrors;
}

EndpointSliceMirroringController::EndpointSliceMirroringController(const Context& context,
                                                                   Options options)
    : Controller(context, controllerOptions(options.workers)),
      options_(options),
      endpoints_(use<Endpoints>()),
      services_(use<Service>()),
      slices_(use<EndpointSlice>()) {
  slices_.addIndex(kByEndpoints, endpointsValues);
  endpoints_.addHandler([this](const client::Change& change) {
    const auto key = client::objectKey(change.after ? change.after : change.before);
    if (options_.batchPeriod > Duration(0)) {
      queue().addAfter(key, options_.batchPeriod);
    } else {
      queue().add(key);
    }
  });
  services_.addHandler([this](const client::Change& change) {
    queue().add(client::objectKey(change.after ? change.after : change.before));
  });
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

void EndpointSliceMirroringController::tellSkipped(const Endpoints& endpoints,
                                                   const Mirrors& mirrors) {
  if (mirrors.invalid > 0) {
    events().event(endpoints, client::kEventWarning, "InvalidIPAddress",
                   fmt::format("Skipping {} invalid IP addresses when mirroring to EndpointSlices",
                               mirrors.invalid));
  }
  if (mirrors.skipped > mirrors.invalid) {
    events().event(endpoints, client::kEventWarning, "TooManyAddressesToMirror",
                   fmt::format("A max of {} addresses can be mirrored to EndpointSlices per "
                               "Endpoints subset. {} addresses were skipped",
                               options_.addressesMax, mirrors.skipped));
  }
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
  auto mirrors = mirrored(*endpoints, options_.addressesMax);
  for (std::string_view type :
       {api::discovery::v1::kAddressTypeIPv4, api::discovery::v1::kAddressTypeIPv6}) {
    std::vector<SlicePointer> existing;
    for (const auto& slice : slices) {
      if (slice->addressType == type) existing.push_back(slice);
    }
    const auto pattern = patternOf(*endpoints, type);
    auto& groups = type == api::discovery::v1::kAddressTypeIPv4 ? mirrors.v4 : mirrors.v6;
    auto changes = endpointslice::packSlices(std::move(groups), existing, pattern,
                                             options_.addressesMax, false);
    annotate(changes, existing, pattern);
    std::move(changes.create.begin(), changes.create.end(), std::back_inserter(all.create));
    std::move(changes.update.begin(), changes.update.end(), std::back_inserter(all.update));
    std::move(changes.remove.begin(), changes.remove.end(), std::back_inserter(all.remove));
  }
  tellSkipped(*endpoints, mirrors);
  CO_TRY_STATUS(co_await endpointslice::writeSlices(client(), tracker_, key, std::move(all), stop));
  co_return Duration(0);
}

}  // namespace coxswain::controllers::endpointslicemirroring
