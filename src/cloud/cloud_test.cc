#include <gtest/gtest.h>

#include <algorithm>

#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "api/helpers/pods.h"
#include "cloud/local/local_provider.h"
#include "cloud/manager.h"
#include "cloud/node/lifecycle_controller.h"
#include "cloud/node/node_controller.h"
#include "cloud/route/route_controller.h"
#include "cloud/service/service_controller.h"
#include "cloud/testing/simulated_cloud.h"
#include "controllers/framework/testing/harness.h"

namespace coxswain::cloud {
namespace {

using api::core::v1::Node;
using api::core::v1::NodeAddress;
using api::core::v1::Service;
using controllers::testing::Harness;
using testing::SimulatedCloud;

NodeAddress address(const std::string& type, const std::string& value) {
  NodeAddress out;
  out.type = type;
  out.address = value;
  return out;
}

Node makeNode(const std::string& name, bool waits = false) {
  Node node;
  node.metadata.name = name;
  if (waits) {
    auto& taint = node.spec.taints.emplace_back();
    taint.key = kUninitializedTaint;
    taint.value = "true";
    taint.effect = "NoSchedule";
  }
  node.status.addresses = {address("Hostname", name)};
  node.status.images.emplace_back().sizeBytes = 5;
  node.status.nodeInfo.kernelVersion = "6.1";
  auto& ready = node.status.conditions.emplace_back();
  ready.type = "Ready";
  ready.status = "True";
  return node;
}

/// What caches do not have of a node is there still.
bool isWhole(const Node& node) {
  return node.status.images.size() == 1 && node.status.nodeInfo.kernelVersion == "6.1";
}

Service balanced(const std::string& name) {
  Service service;
  service.metadata.name = name;
  service.metadata.namespace_ = "default";
  service.spec.type = "LoadBalancer";
  service.spec.ipFamilies = {"IPv4"};
  return service;
}

SimulatedCloud::Machine machine(const std::string& name, const std::string& ip) {
  SimulatedCloud::Machine out;
  out.metadata.providerId = "sim://" + name;
  out.metadata.instanceType = "small";
  out.metadata.zone = "z1";
  out.metadata.region = "r1";
  out.metadata.addresses = {address("InternalIP", ip)};
  return out;
}

/// Controllers before a cloud that fails in every way, and an API that does too.
struct World {
  explicit World(uint64_t seed) : h(seed), cloud(h.random) {
    cloud.faults.error = cloud.faults.throttle = cloud.faults.lostAnswer = 0.15;
    h.client.faults.error = h.client.faults.lostAnswer = h.client.faults.conflict = 0.1;
  }
  Harness h;
  SimulatedCloud cloud;
};

TEST(CloudNode, TellsNewNodesWhatTheCloudKnows) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    World w(seed);
    w.cloud.machines["n1"] = machine("n1", "10.0.0.1");
    w.h.client.put(makeNode("n1", true));
    w.h.client.put(makeNode("late", true));
    w.h.add<NodeController>(*w.cloud.instances(), NodeController::Options{});
    w.h.start();
    ASSERT_TRUE(w.h.until([&] { return w.h.client.peek<Node>("", "n1")->spec.taints.empty(); }));
    auto node = w.h.client.peek<Node>("", "n1");
    EXPECT_EQ(node->spec.providerID, "sim://n1");
    EXPECT_EQ(*node->metadata.labels.get("node.kubernetes.io/instance-type"), "small");
    EXPECT_EQ(*node->metadata.labels.get("topology.kubernetes.io/zone"), "z1");
    EXPECT_EQ(*node->metadata.labels.get("failure-domain.beta.kubernetes.io/region"), "r1");
    EXPECT_EQ(node->status.addresses,
              (std::vector{address("InternalIP", "10.0.0.1"), address("Hostname", "n1")}));
    // A machine that is not known yet is waited for.
    EXPECT_FALSE(w.h.client.peek<Node>("", "late")->spec.taints.empty());
    w.cloud.machines["late"] = machine("late", "10.0.0.2");
    ASSERT_TRUE(w.h.until([&] { return w.h.client.peek<Node>("", "late")->spec.taints.empty(); }));
    // Addresses of the known are kept current.
    w.cloud.machines["n1"].metadata.addresses = {address("InternalIP", "10.0.0.9")};
    ASSERT_TRUE(w.h.until(
        [&] {
          return w.h.client.peek<Node>("", "n1")->status.addresses.front().address == "10.0.0.9";
        },
        1h))
        << seed;
    EXPECT_TRUE(isWhole(*w.h.client.peek<Node>("", "n1")));
  }
}

