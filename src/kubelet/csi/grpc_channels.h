#pragma once

#include "kubelet/csi/plugin_channel.h"

namespace coxswain {
class Reactor;
}

namespace coxswain::kubelet::csi {

/// Plugins behind unix sockets, over gRPC. One reactor.
class GrpcPluginChannels final : public PluginChannels {
 public:
  explicit GrpcPluginChannels(Reactor& reactor) : reactor_(reactor) {}
  std::unique_ptr<PluginChannel> open(const std::string& socket) override;

 private:
  Reactor& reactor_;
};

}  // namespace coxswain::kubelet::csi
