// The proxy on a real kernel: network namespaces, nftables, processes that talk. Needs root.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <thread>

#include "api/gen/core_v1.h"
#include "api/gen/discovery_v1.h"
#include "api/gen/meta_v1.h"
#include "client/testing/fake_client.h"
#include "proxy/proxy.h"
#include "proxy/testing/network.h"
#include "runtime/reactor.h"
#include "runtime/spawn.h"

namespace coxswain::proxy {
namespace {

using api::core::v1::Service;
using api::discovery::v1::EndpointSlice;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Lines = std::vector<std::string>;

Service makeService(std::string name, std::string ip, int port = 80, std::string protocol = "TCP") {
  Service service;
  service.metadata.namespace_ = "default";
  service.metadata.name = std::move(name);
  service.spec.type = "ClusterIP";
  service.spec.clusterIP = ip;
  service.spec.clusterIPs = {std::move(ip)};
  service.spec.sessionAffinity = "None";
  service.spec.ports.resize(1);
  service.spec.ports[0].port = port;
  service.spec.ports[0].protocol = std::move(protocol);
  return service;
}

/// Endpoints 10.244.0.1N:8080 for each N; `remote` are said to be on another node.
EndpointSlice makeSlice(const std::string& service, const std::vector<int>& pods,
                        std::string protocol = "TCP", const std::set<int>& remote = {}) {
  EndpointSlice slice;
  slice.metadata.namespace_ = "default";
  slice.metadata.name = service + "-1";
  slice.metadata.labels.insert_or_assign("kubernetes.io/service-name", service);
  slice.addressType = "IPv4";
  slice.ports.resize(1);
  slice.ports[0].name = "";
  slice.ports[0].port = 8080;
  slice.ports[0].protocol = std::move(protocol);
  for (int pod : pods) {
    auto& endpoint = slice.endpoints.emplace_back();
    endpoint.addresses = {"10.244.0.1" + std::to_string(pod)};
    endpoint.nodeName = remote.contains(pod) ? "other" : "node-1";
    endpoint.conditions.ready = true;
  }
  return slice;
}

std::map<std::string, int> countNames(const Lines& lines) {
  std::map<std::string, int> out;
  for (const auto& line : lines) ++out[line.substr(0, line.find(' '))];
  return out;
}

/// Each of the pods answered, and nobody else.
void expectPods(const Lines& lines, size_t count) {
  EXPECT_EQ(countNames(lines).size(), count) << ::testing::PrintToString(lines);
  EXPECT_THAT(lines, Each(StartsWith("pod-")));
}

/// The world of one test. Its thread is in the node's namespace.
struct World {
  World() : network(reactor), client(reactor), informers(client, reactor) {}

  Task<void> startProxy(ProxyOptions options = {}) {
    options.nodeName = "node-1";
    if (options.clusterCidrs.empty()) options.clusterCidrs = {"10.244.0.0/16"};
    options.minSyncPeriod = 1ms;
    proxy.emplace(client, informers, reactor, network.processes(), options);
    informers.start();
    Status started = co_await proxy->start();
    EXPECT_TRUE(started.ok()) << started.toString();
    co_await settle();
  }
  /// Until the proxy has seen what the cluster is now, and told the kernel.
  Task<void> settle() {
    // A marker service: its rules come after all that was changed before it.
    auto marker = makeService("marker", "10.96.255." + std::to_string(++markers));
    marker.metadata.name += std::to_string(markers);
    client.put(marker);
    const auto want = "10.96.255." + std::to_string(markers) + " ";
    for (int i = 0; i < 20000; ++i) {
      auto listing = co_await network.shell(
          "node", "nft list map ip coxswain-proxy no-endpoint-services || true");
      if (listing.ok() && (*listing).find(want) != std::string::npos) co_return;
      (void)co_await sleepFor(5ms);
    }
    ADD_FAILURE() << "the proxy did not settle";
  }
  Task<void> end() {
    if (proxy) co_await proxy->stop();
    co_await informers.stop();
  }

  Reactor reactor;
  testing::Network network;
  client::testing::FakeClient client;
  client::Informers informers;
  std::optional<Proxy> proxy;
  int markers = 0;
};

using Script = Task<void> (*)(World&);

Task<void> runScript(World& world, Script script) {
  Status built = co_await world.network.build();
  EXPECT_TRUE(built.ok()) << built.toString();
  if (built.ok()) co_await script(world);
  co_await world.end();
}

class KernelTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto missing = testing::missingForNetworks();
    if (!missing.empty()) GTEST_SKIP() << missing;
  }
  static void play(Script script) {
    std::thread([script] {
      World world;
      blockOn(world.reactor, runScript(world, script));
    }).join();
  }
};

