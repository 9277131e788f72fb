#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "client/client.h"
#include "runtime/reactor.h"
#include "runtime/task.h"

namespace coxswain::cmd {

/// Where the proxy tells its health, on 127.0.0.1.
inline constexpr uint16_t kProxyHealthPort = 10256;

/// Of one machine that runs pods.
struct NodeOptions {
  std::string name;
  std::string address;
  std::string runtimeEndpoint;
  std::string kubeletFolder = "/var/lib/kubelet";
  std::string podLogs = "/var/log/pods";
  std::string containerLogs = "/var/log/containers";  ///< empty: no links
  std::string cgroupRoot = "/";
  uint16_t kubeletPort = 10250;
  std::string servingCertificatePem;
  std::string servingKeyPem;
  std::string clientCaPem;  ///< who signs the certificates of callers of the kubelet's port
  std::string clusterCidr;
  std::string clusterDomain;
  std::string clusterDns;  ///< address of Service kube-dns
  uint16_t dnsPort = 10053;
  std::string cniConfigFolder;  ///< where the network of pods is described
  std::string cniStateFolder;
  std::string localPathFolder;  ///< of volumes made here; empty: none are made
  std::string localPathClass;
};

/// The node's parts together: kubelet with its port, proxy, cluster DNS, the maker of local
/// volumes, and the CNI configuration for the pod range that the node gets. One reactor. stop()
/// before destruction; pods go on.
class Node {
 public:
  /// Each part speaks as itself; all outlive the node.
  struct Clients {
    client::Client& kubelet;
    client::Client& proxy;
    client::Client& dns;  ///< also makes Service kube-dns
    client::Client& localPath;
  };

  Node(Reactor& reactor, Clients clients, NodeOptions options);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  Task<Status> start(std::stop_token stop);
  /// The node is Ready and Services work on it.
  Task<Status> waitReady(std::stop_token stop);
  Task<void> stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace coxswain::cmd
