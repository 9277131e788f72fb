#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/authn/bootstrap_tokens.h"
#include "apiserver/authn/client_certificates.h"
#include "apiserver/authn/remote_tokens.h"
#include "apiserver/authn/request_headers.h"
#include "apiserver/authn/service_account_tokens.h"
#include "apiserver/authn/static_tokens.h"
#include "apiserver/authn/token_authenticator.h"
#include "base/result.h"
#include "net/http.h"

namespace coxswain::apiserver {

/// Decides who sent a request. Asked in this order, as upstream does: a proxy's headers, a client
/// certificate, a bearer token (static, of a service account, for joining, then those that are
/// asked elsewhere). Nothing of these: system:anonymous, where that is allowed; a credential that
/// nobody vouches for: Unauthorized, never anonymous. One executor.
class Authenticator {
 public:
  struct Options {
    std::string clientCaPem;  ///< empty: no client certificate counts
    RequestHeaderOptions requestHeaders;
    StaticTokens tokens;
    std::unique_ptr<ServiceAccountTokens> accounts;  ///< null: none are known
    std::unique_ptr<BootstrapTokens> bootstrap;      ///< null: none are known
    std::vector<std::unique_ptr<RemoteTokens>> remotes;
    Audiences audiences;    ///< of this API server; empty: those of `accounts`
    bool anonymous = true;  ///< false: requests without credentials are Unauthorized as well
  };
  explicit Authenticator(Options options);

  /// At once; nothing where somebody elsewhere must be asked: then authenticate(). Once it is
  /// known who asks, credentials are taken out of the request's headers, also unused ones.
  [[nodiscard]] std::optional<Result<Authenticated>> authenticateNow(net::Request& request,
                                                                     WallTime now);
  Task<Result<Authenticated>> authenticate(net::Request& request, WallTime now);
  /// A bearer token alone, as TokenReview asks. `audiences` empty: those of this API server. The
  /// failure's message says what each that knew the token had against it.
  Task<Result<Authenticated>> authenticateToken(std::string token, Audiences audiences,
                                                WallTime now, std::stop_token stop);

  /// Null: none are known.
  [[nodiscard]] ServiceAccountTokens* accounts() const { return options_.accounts.get(); }
  [[nodiscard]] const Audiences& audiences() const { return options_.audiences; }

  // Bundles that changed on disk. BadRequest, and nothing changes: no certificates.
  Status setClientCa(std::string pem) { return certificates_.setCa(std::move(pem)); }
  Status setRequestHeaderCa(std::string pem) { return requestHeaders_.setCa(std::move(pem)); }
  [[nodiscard]] const std::string& clientCa() const { return certificates_.caPem(); }
  [[nodiscard]] const RequestHeaders& requestHeaders() const { return requestHeaders_; }

  /// Upstream's figures of service accounts' tokens and of what is asked elsewhere.
  void tell(MetricSink& sink) const;

  /// Ends questions under way; always, before the executor stops.
  Task<void> close();

 private:
  /// How far a request came without asking elsewhere.
  struct Attempt {
    std::optional<Authenticated> found;
    std::vector<std::string> problems;
    std::string token;     ///< what others may still be asked about
    bool pending = false;  ///< somebody elsewhere should be
  };
  [[nodiscard]] Attempt attempt(net::Request& request, WallTime now);
  void attemptToken(Attempt& attempt, const Audiences& audiences, WallTime now);
  Task<void> askElsewhere(Attempt& attempt, Audiences audiences, WallTime now,
                          std::stop_token stop);
  [[nodiscard]] Recognition byStaticToken(std::string_view token, const Audiences& audiences);
  void removeCredentials(net::Headers& headers) const;
  [[nodiscard]] Result<Authenticated> conclude(Attempt attempt, net::Request& request) const;

  Options options_;
  ClientCertificates certificates_;
  RequestHeaders requestHeaders_;
};

}  // namespace coxswain::apiserver
