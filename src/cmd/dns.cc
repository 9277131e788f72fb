#include <cstdio>
#include <memory>

#include "base/log.h"
#include "client/http/client_config.h"
#include "client/informers.h"
#include "cmd/commands.h"
#include "cmd/component.h"
#include "dns/server.h"
#include "dns/service.h"
#include "net/stream.h"
#include "runtime/spawn.h"
#include "runtime/sync.h"

namespace coxswain::cmd {

namespace {

const Logger kLog("dns");

struct Flags {
  dns::ServerOptions server;
  dns::DnsServiceOptions service;  // clusterIp and address: from flags
};

void addFlags(CLI::App& app, Flags& flags, ComponentFlags& shared) {
  app.add_option("--kubeconfig", shared.kubeconfig,
                 "file that says where the API server is and who this is");
  app.add_option("--listen", flags.server.listen,
                 "addresses to answer on over UDP and TCP, as 127.0.0.1:53")
      ->delimiter(',')
      ->required();
  app.add_option("--cluster-domain", flags.server.domain, "domain of the cluster's names")
      ->capture_default_str();
  app.add_option("--upstream", flags.server.upstreams,
                 "servers that are asked for other names; those of --resolv-conf if not given")
      ->delimiter(',');
  app.add_option("--resolv-conf", flags.server.resolvConf, "file that names the upstream servers")
      ->capture_default_str();
  auto* ip = app.add_option("--cluster-ip", flags.service.clusterIp,
                            "keep Service kube-dns at this address");
  auto* address = app.add_option("--advertise-address", flags.service.address,
                                 "where pods reach the first --listen; with --cluster-ip");
  ip->needs(address);
  address->needs(ip);
}

Status complete(Flags& flags) {
  for (const auto& listen : flags.server.listen) {
    TRY(auto parts, net::splitHostPort(listen));
    // Another port of the same address may well be another server.
    if (parts.second == "53") flags.server.ours.push_back(parts.first);
  }
  if (!flags.service.clusterIp.empty()) flags.server.ours.push_back(flags.service.clusterIp);
  return {};
}

/// Until it is as it should be; then never again: whoever changes it has a reason.
Task<void> keepService(client::Client& client, dns::DnsServiceOptions options, Gate::Pass pass,
                       std::stop_token stop) {
  while (!stop.stop_requested()) {
    Status ensured = co_await dns::ensureDnsService(client, options, stop);
    if (ensured.ok()) co_return;
    if (!isCanceled(ensured)) kLog.warn("service kube-dns", {{"why", ensured}});
    (void)co_await sleepFor(2s, stop);
  }
}

Task<Status> serveNames(std::shared_ptr<Flags> flags, Component component, std::stop_token stop) {
  client::Informers informers(component.client, component.reactor);
  dns::Server server(informers, component.reactor, component.random, flags->server);
  Status status = server.start();
  if (status.ok()) {
    informers.start();
    Gate gate;
    if (!flags->service.clusterIp.empty()) {
      auto options = flags->service;
      const auto first = server.addresses().front();
      auto parts = net::splitHostPort(first);
      if (parts.ok()) options.port = static_cast<uint16_t>(std::stoi(parts->second));
      spawn(component.reactor, keepService(component.client, options, gate.enter(), stop));
    }
    Event never;
    status = co_await never.wait(stop);
    co_await gate.close();
  }
  co_await server.stop();
  co_await informers.stop();
  co_return status;
}

}  // namespace

int clusterDns(int argc, char** argv) {
  auto flags = std::make_shared<Flags>();
  flags->server.resolvConf = "/etc/resolv.conf";
  ComponentFlags shared;
  shared.component = "dns";
  shared.leaderElect = false;
  CLI::App app("The cluster's name server", "dns");
  addFlags(app, *flags, shared);
  auto check = [flags] { return complete(*flags); };
  auto work = [flags](Component component, std::stop_token stop) {
    return serveNames(flags, component, std::move(stop));
  };
  return runComponent(app, shared, argc, argv, check, work);
}

}  // namespace coxswain::cmd
