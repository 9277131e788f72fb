#include "cmd/authentication.h"

#include <algorithm>

#include "apiserver/authn/http_documents.h"
#include "apiserver/authn/webhook_tokens.h"
#include "cmd/duration_flag.h"
#include "cmd/pki.h"
#include "cmd/webhook_call.h"
#include "net/certs.h"

namespace coxswain::cmd {
namespace {

using namespace apiserver;  // NOLINT

void addProxyFlags(CLI::App& app, AuthenticationOptions& options) {
  auto& headers = options.requestHeader;
  app.add_option("--requestheader-client-ca-file", options.requestHeaderClientCaFile,
                 "who signs certificates of proxies that vouch for users by headers");
  app.add_option("--requestheader-allowed-names", headers.allowedNames,
                 "common names of such proxies; any that the CA signed if not given")
      ->delimiter(',');
  app.add_option("--requestheader-username-headers", headers.usernameHeaders,
                 "headers of the user's name: X-Remote-User")
      ->delimiter(',');
  app.add_option("--requestheader-uid-headers", headers.uidHeaders,
                 "headers of the user's uid: X-Remote-Uid")
      ->delimiter(',');
  app.add_option("--requestheader-group-headers", headers.groupHeaders,
                 "headers of the user's groups: X-Remote-Group")
      ->delimiter(',');
  app.add_option("--requestheader-extra-headers-prefix", headers.extraHeadersPrefixes,
                 "what headers with more about the user start with: X-Remote-Extra-")
      ->delimiter(',');
}

void addServiceAccountFlags(CLI::App& app, AuthenticationOptions& options) {
  app.add_option(
      "--service-account-key-file", options.serviceAccountKeyFiles,
      "keys (PEM) that may have signed tokens; repeatable; the signing key's if not given");
  app.add_option("--service-account-signing-key-file", options.serviceAccountSigningKeyFile,
                 "private key (PEM) that signs tokens; made in the data folder if not given");
  app.add_option("--service-account-issuer", options.serviceAccountIssuers,
                 "who the issuer of tokens is; repeatable: the first issues, tokens of all count")
      ->capture_default_str();
  app.add_option("--service-account-jwks-uri", options.serviceAccountJwksUri,
                 "where others find the keys of tokens; this server's own if not given");
  app.add_flag("--service-account-lookup", options.serviceAccountLookup,
               "tokens kept in secrets count only while their secret and account are there")
      ->capture_default_str();
  app.add_flag("--service-account-extend-token-expiration",
               options.serviceAccountExtendTokenExpiration,
               "tokens in volumes of pods live a year, and are warned about after an hour")
      ->capture_default_str();
  app.add_option("--service-account-max-token-expiration", options.serviceAccountMaxTokenExpiration,
                 "the longest life of a token, at least 1h; 0s: no limit")
      ->capture_default_str();
  app.add_option("--api-audiences", options.apiAudiences,
                 "audiences of tokens that are for this server; the issuers if not given")
      ->delimiter(',');
}

void addOidcFlags(CLI::App& app, AuthenticationOptions& options) {
  auto& oidc = options.oidcOptions;
  const auto noted = [&options](CLI::Option* option) {
    option->each([&options](const std::string&) { options.oidc = true; });
    return option;
  };
  noted(app.add_option("--oidc-issuer-url", oidc.issuerUrl,
                       "OpenID Connect provider (https) whose tokens count"));
  noted(app.add_option("--oidc-client-id", oidc.clientId, "the client its tokens must be for"));
  noted(app.add_option("--oidc-username-claim", oidc.usernameClaim, "claim of the user's name"))
      ->capture_default_str();
  noted(app.add_option("--oidc-username-prefix", oidc.usernamePrefix,
                       "put before names; the issuer and # if not given (none for claim email); "
                       "'-': nothing"));
  noted(app.add_option("--oidc-groups-claim", oidc.groupsClaim, "claim of the user's groups"));
  noted(app.add_option("--oidc-groups-prefix", oidc.groupsPrefix, "put before groups"));
  noted(app.add_option("--oidc-required-claim", options.oidcRequiredClaims,
                       "key=value that tokens must have; repeatable"))
      ->delimiter(',');
  noted(app.add_option("--oidc-signing-algs", oidc.signingAlgorithms,
                       "algorithms of tokens: RS256 to RS512, ES256 to ES512, PS256 to PS512"))
      ->delimiter(',')
      ->capture_default_str();
  noted(app.add_option("--oidc-ca-file", options.oidcCaFile,
                       "who signed the provider's certificate; the system's roots if not given"));
}

void addWebhookFlags(CLI::App& app, AuthenticationOptions& options) {
  app.add_option("--authentication-token-webhook-config-file", options.webhookConfigFile,
                 "kubeconfig of a service that is asked about tokens nobody else knows");
  app.add_option("--authentication-token-webhook-version", options.webhookVersion,
                 "version of authentication.k8s.io it is asked in: v1beta1 or v1")
      ->capture_default_str();
  app.add_option("--authentication-token-webhook-cache-ttl", options.webhookCacheTtl,
                 "how long its answers are remembered")
      ->capture_default_str();
}

Status readTokenOptions(const AuthenticationOptions& options, const std::string& signingKeyPem,
                        TokenOptions& tokens) {
  const auto& issuers = options.serviceAccountIssuers;
  for (const auto& one : issuers) {
    if (one.empty()) return badRequest("--service-account-issuer: must not be empty");
  }
  if (issuers.empty()) return badRequest("--service-account-issuer: is needed");
  tokens.issuer = issuers.front();
  tokens.acceptedIssuers.assign(issuers.begin() + 1, issuers.end());
  tokens.audiences = options.apiAudiences;
  tokens.jwksUrl = options.serviceAccountJwksUri;
  if (!tokens.jwksUrl.empty() && !tokens.jwksUrl.starts_with("https://")) {
    return badRequest("--service-account-jwks-uri requires https scheme, parsed as: " +
                      tokens.jwksUrl);
  }
  tokens.lookup = options.serviceAccountLookup;
  tokens.extendExpiration = options.serviceAccountExtendTokenExpiration;
  TRY(auto limit,
      timeOf("--service-account-max-token-expiration", options.serviceAccountMaxTokenExpiration));
  tokens.maxExpirationSeconds = std::chrono::duration_cast<std::chrono::seconds>(limit).count();
  tokens.signingKeyPem = signingKeyPem;
  if (!options.serviceAccountSigningKeyFile.empty()) {
    TRY(tokens.signingKeyPem, readFile(options.serviceAccountSigningKeyFile));
  }
  for (const auto& path : options.serviceAccountKeyFiles) {
    TRY(auto pem, readFile(path));
    tokens.keysPem.push_back(std::move(pem));
  }
  return {};
}

/// A client must not be able to be a proxy, who vouches for whom he likes.
Status checkApart(const std::string& clientCaPem, const RequestHeaderOptions& headers) {
  if (clientCaPem.empty() || headers.caPem.empty() || !headers.allowedNames.empty()) return {};
  TRY(auto clients, net::certificatesToDer(clientCaPem));
  TRY(auto proxies, net::certificatesToDer(headers.caPem));
  for (const auto& one : proxies) {
    if (std::find(clients.begin(), clients.end(), one) == clients.end()) continue;
    return badRequest(
        "--requestheader-client-ca-file and --client-ca-file contain overlapping certificates; "
        "--requestheader-allowed-names must be specified to ensure regular client certificates "
        "cannot set authenticating proxy headers for arbitrary users");
  }
  return {};
}

/// What is meant where a token names no audience.
Audiences audiencesOf(const TokenOptions& tokens) {
  if (!tokens.audiences.empty()) return tokens.audiences;
  Audiences all{tokens.issuer};
  all.insert(all.end(), tokens.acceptedIssuers.begin(), tokens.acceptedIssuers.end());
  return all;
}

Result<std::unique_ptr<RemoteTokens>> makeOidc(const AuthenticationOptions& options,
                                               const Audiences& audiences, Reactor& reactor,
                                               Random& random) {
  auto oidc = options.oidcOptions;
  for (const auto& claim : options.oidcRequiredClaims) {
    const auto equals = claim.find('=');
    if (equals == std::string::npos || equals == 0) {
      return badRequest("--oidc-required-claim: " + claim + " must be formatted as key=value");
    }
    oidc.requiredClaims.emplace_back(claim.substr(0, equals), claim.substr(equals + 1));
  }
  TRY_STATUS(oidc.check());
  std::string caPem;
  if (!options.oidcCaFile.empty()) {
    TRY(caPem, readFile(options.oidcCaFile));
  }
  auto documents = HttpDocuments::create(reactor, caPem);
  if (!documents.ok()) return documents.status().withContext("--oidc-ca-file");
  auto tokens =
      std::make_unique<OidcTokens>(reactor, std::move(oidc), audiences, std::move(*documents));
  return std::make_unique<RemoteTokens>(reactor, random, std::move(tokens), RemoteTokensOptions());
}

class TokenWebhook final : public WebhookCaller {
 public:
  explicit TokenWebhook(std::unique_ptr<WebhookCall> call) : call_(std::move(call)) {}
  Task<Result<std::string>> post(std::string body, std::stop_token stop) override {
    return call_->post(std::move(body), std::move(stop));
  }
  Task<void> close() override { return call_->close(); }

