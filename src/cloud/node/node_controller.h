#pragma once

#include <optional>
#include <vector>

#include "cloud/provider.h"
#include "controllers/framework/controller.h"

namespace coxswain::cloud {

inline constexpr std::string_view kUninitializedTaint =
    "node.cloudprovider.kubernetes.io/uninitialized";

/// `node` as the cloud knows it, without the taint: provider id, labels of type, zone and region
/// (with their beta names), the provider's own labels.
api::core::v1::Node initialized(const api::core::v1::Node& node, const InstanceMetadata& metadata);

/// What status.addresses should become. A node that named its own address
/// (alpha.kubernetes.io/provided-node-ip) keeps it, before all else of that type; BadRequest where
/// the cloud does not know it. Nothing: leave them as they are.
Result<std::optional<std::vector<api::core::v1::NodeAddress>>> addressesOf(
    const api::core::v1::Node& node, const InstanceMetadata& metadata);

/// Tells nodes that wait for it (the taint) what the cloud knows of them, and keeps addresses and
/// labels of all current. Upstream: cloud-node-controller.
class NodeController final : public controllers::Controller {
 public:
  struct Options {
    Duration statusPeriod = std::chrono::minutes(5);  ///< --node-status-update-frequency
    int workers = 1;                                  ///< --concurrent-node-syncs
  };
  NodeController(const controllers::Context& context, Instances& instances, Options options);

 protected:
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;
  Task<void> background(std::stop_token stop) override;

 private:
  Task<Status> refresh(NodePtr node, std::stop_token stop);
  Task<Status> setAddresses(NodePtr node, const InstanceMetadata& metadata, std::stop_token stop);

  Instances& instances_;
  const Options options_;
  client::Informer& nodes_;
};

}  // namespace coxswain::cloud
