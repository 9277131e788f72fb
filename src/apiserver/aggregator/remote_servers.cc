#include "apiserver/aggregator/remote_servers.h"

namespace coxswain::apiserver {
namespace {

using api::apiregistration::v1::APIServiceSpec;

/// Of one APIService; beyond it those that nobody uses are dropped (endpoints come and go).
constexpr size_t kClientsMax = 8;

std::string serverName(const APIServiceSpec& spec) {
  return spec.service->name + "." + spec.service->namespace_ + ".svc";
}

}  // namespace

Result<std::unique_ptr<RemoteServers>> RemoteServers::create(Reactor& reactor,
                                                             std::string certificatePem,
                                                             std::string keyPem) {
  std::unique_ptr<RemoteServers> made(new RemoteServers(reactor));
  TRY_STATUS(made->setCertificate(std::move(certificatePem), std::move(keyPem)));
  return made;
}

Status RemoteServers::setCertificate(std::string certificatePem, std::string keyPem) {
  net::TlsClientOptions tls;
  tls.certificatePem = certificatePem;
  tls.keyPem = keyPem;
  tls.insecureSkipVerify = true;
  TRY_STATUS(net::TlsContext::client(tls).status());
  certificatePem_ = std::move(certificatePem);
  keyPem_ = std::move(keyPem);
  servers_.clear();
  return {};
}

Result<std::shared_ptr<net::HttpClient>> RemoteServers::client(const std::string& name,
                                                               const APIServiceSpec& spec,
                                                               const std::string& endpoint) {
  auto& remote = servers_[name];
  if (!remote.tls) {
    net::TlsClientOptions tls;
    tls.certificatePem = certificatePem_;
    tls.keyPem = keyPem_;
    tls.caPem = spec.caBundle.data;
    tls.insecureSkipVerify = spec.insecureSkipTLSVerify;
    tls.serverName = serverName(spec);
    TRY(remote.tls, net::TlsContext::client(tls));
  }
  if (auto found = remote.clients.find(endpoint); found != remote.clients.end()) {
    return found->second;
  }
  if (remote.clients.size() >= kClientsMax) {
    std::erase_if(remote.clients, [](const auto& entry) { return entry.second.use_count() == 1; });
  }
  net::HttpClientOptions options;
  options.server = "https://" + endpoint;
  options.tls = remote.tls;
  options.host = serverName(spec);
  auto made = std::make_shared<net::HttpClient>(reactor_, std::move(options));
  remote.clients.emplace(endpoint, made);
  return made;
}

Task<void> RemoteServers::close() {
  auto servers = std::move(servers_);
  servers_.clear();
  for (auto& [name, remote] : servers) {
    for (auto& [endpoint, client] : remote.clients) co_await client->close();
  }
}

}  // namespace coxswain::apiserver
