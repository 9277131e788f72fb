#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "apiserver/assembly/assembly.h"
#include "apiserver/authn/oidc_claims.h"
#include "apiserver/authn/request_headers.h"
#include "base/result.h"
#include "runtime/random.h"
#include "runtime/reactor.h"

namespace coxswain::cmd {

/// What kube-apiserver's flags about who callers are say, with upstream's defaults.
struct AuthenticationOptions {
  std::string clientCaFile;  ///< empty: the CA of pkiDir
  std::string requestHeaderClientCaFile;
  apiserver::RequestHeaderOptions requestHeader;  ///< but for its CA

  std::string tokenAuthFile;  ///< empty: none
  /// Requests without credentials are those of system:anonymous; else Unauthorized.
  bool anonymousAuth = true;
  bool enableBootstrapTokenAuth = false;

  std::vector<std::string> serviceAccountKeyFiles;  ///< empty: the signing key's public half
  std::string serviceAccountSigningKeyFile;         ///< empty: PKI-DIR/sa.key
  /// The first issues, all count.
  std::vector<std::string> serviceAccountIssuers = {"https://kubernetes.default.svc.cluster.local"};
  std::string serviceAccountJwksUri;
  bool serviceAccountLookup = true;
  bool serviceAccountExtendTokenExpiration = true;
  std::string serviceAccountMaxTokenExpiration = "0s";  ///< a Go duration; 0: no limit
  std::vector<std::string> apiAudiences;                ///< empty: the issuers

  bool oidc = false;  ///< any --oidc-* flag was given
  apiserver::OidcOptions oidcOptions;
  std::vector<std::string> oidcRequiredClaims;  ///< "key=value"
  std::string oidcCaFile;                       ///< empty: the system's roots

  std::string webhookConfigFile;  ///< empty: no webhook
  std::string webhookVersion = "v1beta1";
  std::string webhookCacheTtl = "2m0s";  ///< a Go duration
};

void addAuthenticationFlags(CLI::App& app, AuthenticationOptions& options);

/// Reads what the options name into `out`. `signingKeyPem` is that of the data folder, `caPem` its
/// CA. BadRequest names the flag; what a file's reading came to.
Status applyAuthentication(const AuthenticationOptions& options, const std::string& signingKeyPem,
                           const std::string& caPem, Reactor& reactor, Random& random,
                           apiserver::AssemblyOptions& out);

}  // namespace coxswain::cmd
