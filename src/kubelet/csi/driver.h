#pragma once

#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "kubelet/csi/gen/csi.h"
#include "kubelet/csi/plugin_channel.h"

namespace coxswain::kubelet::csi {

/// A version of CSI that a driver says it speaks.
struct Version {
  int major = 0;
  int minor = 0;
  int patch = 0;
  auto operator<=>(const Version&) const = default;
};

/// "1.0.0", "v1.2". BadRequest: it is none.
Result<Version> parseVersion(std::string_view text);
/// The highest 1.x of them. BadRequest where there is none.
Result<Version> highestSupported(const std::vector<std::string>& versions);
/// A name that CSI allows: up to 63 letters, digits, '-', '.' and '_', the ends letters or digits.
Status checkDriverName(std::string_view name);

/// The failure of a call says nothing of what the driver did: it may be at it still.
bool isUncertain(const Status& status);
/// The driver will never do it: asking again is of no use.
bool isInfeasible(const Status& status);

/// A driver's Identity and Node services, as a kubelet calls them. Failures are told in gRPC's
/// words. Shared by those who are in the middle of a call while it goes. One executor.
class Driver {
 public:
  Driver(std::string name, std::string endpoint, Version version,
         std::unique_ptr<PluginChannel> channel);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& endpoint() const { return endpoint_; }
  [[nodiscard]] Version version() const { return version_; }

  /// The driver's own name, of its Identity service.
  Task<Result<std::string>> pluginName(std::stop_token stop);
  Task<Result<NodeGetInfoResponse>> nodeInfo(std::stop_token stop);
  /// Asked once; numbers of NodeCapability.
  Task<Result<std::set<int32_t>>> capabilities(std::stop_token stop);
  Task<Status> stage(NodeStageVolumeRequest request, std::stop_token stop);
  Task<Status> unstage(NodeUnstageVolumeRequest request, std::stop_token stop);
  Task<Status> publish(NodePublishVolumeRequest request, std::stop_token stop);
  Task<Status> unpublish(NodeUnpublishVolumeRequest request, std::stop_token stop);
  Task<Result<NodeGetVolumeStatsResponse>> stats(NodeGetVolumeStatsRequest request,
                                                 std::stop_token stop);
  /// The volume's size then; 0: the driver does not say.
  Task<Result<int64_t>> expand(NodeExpandVolumeRequest request, std::stop_token stop);
  Task<void> close() { return channel_->close(); }

 private:
  std::string name_;
  std::string endpoint_;
  Version version_;
  std::unique_ptr<PluginChannel> channel_;
  std::optional<std::set<int32_t>> capabilities_;
};

}  // namespace coxswain::kubelet::csi
