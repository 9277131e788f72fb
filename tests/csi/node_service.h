#pragma once

#include <string>

#include "kubelet/csi/gen/csi.h"
#include "net/grpc/grpc.h"
#include "volume_store.h"

namespace coxswain::csi_test {

struct DriverOptions {
  std::string name = "csi.test.coxswain.dev";
  std::string nodeId = "node-1";
  std::string socket;          ///< of the driver itself
  std::string registrySocket;  ///< in the kubelet's plugins_registry
  std::string dataDir;
  std::string kubeconfig;  ///< empty: no sidecars
  int64_t volumesMax = 0;  ///< 0: no limit is told
};

/// csi.v1.Identity and csi.v1.Node.
class NodeService final : public net::grpc::Service {
 public:
  NodeService(const DriverOptions& options, VolumeStore& store)
      : options_(options), store_(store) {}
  Task<Status> serve(const std::string& method, net::grpc::ServerCall& call,
                     std::stop_token stop) override;

 private:
  Result<std::string> answer(const std::string& method, const std::string& message);
  Status stage(const kubelet::csi::NodeStageVolumeRequest& request);
  Status publish(const kubelet::csi::NodePublishVolumeRequest& request);
  Status unpublish(const kubelet::csi::NodeUnpublishVolumeRequest& request);
  Status expand(const kubelet::csi::NodeExpandVolumeRequest& request);
  Result<std::string> stats(const kubelet::csi::NodeGetVolumeStatsRequest& request);

  const DriverOptions& options_;
  VolumeStore& store_;
};

/// pluginregistration.Registration.
class RegistrationService final : public net::grpc::Service {
 public:
  explicit RegistrationService(const DriverOptions& options) : options_(options) {}
  Task<Status> serve(const std::string& method, net::grpc::ServerCall& call,
                     std::stop_token stop) override;

 private:
  const DriverOptions& options_;
};

}  // namespace coxswain::csi_test
