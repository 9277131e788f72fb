#pragma once

#include <map>
#include <memory>
#include <string>

#include "apiserver/authn/oidc_tokens.h"
#include "net/http_client.h"
#include "net/tls.h"
#include "runtime/reactor.h"

namespace coxswain::apiserver {

/// Documents over https, at most 1 MiB, with a few redirects (to https only). One reactor.
class HttpDocuments final : public DocumentSource {
 public:
  /// `caPem` empty: the system's roots. BadRequest: no certificates.
  static Result<std::unique_ptr<HttpDocuments>> create(Reactor& reactor, const std::string& caPem);
  Task<Result<std::string>> get(std::string url, std::stop_token stop) override;
  Task<void> close() override;

 private:
  HttpDocuments(Reactor& reactor, std::shared_ptr<const net::TlsContext> tls)
      : reactor_(reactor), tls_(std::move(tls)) {}
  [[nodiscard]] net::HttpClient& clientOf(const std::string& host);

  Reactor& reactor_;
  std::shared_ptr<const net::TlsContext> tls_;
  std::map<std::string, std::unique_ptr<net::HttpClient>> clients_;  // by host and port
};

}  // namespace coxswain::apiserver