 private:
  std::unique_ptr<WebhookCall> call_;
};

Result<std::unique_ptr<RemoteTokens>> makeWebhook(const AuthenticationOptions& options,
                                                  const Audiences& audiences, Reactor& reactor,
                                                  Random& random) {
  WebhookTokensOptions webhook;
  webhook.version = options.webhookVersion;
  webhook.apiAudiences = audiences;
  TRY_STATUS(webhook.check());
  RemoteTokensOptions kept;
  TRY(kept.acceptedFor,
      timeOf("--authentication-token-webhook-cache-ttl", options.webhookCacheTtl));
  kept.refusedFor = kept.acceptedFor;
  TRY(auto call, WebhookCall::create(reactor, options.webhookConfigFile));
  auto caller = std::make_unique<TokenWebhook>(std::move(call));
  auto tokens = std::make_unique<WebhookTokens>(random, std::move(webhook), std::move(caller));
  return std::make_unique<RemoteTokens>(reactor, random, std::move(tokens), kept);
}

}  // namespace

void addAuthenticationFlags(CLI::App& app, AuthenticationOptions& options) {
  app.add_option("--client-ca-file", options.clientCaFile,
                 "who signs client certificates; the generated CA if not given; read again when "
                 "it changes");
  app.add_option("--token-auth-file", options.tokenAuthFile,
                 "static tokens: lines of token,user,uid,\"group1,group2\"");
  app.add_flag("--anonymous-auth", options.anonymousAuth,
               "requests without credentials are system:anonymous's; false: they are refused")
      ->capture_default_str();
  app.add_flag("--enable-bootstrap-token-auth", options.enableBootstrapTokenAuth,
               "secrets of type bootstrap.kubernetes.io/token in kube-system are tokens for "
               "joining")
      ->capture_default_str();
  addProxyFlags(app, options);
  addServiceAccountFlags(app, options);
  addOidcFlags(app, options);
  addWebhookFlags(app, options);
}

Status applyAuthentication(const AuthenticationOptions& options, const std::string& signingKeyPem,
                           const std::string& caPem, Reactor& reactor, Random& random,
                           AssemblyOptions& out) {
  out.anonymousAuth = options.anonymousAuth;
  out.bootstrapTokens = options.enableBootstrapTokenAuth;
  out.clientCaPem = caPem;
  if (!options.clientCaFile.empty()) {
    TRY(out.clientCaPem, readFile(options.clientCaFile));
  }
  out.requestHeaders = options.requestHeader;
  if (!options.requestHeaderClientCaFile.empty()) {
    if (options.requestHeader.usernameHeaders.empty()) {
      return badRequest("--requestheader-client-ca-file wants --requestheader-username-headers");
    }
    TRY(out.requestHeaders.caPem, readFile(options.requestHeaderClientCaFile));
  }
  TRY_STATUS(checkApart(out.clientCaPem, out.requestHeaders));
  if (!options.tokenAuthFile.empty()) {
    TRY(out.staticTokens, StaticTokens::load(options.tokenAuthFile));
  }
  TRY_STATUS(readTokenOptions(options, signingKeyPem, out.tokens));
  const auto audiences = audiencesOf(out.tokens);
  if (options.oidc) {
    TRY(auto made, makeOidc(options, audiences, reactor, random));
    out.remoteTokens.push_back(std::move(made));
  }
  if (!options.webhookConfigFile.empty()) {
    TRY(auto made, makeWebhook(options, audiences, reactor, random));
    out.remoteTokens.push_back(std::move(made));
  }
  return {};
}

}  // namespace coxswain::cmd
