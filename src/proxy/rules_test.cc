#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "api/codec/json.h"
#include "api/gen/core_v1.h"
#include "api/gen/discovery_v1.h"
#include "api/gen/meta_v1.h"
#include "api/yaml/yaml.h"
#include "proxy/conntrack.h"
#include "proxy/model.h"
#include "proxy/nftables/backend.h"
#include "proxy/nftables/rules.h"
#include "proxy/sysctls.h"
#include "runtime/sim/scripted_processes.h"
#include "runtime/sim/sim_executor.h"
#include "runtime/spawn.h"

namespace coxswain::proxy {
namespace {

using api::core::v1::Service;
using api::discovery::v1::EndpointSlice;

std::string folder() {
  const char* source = std::getenv("COXSWAIN_SOURCE");
  return std::string(source ? source : ".") + "/src/proxy/testdata/rules";
}

std::string fileText(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

struct Manifests {
  std::vector<std::shared_ptr<const Service>> services;
  std::vector<SlicePointer> slices;
};

Manifests parse(const std::string& text) {
  Manifests out;
  for (const auto& document : api::splitYamlDocuments(text)) {
    auto json = api::yamlToJson(document.text);
    EXPECT_TRUE(json.ok()) << json.status().toString();
    auto object = api::decodeJsonObject(*json);
    EXPECT_TRUE(object.ok()) << object.status().toString();
    api::ConstObject shared(std::move(*object));
    if (auto service = shared.sharedAs<Service>()) out.services.push_back(service);
    if (auto slice = shared.sharedAs<EndpointSlice>()) out.slices.push_back(slice);
  }
  return out;
}

/// Chains and elements of both families, as text for nft without the fixed part.
std::string rulesOf(const Manifests& manifests) {
  const NodeView node{"node-1", "zone-a"};
  nftables::RuleOptions options;
  options.clusterCidrs = {*api::parseCidr("10.244.0.0/16"), *api::parseCidr("fd00:10::/64")};
  std::string out;
  for (auto family : {Family::V4, Family::V6}) {
    std::set<nftables::Chain> chains;
    nftables::ElementStore store;
    for (const auto& service : manifests.services) {
      std::vector<SlicePointer> own;
      for (const auto& slice : manifests.slices) {
        if (slice->metadata.labels.at("kubernetes.io/service-name") == service->metadata.name)
          own.push_back(slice);
      }
      for (const auto& port : readService(*service, own, node)) {
        if (port.family != family) continue;
        auto contribution = nftables::contributionOf(port);
        chains.merge(contribution.chains);
        store.put(port.service + port.portName, std::move(contribution.elements));
      }
    }
    if (store.size() > 0) out += nftables::changeText(family, options, chains, {{}, store.all()});
  }
  return out;
}

/// testdata/rules: manifests, "=== rules", what they become. COXSWAIN_UPDATE=1 writes them anew.
TEST(Rules, AreAsInTheFiles) {
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder())) {
    SCOPED_TRACE(entry.path().string());
    const auto text = fileText(entry.path());
    const std::string line = "=== rules\n";
    const auto at = text.find(line);
    ASSERT_NE(at, std::string::npos);
    const auto got = rulesOf(parse(text.substr(0, at)));
    EXPECT_EQ(got, text.substr(at + line.size()));
    const char* update = std::getenv("COXSWAIN_UPDATE");
    if (update && *update) std::ofstream(entry.path()) << text.substr(0, at) << line << got;
    ++files;
  }
  EXPECT_GE(files, 8u);
}

TEST(Rules, FixedPartFollowsOptions) {
  nftables::RuleOptions options;
  auto text = nftables::tableText(Family::V4, options);
  EXPECT_NE(text.find("iifname != \"lo\" ip daddr 127.0.0.0/8 drop"), std::string::npos);
  EXPECT_EQ(text.find("ip saddr != {"), std::string::npos);
  options.clusterCidrs = {*api::parseCidr("10.244.0.0/16"), *api::parseCidr("fd00::/64")};
  options.egressCidrs = {*api::parseCidr("10.244.3.0/24")};
  options.nodePortAddresses = {*api::parseCidr("192.0.2.0/24")};
  options.localhostNodePorts = false;
  text = nftables::tableText(Family::V4, options);
  EXPECT_NE(text.find("ip daddr @cluster-ips ip saddr != { 10.244.0.0/16 } meta mark set"),
            std::string::npos);
  EXPECT_NE(text.find("ip saddr { 10.244.3.0/24 } ip daddr != { 10.244.0.0/16 }"),
            std::string::npos);
  EXPECT_NE(text.find("fib daddr type local ip daddr { 192.0.2.0/24 } ip daddr != 127.0.0.0/8 "),
            std::string::npos);
  EXPECT_EQ(text.find("localhost-guard"), std::string::npos);
  text = nftables::tableText(Family::V6, options);
  EXPECT_EQ(text.find("@service-nodeports"), std::string::npos) << "no such addresses in IPv6";
  EXPECT_EQ(text.find("ip "), std::string::npos) << text;
}

Endpoint at(int n) {
  Endpoint endpoint;
  endpoint.address = *api::parseIp("10.244.0." + std::to_string(n));
  endpoint.port = 80;
  return endpoint;
}

TEST(KeepOrder, MovesFew) {
  using nftables::keepOrder;
  using List = std::vector<Endpoint>;
  EXPECT_EQ(keepOrder({}, {at(1), at(2)}), (List{at(1), at(2)}));
  EXPECT_EQ(keepOrder({at(3), at(1), at(2)}, {at(1), at(2)}), (List{at(2), at(1)}));
  EXPECT_EQ(keepOrder({at(3), at(1), at(2)}, {at(1), at(2), at(9)}), (List{at(9), at(1), at(2)}));
  EXPECT_EQ(keepOrder({at(2)}, {at(1), at(2), at(3)}), (List{at(2), at(1), at(3)}));
  EXPECT_EQ(keepOrder({at(1), at(2)}, {}), List{});
  // Any change keeps exactly the wanted ones.
  SeededRandom random(7);
  List now;
  for (int round = 0; round < 500; ++round) {
    List wanted;
    for (int n = 1; n < 30; ++n) {
      if (random.below(2) == 0) wanted.push_back(at(n));
    }
    now = keepOrder(now, wanted);
    auto sorted = now;
    std::sort(sorted.begin(), sorted.end());
    ASSERT_EQ(sorted, wanted);
  }
}

TEST(ElementStore, FirstOwnerHasAContestedKey) {
  using namespace nftables;  // NOLINT
  ElementStore store;
  const Element a{SetId::ServiceIps, "k", "goto a"};
  const Element b{SetId::ServiceIps, "k", "goto b"};
  store.put("b", {b});
  EXPECT_EQ(store.changes().added, std::vector<Element>{b});
  store.markWritten();
  store.put("a", {a});
  EXPECT_EQ(store.changes().removed, std::vector<Element>{b});
  EXPECT_EQ(store.changes().added, std::vector<Element>{a});
  store.put("a", {});
  EXPECT_TRUE(store.changes().empty()) << "back to what the kernel has";
  store.put("b", {});
  EXPECT_EQ(store.changes().removed, std::vector<Element>{b});
  EXPECT_EQ(store.size(), 0u);
}

ServicePort udpPort(std::vector<Endpoint> endpoints) {
  ServicePort port;
  port.service = "default/dns";
  port.protocol = Protocol::Udp;
  port.port = 53;
  port.nodePort = 30053;
  port.clusterIps = {*api::parseIp("10.96.0.10")};
  port.endpoints = std::move(endpoints);
  return port;
}

TEST(Conntrack, StaleFlows) {
  const auto one = udpPort({at(1)});
  const auto two = udpPort({at(2)});
  const auto none = udpPort({});
  EXPECT_TRUE(staleFlows({one}, {one}).empty());
  EXPECT_TRUE(staleFlows({none}, {none}).empty());
  auto replaced = staleFlows({one}, {two});
  ASSERT_EQ(replaced.size(), 2u);
  for (const auto& flow : replaced) EXPECT_EQ(flow.endpoint, at(1).address);
  EXPECT_EQ(staleFlows({one}, {}), replaced) << "the service is gone";
  auto first = staleFlows({none}, {one});
  ASSERT_EQ(first.size(), 2u);
  for (const auto& flow : first) EXPECT_FALSE(flow.endpoint);
  EXPECT_EQ(staleFlows({}, {one}), first);
  auto tcp = one;
  tcp.protocol = Protocol::Tcp;
  EXPECT_TRUE(staleFlows({tcp}, {}).empty());
}

Task<void> keep(Task<Status> task, Status& out) {
  out = co_await std::move(task);
}

TEST(Conntrack, Commands) {
  sim::SimExecutor executor;
  sim::ScriptedProcesses processes;
  processes.on("conntrack", [](const RunOptions&) -> Result<RunResult> {
    RunResult result;
    result.exit.code = 1;  // no such flow
    return result;
  });
  Status status;
  spawn(executor, keep(forgetFlows(processes, staleFlows({udpPort({at(1)})}, {}), {}), status));
  executor.runUntilIdle();
  EXPECT_TRUE(status.ok());
  ASSERT_EQ(processes.runs().size(), 2u);
  using Words = std::vector<std::string>;
  EXPECT_EQ(processes.runs()[1].argv,
            (Words{"conntrack", "-D", "-f", "ipv4", "-p", "udp", "--orig-dst", "10.96.0.10",
                   "--orig-port-dst", "53", "--reply-src", "10.244.0.1"}));
}

/// An nft that can be told to fail.
struct FakeNft {
  FakeNft() {
    processes.on("nft", [this](const RunOptions& run) -> Result<RunResult> {
      inputs.push_back(run.input);
      RunResult result;
      if (failures > 0) {
        --failures;
        result.exit.code = 1;
        result.error = "Error: No such file or directory";
      }
      return result;
    });
  }
  Status write(nftables::Backend& backend) {
    Status status;
    spawn(executor, keep(backend.write({}), status));
    executor.runUntilIdle();
    return status;
  }
  sim::SimExecutor executor;
  sim::ScriptedProcesses processes;
  std::vector<std::string> inputs;
  int failures = 0;
};

TEST(Backend, ReplacesOnceThenChangesElements) {
  FakeNft nft;
  nftables::Backend backend(nft.processes, {}, {Family::V4});
  backend.put("default/dns", {udpPort({at(1), at(2)})});
  EXPECT_TRUE(nft.write(backend).ok());
  ASSERT_EQ(nft.inputs.size(), 1u);
  EXPECT_TRUE(nft.inputs[0].starts_with(
      "add table ip coxswain-proxy\ndelete table ip coxswain-proxy\ntable ip coxswain-proxy {"));
  EXPECT_TRUE(nft.write(backend).ok());
  EXPECT_EQ(nft.inputs.size(), 1u) << "nothing to tell";

  backend.put("default/dns", {udpPort({at(2), at(3)})});
  EXPECT_TRUE(nft.write(backend).ok());
  ASSERT_EQ(nft.inputs.size(), 2u);
  EXPECT_EQ(nft.inputs[1],
            "delete element ip coxswain-proxy endpoints-udp { 10.96.0.10 . udp . 53 . 0 }\n"
            "delete element ip coxswain-proxy nodeport-endpoints-udp { udp . 30053 . 0 }\n"
            "add element ip coxswain-proxy endpoints-udp { 10.96.0.10 . udp . 53 . 0 : 10.244.0.3 "
            ". 80 }\n"
            "add element ip coxswain-proxy nodeport-endpoints-udp { udp . 30053 . 0 : 10.244.0.3 . "
            "80 }\n");

  // A refused change: the next one replaces the table, with all.
  backend.put("default/dns", {udpPort({at(2)})});
  nft.failures = 1;
  EXPECT_FALSE(nft.write(backend).ok());
  EXPECT_TRUE(nft.write(backend).ok());
  ASSERT_EQ(nft.inputs.size(), 4u);
  EXPECT_NE(nft.inputs[3].find("delete table"), std::string::npos);
  EXPECT_NE(nft.inputs[3].find("add chain ip coxswain-proxy pick-udp-1\n"), std::string::npos);
  EXPECT_EQ(nft.inputs[3].find("pick-udp-2"), std::string::npos) << "what nobody needs is gone";
  EXPECT_EQ(backend.counts().failed, 1u);

  backend.put("default/dns", {});
  EXPECT_TRUE(nft.write(backend).ok());
  EXPECT_EQ(backend.elementCount(), 0u);
}

TEST(Backend, FindsStaleAffinity) {
  const std::string listing = R"(table ip coxswain-proxy {
	map affinity {
		type ipv4_addr . ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service
		size 1048576
		flags dynamic,timeout
		elements = { 10.0.0.9 . 10.96.0.1 . tcp . 80 timeout 3h expires 2h59m : 10.244.0.7 . 8080,
			     10.0.0.8 . 10.96.0.1 . tcp . 80 timeout 3h expires 2h59m : 10.244.0.8 . 8080,
			     10.0.0.9 . 10.96.0.2 . tcp . 81 timeout 3h expires 2h59m : 10.244.0.7 . 8080 }
	}
})";
  EXPECT_EQ(nftables::staleKeys(listing,
                                {{nftables::SetId::AffinityIps, "tcp . 80", "10.244.0.7 . 8080"}}),
            (std::vector<std::string>{"10.0.0.9 . 10.96.0.1 . tcp . 80"}));
  EXPECT_TRUE(nftables::staleKeys("", {}).empty());
  EXPECT_TRUE(nftables::staleKeys("elements = { x", {}).empty());
}

