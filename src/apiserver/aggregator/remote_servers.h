#pragma once

#include <map>
#include <memory>
#include <string>

#include "api/gen/apiregistration_v1.h"
#include "base/result.h"
#include "net/http_client.h"
#include "runtime/reactor.h"

namespace coxswain::apiserver {

/// HTTPS clients of aggregated API servers: by name NAME.NAMESPACE.svc, checked against the
/// caBundle of their APIService, with this server's certificate of a proxy. One reactor.
class RemoteServers {
 public:
  /// Both PEM, or both empty (then aggregated servers cannot know who asks). BadRequest for a
  /// certificate that is none.
  static Result<std::unique_ptr<RemoteServers>> create(Reactor& reactor, std::string certificatePem,
                                                       std::string keyPem);

  /// From now on new connections show this one. BadRequest: it is none, all stays.
  Status setCertificate(std::string certificatePem, std::string keyPem);
  /// The client for "host:port" of a spec with a service; kept while it is used. Whoever uses it
  /// across a wait keeps the pointer. BadRequest: the caBundle is none.
  Result<std::shared_ptr<net::HttpClient>> client(
      const std::string& name, const api::apiregistration::v1::APIServiceSpec& spec,
      const std::string& endpoint);
  /// The APIService is gone, or another one: so are its clients, but those in use.
  void forget(const std::string& name) { servers_.erase(name); }
  /// Ends every connection; before the reactor stops.
  Task<void> close();

 private:
  struct Remote {
    std::shared_ptr<const net::TlsContext> tls;
    std::map<std::string, std::shared_ptr<net::HttpClient>> clients;  ///< by endpoint
  };
  explicit RemoteServers(Reactor& reactor) : reactor_(reactor) {}

  Reactor& reactor_;
  std::string certificatePem_;
  std::string keyPem_;
  std::map<std::string, Remote> servers_;  ///< by APIService
};

}  // namespace coxswain::apiserver
