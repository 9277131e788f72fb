#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "streaming/spdy_link.h"
#include "streaming/upgrader.h"

/// Port forwarding: for each forwarded connection the client opens two SPDY streams, error and
/// data, with the same requestID and the port. Either over SPDY itself or tunnelled in a WebSocket.
/// Upstream: client-go tools/portforward, kubelet/pkg/cri/streaming/portforward.
namespace coxswain::streaming {

inline constexpr std::string_view kPortForwardProtocol = "portforward.k8s.io";

/// Connects to a port on the server's side. One executor.
class PortConnector {
 public:
  virtual ~PortConnector() = default;
  /// The message of a failure reaches the client.
  virtual Task<Result<std::unique_ptr<net::Stream>>> connect(uint16_t port,
                                                             std::stop_token stop) = 0;
};

/// Upgrades (SPDY, or a WebSocket with the tunnel protocol) and forwards until the client is gone
/// or the request is stopped. A failure before the upgrade has been answered.
Task<Status> servePortForward(net::Request& request, net::ResponseWriter& response,
                              PortConnector& connector);

/// The client's end of one session, through which many connections go. close() is awaited before
/// it is destroyed.
class PortForwarder {
 public:
  /// `request` names the target ("POST .../portforward").
  static Task<Result<std::unique_ptr<PortForwarder>>> dial(Upgrader& client,
                                                           net::ClientRequest request, bool tunnel,
                                                           std::stop_token stop);
  explicit PortForwarder(std::unique_ptr<SpdyLink> link) : link_(std::move(link)) {}

  /// Carries one connection to `port` over there until it ends. What the server reported, such as a
  /// refused connection, is the failure.
  Task<Status> forward(net::Stream& local, uint16_t port, std::stop_token stop);
  /// Requested when the session has ended: forward needs a new one then.
  [[nodiscard]] std::stop_token gone() const { return link_->gone(); }
  Task<void> close() { return link_->close(); }

 private:
  Task<Result<std::shared_ptr<net::spdy::SpdyStream>>> open(std::string type, std::string id,
                                                            uint16_t port, std::stop_token stop);
  std::unique_ptr<SpdyLink> link_;
  uint64_t nextRequest_ = 0;
};

}  // namespace coxswain::streaming