TEST(Sysctls, AreSetWhereTheyDiffer) {
  char name[] = "/tmp/coxswain-sysctl-XXXXXX";
  const std::string root = ::mkdtemp(name);
  auto put = [&](const std::string& path, const std::string& value) {
    std::filesystem::create_directories(
        (root + "/net/" + path).substr(0, (root + "/net/" + path).rfind('/')));
    std::ofstream(root + "/net/" + path) << value << "\n";
  };
  put("ipv4/ip_forward", "0");
  put("ipv4/conf/all/route_localnet", "0");
  put("netfilter/nf_conntrack_max", "1000");
  put("netfilter/nf_conntrack_tcp_timeout_established", "432000");
  SysctlOptions options;
  options.root = root;
  EXPECT_TRUE(applySysctls(options).ok()) << "br_netfilter may be missing";
  EXPECT_EQ(fileText(root + "/net/ipv4/ip_forward").substr(0, 1), "1");
  EXPECT_EQ(fileText(root + "/net/ipv4/conf/all/route_localnet").substr(0, 1), "1");
  EXPECT_GE(std::stol(fileText(root + "/net/netfilter/nf_conntrack_max")), 131072);
  EXPECT_EQ(fileText(root + "/net/netfilter/nf_conntrack_tcp_timeout_established"), "432000\n")
      << "never downwards";
  std::filesystem::remove(root + "/net/ipv4/ip_forward");
  EXPECT_FALSE(applySysctls(options).ok());
  std::filesystem::remove_all(root);
}

}  // namespace
}  // namespace coxswain::proxy
