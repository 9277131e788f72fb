#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client/http/rest_client.h"
#include "streaming/port_forward.h"
#include "streaming/remote_command.h"

namespace coxswain::cli {

/// Requests for upgrades to the API server, with our credentials.
class RestUpgrader final : public streaming::Upgrader {
 public:
  explicit RestUpgrader(client::RestClient& rest) : rest_(rest) {}
  Task<Result<std::unique_ptr<net::ClientResponse>>> send(net::ClientRequest request,
                                                          std::stop_token stop) override;

 private:
  client::RestClient& rest_;
};

/// A command in a container. `command` empty: attach.
struct CommandTarget {
  std::string ns;
  std::string pod;
  std::string container;
  std::vector<std::string> command;
};

/// By WebSocket; where the server does not upgrade to that, by SPDY (whose failure counts then).
Task<Result<std::unique_ptr<streaming::ClientSession>>> dialCommand(client::RestClient& rest,
                                                                    CommandTarget target,
                                                                    streaming::StreamSet streams,
                                                                    std::stop_token stop);

/// A port-forward session with a pod; likewise.
Task<Result<std::unique_ptr<streaming::PortForwarder>>> dialPorts(client::RestClient& rest,
                                                                  std::string ns, std::string pod,
                                                                  std::stop_token stop);

}  // namespace coxswain::cli
