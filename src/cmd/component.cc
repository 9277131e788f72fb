#include "cmd/component.h"
#include "cmd/host_address.h"

#include <unistd.h>

#include <cstdio>

#include "base/log.h"
#include "client/http/http_client.h"
#include "client/http/kubeconfig.h"
#include "client/leader_election.h"
#include "cmd/duration_flag.h"
#include "cmd/health_server.h"
#include "cmd/signal_stop.h"
#include "runtime/spawn.h"

namespace coxswain::cmd {

namespace {

const Logger kLog("cmd");

Result<client::ClientConfig> clientConfig(const ComponentFlags& flags) {
  client::ClientConfig config;
  if (flags.kubeconfig.empty() && flags.master.empty()) {
    auto inside = client::inClusterConfig();
    if (!inside.ok()) {
      return badRequest("neither --kubeconfig nor --master was given, and this is no pod: " +
                        inside.status().message());
    }
    config = *std::move(inside);
  } else {
    client::KubeConfigOverrides overrides;
    overrides.server = flags.master;
    client::KubeConfig file;
    if (!flags.kubeconfig.empty()) {
      TRY(file, client::KubeConfig::load(client::KubeConfigPaths::find(flags.kubeconfig)));
    }
    TRY(auto resolved, client::resolveConfig(file, overrides));
    config = std::move(resolved.client);
  }
  config.protobuf = flags.protobuf;
  config.userAgent = flags.component + "/" COXSWAIN_VERSION " coxswain";
  return config;
}

Result<client::LeaderElectionOptions> electionOptions(const ComponentFlags& flags, Random& random) {
  client::LeaderElectionOptions options;
  options.ns = flags.leaseNamespace;
  options.name = flags.leaseName;
  TRY(options.leaseDuration, positiveTimeOf("--leader-elect-lease-duration", flags.leaseDuration));
  TRY(options.renewDeadline, positiveTimeOf("--leader-elect-renew-deadline", flags.renewDeadline));
  TRY(options.retryPeriod, positiveTimeOf("--leader-elect-retry-period", flags.retryPeriod));
  if (options.leaseDuration <= options.renewDeadline) {
    return badRequest(
        "--leader-elect-lease-duration must be greater than "
        "--leader-elect-renew-deadline");
  }
  if (options.renewDeadline <= options.retryPeriod) {
    return badRequest(
        "--leader-elect-renew-deadline must be greater than "
        "--leader-elect-retry-period");
  }
  options.identity = hostName() + "_" + fmt::format("{:016x}", random.next());
  options.releaseOnStop = true;
  return options;
}

Result<std::unique_ptr<HealthServer>> serveHealth(Reactor& reactor, const ComponentFlags& flags) {
  HealthServerOptions options;
  options.name = flags.component;
  const bool six = flags.bindAddress.find(':') != std::string::npos;
  options.address = (six ? "[" + flags.bindAddress + "]" : flags.bindAddress) + ":" +
                    std::to_string(flags.securePort);
  if (flags.tlsCertFile.empty() != flags.tlsPrivateKeyFile.empty()) {
    return badRequest("--tls-cert-file and --tls-private-key-file go together");
  }
  if (!flags.tlsCertFile.empty()) {
    TRY(options.certificatePem, client::readWholeFile(flags.tlsCertFile));
    TRY(options.keyPem, client::readWholeFile(flags.tlsPrivateKeyFile));
  }
  return HealthServer::start(reactor, options);
}

Task<void> lead(const ComponentWork& work, Component component, Status& outcome,
                std::stop_token stop) {
  outcome = co_await work(component, stop);
}

Task<Status> elect(const ComponentFlags& flags, const ComponentWork& work, Component component,
                   std::stop_token stop) {
  CO_TRY(auto options, electionOptions(flags, component.random));
  client::LeaderElector elector(component.client, component.random, std::move(options));
  Status outcome;
  client::LeaderElector::Lead leader = [&](std::stop_token token) {
    return lead(work, component, outcome, std::move(token));
  };
  Status ended = co_await elector.run(leader, stop);
  if (stop.stop_requested()) co_return Status();
  if (!outcome.ok() && !isCanceled(outcome)) co_return outcome;
  co_return ended.withContext("leader election lost");
}

Task<Status> run(Reactor& reactor, const ComponentFlags& flags, const ComponentWork& work,
                 std::stop_token stop) {
  SystemRandom random;
  CO_TRY(auto config, clientConfig(flags));
  const std::string server = config.server;
  CO_TRY(auto rest, client::RestClient::create(reactor, std::move(config)));
  client::HttpClient client(*rest);
  std::unique_ptr<HealthServer> health;
  if (flags.securePort != 0) {
    auto started = serveHealth(reactor, flags);
    if (!started.ok()) {
      co_await rest->close();
      co_return started.status().withContext("--secure-port");
    }
    health = *std::move(started);
  }
  kLog.info("starting", {{"component", flags.component}, {"server", server}});
  Component component{client, reactor, random, rest->config()};
  Status status;
  if (flags.leaderElect) {
    status = co_await elect(flags, work, component, stop);
  } else {
    status = co_await work(component, stop);
  }
  if (health) co_await health->stop();
  co_await rest->close();
  if (isCanceled(status)) status = Status();
  co_return status;
}

}  // namespace

void addClientFlags(CLI::App& app, ComponentFlags& flags) {
  app.add_option("--kubeconfig", flags.kubeconfig,
                 "file that says where the API server is and who this is");
  app.add_option("--master", flags.master, "address of the API server, instead of kubeconfig's");
}

void addComponentFlags(CLI::App& app, ComponentFlags& flags) {
  flags.leaseName = flags.component;
  addClientFlags(app, flags);
  app.add_flag("--leader-elect", flags.leaderElect,
               "work only while holding the lease, so that several may run")
      ->capture_default_str();
  app.add_option("--leader-elect-lease-duration", flags.leaseDuration,
                 "others take over when the lease was not renewed for so long")
      ->capture_default_str();
  app.add_option("--leader-elect-renew-deadline", flags.renewDeadline,
                 "end when the lease could not be renewed for so long")
      ->capture_default_str();
  app.add_option("--leader-elect-retry-period", flags.retryPeriod, "time between two tries")
      ->capture_default_str();
  app.add_option("--leader-elect-resource-name", flags.leaseName, "name of the lease")
      ->capture_default_str();
  app.add_option("--leader-elect-resource-namespace", flags.leaseNamespace, "its namespace")
      ->capture_default_str();
  app.add_option("--bind-address", flags.bindAddress, "address of the health port")
      ->capture_default_str();
  app.add_option("--secure-port", flags.securePort,
                 "HTTPS port of /healthz, /livez and /readyz; 0: none")
      ->capture_default_str();
  app.add_option("--tls-cert-file", flags.tlsCertFile,
                 "certificate of that port (PEM); made at start if not given");
  app.add_option("--tls-private-key-file", flags.tlsPrivateKeyFile, "its private key (PEM)");
}

int runComponent(CLI::App& app, ComponentFlags& flags, int argc, char** argv,
                 const std::function<Status()>& check, ComponentWork work) {
  std::vector<const char*> arguments{flags.component.c_str()};
  arguments.insert(arguments.end(), argv, argv + argc);
  try {
    app.parse(static_cast<int>(arguments.size()), arguments.data());
  } catch (const CLI::ParseError& e) {
    return app.exit(e);
  }
  Status status = check();
  if (status.ok()) {
    Reactor reactor;
    SignalStop signals(reactor);
    status = blockOn(reactor, run(reactor, flags, work, signals.token()));
  }
  if (status.ok()) return 0;
  std::fprintf(stderr, "%s: %s\n", flags.component.c_str(), status.message().c_str());
  return 1;
}

}  // namespace coxswain::cmd