TEST(CloudNode, KeepsTheAddressThatANodeNamed) {
  Node node = makeNode("n");
  InstanceMetadata metadata;
  metadata.addresses = {address("InternalIP", "10.0.0.1"), address("InternalIP", "10.0.0.2"),
                        address("ExternalIP", "192.0.2.1")};
  node.metadata.annotations.insert_or_assign("alpha.kubernetes.io/provided-node-ip", "10.0.0.2");
  auto all = addressesOf(node, metadata);
  ASSERT_TRUE(all.ok() && *all);
  EXPECT_EQ(**all, (std::vector{address("InternalIP", "10.0.0.2"),
                                address("ExternalIP", "192.0.2.1"), address("Hostname", "n")}));
  node.metadata.annotations.insert_or_assign("alpha.kubernetes.io/provided-node-ip", "10.9.9.9");
  EXPECT_EQ(addressesOf(node, metadata).status().message(),
            "failed to get node address from cloud provider that matches ip: 10.9.9.9");
  EXPECT_FALSE(*addressesOf(node, {}));
}

TEST(CloudLifecycle, DeletesNodesWithoutMachineAndTaintsThoseThatAreOff) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    World w(seed);
    for (const char* name : {"fine", "gone", "off", "silent"}) {
      w.cloud.machines[name] = machine(name, "10.0.0.1");
      w.h.client.put(makeNode(name));
    }
    w.h.add<LifecycleController>(*w.cloud.instances(), 5s);
    w.h.start();
    w.h.run(1min);
    auto silence = [&w](const std::string& name, const char* status) {
      w.h.client.change<Node>(
          "", name, [status](Node& node) { node.status.conditions.front().status = status; });
    };
    // As long as it says that it is ready, nobody asks.
    w.cloud.machines.erase("gone");
    w.cloud.machines["off"].off = true;
    w.h.run(1min);
    EXPECT_TRUE(w.h.client.peek<Node>("", "gone"));
    for (const char* name : {"gone", "off", "silent"}) silence(name, "Unknown");
    auto isOff = [&w] { return !w.h.client.peek<Node>("", "off")->spec.taints.empty(); };
    ASSERT_TRUE(w.h.until([&] { return !w.h.client.peek<Node>("", "gone") && isOff(); }));
    EXPECT_TRUE(w.h.until([&] {
      return w.h.hasEvent("DeletingNode: Deleting node gone because it does not exist");
    }));
    w.cloud.machines["off"].off = false;
    silence("off", "True");
    ASSERT_TRUE(w.h.until([&] { return !isOff(); }));
    EXPECT_TRUE(w.h.client.peek<Node>("", "fine"));
    EXPECT_TRUE(isWhole(*w.h.client.peek<Node>("", "off")));
    EXPECT_TRUE(w.h.client.peek<Node>("", "silent")->spec.taints.empty());
  }
}

TEST(CloudService, BalancersFollowServicesAndNodes) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    World w(seed);
    w.h.client.put(makeNode("n1"));
    auto excluded = makeNode("n2");
    excluded.metadata.labels.insert_or_assign(
        "node.kubernetes.io/exclude-from-external-load-balancers", "");
    w.h.client.put(excluded);
    auto web = w.h.client.put(balanced("web"));
    auto other = balanced("other");
    other.spec.loadBalancerClass = "example.com/mine";
    w.h.client.put(other);
    // Whoever is of that class holds its Services in the same way.
    auto held = other;
    held.metadata.name = "held";
    held.metadata.finalizers = {std::string(kCleanupFinalizer)};
    held.status.loadBalancer.ingress.emplace_back().ip = "192.0.2.1";
    w.h.client.put(held);
    w.h.add<ServiceController>(*w.cloud.loadBalancers(), 2);
    w.h.start();
    const auto uid = web->metadata.uid;
    auto service = [&w] { return w.h.client.peek<Service>("default", "web"); };
    ASSERT_TRUE(w.h.until([&] { return !service()->status.loadBalancer.ingress.empty(); }, 1h));
    EXPECT_TRUE(api::hasFinalizer(service()->metadata, kCleanupFinalizer));
    EXPECT_EQ(w.cloud.balancers[uid].nodes, std::vector<std::string>{"n1"});
    w.h.client.put(makeNode("n3"));
    ASSERT_TRUE(w.h.until([&] { return w.cloud.balancers[uid].nodes.size() == 2; }, 1h));
    (void)w.h.client.erase<Node>("", "n1");
    ASSERT_TRUE(w.h.until(
        [&] { return w.cloud.balancers[uid].nodes == std::vector<std::string>{"n3"}; }, 1h));
    // Of another type it has none, and is nobody's to hold.
    w.h.client.change<Service>("default", "web", [](Service& s) { s.spec.type = "ClusterIP"; });
    ASSERT_TRUE(w.h.until([&] { return service()->metadata.finalizers.empty(); }, 1h));
    EXPECT_TRUE(w.cloud.balancers.empty());
    EXPECT_TRUE(service()->status.loadBalancer.ingress.empty());
    w.h.client.change<Service>("default", "web", [](Service& s) { s.spec.type = "LoadBalancer"; });
    ASSERT_TRUE(w.h.until([&] { return w.cloud.balancers.contains(uid); }, 1h));
    (void)w.h.client.erase<Service>("default", "web");
    ASSERT_TRUE(w.h.until([&] { return !service(); }, 1h)) << seed;
    EXPECT_TRUE(w.cloud.balancers.empty());
    EXPECT_EQ(w.cloud.made, 2);
    EXPECT_TRUE(w.h.client.peek<Service>("default", "other")->metadata.finalizers.empty());
    const auto left = w.h.client.peek<Service>("default", "held");
    EXPECT_TRUE(api::hasFinalizer(left->metadata, kCleanupFinalizer));
    EXPECT_EQ(left->status.loadBalancer.ingress.size(), 1U);
  }
}