Task<void> clusterIpScript(World& w) {
  w.client.put(makeService("web", "10.96.0.1"));
  w.client.put(makeSlice("web", {1, 2, 3}));
  co_await w.startProxy();
  // From the node, from a pod, from outside.
  auto node = co_await w.network.ask("node", "tcp", "10.96.0.1", 80, 60);
  auto counts = countNames(node);
  EXPECT_EQ(counts.size(), 3u) << ::testing::PrintToString(node);
  auto pod = co_await w.network.ask("pod-1", "tcp", "10.96.0.1", 80, 60);
  counts = countNames(pod);
  EXPECT_EQ(counts.size(), 3u) << ::testing::PrintToString(pod);
  // Pods are seen as who they are by others, and through the node by themselves.
  EXPECT_THAT(pod, Contains("pod-2 10.244.0.11"));
  EXPECT_THAT(pod, Contains("pod-1 10.244.0.1")) << "hairpin";
  auto world = co_await w.network.ask("world", "tcp", "10.96.0.1", 80, 60);
  expectPods(world, 3);
  EXPECT_THAT(world, Each(HasSubstr(" 10.244.0.1"))) << "masqueraded";

  // One endpoint goes.
  w.client.change<EndpointSlice>("default", "web-1",
                                 [](EndpointSlice& s) { s.endpoints.erase(s.endpoints.begin()); });
  co_await w.settle();
  auto less = countNames(co_await w.network.ask("node", "tcp", "10.96.0.1", 80, 60));
  EXPECT_EQ(less.size(), 2u);
  EXPECT_EQ(less.count("pod-1"), 0u);

  // All go: refused, at once, from everywhere; also on ports that are no service.
  w.client.change<EndpointSlice>("default", "web-1", [](EndpointSlice& s) { s.endpoints.clear(); });
  co_await w.settle();
  const auto got1 = co_await w.network.ask("node", "tcp", "10.96.0.1", 80, 2);
  EXPECT_THAT(got1, Each("refused"));
  const auto got2 = co_await w.network.ask("pod-2", "tcp", "10.96.0.1", 80, 2);
  EXPECT_THAT(got2, Each("refused"));
  const auto got3 = co_await w.network.ask("world", "tcp", "10.96.0.1", 80, 2);
  EXPECT_THAT(got3, Each("refused"));
  const auto got4 = co_await w.network.ask("pod-2", "tcp", "10.96.0.1", 81, 2);
  EXPECT_THAT(got4, Each("refused"));

  // The service goes: nothing is left of it.
  (void)w.client.erase<Service>("default", "web");
  co_await w.settle();
  auto rules = co_await w.network.shell("node", "nft list table ip coxswain-proxy");
  EXPECT_TRUE(rules.ok());
  if (rules.ok()) EXPECT_EQ((*rules).find("10.96.0.1 "), std::string::npos) << *rules;

  // And cleanup leaves no table, twice.
  co_await w.proxy->stop();
  for (int i = 0; i < 2; ++i) {
    Status cleaned = co_await Proxy::cleanup(w.network.processes(), {});
    EXPECT_TRUE(cleaned.ok()) << cleaned.toString();
    auto tables = co_await w.network.shell("node", "nft list tables");
    EXPECT_TRUE(tables.ok());
    if (tables.ok()) EXPECT_EQ(*tables, "");
  }
}
TEST_F(KernelTest, ClusterIp) {
  play(clusterIpScript);
}

