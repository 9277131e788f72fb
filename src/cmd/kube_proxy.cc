#include <unistd.h>

#include <cstdio>
#include <memory>

#include "base/text.h"
#include "client/http/client_config.h"
#include "client/informers.h"
#include "cmd/commands.h"
#include "cmd/component.h"
#include "cmd/host_address.h"
#include "cmd/proxy_config.h"
#include "cmd/signal_stop.h"
#include "proxy/proxy.h"
#include "runtime/process.h"
#include "runtime/sync.h"

namespace coxswain::cmd {

namespace {

struct Flags {
  ProxySettings settings;
  std::string configFile;
  std::string detectLocalMode = "ClusterCIDR";
  bool cleanup = false;
};

void addFlags(CLI::App& app, Flags& flags) {
  auto& settings = flags.settings;
  auto& options = settings.options;
  app.add_option("--kubeconfig", settings.kubeconfig,
                 "file that says where the API server is and who this is");
  app.add_option("--config", flags.configFile,
                 "a KubeProxyConfiguration; what it says goes before flags");
  app.add_option("--hostname-override", options.nodeName,
                 "name of this node; the host's name if not given");
  app.add_option("--proxy-mode", settings.mode, "nftables, the only one");
  app.add_option("--cluster-cidr", options.clusterCidrs,
                 "networks of pods; what comes from elsewhere to a cluster IP is masqueraded")
      ->delimiter(',');
  app.add_option("--detect-local-mode", flags.detectLocalMode,
                 "how pods are told from others: ClusterCIDR, the only one")
      ->check(CLI::IsMember({"ClusterCIDR"}))
      ->capture_default_str();
  app.add_option("--masquerade-egress-from", options.egressCidrs,
                 "networks of this node's pods that leave the cluster masqueraded")
      ->delimiter(',');
  app.add_flag("--masquerade-all", options.masqueradeAll, "masquerade all traffic to cluster IPs");
  app.add_option("--nodeport-addresses", options.nodePortAddresses,
                 "networks of local addresses that node ports answer on; all if not given")
      ->delimiter(',');
  app.add_option("--bind-address", settings.bindAddress,
                 "address that health check node ports listen on")
      ->capture_default_str();
  app.add_option("--healthz-bind-address", options.healthzAddress,
                 "where /healthz and /livez are; empty: nowhere")
      ->capture_default_str();
  app.add_option("--metrics-bind-address", options.metricsAddress,
                 "where /metrics and /proxyMode are; empty: nowhere")
      ->capture_default_str();
  app.add_flag("--cleanup", flags.cleanup, "remove all rules of this proxy and exit");
}

Status complete(Flags& flags, ComponentFlags& shared) {
  auto& settings = flags.settings;
  if (!flags.configFile.empty()) {
    TRY(auto text, client::readWholeFile(flags.configFile));
    TRY_STATUS(readProxyConfig(text, settings).withContext(flags.configFile));
  }
  TRY_STATUS(checkProxyMode(settings.mode));
  auto& options = settings.options;
  if (options.nodeName.empty()) {
    options.nodeName = lowerCase(hostName());
  }
  const bool six = settings.bindAddress.find(':') != std::string::npos;
  options.healthCheckHost = six ? "[" + settings.bindAddress + "]" : settings.bindAddress;
  shared.kubeconfig = settings.kubeconfig;
  return {};
}

Task<Status> proxyUntilStopped(std::shared_ptr<Flags> flags, Component component,
                               std::stop_token stop) {
  client::Informers informers(component.client, component.reactor);
  auto processes = systemProcesses(component.reactor);
  proxy::Proxy proxy(component.client, informers, component.reactor, *processes,
                     flags->settings.options);
  informers.start();
  Status status = co_await proxy.start();
  if (status.ok()) {
    Event never;
    status = co_await never.wait(stop);
  }
  co_await proxy.stop();
  co_await informers.stop();
  co_return status;
}

int cleanUp() {
  Reactor reactor;
  auto processes = systemProcesses(reactor);
  Status status = blockOn(reactor, proxy::Proxy::cleanup(*processes, {}));
  if (status.ok()) return 0;
  std::fprintf(stderr, "kube-proxy: %s\n", status.message().c_str());
  return 1;
}

}  // namespace

int kubeProxy(int argc, char** argv) {
  auto flags = std::make_shared<Flags>();
  flags->settings.options.healthzAddress = "0.0.0.0:10256";
  flags->settings.options.metricsAddress = "127.0.0.1:10249";
  ComponentFlags shared;
  shared.component = "kube-proxy";
  shared.leaderElect = false;
  CLI::App app("The proxy: makes Services work on this node", "kube-proxy");
  addFlags(app, *flags);
  std::vector<const char*> arguments{"kube-proxy"};
  arguments.insert(arguments.end(), argv, argv + argc);
  try {
    app.parse(static_cast<int>(arguments.size()), arguments.data());
  } catch (const CLI::ParseError& e) {
    return app.exit(e);
  }
  if (flags->cleanup) return cleanUp();
  auto check = [flags, &shared] { return complete(*flags, shared); };
  auto work = [flags](Component component, std::stop_token stop) {
    return proxyUntilStopped(flags, component, std::move(stop));
  };
  return runComponent(app, shared, argc, argv, check, work);
}

}  // namespace coxswain::cmd
