#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace coxswain::api::core::v1 {
struct Pod;
}

namespace coxswain::kubelet {

/// Lines of a resolv.conf.
struct DnsConfig {
  std::vector<std::string> servers;
  std::vector<std::string> searches;
  std::vector<std::string> options;
  bool operator==(const DnsConfig&) const = default;
};

/// Reads a resolv.conf as glibc does: the last search line counts; the default option is none.
DnsConfig parseResolvConf(std::string_view text);

struct DnsSettings {
  std::vector<std::string> clusterDns;
  std::string clusterDomain;
  DnsConfig host;  ///< of the node's resolv.conf
};

struct PodDns {
  DnsConfig config;
  bool missingClusterDns = false;  ///< ClusterFirst without a cluster DNS: the host's is taken
  std::string warning;             ///< of event DNSConfigForming; empty: none
};

/// By dnsPolicy and dnsConfig. Upstream: pkg/kubelet/network/dns.
PodDns podDns(const api::core::v1::Pod& pod, const DnsSettings& settings);

}  // namespace coxswain::kubelet
