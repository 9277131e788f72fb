#include "client/informers.h"
#include "cmd/commands.h"
#include "cmd/component.h"
#include "scheduler/scheduler.h"

namespace coxswain::cmd {

namespace {

Task<Status> schedule(Component component, std::stop_token stop) {
  client::Informers informers(component.client, component.reactor);
  scheduler::SchedulerContext context{component.client, informers, component.reactor,
                                      component.random};
  scheduler::Scheduler scheduler(context, {});
  informers.start();
  scheduler.start();
  Event never;
  Status stopped = co_await never.wait(stop);
  co_await scheduler.stop();
  co_await informers.stop();
  co_return stopped;
}

}  // namespace

int kubeScheduler(int argc, char** argv) {
  ComponentFlags flags;
  flags.component = "kube-scheduler";
  flags.securePort = 10259;
  CLI::App app("The scheduler: gives each pod a node", "kube-scheduler");
  addComponentFlags(app, flags);
  return runComponent(
      app, flags, argc, argv, [] { return Status(); }, schedule);
}

}  // namespace coxswain::cmd
