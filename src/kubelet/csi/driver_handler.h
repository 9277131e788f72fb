#pragma once

#include <string>

#include "kubelet/csi/drivers.h"
#include "kubelet/csi/node_info.h"
#include "kubelet/csi/plugin_watcher.h"

namespace coxswain::kubelet::csi {

/// Takes plugins of type CSIPlugin: checks them, asks them for this node's id, tells the cluster,
/// and puts them into `drivers`. One executor. stop() before destruction, after the watcher's.
/// Upstream: pkg/volume/csi/csi_plugin.go, RegistrationHandler.
class DriverHandler final : public PluginHandler {
 public:
  DriverHandler(Executor& executor, PluginChannels& channels, Drivers& drivers,
                NodeInfoWriter& nodeInfo)
      : executor_(executor), channels_(channels), drivers_(drivers), nodeInfo_(nodeInfo) {}

  [[nodiscard]] Status validate(const PluginDescription& plugin) override;
  Task<Status> add(PluginDescription plugin, std::stop_token stop) override;
  Task<void> remove(std::string name, std::string endpoint) override;
  /// Ends connections to drivers.
  Task<void> stop();

 private:
  struct Registered {
    std::shared_ptr<Driver> driver;
    std::stop_source stop;  ///< of what is done for it in the background
  };
  Task<Status> introduce(Driver& driver, std::stop_token stop);
  /// While the driver is registered: how many volumes fit may change.
  static Task<void> keepAllocatable(DriverHandler& self, std::shared_ptr<Driver> driver,
                                    Gate::Pass pass, std::stop_token stop);
  static Task<void> closeLater(std::shared_ptr<Driver> driver, Gate::Pass pass);

  Executor& executor_;
  PluginChannels& channels_;
  Drivers& drivers_;
  NodeInfoWriter& nodeInfo_;
  std::map<std::string, Registered> own_;
  Gate gate_;
  std::stop_source stop_;
};

}  // namespace coxswain::kubelet::csi
