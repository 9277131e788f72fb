#include <gtest/gtest.h>

#include <set>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "controllers/endpoints/controller.h"
#include "controllers/endpointslice/controller.h"
#include "controllers/endpointslicemirroring/controller.h"
#include "controllers/framework/testing/harness.h"

namespace coxswain::controllers::endpointslice {
namespace {

using api::core::v1::Endpoints;
using api::core::v1::Node;
using api::core::v1::Pod;
using api::core::v1::Service;
using api::discovery::v1::Endpoint;
using api::discovery::v1::EndpointSlice;
using testing::Harness;
using testing::makeReady;

Service makeService(const std::string& name) {
  Service service;
  service.metadata.name = name;
  service.metadata.namespace_ = "default";
  service.metadata.labels["team"] = "t";
  service.spec.selector["app"] = name;
  service.spec.clusterIP = "10.96.0.9";
  service.spec.ipFamilies = {"IPv4"};
  service.spec.ports.resize(2);
  service.spec.ports[0].name = "http";
  service.spec.ports[0].protocol = "TCP";
  service.spec.ports[0].port = 80;
  service.spec.ports[0].targetPort = "web";
  service.spec.ports[1].name = "num";
  service.spec.ports[1].protocol = "TCP";
  service.spec.ports[1].port = 81;
  service.spec.ports[1].targetPort = 8081;
  return service;
}

Pod makePod(const std::string& name, const std::string& app, const std::string& ip,
            bool ready = true) {
  Pod pod;
  pod.metadata.name = name;
  pod.metadata.uid = "uid-" + name;
  pod.metadata.namespace_ = "default";
  pod.metadata.labels["app"] = app;
  pod.spec.nodeName = "n1";
  pod.spec.containers.resize(1);
  pod.spec.containers[0].name = "c";
  pod.spec.containers[0].ports.resize(1);
  pod.spec.containers[0].ports[0].name = "web";
  pod.spec.containers[0].ports[0].protocol = "TCP";
  pod.spec.containers[0].ports[0].containerPort = 8080;
  pod.status.podIP = ip;
  pod.status.podIPs.resize(ip.empty() ? 0 : 1);
  if (!ip.empty()) pod.status.podIPs[0].ip = ip;
  makeReady(pod, WallTime(), ready);
  return pod;
}

Node makeNode(const std::string& name, const std::string& zone) {
  Node node;
  node.metadata.name = name;
  node.metadata.labels["topology.kubernetes.io/zone"] = zone;
  return node;
}

/// "10.0.0.1" -> its endpoint, over all slices of the service. An address in two slices is an
/// error.
std::map<std::string, Endpoint> shown(Harness& h, const std::string& service) {
  std::map<std::string, Endpoint> all;
  for (const auto& slice : h.client.peekAll<EndpointSlice>("default")) {
    if (slice->metadata.labels.at("kubernetes.io/service-name") != service) continue;
    for (const auto& endpoint : slice->endpoints) {
      EXPECT_TRUE(all.emplace(endpoint.addresses.at(0), endpoint).second)
          << endpoint.addresses.at(0);
    }
  }
  return all;
}

TEST(EndpointSlices, FollowPods) {
  Harness h(1);
  h.add<EndpointSliceController>();
  h.add<endpoints::EndpointsController>();
  h.start();
  h.client.put(makeNode("n1", "z1"));
  h.client.put(makeService("s"));
  h.client.put(makePod("a", "s", "10.0.0.1"));
  h.client.put(makePod("b", "s", "10.0.0.2", false));
  h.client.put(makePod("c", "s", ""));
  h.client.put(makePod("other", "x", "10.0.0.4"));
  ASSERT_TRUE(h.until([&] { return shown(h, "s").size() == 2; }));
  auto a = shown(h, "s").at("10.0.0.1");
  EXPECT_EQ(a.conditions.ready, true);
  EXPECT_EQ(a.conditions.serving, true);
  EXPECT_EQ(a.conditions.terminating, false);
  EXPECT_EQ(a.nodeName, "n1");
  EXPECT_EQ(a.zone, "z1");
  EXPECT_EQ(a.targetRef->name, "a");
  EXPECT_EQ(shown(h, "s").at("10.0.0.2").conditions.ready, false);
  auto slice = h.client.peekAll<EndpointSlice>("default").at(0);
  EXPECT_EQ(slice->metadata.labels.at("team"), "t");
  EXPECT_EQ(slice->metadata.labels.at("endpointslice.kubernetes.io/managed-by"), kManagedBy);
  EXPECT_EQ(slice->metadata.ownerReferences.at(0).kind, "Service");
  ASSERT_EQ(slice->ports.size(), 2u);
  EXPECT_EQ(slice->ports[0].port, 8080);
  EXPECT_EQ(slice->ports[1].port, 8081);

  ASSERT_TRUE(h.until([&] {
    auto e = h.client.peek<Endpoints>("default", "s");
    return e && e->subsets.size() == 1 && e->subsets[0].addresses.size() == 1 &&
           e->subsets[0].notReadyAddresses.size() == 1;
  }));
  EXPECT_EQ(h.client.peek<Endpoints>("default", "s")
                ->metadata.labels.at("endpoints.kubernetes.io/managed-by"),
            "endpoint-controller");

  h.client.change<Pod>("default", "b", [](Pod& p) { makeReady(p, WallTime(), true); });
  ASSERT_TRUE(
      h.until([&] { return shown(h, "s").at("10.0.0.2").conditions.ready.value_or(false); }));
  // Terminating: out of Endpoints, and in slices as such.
  (void)h.client.erase<Pod>("default", "a");
  ASSERT_TRUE(h.until([&] {
    auto e = shown(h, "s").at("10.0.0.1");
    return e.conditions.terminating.value_or(false) && !e.conditions.ready.value_or(true) &&
           e.conditions.serving.value_or(false);
  }));
  ASSERT_TRUE(h.until([&] {
    return h.client.peek<Endpoints>("default", "s")->subsets.at(0).addresses.at(0).ip == "10.0.0.2";
  }));
  // The node's zone is told of.
  h.client.change<Node>("", "n1",
                        [](Node& n) { n.metadata.labels["topology.kubernetes.io/zone"] = "z2"; });
  ASSERT_TRUE(h.until([&] { return shown(h, "s").at("10.0.0.2").zone == "z2"; }));
  // A placeholder stays when nothing matches.
  h.client.change<Service>("default", "s", [](Service& s) { s.spec.selector["app"] = "none"; });
  ASSERT_TRUE(h.until([&] { return shown(h, "s").empty(); }));
  h.run(10s);
  ASSERT_EQ(h.client.peekAll<EndpointSlice>("default").size(), 1u);
  EXPECT_TRUE(h.client.peekAll<EndpointSlice>("default")[0]->ports.empty());
  // Endpoints go with their service.
  (void)h.client.erase<Service>("default", "s");
  ASSERT_TRUE(h.until([&] { return !h.client.peek<Endpoints>("default", "s"); }));
}

TEST(EndpointSlices, HeadlessAndUnready) {
  Harness h(2);
  h.add<EndpointSliceController>();
  h.add<endpoints::EndpointsController>();
  h.start();
  auto service = makeService("s");
  service.spec.clusterIP = "None";
  service.spec.ports.clear();
  service.spec.publishNotReadyAddresses = true;
  h.client.put(service);
  auto pod = makePod("a", "s", "10.0.0.1", false);
  pod.spec.hostname = "web-0";
  pod.spec.subdomain = "s";
  pod.spec.nodeName = "gone";  // counts for those that publish what is not ready
  h.client.put(pod);
  ASSERT_TRUE(h.until([&] { return shown(h, "s").size() == 1; }));
  auto endpoint = shown(h, "s").at("10.0.0.1");
  EXPECT_EQ(endpoint.conditions.ready, true);
  EXPECT_EQ(endpoint.conditions.serving, false);
  EXPECT_EQ(endpoint.hostname, "web-0");
  auto slice = h.client.peekAll<EndpointSlice>("default").at(0);
  EXPECT_TRUE(slice->metadata.labels.contains("service.kubernetes.io/headless"));
  ASSERT_TRUE(h.until([&] {
    auto e = h.client.peek<Endpoints>("default", "s");
    return e && e->subsets.size() == 1 && e->subsets[0].addresses.size() == 1;
  }));
  EXPECT_EQ(h.client.peek<Endpoints>("default", "s")->subsets[0].addresses[0].hostname, "web-0");
}

TEST(EndpointSlices, ConvergeThroughFaults) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    Harness h(seed);
    h.client.faults.error = h.client.faults.unreachable = h.client.faults.lostAnswer = 0.1;
    h.client.faults.conflict = 0.2;
    h.client.faults.watchEnd = 0.02;
    EndpointSliceController::Options options;
    options.endpointsPerSliceMax = 10;
    h.add<EndpointSliceController>(options);
    h.start();
    h.client.put(makeNode("n1", "z1"));
    h.client.put(makeService("s"));
    std::set<std::string> live;
    for (int i = 0; i < 60; ++i) {
      const auto ip = "10.0.1." + std::to_string(i);
      h.client.put(makePod("p" + std::to_string(i), "s", ip));
      live.insert(ip);
      if (i % 7 == 0) h.run(50ms);
    }
    auto settled = [&] {
      std::set<std::string> ips;
      size_t count = 0;
      for (const auto& slice : h.client.peekAll<EndpointSlice>("default")) {
        count += slice->endpoints.size();
        for (const auto& endpoint : slice->endpoints) ips.insert(endpoint.addresses.at(0));
      }
      return ips == live && count == live.size();
    };
    ASSERT_TRUE(h.until(settled, 1h)) << seed;
    for (int i = 0; i < 60; i += 2) {
      client::DeleteOptions now;
      now.gracePeriodSeconds = 0;
      (void)h.client.erase<Pod>("default", "p" + std::to_string(i), now);
      live.erase("10.0.1." + std::to_string(i));
    }
    ASSERT_TRUE(h.until(settled, 1h)) << seed;
    for (const auto& slice : h.client.peekAll<EndpointSlice>("default")) {
      EXPECT_LE(slice->endpoints.size(), 10u);
    }
  }
}

