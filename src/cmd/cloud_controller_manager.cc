#include <fmt/format.h>

#include <memory>

#include "api/gen/core_v1.h"
#include "client/informers.h"
#include "cloud/manager.h"
#include "cmd/commands.h"
#include "cmd/component.h"
#include "cmd/duration_flag.h"
#include "controllers/framework/trim.h"

namespace coxswain::cmd {

namespace {

struct Flags {
  cloud::ManagerOptions options;
  cloud::LocalOptions local;
  std::string provider;
  std::vector<std::string> clusterCidrs;
  std::string statusPeriod = "5m0s";
  std::string monitorPeriod = "5s";
  std::string routePeriod = "10s";
};

std::string joined(const std::vector<std::string_view>& names) {
  return fmt::format("{}", fmt::join(names, ", "));
}

void addCloudFlags(CLI::App& app, Flags& flags) {
  auto& options = flags.options;
  app.add_option("--cloud-provider", flags.provider,
                 "the cloud that this cluster is on: " + joined(cloud::knownProviders()))
      ->required();
  app.add_option("--controllers", options.controllers,
                 "which run: '*' all, 'name' that one, '-name' not that one. All: " +
                     joined(cloud::CloudControllerManager::knownNames()))
      ->delimiter(',');
  app.add_option("--node-status-update-frequency", flags.statusPeriod,
                 "how often what the cloud knows of nodes is looked at")
      ->capture_default_str();
  app.add_option("--node-monitor-period", flags.monitorPeriod,
                 "how often machines of silent nodes are looked at")
      ->capture_default_str();
  app.add_option("--route-reconciliation-period", flags.routePeriod,
                 "how often routes are looked at")
      ->capture_default_str();
  app.add_option("--concurrent-node-syncs", options.node.workers, "new nodes at the same time")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--concurrent-service-syncs", options.serviceWorkers,
                 "load balancers at the same time")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_flag("--allocate-node-cidrs", options.allocateNodeCidrs,
               "nodes have ranges of pod addresses, which the cloud routes");
  app.add_flag("--configure-cloud-routes", options.configureRoutes, "make those routes")
      ->capture_default_str();
  app.add_option("--cluster-cidr", flags.clusterCidrs, "ranges of pod addresses, one a family")
      ->delimiter(',');
  app.add_option("--local-zone", flags.local.zone, "zone of all nodes, of the provider local");
  app.add_option("--local-region", flags.local.region,
                 "region of all nodes, of the provider local");
}

Status complete(Flags& flags) {
  auto& options = flags.options;
  TRY_STATUS(cloud::makeProvider(flags.provider, flags.local).status());
  TRY(options.node.statusPeriod,
      positiveTimeOf("--node-status-update-frequency", flags.statusPeriod));
  TRY(options.monitorPeriod, positiveTimeOf("--node-monitor-period", flags.monitorPeriod));
  TRY(options.route.period, positiveTimeOf("--route-reconciliation-period", flags.routePeriod));
  for (const auto& cidr : flags.clusterCidrs) {
    auto prefix = api::parseCidr(cidr);
    if (!prefix) return badRequest("--cluster-cidr: \"" + cidr + "\" is not a range");
    options.route.clusterCidrs.push_back(*prefix);
  }
  if (options.allocateNodeCidrs && flags.clusterCidrs.empty()) {
    return badRequest("--allocate-node-cidrs needs --cluster-cidr");
  }
  return cloud::CloudControllerManager::check(options);
}

Task<Status> control(Flags& flags, Component component, std::stop_token stop) {
  CO_TRY(auto provider, cloud::makeProvider(flags.provider, flags.local));
  client::Informers informers(component.client, component.reactor);
  informers.trim<api::core::v1::Node>(controllers::trimNode);
  const controllers::Context context{component.client, informers, component.reactor,
                                     component.random};
  CO_TRY(auto manager, cloud::CloudControllerManager::create(context, *provider, flags.options));
  manager->start();
  Event never;
  Status stopped = co_await never.wait(stop);
  co_await manager->stop();
  co_await informers.stop();
  co_return stopped;
}

}  // namespace

int cloudControllerManager(int argc, char** argv) {
  ComponentFlags shared;
  shared.component = "cloud-controller-manager";
  shared.securePort = 10258;
  Flags flags;
  CLI::App app("What a cluster needs of the cloud it is on: nodes, load balancers, routes",
               "cloud-controller-manager");
  addComponentFlags(app, shared);
  addCloudFlags(app, flags);
  return runComponent(
      app, shared, argc, argv, [&flags] { return complete(flags); },
      [&flags](Component component, std::stop_token stop) {
        return control(flags, component, std::move(stop));
      });
}

}  // namespace coxswain::cmd
