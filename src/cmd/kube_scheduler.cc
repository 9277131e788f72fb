#include "base/log.h"
#include "client/http/kubeconfig.h"
#include "client/informers.h"
#include "cmd/commands.h"
#include "cmd/component.h"
#include "scheduler/config/configuration.h"
#include "scheduler/extenders/http_transport.h"
#include "scheduler/scheduler.h"
#include "scheduler/trim.h"

namespace coxswain::cmd {

namespace {

const Logger kLog("cmd");

struct SchedulerFlags {
  ComponentFlags component;
  std::string config;
  scheduler::SchedulerOptions options;  ///< of the file
};

Task<Status> schedule(const SchedulerFlags& flags, Component component, std::stop_token stop) {
  client::Informers informers(component.client, component.reactor);
  scheduler::HttpExtenderTransports transports(component.reactor);
  CO_TRY(auto extenders, scheduler::makeExtenders(flags.options.extenders, transports));
  bool wholeNodes = false;
  bool wholePods = false;
  for (const auto& extender : extenders) {
    if (extender->isCached()) continue;
    wholeNodes = wholeNodes || extender->filters() || extender->prioritizes();
    wholePods = wholePods || extender->preempts();
  }
  scheduler::trimForScheduler(informers, wholeNodes);
  scheduler::SchedulerContext context{component.client, informers, component.reactor,
                                      component.random, !wholePods};
  scheduler::Scheduler scheduler(context, flags.options, std::move(extenders));
  informers.start();
  scheduler.start();
  Event never;
  Status stopped = co_await never.wait(stop);
  co_await scheduler.stop();
  co_await informers.stop();
  co_return stopped;
}

/// What the file says of the process; flags that were given win.
void take(const CLI::App& app, const scheduler::config::v1::KubeSchedulerConfiguration& file,
          ComponentFlags& flags) {
  const auto set = [&](const char* flag, auto& to, const auto& value) {
    if (app.count(flag) == 0) to = value;
  };
  const auto& election = file.leaderElection;
  set("--leader-elect", flags.leaderElect, *election.leaderElect);
  set("--leader-elect-lease-duration", flags.leaseDuration, election.leaseDuration.str());
  set("--leader-elect-renew-deadline", flags.renewDeadline, election.renewDeadline.str());
  set("--leader-elect-retry-period", flags.retryPeriod, election.retryPeriod.str());
  set("--leader-elect-resource-name", flags.leaseName, election.resourceName);
  set("--leader-elect-resource-namespace", flags.leaseNamespace, election.resourceNamespace);
  const auto& connection = file.clientConnection;
  if (!connection.kubeconfig.empty()) set("--kubeconfig", flags.kubeconfig, connection.kubeconfig);
  if (connection.contentType == "application/json") flags.protobuf = false;
  if (connection.qps > 0 || connection.burst > 0)
    kLog.info("clientConnection.qps and burst limit nothing: this client is limited by the server");
}

Status readFile(const CLI::App& app, SchedulerFlags& flags) {
  if (flags.config.empty()) return {};
  TRY(const auto text, client::readWholeFile(flags.config));
  auto read = scheduler::readConfiguration(text);
  if (!read.ok()) return read.status().withContext(flags.config);
  take(app, read->file, flags.component);
  flags.options = std::move(read->options);
  return {};
}

}  // namespace

int kubeScheduler(int argc, char** argv) {
  SchedulerFlags flags;
  flags.component.component = "kube-scheduler";
  flags.component.securePort = 10259;
  CLI::App app("The scheduler: gives each pod a node", "kube-scheduler");
  addComponentFlags(app, flags.component);
  app.add_option("--config", flags.config,
                 "KubeSchedulerConfiguration file: profiles, plugins and their arguments");
  return runComponent(
      app, flags.component, argc, argv, [&] { return readFile(app, flags); },
      [&flags](Component component, std::stop_token stop) {
        return schedule(flags, component, std::move(stop));
      });
}

}  // namespace coxswain::cmd
