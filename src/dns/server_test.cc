// Real sockets on 127.0.0.1, asked by `dig`. A second server of another domain plays the upstream.

#include "dns/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "api/gen/core_v1.h"
#include "api/gen/discovery_v1.h"
#include "api/gen/meta_v1.h"
#include "client/testing/fake_client.h"
#include "dns/service.h"
#include "dns/tcp.h"
#include "net/stream.h"
#include "net/udp.h"
#include "runtime/process.h"
#include "runtime/spawn.h"

namespace coxswain::dns {
namespace {

using api::core::v1::Namespace;
using api::core::v1::Service;
using api::discovery::v1::EndpointSlice;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using Lines = std::vector<std::string>;

/// A cluster and its name server.
struct Cluster {
  Cluster(Reactor& r, std::string domain) : reactor(r), client(r), informers(client, r) {
    options.domain = std::move(domain);
    options.listen = {"127.0.0.1:0"};
    Namespace ns;
    ns.metadata.name = "default";
    client.put(ns);
  }

  void addService(std::string name, std::string ip, std::string externalName = "") {
    Service service;
    service.metadata.namespace_ = "default";
    service.metadata.name = std::move(name);
    service.spec.type = externalName.empty() ? "ClusterIP" : "ExternalName";
    service.spec.externalName = std::move(externalName);
    service.spec.clusterIP = ip;
    if (!ip.empty()) service.spec.clusterIPs = {ip};
    client.put(service);
  }
  void addEndpoints(const std::string& service, int count) {
    EndpointSlice slice;
    slice.metadata.namespace_ = "default";
    slice.metadata.name = service + "-1";
    slice.metadata.labels.insert_or_assign("kubernetes.io/service-name", service);
    slice.addressType = "IPv4";
    for (int i = 0; i < count; ++i) {
      auto& endpoint = slice.endpoints.emplace_back();
      endpoint.addresses = {"10.1." + std::to_string(i / 256) + "." + std::to_string(i % 256)};
    }
    client.put(slice);
  }
  Task<Status> start() {
    server.emplace(informers, reactor, random, options);
    informers.start();
    CO_TRY_STATUS(server->start());
    co_return co_await informers.waitSynced({});
  }
  Task<void> end() {
    if (server) co_await server->stop();
    co_await informers.stop();
  }
  [[nodiscard]] std::string port() const {
    auto address = server->addresses().at(0);
    return address.substr(address.rfind(':') + 1);
  }

  Reactor& reactor;
  client::testing::FakeClient client;
  client::Informers informers;
  SeededRandom random{1};
  ServerOptions options;
  std::optional<Server> server;
};

struct World {
  World()
      : processes(systemProcesses(reactor)),
        home(reactor, "cluster.local"),
        away(reactor, "example.com") {}

  /// Lines of dig's output without blanks at the ends.
  Task<Lines> dig(std::vector<std::string> arguments, const Cluster* at = nullptr) {
    RunOptions run;
    run.argv = {"dig", "@127.0.0.1", "-p", (at ? *at : home).port(), "+tries=1", "+time=60"};
    run.argv.insert(run.argv.end(), arguments.begin(), arguments.end());
    auto result = co_await processes->run(std::move(run), {});
    Lines lines;
    if (!result.ok()) {
      lines.push_back(result.status().toString());
      co_return lines;
    }
    std::istringstream text(result->output);
    for (std::string line; std::getline(text, line);) {
      if (!line.empty()) lines.push_back(line);
    }
    co_return lines;
  }
  Task<Lines> shortly(std::vector<std::string> arguments) {
    arguments.emplace_back("+short");
    co_return co_await dig(std::move(arguments));
  }

  Reactor reactor;
  std::unique_ptr<ProcessRunner> processes;
  Cluster home;
  Cluster away;
};

using Script = Task<void> (*)(World&);

Task<void> runScript(World& world, Script script) {
  co_await script(world);
  co_await world.home.end();
  co_await world.away.end();
}

class ServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!findProgram("dig").ok()) GTEST_SKIP() << "dig is missing";
  }
  static void play(Script script) {
    World world;
    blockOn(world.reactor, runScript(world, script));
  }
};

std::string joined(const Lines& lines) {
  std::string out;
  for (const auto& line : lines) out += line + "\n";
  return out;
}