EndpointGroup groupOf(int from, int to) {
  EndpointGroup group;
  group.ports.resize(1);
  group.ports[0].port = 80;
  for (int i = from; i < to; ++i) {
    Endpoint endpoint;
    endpoint.addresses = {"10.0.0." + std::to_string(i)};
    group.endpoints.push_back(std::move(endpoint));
  }
  return group;
}

SlicePointer sliceOf(const std::string& name, int from, int to) {
  EndpointSlice slice;
  slice.metadata.name = name;
  auto group = groupOf(from, to);
  slice.ports = group.ports;
  slice.endpoints = group.endpoints;
  return std::make_shared<const EndpointSlice>(slice);
}

TEST(PackSlices, FewWrites) {
  struct Row {
    const char* what;
    std::vector<SlicePointer> existing;
    EndpointGroup wanted;
    size_t create, update, remove;
  };
  const Row rows[] = {
      {"nothing to do", {sliceOf("a", 0, 5)}, groupOf(0, 5), 0, 0, 0},
      {"all new", {}, groupOf(0, 25), 3, 0, 0},
      {"into one with room", {sliceOf("a", 0, 5), sliceOf("b", 5, 9)}, groupOf(0, 12), 0, 1, 0},
      {"into the one that changes",
       {sliceOf("a", 0, 9), sliceOf("b", 20, 25)},
       groupOf(0, 21),
       1,
       1,
       0},
      {"one is emptied", {sliceOf("a", 0, 9), sliceOf("b", 20, 25)}, groupOf(0, 9), 0, 0, 1},
      {"the empty one is used again",
       {sliceOf("a", 0, 10), sliceOf("b", 20, 25)},
       groupOf(0, 12),
       0,
       1,
       0},
      {"the same endpoint in two",
       {sliceOf("a", 0, 9), sliceOf("b", 0, 9)},
       groupOf(0, 9),
       0,
       0,
       1},
  };
  for (const auto& row : rows) {
    EndpointSlice pattern;
    auto changes = packSlices({row.wanted}, row.existing, pattern, 10, true);
    EXPECT_EQ(changes.create.size(), row.create) << row.what;
    EXPECT_EQ(changes.update.size(), row.update) << row.what;
    EXPECT_EQ(changes.remove.size(), row.remove) << row.what;
  }
  EndpointSlice pattern;
  EXPECT_EQ(packSlices({}, {}, pattern, 10, true).create.size(), 1u);
  EXPECT_EQ(packSlices({}, {}, pattern, 10, false).create.size(), 0u);
}

