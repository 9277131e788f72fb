#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "kubelet/csi/gen/csi.h"
#include "kubelet/csi/gen/plugin_registration.h"
#include "kubelet/csi/plugin_channel.h"
#include "runtime/files.h"
#include "runtime/mounter.h"

namespace coxswain::kubelet::csi::testing {

/// A CSI driver in memory, its registration included: volumes are tmpfs mounts of a Mounter,
/// raw block volumes plain files. Keeps
/// its calls in the order in which they came. One executor.
class FakePlugin {
 public:
  FakePlugin(std::string name, Files& files, Mounter& mounter);

  // What it says of itself.
  registration::PluginInfo info;
  std::string pluginName;
  NodeGetInfoResponse node;
  std::vector<int32_t> capabilities{STAGE_UNSTAGE_VOLUME, GET_VOLUME_STATS, EXPAND_VOLUME};
  NodeGetVolumeStatsResponse stats;
  Duration latency = 3ms;

  /// Method's name -> its answer, until it is taken out.
  std::map<std::string, Status> failures;
  /// Called before and after each call; a failure is its answer, afterwards in vain.
  std::function<Status(const std::string& method)> fault;

  // What it was told.
  std::vector<std::string> calls;  ///< "NodeStageVolume vol-1"; of registration: the method alone
  registration::RegistrationStatus registered;
  NodeStageVolumeRequest staged;
  NodePublishVolumeRequest published;
  NodeExpandVolumeRequest expanded;
  [[nodiscard]] size_t count(const std::string& call) const;
  /// Where each volume is published now; staged volumes have an entry.
  std::map<std::string, std::set<std::string>> mounted;
  std::vector<std::string> violations;  ///< of CSI's order of calls

  Task<Result<std::string>> serve(std::string method, std::string message, std::stop_token stop);

 private:
  Task<Result<std::string>> answer(std::string method, std::string message, std::stop_token stop);
  Status unmountAndRemove(const std::string& path);
  Files& files_;
  Mounter& mounter_;
};

/// Sockets' paths and who is behind them. A socket without a plugin refuses connections.
class FakePluginChannels final : public PluginChannels {
 public:
  std::map<std::string, FakePlugin*> plugins;
  std::unique_ptr<PluginChannel> open(const std::string& socket) override;
  size_t openChannels = 0;
};

}  // namespace coxswain::kubelet::csi::testing
