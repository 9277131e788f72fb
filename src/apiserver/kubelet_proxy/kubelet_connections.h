#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/http_client.h"
#include "runtime/reactor.h"

namespace coxswain::api::core::v1 {
struct Node;
}

namespace coxswain::apiserver {

/// How kubelets are reached: --kubelet-*.
struct KubeletOptions {
  std::string clientCertificatePem;
  std::string clientKeyPem;
  std::string caPem;  ///< who signs kubelets' serving certificates; empty: nobody is asked
  /// The first that a node has is dialled.
  std::vector<std::string> addressTypes = {"Hostname", "InternalDNS", "InternalIP", "ExternalDNS",
                                           "ExternalIP"};
};

/// Where a node's kubelet listens.
struct KubeletAddress {
  std::string host;
  uint16_t port = 10250;
  [[nodiscard]] std::string endpoint() const;  ///< "host:port", "[::1]:port"
};

/// ServiceUnavailable where the node has no address of the wanted types.
Result<KubeletAddress> kubeletAddress(const api::core::v1::Node& node,
                                      const std::vector<std::string>& types);

/// HTTPS clients of the kubelets, one a kubelet, kept as long as they are used now and then. One
/// reactor.
class KubeletConnections {
 public:
  /// BadRequest for certificates that are none.
  static Result<std::unique_ptr<KubeletConnections>> create(Reactor& reactor,
                                                            KubeletOptions options);
  ~KubeletConnections();

  /// The client of the node's kubelet. Whoever uses it across a wait keeps the pointer. Without
  /// `verify` the kubelet's certificate may be anybody's.
  Result<std::shared_ptr<net::HttpClient>> of(const api::core::v1::Node& node, bool verify = true);
  /// HTTP/1.1 only, for TLS servers that nobody vouches for (pods behind an "https:" proxy).
  std::shared_ptr<net::HttpClient> unverified(const std::string& endpoint);
  /// The same without TLS.
  std::shared_ptr<net::HttpClient> plain(const std::string& endpoint);
  [[nodiscard]] const KubeletOptions& options() const { return options_; }
  /// Ends every connection; before the reactor stops.
  Task<void> close();

 private:
  KubeletConnections(Reactor& reactor, KubeletOptions options)
      : reactor_(reactor), options_(std::move(options)) {}
  std::shared_ptr<net::HttpClient> client(std::string name, std::string url,
                                          std::shared_ptr<const net::TlsContext> tls);

  Reactor& reactor_;
  KubeletOptions options_;
  std::shared_ptr<const net::TlsContext> tls_;
  std::shared_ptr<const net::TlsContext> trustingTls_;  // our certificate, any of theirs
  std::shared_ptr<const net::TlsContext> namelessTls_;  // no certificate of ours
  std::map<std::string, std::shared_ptr<net::HttpClient>> clients_;
};

}  // namespace coxswain::apiserver