Task<void> nodePortScript(World& w) {
  auto service = makeService("web", "10.96.0.1");
  service.spec.type = "NodePort";
  service.spec.ports[0].nodePort = 30080;
  w.client.put(service);
  w.client.put(makeSlice("web", {1, 2, 3}));
  co_await w.startProxy();
  auto world = co_await w.network.ask("world", "tcp", "192.0.2.1", 30080, 60);
  expectPods(world, 3);
  EXPECT_THAT(world, Each(HasSubstr(" 10.244.0.1")));
  auto node = co_await w.network.ask("node", "tcp", "192.0.2.1", 30080, 60);
  expectPods(node, 3);
  auto local = co_await w.network.ask("node", "tcp", "127.0.0.1", 30080, 60);
  expectPods(local, 3);
  auto pod = co_await w.network.ask("pod-1", "tcp", "10.244.0.1", 30080, 60);
  expectPods(pod, 3);
  w.client.change<EndpointSlice>("default", "web-1", [](EndpointSlice& s) { s.endpoints.clear(); });
  co_await w.settle();
  const auto got5 = co_await w.network.ask("world", "tcp", "192.0.2.1", 30080, 2);
  EXPECT_THAT(got5, Each("refused"));
  const auto got6 = co_await w.network.ask("node", "tcp", "127.0.0.1", 30080, 2);
  EXPECT_THAT(got6, Each("refused"));
}
TEST_F(KernelTest, NodePort) {
  play(nodePortScript);
}

Task<void> localPolicyScript(World& w) {
  auto service = makeService("web", "10.96.0.1");
  service.spec.type = "LoadBalancer";
  service.spec.ports[0].nodePort = 30080;
  service.spec.externalTrafficPolicy = "Local";
  service.status.loadBalancer.ingress.resize(1);
  service.status.loadBalancer.ingress[0].ip = "198.51.100.7";
  service.spec.externalIPs = {"198.51.100.8"};
  w.client.put(service);
  w.client.put(makeSlice("web", {1, 2, 3}, "TCP", {2, 3}));
  co_await w.startProxy();
  // From outside: the endpoint here only, and it sees who calls.
  for (const auto& [address, port] : std::map<std::string, int>{
           {"192.0.2.1", 30080}, {"198.51.100.7", 80}, {"198.51.100.8", 80}}) {
    auto world = co_await w.network.ask("world", "tcp", address, port, 10);
    EXPECT_THAT(world, Each("pod-1 192.0.2.2")) << address;
    // From a pod and from the node: all.
    const auto got7 = co_await w.network.ask("pod-1", "tcp", address, port, 60);
    expectPods(got7, 3);
    const auto got8 = co_await w.network.ask("node", "tcp", address, port, 60);
    expectPods(got8, 3);
  }
  const auto got9 = co_await w.network.ask("world", "tcp", "10.96.0.1", 80, 60);
  expectPods(got9, 3);

  // None here any more: dropped from outside, pods still get through.
  w.client.change<EndpointSlice>("default", "web-1", [](EndpointSlice& s) {
    s.endpoints.erase(s.endpoints.begin() + 1);
    for (auto& e : s.endpoints) e.nodeName = "other";
  });
  co_await w.settle();
  const auto got10 = co_await w.network.askInVain("world", "192.0.2.1", 30080);
  EXPECT_EQ(got10, "timeout");
  const auto got11 = co_await w.network.askInVain("world", "198.51.100.7", 80);
  EXPECT_EQ(got11, "timeout");
  const auto got12 = co_await w.network.ask("pod-2", "tcp", "198.51.100.7", 80, 60);
  expectPods(got12, 2);

  // Internal policy Local without an endpoint here.
  w.client.change<Service>("default", "web",
                           [](Service& s) { s.spec.internalTrafficPolicy = "Local"; });
  co_await w.settle();
  const auto got13 = co_await w.network.askInVain("pod-2", "10.96.0.1", 80);
  EXPECT_EQ(got13, "timeout");
  w.client.change<EndpointSlice>("default", "web-1",
                                 [](EndpointSlice& s) { s.endpoints[1].nodeName = "node-1"; });
  co_await w.settle();
  const auto got14 = co_await w.network.ask("pod-2", "tcp", "10.96.0.1", 80, 10);
  EXPECT_THAT(got14, Each(StartsWith("pod-3 ")));
}
TEST_F(KernelTest, TrafficPolicyLocal) {
  play(localPolicyScript);
}

Task<void> sourceRangesScript(World& w) {
  auto service = makeService("web", "10.96.0.1");
  service.spec.type = "LoadBalancer";
  service.status.loadBalancer.ingress.resize(1);
  service.status.loadBalancer.ingress[0].ip = "198.51.100.7";
  service.spec.loadBalancerSourceRanges = {"203.0.113.0/24", "203.0.113.7/32"};
  w.client.put(service);
  w.client.put(makeSlice("web", {1, 2, 3}));
  co_await w.startProxy();
  const auto got15 = co_await w.network.askInVain("world", "198.51.100.7", 80);
  EXPECT_EQ(got15, "timeout");
  w.client.change<Service>("default", "web", [](Service& s) {
    s.spec.loadBalancerSourceRanges = {"203.0.113.0/24", "192.0.0.0/8"};
  });
  co_await w.settle();
  const auto got16 = co_await w.network.ask("world", "tcp", "198.51.100.7", 80, 5);
  EXPECT_THAT(got16, Each(StartsWith("pod-")));
}
TEST_F(KernelTest, LoadBalancerSourceRanges) {
  play(sourceRangesScript);
}

