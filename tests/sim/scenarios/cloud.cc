// A cloud that misbehaves: machines behind nodes, load balancers before services, routes to pods.
#include <algorithm>
#include <set>

#include "api/helpers/objects.h"
#include "api/helpers/pods.h"
#include "cloud/node/lifecycle_controller.h"
#include "cloud/node/node_controller.h"
#include "cloud/route/route_controller.h"
#include "cloud/service/service_controller.h"
#include "cloud/testing/simulated_cloud.h"
#include "scenarios/list.h"
#include "scenarios/objects.h"

namespace coxswain::simulation {

using api::core::v1::Node;
using api::core::v1::Service;
using cloud::testing::SimulatedCloud;

namespace {

struct Sky {
  explicit Sky(uint64_t seed) : random(seed), cloud(random) {}
  SeededRandom random;
  SimulatedCloud cloud;
};

SimulatedCloud& cloudOf(World& world) {
  return world.besideAs<Sky>().cloud;
}

/// It fails as the API server does, and outlives crashes of whoever calls it.
void addCloud(World& world) {
  auto sky = std::make_shared<Sky>(world.choice.next());
  auto& faults = sky->cloud.faults;
  faults.error = world.faults.error;
  faults.throttle = world.faults.throttled;
  faults.lostAnswer = world.faults.lost;
  world.beside = sky;
  world.onFaultsEnd = [&cloud = sky->cloud] { cloud.faults = {}; };
}

template <typename Change>
void changeNode(World& world, const std::string& name, const Change& change) {
  world.server.change<Node>("", name, change);
}

// Machines.

class LivingMachinesKeepTheirNodes final : public Invariant {
 public:
  void wrote(World& world, const client::ResourceType& /*type*/, const api::ConstObject& before,
             const api::ConstObject& after) override {
    if (after || !before || !before.is<Node>()) return;
    const auto& name = before.as<Node>()->metadata.name;
    if (cloudOf(world).machines.contains(name))
      world.fail("the machine of node " + name + " lives");
  }
};

void addMachine(World& world, const std::string& name, const std::string& address) {
  auto& metadata = cloudOf(world).machines[name].metadata;
  metadata.providerId = "sim://" + name;
  metadata.instanceType = "small";
  metadata.zone = "z1";
  metadata.region = "r1";
  auto& internal = metadata.addresses.emplace_back();
  internal.type = "InternalIP";
  internal.address = address;
}

void addWaitingNode(World& world, const std::string& name) {
  world.kubelets.addNode(name);
  changeNode(world, name, [](Node& node) {
    auto& taint = node.spec.taints.emplace_back();
    taint.key = cloud::kUninitializedTaint;
    taint.value = "true";
    taint.effect = "NoSchedule";
  });
}

void prepareMachines(World& world) {
  addCloud(world);
  auto& instances = *cloudOf(world).instances();
  world.makes["cloud-node-controller"] = [&instances](const controllers::Context& context) {
    cloud::NodeController::Options options;
    return std::make_unique<cloud::NodeController>(context, instances, options);
  };
  world.makes["cloud-node-lifecycle-controller"] =
      [&instances](const controllers::Context& context) {
        return std::make_unique<cloud::LifecycleController>(context, instances, 5s);
      };
  for (const char* name : {"m1", "m2", "m3"}) addWaitingNode(world, name);
}

void playMachines(World& world) {
  world.watchFor<LivingMachinesKeepTheirNodes>();
  const auto bare = [&world](const char* name) {
    auto node = world.server.peek<Node>("", name);
    return node && node->spec.taints.empty();
  };
  const auto isReady = [&world](const char* name, const char* status) {
    changeNode(world, name, [status](Node& node) { node.status.conditions[0].status = status; });
  };
  addMachine(world, "m1", "10.0.0.1");
  addMachine(world, "m2", "10.0.0.2");
  world.until("the known are told of", [&] { return bare("m1") && bare("m2"); });
  if (bare("m3")) world.fail("a machine that the cloud does not know is told of");
  addMachine(world, "m3", "10.0.0.3");
  world.until("the late one, too", [&] { return bare("m3"); });
  cloudOf(world).machines["m1"].metadata.addresses[0].address = "10.0.0.9";
  world.until("addresses are kept current", [&] {
    auto node = world.server.peek<Node>("", "m1");
    const auto& addresses = node->status.addresses;
    return std::any_of(addresses.begin(), addresses.end(),
                       [](const auto& each) { return each.address == "10.0.0.9"; });
  });
  cloudOf(world).machines["m2"].off = true;
  isReady("m2", "Unknown");
  world.until("it is off", [&] { return !bare("m2"); });
  cloudOf(world).machines["m2"].off = false;
  isReady("m2", "True");
  world.until("it is on", [&] { return bare("m2"); });
  // As long as a node is ready nobody asks for its machine.
  cloudOf(world).machines.erase("m3");
  world.run(30s);
  if (!world.server.peek<Node>("", "m3")) world.fail("a node that is ready was deleted");
  isReady("m3", "Unknown");
  world.until("it is gone", [&] { return !world.server.peek<Node>("", "m3"); });
}

// Load balancers.

std::string balancersWithoutService(World& world) {
  std::set<std::string> uids;
  for (const auto& service : world.server.peekAll<Service>()) uids.insert(service->metadata.uid);
  for (const auto& [uid, balancer] : cloudOf(world).balancers) {
    if (!uids.contains(uid)) return "load balancer " + balancer.address + " has no service";
  }
  return "";
}

void prepareBalancers(World& world) {
  addCloud(world);
  auto& balancers = *cloudOf(world).loadBalancers();
  world.makes["service-lb-controller"] = [&balancers](const controllers::Context& context) {
    return std::make_unique<cloud::ServiceController>(context, balancers, 2);
  };
  world.verdict = balancersWithoutService;
  for (const char* name : {"n1", "n2"}) world.kubelets.addNode(name);
}

void playBalancers(World& world) {
  const auto put = [&world](const char* name) {
    auto service = makeService(name);
    service.spec.type = "LoadBalancer";
    return world.server.put(service)->metadata.uid;
  };
  const auto web = [&world] { return world.server.peek<Service>("default", "web"); };
  const auto nodes = [&world](const std::string& uid) -> size_t {
    const auto& all = cloudOf(world).balancers;
    const auto found = all.find(uid);
    return found == all.end() ? 0 : found->second.nodes.size();
  };
  const auto has = [&](const std::string& uid, size_t count) {
    return nodes(uid) == count && !web()->status.loadBalancer.ingress.empty();
  };
  const auto setType = [&world](const char* type) {
    world.server.change<Service>("default", "web", [type](Service& s) { s.spec.type = type; });
  };
  const auto uid = put("web");
  world.until("it has one", [&] { return has(uid, 2); });
  world.kubelets.addNode("n3");
  world.until("a node more", [&] { return has(uid, 3); });
  put("brief");
  world.run(std::chrono::milliseconds(world.draw(0, 3000)));
  remove<Service>(world, "brief");
  changeNode(world, "n1", [](Node& node) {
    node.metadata.labels["node.kubernetes.io/exclude-from-external-load-balancers"] = "";
  });
  world.until("a node less", [&] { return has(uid, 2); });
  setType("ClusterIP");
  world.run(std::chrono::milliseconds(world.draw(0, 20000)));
  setType("LoadBalancer");
  world.until("it has one again", [&] { return has(uid, 2); });
  setType("ClusterIP");
  world.until("it has none", [&] {
    return web()->metadata.finalizers.empty() && web()->status.loadBalancer.ingress.empty() &&
           !cloudOf(world).balancers.contains(uid);
  });
  setType("LoadBalancer");
  const auto other = put("other");
  world.until("two have one", [&] { return has(uid, 2) && nodes(other) == 2; });
  remove<Service>(world, "other");
  world.until("what has no service is gone", [&] {
    return !world.server.peek<Service>("default", "other") &&
           !world.server.peek<Service>("default", "brief") &&
           balancersWithoutService(world).empty();
  });
}

// Routes.

std::map<std::string, std::string> targets(World& world) {
  std::map<std::string, std::string> out;
  for (const auto& route : cloudOf(world).table) out[route.cidr] = route.node;
  return out;
}

void giveRange(World& world, const std::string& name, const std::string& cidr) {
  changeNode(world, name, [&cidr](Node& node) {
    node.spec.podCIDR = cidr;
    node.spec.podCIDRs = {cidr};
  });
}

void prepareRoutes(World& world) {
  addCloud(world);
  auto& routes = *cloudOf(world).routes();
  world.makes["node-route-controller"] = [&routes](const controllers::Context& context) {
    cloud::RouteController::Options options;
    options.clusterCidrs = {*api::parseCidr("10.244.0.0/16")};
    return std::make_unique<cloud::RouteController>(context, routes, options);
  };
  cloudOf(world).table = {{"foreign", "x", "10.1.0.0/24", false},
                          {"old", "gone", "10.244.1.0/24", false},
                          {"hole", "", "10.244.9.0/24", true}};
  for (const char* name : {"r1", "r2"}) world.kubelets.addNode(name);
}

void playRoutes(World& world) {
  const auto routed = [&world](const std::map<std::string, std::string>& wanted) {
    auto all = wanted;
    all["10.1.0.0/24"] = "x";
    if (targets(world) != all) return false;
    return std::all_of(wanted.begin(), wanted.end(), [&world](const auto& each) {
      auto node = world.server.peek<Node>("", each.second);
      const auto* condition = api::findNodeCondition(*node, "NetworkUnavailable");
      return condition != nullptr && condition->status == "False";
    });
  };
  giveRange(world, "r1", "10.244.1.0/24");
  giveRange(world, "r2", "10.244.2.0/24");
  world.until("each has its own", [&] {
    return routed({{"10.244.1.0/24", "r1"}, {"10.244.2.0/24", "r2"}});
  });
  (void)world.server.erase<Node>("", "r2");
  world.run(std::chrono::milliseconds(world.draw(0, 15000)));
  world.kubelets.addNode("r3");
  giveRange(world, "r3", "10.244.2.0/24");
  world.until("the range has another node", [&] {
    return routed({{"10.244.1.0/24", "r1"}, {"10.244.2.0/24", "r3"}});
  });
  cloudOf(world).table.clear();
  cloudOf(world).table.push_back({"foreign", "x", "10.1.0.0/24", false});
  world.until("what somebody took away comes again", [&] {
    return routed({{"10.244.1.0/24", "r1"}, {"10.244.2.0/24", "r3"}});
  });
  (void)world.server.erase<Node>("", "r1");
  world.until("and goes with its node", [&] { return routed({{"10.244.2.0/24", "r3"}}); });
}

}  // namespace

Scenario cloudNodes() {
  return {"cloud-nodes",
          {"cloud-node-controller", "cloud-node-lifecycle-controller"},
          playMachines,
          prepareMachines};
}
Scenario cloudLifecycle() {
  return {"cloud-node-lifecycle",
          {"cloud-node-lifecycle-controller", "cloud-node-controller"},
          playMachines,
          prepareMachines};
}
Scenario cloudBalancers() {
  return {"cloud-service", {"service-lb-controller"}, playBalancers, prepareBalancers};
}
Scenario cloudRoutes() {
  return {"cloud-routes", {"node-route-controller"}, playRoutes, prepareRoutes};
}

}  // namespace coxswain::simulation
