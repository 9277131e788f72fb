#include "controllers/endpointslice/topology.h"

#include <gtest/gtest.h>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "controllers/endpointslice/controller.h"
#include "controllers/framework/testing/harness.h"

namespace coxswain::controllers::endpointslice {
namespace {

using api::core::v1::Node;
using api::core::v1::Pod;
using api::core::v1::Service;
using api::discovery::v1::Endpoint;
using api::discovery::v1::EndpointSlice;
using testing::Harness;
using testing::makeReady;

Node makeNode(const std::string& name, const std::string& zone, const char* cpu,
              bool ready = true) {
  Node node;
  node.metadata.name = name;
  if (!zone.empty()) node.metadata.labels["topology.kubernetes.io/zone"] = zone;
  if (*cpu != '\0') node.status.allocatable["cpu"] = *api::Quantity::parse(cpu);
  auto& condition = node.status.conditions.emplace_back();
  condition.type = "Ready";
  condition.status = ready ? "True" : "False";
  return node;
}

std::vector<std::shared_ptr<const Node>> shared(std::vector<Node> nodes) {
  std::vector<std::shared_ptr<const Node>> all;
  for (auto& node : nodes) all.push_back(std::make_shared<const Node>(std::move(node)));
  return all;
}

/// "a:3" is three ready endpoints of zone a.
EndpointSlice sliceOf(const std::string& uid, const std::vector<std::pair<std::string, int>>& parts,
                      bool hinted = false) {
  EndpointSlice slice;
  slice.metadata.uid = uid;
  for (const auto& [zone, count] : parts) {
    for (int i = 0; i < count; ++i) {
      Endpoint endpoint;
      endpoint.addresses = {uid + "/" + zone + "/" + std::to_string(i)};
      endpoint.conditions.ready = true;
      if (!zone.empty()) endpoint.zone = zone;
      if (hinted) {
        endpoint.hints.getOrCreate().forZones.resize(1);
        endpoint.hints->forZones[0].name = zone;
      }
      slice.endpoints.push_back(std::move(endpoint));
    }
  }
  return slice;
}

ZoneCounts hintsIn(const std::vector<EndpointSlice>& slices) {
  ZoneCounts counts;
  for (const auto& slice : slices) {
    for (const auto& endpoint : slice.endpoints) {
      if (!endpoint.hints) continue;
      for (const auto& zone : endpoint.hints->forZones) ++counts[zone.name];
    }
  }
  return counts;
}

TEST(ZoneSharesTest, ByCpuOfReadyNodes) {
  auto master = makeNode("m", "", "");
  master.metadata.labels["node-role.kubernetes.io/control-plane"] = "";
  auto shares =
      zoneShares(shared({makeNode("1", "a", "1"), makeNode("2", "a", "500m"),
                         makeNode("3", "b", "500m"), makeNode("4", "c", "9", false), master}));
  EXPECT_EQ(shares, (ZoneShares{{"a", 0.75}, {"b", 0.25}}));
  EXPECT_TRUE(zoneShares(shared({makeNode("1", "a", "1"), makeNode("2", "a", "1")})).empty());
  EXPECT_TRUE(
      zoneShares(shared({makeNode("1", "a", "1"), makeNode("2", "b", "1"), makeNode("3", "", "1")}))
          .empty());
  EXPECT_TRUE(zoneShares(shared({makeNode("1", "a", "1"), makeNode("2", "b", "")})).empty());
  EXPECT_FALSE(sharesChanged(makeNode("1", "a", "1", false), makeNode("1", "b", "2", false)));
  EXPECT_TRUE(sharesChanged(makeNode("1", "a", "1", false), makeNode("1", "a", "1")));
  EXPECT_TRUE(sharesChanged(makeNode("1", "a", "2"), makeNode("1", "a", "1")));
  EXPECT_FALSE(sharesChanged(makeNode("1", "a", "1"), makeNode("1", "a", "1000m")));
}

TEST(TopologyHints, ZonesGiveToThoseWithLess) {
  const ZoneShares even{{"a", 1.0 / 3}, {"b", 1.0 / 3}, {"c", 1.0 / 3}};
  struct Row {
    std::vector<std::pair<std::string, int>> parts;
    ZoneShares shares;
    ZoneCounts hints;
    std::string problem;
  };
  const Row rows[] = {
      {{{"a", 3}, {"b", 3}, {"c", 3}}, even, {{"a", 3}, {"b", 3}, {"c", 3}}, ""},
      {{{"a", 9}}, even, {{"a", 3}, {"b", 3}, {"c", 3}}, ""},
      {{{"a", 6}, {"b", 3}}, even, {{"a", 3}, {"b", 3}, {"c", 3}}, ""},
      {{{"a", 1}, {"b", 1}}, even, {}, "Insufficient number of endpoints (2 endpoints, 3 zones)"},
      {{{"a", 2}, {"b", 2}},
       even,
       {},
       "Unable to allocate minimum required endpoints to each zone without exceeding overload "
       "threshold (4 endpoints, 3 zones)"},
      {{{"a", 9}},
       {},
       {},
       "Insufficient Node information: allocatable CPU or zone not specified on one or more nodes"},
      {{{"a", 5}, {"", 4}}, even, {}, "One or more endpoints do not have a zone specified"},
      {{{"a", 5}, {"b", 5}}, {{"a", 0.7}, {"b", 0.3}}, {{"a", 7}, {"b", 3}}, ""},
  };
  for (const auto& row : rows) {
    SliceChanges changes;
    changes.create.push_back(sliceOf("new", row.parts, true));
    auto outcome = assignHints(changes, {}, row.shares);
    EXPECT_EQ(outcome.problem, row.problem);
    EXPECT_EQ(hintsIn(changes.create), row.hints);
    EXPECT_EQ(outcome.counts, row.hints);
    EXPECT_FALSE(isOverloaded(outcome.counts, row.shares));
  }
}

TEST(TopologyHints, SlicesThatMayStayAreNotWritten) {
  const ZoneShares half{{"a", 0.5}, {"b", 0.5}};
  auto kept = std::make_shared<const EndpointSlice>(sliceOf("k", {{"a", 4}, {"b", 2}}, true));
  SliceChanges changes;
  changes.create.push_back(sliceOf("new", {{"a", 2}}));
  auto outcome = assignHints(changes, {kept}, half);
  EXPECT_TRUE(changes.update.empty());
  EXPECT_EQ(outcome.counts, (ZoneCounts{{"a", 4}, {"b", 4}}));
  // Too much for one zone.
  auto lopsided = std::make_shared<const EndpointSlice>(sliceOf("k", {{"a", 8}}, true));
  SliceChanges none;
  outcome = assignHints(none, {lopsided}, half);
  ASSERT_EQ(none.update.size(), 1u);
  EXPECT_EQ(hintsIn(none.update), (ZoneCounts{{"a", 4}, {"b", 4}}));
  EXPECT_TRUE(isOverloaded({{"a", 8}}, half));
  EXPECT_TRUE(isOverloaded({{"a", 7}, {"b", 1}}, half));
  EXPECT_TRUE(isOverloaded({{"a", 4}, {"b", 4}}, {}));
  // No hints at all: taken from what is not written otherwise, too.
  SliceChanges cleared;
  outcome = assignHints(cleared, {kept}, {});
  ASSERT_EQ(cleared.update.size(), 1u);
  EXPECT_TRUE(hintsIn(cleared.update).empty());
}

class Hints : public ::testing::TestWithParam<uint64_t> {
 protected:
  Hints() : h(GetParam()) {
    h.client.faults.error = h.client.faults.unreachable = h.client.faults.lostAnswer = 0.05;
    h.add<EndpointSliceController>();
    h.start();
    h.client.put(makeNode("na", "a", "4"));
    h.client.put(makeNode("nb", "b", "4"));
  }
  void add(const std::string& name, const std::string& node, const std::string& ip) {
    Pod pod;
    pod.metadata.name = name;
    pod.metadata.namespace_ = "default";
    pod.metadata.labels["app"] = "s";
    pod.spec.nodeName = node;
    pod.status.podIP = ip;
    pod.status.podIPs.resize(1);
    pod.status.podIPs[0].ip = ip;
    makeReady(pod, WallTime(1000s));
    h.client.put(pod);
  }
  Service makeService(const std::string& mode) {
    Service service;
    service.metadata.name = "s";
    service.metadata.namespace_ = "default";
    if (!mode.empty()) service.metadata.annotations["service.kubernetes.io/topology-mode"] = mode;
    service.spec.selector["app"] = "s";
    service.spec.clusterIP = "10.96.0.9";
    service.spec.ipFamilies = {"IPv4"};
    service.spec.ports.resize(1);
    service.spec.ports[0].port = 80;
    service.spec.ports[0].targetPort = 80;
    return service;
  }
  std::vector<EndpointSlice> slices() {
    std::vector<EndpointSlice> all;
    for (const auto& slice : h.client.peekAll<EndpointSlice>("default")) all.push_back(*slice);
    return all;
  }
  bool hints(const ZoneCounts& counts) {
    return h.until([&] { return hintsIn(slices()) == counts; }, 1h);
  }
  Harness h;
};

TEST_P(Hints, FollowAnnotationPodsAndNodes) {
  for (int i = 0; i < 6; ++i) add("p" + std::to_string(i), "na", "10.0.0." + std::to_string(i));
  h.client.put(makeService("Auto"));
  ASSERT_TRUE(hints({{"a", 3}, {"b", 3}}));
  ASSERT_TRUE(h.until([&] {
    return h.hasEvent(
        "TopologyAwareHintsEnabled: Topology Aware Hints has been enabled, addressType: IPv4");
  }));
  // Zone b becomes five times as large as a.
  h.client.change<Node>(
      "", "nb", [](Node& node) { node.status.allocatable["cpu"] = *api::Quantity::parse("20"); });
  ASSERT_TRUE(hints({{"a", 1}, {"b", 5}}));
  // A node nobody knows the zone of.
  h.client.put(makeNode("nc", "", "4"));
  ASSERT_TRUE(hints({}));
  ASSERT_TRUE(h.until([&] {
    return h.hasEvent(
        "TopologyAwareHintsDisabled: Insufficient Node information: allocatable CPU or zone not "
        "specified on one or more nodes, addressType: IPv4");
  }));
  (void)h.client.erase<Node>("", "nc");
  ASSERT_TRUE(hints({{"a", 1}, {"b", 5}}));
  h.client.change<Service>("default", "s", [](Service& s) { s.metadata.annotations.clear(); });
  ASSERT_TRUE(hints({}));
  ASSERT_TRUE(h.until([&] {
    return h.hasEvent(
        "TopologyAwareHintsDisabled: Topology Aware Hints has been disabled, addressType: IPv4");
  }));
}

TEST_P(Hints, AnnotationStandsAboveTrafficDistribution) {
  add("p0", "na", "10.0.0.1");
  add("p1", "nb", "10.0.0.2");
  auto service = makeService("");
  service.spec.trafficDistribution = "PreferSameZone";
  h.client.put(service);
  ASSERT_TRUE(hints({{"a", 1}, {"b", 1}}));
  h.client.change<Node>("", "nb", [](Node& node) { node.status.conditions[0].status = "False"; });
  h.client.change<Service>("default", "s", [](Service& s) {
    s.metadata.annotations["service.kubernetes.io/topology-mode"] = "Auto";
  });
  // Only one zone has ready nodes.
  ASSERT_TRUE(hints({}));
}

TEST_P(Hints, ServiceMadeAgainHasSlicesOfItsOwn) {
  add("p0", "na", "10.0.0.1");
  const auto first = h.client.put(makeService(""));
  ASSERT_TRUE(h.until([&] { return slices().size() == 1; }));
  (void)h.client.erase<Service>("default", "s");
  h.run(5s);
  ASSERT_EQ(slices().size(), 1u) << "there is no garbage collector here";
  const auto second = h.client.put(makeService(""));
  ASSERT_NE(first->metadata.uid, second->metadata.uid);
  ASSERT_TRUE(h.until([&] {
    const auto all = slices();
    return all.size() == 1 && all[0].metadata.ownerReferences.at(0).uid == second->metadata.uid &&
           all[0].endpoints.size() == 1;
  }));
}

INSTANTIATE_TEST_SUITE_P(Seeds, Hints, ::testing::Range<uint64_t>(1, 11));

}  // namespace
}  // namespace coxswain::controllers::endpointslice
