#include "base/log.h"
#include "kubelet/kubelet_impl.h"
#include "runtime/spawn.h"

namespace coxswain::kubelet {
namespace {

const Logger log("kubelet");
constexpr Duration kAnnounceRetryMin = 200ms;
constexpr Duration kAnnounceRetryMax = 30s;

}  // namespace

/// What an earlier kubelet mounted is known before the first driver comes.
Status Kubelet::Impl::startPlugins() {
  if (deps.plugins == nullptr) return {};
  const std::string registry = options.rootDir + "/plugins_registry";
  TRY_STATUS(deps.files.mkdirs(options.rootDir + "/plugins", 0750));
  TRY_STATUS(deps.files.mkdirs(registry, 0750));
  csiVolumes.load();
  csiDrivers.onPut([this](const std::string& name) { driverCame(name); });
  csiPlugins =
      std::make_unique<csi::DriverHandler>(deps.executor, *deps.plugins, csiDrivers, csiNode);
  plugins = std::make_unique<csi::PluginWatcher>(
      csi::PluginWatcher::Dependencies{deps.executor, deps.files, deps.watches, *deps.plugins},
      registry);
  plugins->addHandler("CSIPlugin", *csiPlugins);
  plugins->start();
  spawn(deps.executor, announce(*this, gate.enter(), stopping.get_token()));
  return {};
}

/// The CSINode is there even without drivers: schedulers tell by it that this node has none.
Task<void> Kubelet::Impl::announce(Impl& self, Gate::Pass pass, std::stop_token stop) {
  if (!pass) co_return;
  Duration delay = kAnnounceRetryMin;
  while (!stop.stop_requested()) {
    // Its owner is the Node, which has to be there first.
    Status made = self.nodes.registered() ? co_await self.csiNode.ensure(stop) : canceled();
    if (made.ok()) co_return;
    if (!isCanceled(made)) log.warn("making the CSINode failed", {{"error", made}});
    Status slept = co_await sleepFor(delay, stop);
    if (!slept.ok()) co_return;
    delay = std::min(delay * 2, kAnnounceRetryMax);
  }
}

void Kubelet::Impl::driverCame(const std::string& name) {
  volumes.driverCame();
  if (workers) workers->wakeAll();
  spawn(deps.executor, unstageUnused(*this, name, gate.enter(), stopping.get_token()));
}

Task<void> Kubelet::Impl::unstageUnused(Impl& self, std::string driver, Gate::Pass pass,
                                        std::stop_token stop) {
  if (!pass) co_return;
  co_await self.csiVolumes.unstageUnused(std::move(driver), std::move(stop));
}

}  // namespace coxswain::kubelet