TEST(EndpointSlices, PodsWithoutThePortAreShownWithNone) {
  Harness h(4);
  h.add<EndpointSliceController>();
  h.add<endpoints::EndpointsController>();
  h.start();
  auto service = makeService("s");
  service.spec.ports.resize(1);  // "web" alone
  h.client.put(makeNode("n1", "z1"));
  h.client.put(service);
  auto pod = makePod("a", "s", "10.0.0.1");
  pod.spec.containers[0].ports.clear();
  h.client.put(pod);
  h.client.put(makePod("b", "s", "10.0.0.2"));
  auto lost = makePod("lost", "s", "10.0.0.3");
  lost.spec.nodeName = "gone";
  h.client.put(lost);
  ASSERT_TRUE(h.until([&] { return shown(h, "s").size() == 2; }));
  for (const auto& slice : h.client.peekAll<EndpointSlice>("default")) {
    ASSERT_EQ(slice->endpoints.size(), 1u);
    EXPECT_EQ(slice->ports.size(), slice->endpoints[0].targetRef->name == "a" ? 0u : 1u);
  }
  ASSERT_TRUE(h.until([&] {
    return h.hasEvent(
        "FailedToUpdateEndpointSlices: Error updating Endpoint Slices for Service default/s: "
        "skipping Pod lost for Service default/s: Node gone Not Found");
  }));
  ASSERT_TRUE(h.until([&] {
    auto e = h.client.peek<Endpoints>("default", "s");
    return e && e->subsets.size() == 1 && e->subsets[0].addresses.size() == 2;
  }));
  h.client.put(makeNode("gone", "z1"));
  ASSERT_TRUE(h.until([&] { return shown(h, "s").size() == 3; }));
}

