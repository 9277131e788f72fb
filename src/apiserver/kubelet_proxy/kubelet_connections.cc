#include "apiserver/kubelet_proxy/kubelet_connections.h"

#include "api/gen/core_v1.h"

namespace coxswain::apiserver {
namespace {

/// Beyond it the clients that nobody uses are dropped.
constexpr size_t kClientsMax = 256;

}  // namespace

std::string KubeletAddress::endpoint() const {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<KubeletAddress> kubeletAddress(const api::core::v1::Node& node,
                                      const std::vector<std::string>& types) {
  KubeletAddress address;
  if (const int32_t port = node.status.daemonEndpoints.kubeletEndpoint.Port; port > 0) {
    address.port = static_cast<uint16_t>(port);
  }
  for (const auto& type : types) {
    for (const auto& one : node.status.addresses) {
      if (one.type != type || one.address.empty()) continue;
      address.host = one.address;
      return address;
    }
  }
  return serviceUnavailable("no preferred addresses found; known addresses of node " +
                            node.metadata.name + ": " +
                            std::to_string(node.status.addresses.size()));
}

Result<std::unique_ptr<KubeletConnections>> KubeletConnections::create(Reactor& reactor,
                                                                       KubeletOptions options) {
  std::unique_ptr<KubeletConnections> made(new KubeletConnections(reactor, std::move(options)));
  net::TlsClientOptions tls;
  tls.alpn = {"http/1.1"};
  tls.insecureSkipVerify = true;
  TRY(made->namelessTls_, net::TlsContext::client(tls));
  tls.certificatePem = made->options_.clientCertificatePem;
  tls.keyPem = made->options_.clientKeyPem;
  TRY(made->trustingTls_, net::TlsContext::client(tls));
  tls.caPem = made->options_.caPem;
  tls.insecureSkipVerify = made->options_.caPem.empty();
  TRY(made->tls_, net::TlsContext::client(tls));
  return made;
}

KubeletConnections::~KubeletConnections() = default;

std::shared_ptr<net::HttpClient> KubeletConnections::client(
    std::string name, std::string url, std::shared_ptr<const net::TlsContext> tls) {
  if (auto found = clients_.find(name); found != clients_.end()) return found->second;
  if (clients_.size() >= kClientsMax) {
    std::erase_if(clients_, [](const auto& entry) { return entry.second.use_count() == 1; });
  }
  net::HttpClientOptions options;
  options.server = std::move(url);
  options.tls = std::move(tls);
  options.http2 = false;
  auto made = std::make_shared<net::HttpClient>(reactor_, std::move(options));
  clients_.emplace(std::move(name), made);
  return made;
}

Result<std::shared_ptr<net::HttpClient>> KubeletConnections::of(const api::core::v1::Node& node,
                                                                bool verify) {
  TRY(auto address, kubeletAddress(node, options_.addressTypes));
  auto url = "https://" + address.endpoint();
  if (verify) return client("kubelet " + url, url, tls_);
  return client("trusted kubelet " + url, url, trustingTls_);
}

std::shared_ptr<net::HttpClient> KubeletConnections::unverified(const std::string& endpoint) {
  auto url = "https://" + endpoint;
  return client(url, url, namelessTls_);
}

std::shared_ptr<net::HttpClient> KubeletConnections::plain(const std::string& endpoint) {
  auto url = "http://" + endpoint;
  return client(url, url, nullptr);
}

Task<void> KubeletConnections::close() {
  auto clients = std::move(clients_);
  clients_.clear();
  for (auto& [url, client] : clients) co_await client->close();
}

}  // namespace coxswain::apiserver
