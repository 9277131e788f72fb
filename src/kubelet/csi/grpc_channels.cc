#include "kubelet/csi/grpc_channels.h"

#include "kubelet/cri/invoke.h"

namespace coxswain::kubelet::csi {
namespace {

class GrpcPluginChannel final : public PluginChannel {
 public:
  GrpcPluginChannel(Reactor& reactor, const std::string& socket)
      : channel_(reactor, options(socket)) {}

  Task<Result<std::string>> call(std::string method, std::string message, Duration timeout,
                                 std::stop_token stop) override {
    return cri::invokeBytes(channel_, std::move(method), std::move(message), timeout,
                            std::move(stop));
  }
  Task<void> close() override { return channel_.close(); }

 private:
  static net::HttpClientOptions options(const std::string& socket) {
    cri::GrpcOptions grpc;
    grpc.endpoint = "unix://" + socket;
    return cri::channelOptions(grpc);
  }
  net::grpc::Channel channel_;
};

}  // namespace

std::unique_ptr<PluginChannel> GrpcPluginChannels::open(const std::string& socket) {
  return std::make_unique<GrpcPluginChannel>(reactor_, socket);
}

}  // namespace coxswain::kubelet::csi
