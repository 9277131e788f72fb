// What stands behind services: EndpointSlices, Endpoints, and mirrors of Endpoints that people
// write, while pods come, go, and change.
#include <set>

#include "api/gen/discovery_v1.h"
#include "api/helpers/pods.h"
#include "scenarios/list.h"
#include "scenarios/objects.h"

namespace coxswain::simulation {

using api::apps::v1::ReplicaSet;
using api::core::v1::Endpoints;
using api::core::v1::Pod;
using api::core::v1::Service;
using api::discovery::v1::EndpointSlice;

namespace {

std::set<std::string> addressesOfPods(const World& world) {
  std::set<std::string> all;
  for (const auto& pod : world.server.peekAll<Pod>()) {
    if (api::isPodReady(*pod) && !pod->metadata.deletionTimestamp) all.insert(pod->status.podIP);
  }
  return all;
}

/// Each address once over all slices.
bool slicesShow(const World& world, const std::set<std::string>& wanted) {
  std::multiset<std::string> shown;
  for (const auto& slice : world.server.peekAll<EndpointSlice>()) {
    for (const auto& endpoint : slice->endpoints) {
      if (!endpoint.conditions.ready.value_or(false)) return false;
      shown.insert(endpoint.addresses.begin(), endpoint.addresses.end());
    }
  }
  return std::multiset<std::string>(wanted.begin(), wanted.end()) == shown;
}

bool endpointsShow(const World& world, const std::set<std::string>& wanted) {
  auto stored = world.server.peek<Endpoints>("default", "web");
  if (!stored) return wanted.empty();
  std::set<std::string> shown;
  for (const auto& subset : stored->subsets) {
    for (const auto& address : subset.addresses) shown.insert(address.ip);
    if (!subset.notReadyAddresses.empty()) return false;
  }
  return shown == wanted;
}

void play(World& world) {
  const bool slices = world.scenario.name == "endpointslice";
  auto shown = [&world, slices](size_t count) {
    const auto wanted = addressesOfPods(world);
    if (wanted.size() != count) return false;
    return slices ? slicesShow(world, wanted) : endpointsShow(world, wanted);
  };
  const auto replicas = world.draw(2, 6);
  world.server.put(makeService("web"));
  world.server.put(makeReplicaSet("web", replicas));
  world.until("all are shown", [&] { return shown(static_cast<size_t>(replicas)); });
  (void)world.server.erase<Pod>("default", world.server.peekAll<Pod>()[0]->metadata.name);
  world.run(std::chrono::milliseconds(world.draw(0, 2000)));
  world.server.change<ReplicaSet>("default", "web",
                                  [&](ReplicaSet& set) { set.spec.replicas = replicas + 2; });
  world.until("two more", [&] { return shown(static_cast<size_t>(replicas + 2)); });
  world.server.change<Service>("default", "web", [](Service& service) {
    service.spec.ports[0].targetPort = api::IntOrString(9090);
    service.metadata.labels["team"] = "t";
  });
  world.server.change<ReplicaSet>("default", "web", [](ReplicaSet& set) { set.spec.replicas = 1; });
  world.until("one", [&] { return shown(1); });
}

void prepare(World& world) {
  world.kubelets.assigns = true;
  for (const char* name : {"n1", "n2"}) world.kubelets.addNode(name);
}

void setAddresses(World& world, const std::vector<std::string>& addresses) {
  world.server.change<Endpoints>("default", "mine", [&](Endpoints& endpoints) {
    endpoints.subsets.clear();
    auto& subset = endpoints.subsets.emplace_back();
    for (const auto& address : addresses) subset.addresses.emplace_back().ip = address;
    auto& port = subset.ports.emplace_back();
    port.port = 80;
    port.protocol = "TCP";
  });
}

void playMirror(World& world) {
  auto service = makeService("mine");
  service.spec.selector.clear();
  world.server.put(service);
  world.server.put(named<Endpoints>("mine"));
  std::vector<std::string> addresses;
  for (int32_t i = world.draw(1, 4); i > 0; --i) addresses.push_back("10.9.0." + std::to_string(i));
  auto shown = [&] {
    std::multiset<std::string> all;
    for (const auto& slice : world.server.peekAll<EndpointSlice>()) {
      for (const auto& endpoint : slice->endpoints) {
        all.insert(endpoint.addresses.begin(), endpoint.addresses.end());
      }
    }
    return all == std::multiset<std::string>(addresses.begin(), addresses.end());
  };
  setAddresses(world, addresses);
  world.until("mirrored", shown);
  addresses.emplace_back("10.9.0.77");
  addresses.erase(addresses.begin());
  setAddresses(world, addresses);
  world.until("mirrored again", shown);
  (void)world.server.erase<Endpoints>("default", "mine");
  addresses.clear();
  world.until("no mirror is left", [&] { return world.server.peekAll<EndpointSlice>().empty(); });
}

}  // namespace

Scenario endpointSlices() {
  return {"endpointslice",
          {"endpointslice-controller", "replicaset-controller", "garbage-collector-controller"},
          play,
          prepare};
}
Scenario endpoints() {
  return {"endpoints",
          {"endpoints-controller", "replicaset-controller", "garbage-collector-controller"},
          play,
          prepare};
}
Scenario mirroring() {
  return {"mirroring",
          {"endpointslice-mirroring-controller", "garbage-collector-controller"},
          playMirror,
          prepare};
}

}  // namespace coxswain::simulation