Task<void> affinityScript(World& w) {
  auto service = makeService("web", "10.96.0.1");
  service.spec.type = "NodePort";
  service.spec.ports[0].nodePort = 30080;
  service.spec.sessionAffinity = "ClientIP";
  service.spec.sessionAffinityConfig.getOrCreate().clientIP.getOrCreate().timeoutSeconds = 5;
  w.client.put(service);
  w.client.put(makeSlice("web", {1, 2, 3}));
  co_await w.startProxy();
  for (const auto& [where, address, port] : std::vector<std::tuple<std::string, std::string, int>>{
           {"world", "192.0.2.1", 30080}, {"world", "10.96.0.1", 80}, {"node", "10.96.0.1", 80}}) {
    auto got = co_await w.network.ask(where, "tcp", address, port, 30);
    expectPods(got, 1);
    EXPECT_THAT(got, Each(StartsWith("pod-")));
  }
  // The endpoint that it stuck to goes: another one, for good.
  auto stuck = (co_await w.network.ask("world", "tcp", "10.96.0.1", 80, 1)).front().substr(0, 5);
  const auto number = stuck.back() - '0';
  w.client.change<EndpointSlice>("default", "web-1", [number](EndpointSlice& s) {
    s.endpoints.erase(s.endpoints.begin() + (number - 1));
  });
  co_await w.settle();
  auto after = co_await w.network.ask("world", "tcp", "10.96.0.1", 80, 30);
  expectPods(after, 1);
  EXPECT_EQ(countNames(after).count(stuck), 0u);
  EXPECT_THAT(after, Each(StartsWith("pod-")));

  // Idle for longer than the timeout: the kernel forgets.
  for (int i = 0; i < 5000; ++i) {
    auto listing = co_await w.network.shell("node", "nft list map ip coxswain-proxy affinity");
    EXPECT_TRUE(listing.ok());
    if (!listing.ok() || (*listing).find("10.96.0.1") == std::string::npos) break;
    EXPECT_LT(i, 4999) << *listing;
    (void)co_await sleepFor(50ms);
  }
}
TEST_F(KernelTest, SessionAffinity) {
  play(affinityScript);
}

Task<void> udpScript(World& w) {
  w.client.put(makeService("dns", "10.96.0.10", 53, "UDP"));
  w.client.put(makeSlice("dns", {}, "UDP"));
  co_await w.startProxy();
  // A flow that begins while there is no endpoint, and goes on with the same source port.
  const auto got17 = co_await w.network.ask("pod-3", "udp", "10.96.0.10", 53, 1, 5353);
  EXPECT_THAT(got17, Each("refused"));
  w.client.change<EndpointSlice>("default", "dns-1",
                                 [](EndpointSlice& s) { s = makeSlice("dns", {1}, "UDP"); });
  co_await w.settle();
  Lines got;
  for (int i = 0; i < 100 && got != Lines{"pod-1 10.244.0.13"}; ++i)
    got = co_await w.network.ask("pod-3", "udp", "10.96.0.10", 53, 1, 5353);
  EXPECT_THAT(got, ElementsAre("pod-1 10.244.0.13"));
  // Its endpoint is replaced: conntrack must not keep it there.
  w.client.change<EndpointSlice>("default", "dns-1",
                                 [](EndpointSlice& s) { s = makeSlice("dns", {2}, "UDP"); });
  co_await w.settle();
  for (int i = 0; i < 100 && got != Lines{"pod-2 10.244.0.13"}; ++i)
    got = co_await w.network.ask("pod-3", "udp", "10.96.0.10", 53, 1, 5353);
  EXPECT_THAT(got, ElementsAre("pod-2 10.244.0.13"));
}
TEST_F(KernelTest, UdpFlowsFollowTheirEndpoints) {
  play(udpScript);
}