Task<void> clusterScript(World& w) {
  w.home.addService("web", "10.96.0.1");
  w.home.addService("db", "None");
  w.home.addEndpoints("db", 200);
  Status started = co_await w.home.start();
  EXPECT_TRUE(started.ok()) << started.toString();
  const auto web = co_await w.shortly({"web.default.svc.cluster.local"});
  EXPECT_THAT(web, ElementsAre("10.96.0.1"));
  const auto overTcp = co_await w.shortly({"+tcp", "web.default.svc.cluster.local"});
  EXPECT_THAT(overTcp, ElementsAre("10.96.0.1"));
  const auto reverse = co_await w.shortly({"-x", "10.96.0.1"});
  EXPECT_THAT(reverse, ElementsAre("web.default.svc.cluster.local."));
  const auto mixedCase = joined(co_await w.dig({"WeB.default.svc.cluster.local"}));
  EXPECT_THAT(mixedCase, HasSubstr("WeB.default.svc.cluster.local."));
  EXPECT_THAT(mixedCase, HasSubstr("flags: qr aa rd;"));
  const auto none = joined(co_await w.dig({"nope.default.svc.cluster.local"}));
  EXPECT_THAT(none, HasSubstr("status: NXDOMAIN"));
  EXPECT_THAT(none, HasSubstr("SOA"));
  const auto noData = joined(co_await w.dig({"web.default.svc.cluster.local", "TXT"}));
  EXPECT_THAT(noData, HasSubstr("status: NOERROR"));
  EXPECT_THAT(noData, HasSubstr("ANSWER: 0"));
  // Too many for UDP: truncated, and dig comes again over TCP.
  const auto truncated = joined(co_await w.dig({"+ignore", "db.default.svc.cluster.local"}));
  EXPECT_THAT(truncated, HasSubstr("flags: qr aa tc rd;"));
  const auto all = co_await w.shortly({"db.default.svc.cluster.local"});
  EXPECT_EQ(std::count_if(all.begin(), all.end(), [](auto& l) { return l.starts_with("10.1."); }),
            200);
  // Nobody to ask for others; other classes, opcodes and versions.
  const auto others = joined(co_await w.dig({"www.example.com"}));
  EXPECT_THAT(others, HasSubstr("status: REFUSED"));
  const auto chaos = joined(co_await w.dig({"version.bind", "TXT", "CH"}));
  EXPECT_THAT(chaos, HasSubstr("status: REFUSED"));
  const auto notify = joined(co_await w.dig({"+opcode=notify", "cluster.local"}));
  EXPECT_THAT(notify, HasSubstr("status: NOTIMP"));
  const auto version = joined(co_await w.dig({"+edns=1", "+noednsnegotiation", "cluster.local"}));
  EXPECT_THAT(version, HasSubstr("status: BADVERS"));
  const auto plain = joined(co_await w.dig({"+noedns", "web.default.svc.cluster.local"}));
  EXPECT_THAT(plain, HasSubstr("status: NOERROR"));
  EXPECT_THAT(plain, Not(HasSubstr("EDNS")));
}
TEST_F(ServerTest, ClusterNames) {
  play(clusterScript);
}

Task<void> forwardScript(World& w) {
  w.away.addService("www", "192.0.2.1");
  w.away.addService("many", "None");
  w.away.addEndpoints("many", 200);
  Status started = co_await w.away.start();
  EXPECT_TRUE(started.ok()) << started.toString();
  // The first upstream is dead: nobody listens there.
  auto dead = net::UdpSocket::bind(w.reactor, "127.0.0.1:0");
  const auto deadAddress = dead.ok() ? (*dead)->address() : "";
  if (dead.ok()) dead->reset();
  w.home.options.upstreams = {deadAddress, w.away.server->addresses().at(0)};
  w.home.addService("out", "", "www.default.svc.example.com");
  w.home.addService("alias", "", "web.default.svc.cluster.local");
  w.home.addService("web", "10.96.0.1");
  started = co_await w.home.start();
  EXPECT_TRUE(started.ok()) << started.toString();
  const auto www = co_await w.shortly({"www.default.svc.example.com"});
  EXPECT_THAT(www, ElementsAre("192.0.2.1"));
  const auto out = co_await w.shortly({"out.default.svc.cluster.local"});
  EXPECT_THAT(out, ElementsAre("www.default.svc.example.com.", "192.0.2.1"));
  const auto alias = co_await w.shortly({"alias.default.svc.cluster.local"});
  EXPECT_THAT(alias, ElementsAre("web.default.svc.cluster.local.", "10.96.0.1"));
  // Truncated upstream: fetched over TCP, and truncated for our client in turn.
  const auto many = co_await w.shortly({"many.default.svc.example.com"});
  EXPECT_EQ(std::count_if(many.begin(), many.end(), [](auto& l) { return l.starts_with("10.1."); }),
            200);
  const auto missing = joined(co_await w.dig({"nope.default.svc.example.com"}));
  EXPECT_THAT(missing, HasSubstr("status: NXDOMAIN"));
  const auto noRecursion = joined(co_await w.dig({"+norecurse", "x.default.svc.example.com"}));
  EXPECT_THAT(noRecursion, HasSubstr("status: REFUSED"));
  // Kept: the upstream may go.
  co_await w.away.server->stop();
  const auto kept = co_await w.shortly({"www.default.svc.example.com"});
  EXPECT_THAT(kept, ElementsAre("192.0.2.1"));
  const auto otherCase = joined(co_await w.dig({"WWW.default.svc.example.com"}));
  EXPECT_THAT(otherCase, HasSubstr("WWW.default.svc.example.com."));
}
TEST_F(ServerTest, ForwardsAndKeeps) {
  play(forwardScript);
}

