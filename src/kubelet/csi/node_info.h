#pragma once

#include <optional>
#include <stop_token>
#include <string>

#include "client/client.h"
#include "kubelet/csi/gen/csi.h"
#include "runtime/sync.h"

namespace coxswain::kubelet::csi {

/// Tells the cluster which drivers this node has: the CSINode object, the node's annotation
/// csi.volume.kubernetes.io/nodeid and its topology labels. One executor.
/// Upstream: pkg/volume/csi/nodeinfomanager.
class NodeInfoWriter {
 public:
  NodeInfoWriter(client::Client& client, std::string nodeName)
      : client_(client), nodeName_(std::move(nodeName)) {}

  /// Makes the CSINode where it is absent; the Node must be there (else NotFound).
  Task<Status> ensure(std::stop_token stop);
  /// Adds a driver, or changes what it said before. BadRequest: what it says contradicts itself or
  /// the node's labels.
  Task<Status> install(std::string driver, NodeGetInfoResponse info, std::stop_token stop);
  /// How often the driver wants to be asked for the number of volumes that fit here, by its
  /// CSIDriver object (nodeAllocatableUpdatePeriodSeconds); unset: never.
  Task<std::optional<Duration>> updatePeriod(std::string driver, std::stop_token stop);
  /// Takes it out again; labels stay.
  Task<Status> uninstall(std::string driver, std::stop_token stop);

 private:
  Task<Status> describeNode(std::string driver, NodeGetInfoResponse info, std::stop_token stop);
  Task<Status> forgetNodeId(std::string driver, std::stop_token stop);
  Task<Status> changeCsiNode(std::string driver, const NodeGetInfoResponse* info,
                             std::stop_token stop);

  client::Client& client_;
  std::string nodeName_;
  Semaphore turn_{1};
};

}  // namespace coxswain::kubelet::csi