TEST(CloudService, MakesNothingForWhatIsGone) {
  Harness h(1);
  SimulatedCloud cloud(h.random);
  h.client.put(makeNode("n1"));
  h.client.put(balanced("web"));
  int asked = 0;
  h.client.reaction = [&asked](std::string_view verb, const client::ResourceType& type,
                               std::string_view, const api::ConstObject*) {
    if (verb != "patch" || type.plural != "services") return Status();
    // As if it had been deleted just before.
    ++asked;
    return notFound("services", "web");
  };
  h.add<ServiceController>(*cloud.loadBalancers(), 1);
  h.start();
  ASSERT_TRUE(h.until([&] { return asked > 0; }));
  h.run(10min);
  EXPECT_EQ(cloud.made, 0);
}

TEST(CloudService, TellsOfItsWork) {
  Harness h(1);
  SimulatedCloud cloud(h.random);
  h.client.put(balanced("web"));
  h.add<ServiceController>(*cloud.loadBalancers(), 1);
  h.start();
  ASSERT_TRUE(h.until([&] { return h.hasEvent("EnsuredLoadBalancer: Ensured load balancer"); }));
  EXPECT_TRUE(h.hasEvent("EnsuringLoadBalancer: Ensuring load balancer"));
  EXPECT_TRUE(h.hasEvent("UnAvailableLoadBalancer: There are no available nodes for LoadBalancer"));
  h.client.put(makeNode("n1"));
  ASSERT_TRUE(h.until(
      [&] { return h.hasEvent("UpdatedLoadBalancer: Updated load balancer with new hosts"); }));
  cloud.faults.error = 1;
  h.client.put(makeNode("n2"));
  ASSERT_TRUE(h.until([&] {
    return h.hasEvent(
        "UpdateLoadBalancerFailed: Error updating load balancer with new hosts [n1 n2]: "
        "Internal error occurred: the cloud is out of order");
  }));
  (void)h.client.erase<Service>("default", "web");
  ASSERT_TRUE(h.until([&] {
    return h.hasEvent("SyncLoadBalancerFailed: Error syncing load balancer: failed to check if");
  }));
  cloud.faults.error = 0;
  ASSERT_TRUE(
      h.until([&] { return h.hasEvent("DeletedLoadBalancer: Deleted load balancer"); }, 1h));
}

TEST(CloudRoute, EachNodeHasItsOwn) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    World w(seed);
    auto withRange = [](const std::string& name, const std::string& cidr) {
      auto node = makeNode(name);
      node.spec.podCIDR = cidr;
      node.spec.podCIDRs = {cidr};
      return node;
    };
    w.h.client.put(withRange("n1", "10.244.1.0/24"));
    w.h.client.put(withRange("n2", "10.244.2.0/24"));
    w.cloud.table = {{"old", "gone", "10.244.2.0/24", false},
                     {"hole", "", "10.244.7.0/24", true},
                     {"foreign", "x", "10.1.0.0/24", false}};
    RouteController::Options options;
    options.clusterCidrs = {*api::parseCidr("10.244.0.0/16")};
    w.h.add<RouteController>(*w.cloud.routes(), options);
    w.h.start();
    auto routed = [&w](const std::string& name) {
      const auto* condition =
          api::findNodeCondition(*w.h.client.peek<Node>("", name), "NetworkUnavailable");
      return condition && condition->status == "False" && condition->reason == "RouteCreated";
    };
    ASSERT_TRUE(w.h.until([&] { return routed("n1") && routed("n2"); }, 1h)) << seed;
    auto targets = [&w] {
      std::map<std::string, std::string> out;
      for (const auto& route : w.cloud.table) out[route.cidr] = route.node;
      return out;
    };
    EXPECT_EQ(targets(),
              (std::map<std::string, std::string>{
                  {"10.1.0.0/24", "x"}, {"10.244.1.0/24", "n1"}, {"10.244.2.0/24", "n2"}}));
    (void)w.h.client.erase<Node>("", "n1");
    ASSERT_TRUE(w.h.until([&] { return !targets().contains("10.244.1.0/24"); }, 1h));
    EXPECT_EQ(w.cloud.table.size(), 2u);
  }
}

