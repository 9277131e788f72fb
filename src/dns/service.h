#pragma once

#include <cstdint>
#include <stop_token>
#include <string>

#include "client/client.h"

namespace coxswain::dns {

struct DnsServiceOptions {
  std::string clusterIp;  ///< of Service kube-dns: the tenth of the service range, "10.96.0.10"
  std::string address;    ///< where the server listens, as pods reach it: the node's address
  uint16_t port = 0;
};

/// Makes, or corrects, Service kube-system/kube-dns (ports dns and dns-tcp, 53) and an
/// EndpointSlice of it that leads to `address`. Idempotent. Conflict and Unreachable are worth
/// another try; Invalid: the address belongs to another service.
Task<Status> ensureDnsService(client::Client& client, DnsServiceOptions options,
                              std::stop_token stop);

}  // namespace coxswain::dns