Task<void> egressScript(World& w) {
  ProxyOptions options;
  options.egressCidrs = {"10.244.0.0/24"};
  co_await w.startProxy(options);
  const auto outside = co_await w.network.ask("pod-1", "tcp", "192.0.2.2", 8080, 2);
  EXPECT_THAT(outside, Each("world 192.0.2.1"));
  const auto inside = co_await w.network.ask("pod-1", "tcp", "10.244.0.12", 8080, 2);
  EXPECT_THAT(inside, Each("pod-2 10.244.0.11"));
}
TEST_F(KernelTest, EgressIsMasqueraded) {
  play(egressScript);
}

Task<void> lostTableScript(World& w) {
  w.client.put(makeService("web", "10.96.0.1"));
  w.client.put(makeSlice("web", {1}));
  co_await w.startProxy();
  // The proxy hears of it, and everything is back without any other change.
  for (int round = 0; round < 3; ++round) {
    const auto lost = co_await w.network.shell("node", "nft flush ruleset");
    EXPECT_TRUE(lost.ok());
    Lines back;
    for (int i = 0; i < 100 && back != Lines{"pod-1 10.244.0.12"}; ++i)
      back = co_await w.network.ask("pod-2", "tcp", "10.96.0.1", 80, 1);
    EXPECT_THAT(back, ElementsAre("pod-1 10.244.0.12"));
  }
  // One that happens together with a change.
  auto flushed = co_await w.network.shell("node", "nft flush ruleset");
  EXPECT_TRUE(flushed.ok());
  co_await w.settle();
  const auto again1 = co_await w.network.ask("pod-2", "tcp", "10.96.0.1", 80, 2);
  EXPECT_THAT(again1, Each("pod-1 10.244.0.12"));
  // Others' tables are none of our business.
  auto other =
      co_await w.network.shell("node", "nft add table ip other; nft delete table ip other");
  EXPECT_TRUE(other.ok());

  // Another proxy takes the rules over.
  co_await w.proxy->stop();
  const auto got20 = co_await w.network.ask("pod-2", "tcp", "10.96.0.1", 80, 2);
  EXPECT_THAT(got20, Each("pod-1 10.244.0.12"));
  client::Informers again(w.client, w.reactor);
  ProxyOptions options;
  options.nodeName = "node-1";
  Proxy second(w.client, again, w.reactor, w.network.processes(), options);
  again.start();
  const auto got21 = co_await second.start();
  EXPECT_TRUE(got21.ok());
  const auto got22 = co_await second.waitSynced({});
  EXPECT_TRUE(got22.ok());
  const auto got23 = co_await w.network.ask("pod-2", "tcp", "10.96.0.1", 80, 2);
  EXPECT_THAT(got23, Each("pod-1 10.244.0.12"));
  co_await second.stop();
  co_await again.stop();
}
TEST_F(KernelTest, LostRulesComeBack) {
  play(lostTableScript);
}

Task<void> v6Script(World& w) {
  auto service = makeService("web", "fd00:96::1");
  service.spec.type = "NodePort";
  service.spec.ports[0].nodePort = 30080;
  service.spec.sessionAffinity = "ClientIP";
  w.client.put(service);
  auto slice = makeSlice("web", {1, 2, 3});
  slice.addressType = "IPv6";
  for (auto& e : slice.endpoints) e.addresses[0] = "fd00:10:244::" + e.addresses[0].substr(9);
  w.client.put(slice);
  ProxyOptions options;
  options.clusterCidrs = {"fd00:10:244::/64"};
  co_await w.startProxy(options);
  auto marker = makeService("marker-six", "fd00:96::ff");
  w.client.put(marker);
  for (int i = 0; i < 20000; ++i) {
    auto listing =
        co_await w.network.shell("node", "nft list map ip6 coxswain-proxy no-endpoint-services");
    if (listing.ok() && (*listing).find("fd00:96::ff ") != std::string::npos) break;
    (void)co_await sleepFor(5ms);
  }
  auto got = co_await w.network.ask("world", "tcp", "fd00:96::1", 80, 20);
  expectPods(got, 1);
  EXPECT_THAT(got, Each(StartsWith("pod-")));
  got = co_await w.network.ask("world", "tcp", "fd00:192::1", 30080, 20);
  expectPods(got, 1);
  EXPECT_THAT(got, Each(StartsWith("pod-"))) << ::testing::PrintToString(got);
}
TEST_F(KernelTest, V6) {
  play(v6Script);
}

}  // namespace
}  // namespace coxswain::proxy
