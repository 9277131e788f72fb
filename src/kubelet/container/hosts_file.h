#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace coxswain::api::core::v1 {
struct Pod;
}

namespace coxswain::kubelet {

/// A pod's names: `hostname`, and `domain` ("sub.ns.svc.cluster.local") where it has a subdomain.
struct PodHostname {
  std::string hostname;
  std::string domain;
  /// What the sandbox's hostname is: the full name where the pod asks for it. BadRequest-like
  /// failures (longer than 64 characters) are told by `error`.
  std::string shown;
  std::string error;
};
PodHostname podHostname(const api::core::v1::Pod& pod, std::string_view clusterDomain);

/// The managed /etc/hosts of a pod with its own network.
std::string hostsFile(const api::core::v1::Pod& pod, const std::vector<std::string>& ips,
                      const PodHostname& name);
/// That of a pod on the host's network: the node's, with the pod's aliases.
std::string hostNetworkHostsFile(const api::core::v1::Pod& pod, std::string_view nodeFile);

}  // namespace coxswain::kubelet