Task<void> loopScript(World& w) {
  // An upstream that is ourselves: on a port known before, which somebody may have over TCP.
  Status started;
  for (int attempt = 0; attempt < 20; ++attempt) {
    auto probe = net::UdpSocket::bind(w.reactor, "127.0.0.1:0");
    const auto address = probe.ok() ? (*probe)->address() : "";
    if (probe.ok()) probe->reset();
    w.home.options.listen = {address};
    w.home.options.upstreams = {address};
    started = co_await w.home.start();
    if (started.ok()) break;
  }
  EXPECT_TRUE(started.ok()) << started.toString();
  const auto answer = joined(co_await w.dig({"www.example.com"}));
  EXPECT_THAT(answer, HasSubstr("status: SERVFAIL"));
}
TEST_F(ServerTest, ALoopEnds) {
  play(loopScript);
}

Task<Status> sendGarbage(World& w) {
  CO_TRY_STATUS(co_await w.home.start());
  const auto address = w.home.server->addresses().at(0);
  CO_TRY(auto socket, net::UdpSocket::connect(w.reactor, address));
  for (int i = 0; i < 300; ++i) {
    CO_TRY_STATUS(socket->send(std::string(static_cast<size_t>(i), static_cast<char>(i * 7))));
  }
  CO_TRY(auto stream, co_await net::dial(w.reactor, address, {}));
  CO_TRY_STATUS(co_await writeMessage(*stream, "no query", {}));
  auto closed = co_await readMessage(*stream, {});
  EXPECT_FALSE(closed.ok());
  // It still answers.
  const auto reverse = joined(co_await w.dig({"cluster.local", "SOA"}));
  EXPECT_THAT(reverse, HasSubstr("status: NOERROR"));
  co_return Status();
}
Task<void> garbageScript(World& w) {
  Status sent = co_await sendGarbage(w);
  EXPECT_TRUE(sent.ok()) << sent.toString();
}
TEST_F(ServerTest, GarbageIsSurvived) {
  play(garbageScript);
}

Task<void> badOptionsScript(World& w) {
  for (auto edit : std::vector<void (*)(ServerOptions&)>{
           [](ServerOptions& o) { o.domain = "a..b"; }, [](ServerOptions& o) { o.listen.clear(); },
           [](ServerOptions& o) { o.listen = {"nonsense"}; },
           [](ServerOptions& o) { o.upstreams = {"dns.example.com"}; }}) {
    ServerOptions options = w.home.options;
    edit(options);
    Server server(w.home.informers, w.reactor, w.home.random, options);
    Status started = server.start();
    EXPECT_FALSE(started.ok());
    co_await server.stop();
  }
}
TEST_F(ServerTest, BadOptionsAreRefused) {
  play(badOptionsScript);
}

Task<void> serviceScript(World& w) {
  auto& client = w.home.client;
  DnsServiceOptions options{"10.96.0.10", "192.0.2.7", 5300};
  for (int i = 0; i < 2; ++i) {
    Status ensured = co_await ensureDnsService(client, options, {});
    EXPECT_TRUE(ensured.ok()) << ensured.toString();
  }
  auto service = client.peek<Service>("kube-system", "kube-dns");
  auto slice = client.peek<EndpointSlice>("kube-system", "kube-dns-coxswain");
  EXPECT_TRUE(service && slice);
  if (!service || !slice) co_return;
  EXPECT_EQ(service->spec.clusterIP, "10.96.0.10");
  EXPECT_EQ(slice->endpoints.at(0).addresses, (Lines{"192.0.2.7"}));
  const auto version = slice->metadata.resourceVersion;
  Status again = co_await ensureDnsService(client, options, {});
  EXPECT_TRUE(again.ok());
  slice = client.peek<EndpointSlice>("kube-system", "kube-dns-coxswain");
  EXPECT_EQ(slice->metadata.resourceVersion, version) << "nothing to do";
  options.address = "192.0.2.8";
  options.port = 5301;
  again = co_await ensureDnsService(client, options, {});
  EXPECT_TRUE(again.ok()) << again.toString();
  slice = client.peek<EndpointSlice>("kube-system", "kube-dns-coxswain");
  EXPECT_EQ(slice->endpoints.at(0).addresses, (Lines{"192.0.2.8"}));
  EXPECT_EQ(slice->ports.at(1).port, 5301);
  options.clusterIp = "10.97.0.10";
  again = co_await ensureDnsService(client, options, {});
  EXPECT_TRUE(again.ok()) << again.toString();
  service = client.peek<Service>("kube-system", "kube-dns");
  EXPECT_EQ(service->spec.clusterIP, "10.97.0.10");
  options.address = "127.0.0.1";
  again = co_await ensureDnsService(client, options, {});
  EXPECT_FALSE(again.ok());
}
TEST_F(ServerTest, ItsServiceIsKept) {
  play(serviceScript);
}

}  // namespace
}  // namespace coxswain::dns
