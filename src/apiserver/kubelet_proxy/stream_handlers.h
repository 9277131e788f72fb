#pragma once

#include <string>

#include "apiserver/kubelet_proxy/handlers.h"
#include "net/url.h"

namespace coxswain::apiserver {

/// pods/exec and pods/attach. SPDY, and WebSockets of before v5, are passed through to the kubelet;
/// WebSocket v5, which kubelets may not know, is translated to SPDY.
class CommandHandler final : public SubresourceHandler {
 public:
  /// `action`: "exec" or "attach".
  CommandHandler(const KubeletHandlerSources& sources, std::string action)
      : sources_(sources), action_(std::move(action)) {}
  Task<Status> serve(Exchange& exchange) override;

 private:
  KubeletHandlerSources sources_;
  std::string action_;
};

/// pods/portforward. SPDY within a WebSocket is taken out of it on the way.
class PortForwardHandler final : public SubresourceHandler {
 public:
  explicit PortForwardHandler(const KubeletHandlerSources& sources) : sources_(sources) {}
  Task<Status> serve(Exchange& exchange) override;

 private:
  KubeletHandlerSources sources_;
};

/// The client's query (stdin=true&command=ls) as kubelets read it (input=1&command=ls).
net::Query kubeletCommandQuery(const net::Query& asked);

}  // namespace coxswain::apiserver
