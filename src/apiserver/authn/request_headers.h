#pragma once

#include <string>
#include <vector>

#include "apiserver/authn/client_certificates.h"
#include "apiserver/authn/token_authenticator.h"
#include "net/http.h"

namespace coxswain::apiserver {

/// What --requestheader-* say.
struct RequestHeaderOptions {
  std::string caPem;                         ///< empty: no proxy is known
  std::vector<std::string> allowedNames;     ///< common names of proxies; empty: any
  std::vector<std::string> usernameHeaders;  ///< the first that has a value counts
  std::vector<std::string> uidHeaders;
  std::vector<std::string> groupHeaders;          ///< all values of all
  std::vector<std::string> extraHeadersPrefixes;  ///< "X-Remote-Extra-"
};

/// Users that a proxy in front vouches for, by headers and its own certificate. One executor.
/// Upstream: apiserver/pkg/authentication/request/headerrequest.
class RequestHeaders {
 public:
  explicit RequestHeaders(RequestHeaderOptions options);

  [[nodiscard]] bool enabled() const { return proxies_.enabled(); }
  [[nodiscard]] const RequestHeaderOptions& options() const { return options_; }
  [[nodiscard]] const std::string& caPem() const { return proxies_.caPem(); }
  Status setCa(std::string caPem) { return proxies_.setCa(std::move(caPem)); }

  [[nodiscard]] Recognition recognise(const net::Request& request, WallTime now);
  /// Takes such headers away, believed or not (those of the usual names always), so that nobody
  /// further on believes them.
  void remove(net::Headers& headers) const;

 private:
  RequestHeaderOptions options_;
  ClientCertificates proxies_;
};

/// The values that headers hold, past any certificate. Extra keys are lower case, percent-decoded
/// where they are encoded well, else as they are.
[[nodiscard]] UserInfo userOfHeaders(const net::Headers& headers,
                                     const RequestHeaderOptions& options);

}  // namespace coxswain::apiserver