TEST(Mirroring, LimitsAndAnnotations) {
  Harness h(5);
  endpointslicemirroring::EndpointSliceMirroringController::Options options;
  options.addressesMax = 5;
  h.add<endpointslicemirroring::EndpointSliceMirroringController>(options);
  h.start();
  auto service = makeService("s");
  service.spec.selector.clear();
  h.client.put(service);
  Endpoints endpoints;
  endpoints.metadata.name = "s";
  endpoints.metadata.namespace_ = "default";
  endpoints.metadata.annotations["note"] = "1";
  endpoints.metadata.annotations["kubectl.kubernetes.io/last-applied-configuration"] = "{}";
  auto& subset = endpoints.subsets.emplace_back();
  for (int i = 0; i < 4; ++i) subset.addresses.emplace_back().ip = "10.3.3." + std::to_string(i);
  subset.addresses.emplace_back().ip = "no address";
  for (int i = 0; i < 3; ++i) {
    subset.notReadyAddresses.emplace_back().ip = "fd00::" + std::to_string(i + 1);
  }
  h.client.put(endpoints);
  ASSERT_TRUE(h.until([&] { return shown(h, "s").size() == 5; }));
  EXPECT_TRUE(shown(h, "s").contains("fd00::1"));
  ASSERT_TRUE(h.until([&] {
    return h.hasEvent(
        "InvalidIPAddress: Skipping 1 invalid IP addresses when mirroring to EndpointSlices");
  }));
  ASSERT_TRUE(h.until([&] {
    return h.hasEvent(
        "TooManyAddressesToMirror: A max of 5 addresses can be mirrored to EndpointSlices per "
        "Endpoints subset. 3 addresses were skipped");
  }));
  auto annotations = [&h] {
    std::set<std::string> all;
    for (const auto& slice : h.client.peekAll<EndpointSlice>("default")) {
      for (const auto& [key, value] : slice->metadata.annotations) all.insert(key + "=" + value);
    }
    return all;
  };
  EXPECT_EQ(annotations(), std::set<std::string>{"note=1"});
  h.client.change<Endpoints>("default", "s",
                             [](Endpoints& e) { e.metadata.annotations["note"] = "2"; });
  ASSERT_TRUE(h.until([&] { return annotations() == std::set<std::string>{"note=2"}; }));
}

TEST(Mirroring, ShowsWrittenEndpoints) {
  Harness h(3);
  h.add<endpointslicemirroring::EndpointSliceMirroringController>();
  h.start();
  auto service = makeService("s");
  service.spec.selector.clear();
  h.client.put(service);
  Endpoints endpoints;
  endpoints.metadata.name = "s";
  endpoints.metadata.namespace_ = "default";
  endpoints.subsets.resize(1);
  endpoints.subsets[0].addresses.resize(2);
  endpoints.subsets[0].addresses[0].ip = "10.3.3.3";
  endpoints.subsets[0].addresses[1].ip = "fd00::3";
  endpoints.subsets[0].ports.resize(1);
  endpoints.subsets[0].ports[0].port = 9;
  endpoints.subsets[0].ports[0].protocol = "TCP";
  h.client.put(endpoints);
  ASSERT_TRUE(h.until([&] { return shown(h, "s").size() == 2; }));
  for (const auto& slice : h.client.peekAll<EndpointSlice>("default")) {
    EXPECT_EQ(slice->metadata.labels.at("endpointslice.kubernetes.io/managed-by"),
              "endpointslicemirroring-controller.k8s.io");
    EXPECT_EQ(slice->metadata.ownerReferences.at(0).kind, "Endpoints");
    EXPECT_EQ(slice->ports.at(0).name, "");
    EXPECT_EQ(slice->endpoints.at(0).conditions.ready, true);
    EXPECT_EQ(slice->endpoints.at(0).conditions.serving, std::nullopt);
  }
  h.client.change<Endpoints>("default", "s", [](Endpoints& e) {
    e.metadata.labels["endpointslice.kubernetes.io/skip-mirror"] = "true";
  });
  ASSERT_TRUE(h.until([&] { return h.client.peekAll<EndpointSlice>().empty(); }));
}

}  // namespace
}  // namespace coxswain::controllers::endpointslice