TEST(LocalProviderTest, BalancersAreTheNodesOwnAddresses) {
  Harness h(1);
  LocalProvider local({});
  auto node = makeNode("n1");
  node.status.addresses = {address("InternalIP", "10.0.0.1"), address("InternalIP", "fd00::1")};
  h.client.put(node);
  h.client.put(balanced("web"));
  h.add<ServiceController>(*local.loadBalancers(), 1);
  h.start();
  auto ingress = [&h] {
    std::vector<std::string> all;
    for (const auto& each : h.client.peek<Service>("default", "web")->status.loadBalancer.ingress) {
      all.push_back(each.ip);
    }
    return all;
  };
  ASSERT_TRUE(h.until([&] { return ingress() == std::vector<std::string>{"10.0.0.1"}; }));
  node.metadata.name = "n2";
  node.status.addresses = {address("ExternalIP", "192.0.2.7"), address("InternalIP", "10.0.0.2")};
  h.client.put(node);
  ASSERT_TRUE(h.until([&] {
    return ingress() == (std::vector<std::string>{"10.0.0.1", "192.0.2.7"});
  }));
  (void)h.client.erase<Service>("default", "web");
  ASSERT_TRUE(h.until([&] { return !h.client.peek<Service>("default", "web"); }));
}

TEST(LocalProviderTest, APortOfTheNodesIsOneServices) {
  Harness h(1);
  LocalProvider local({});
  auto node = makeNode("n1");
  node.status.addresses = {address("InternalIP", "10.0.0.1")};
  h.client.put(node);
  const auto put = [&h](const std::string& name, int32_t port) {
    auto service = balanced(name);
    auto& one = service.spec.ports.emplace_back();
    one.protocol = "TCP";
    one.port = port;
    h.client.put(std::move(service));
  };
  const auto served = [&h](const std::string& name) {
    return !h.client.peek<Service>("default", name)->status.loadBalancer.ingress.empty();
  };
  h.add<ServiceController>(*local.loadBalancers(), 1);
  h.start();
  put("ssh", 22);
  put("first", 80);
  ASSERT_TRUE(h.until([&] { return served("first"); }));
  put("second", 80);
  ASSERT_TRUE(h.until([&] {
    return h.hasEvent(
               "SyncLoadBalancerFailed: Error syncing load balancer: failed to ensure load "
               "balancer: port 80/TCP of the nodes is taken by Service default/first") &&
           h.hasEvent(
               "SyncLoadBalancerFailed: Error syncing load balancer: failed to ensure load "
               "balancer: port 22 is the nodes' own");
  }));
  EXPECT_FALSE(served("second"));
  EXPECT_FALSE(served("ssh"));
  (void)h.client.erase<Service>("default", "first");
  ASSERT_TRUE(h.until([&] { return served("second"); }, 1h));
  // With another port it is another wish.
  h.client.change<Service>("default", "second", [](Service& s) { s.spec.ports[0].port = 10250; });
  ASSERT_TRUE(h.until([&] { return !served("second"); }, 1h));
  h.client.change<Service>("default", "second", [](Service& s) { s.spec.ports[0].port = 81; });
  ASSERT_TRUE(h.until([&] { return served("second"); }, 1h));
  // Who never had one is gone at once.
  (void)h.client.erase<Service>("default", "ssh");
  ASSERT_TRUE(h.until([&] { return !h.client.peek<Service>("default", "ssh"); }, 1h));
}

TEST(CloudManager, RunsWhatTheProviderCanDo) {
  Harness h(1);
  auto local = makeProvider("local", {});
  ASSERT_TRUE(local.ok());
  EXPECT_FALSE(makeProvider("aws", {}).ok());
  ManagerOptions options;
  options.allocateNodeCidrs = true;
  auto all = CloudControllerManager::create(h.context, **local, options);
  ASSERT_TRUE(all.ok());
  EXPECT_EQ((*all)->names(), (std::vector<std::string_view>{"cloud-node-controller",
                                                            "cloud-node-lifecycle-controller",
                                                            "service-lb-controller"}));
  options.controllers = {"service"};
  EXPECT_EQ((*CloudControllerManager::create(h.context, **local, options))->names().size(), 1u);
  options.controllers = {"*", "-route", "nonsense"};
  EXPECT_FALSE(CloudControllerManager::create(h.context, **local, options).ok());
}

}  // namespace
}  // namespace coxswain::cloud
