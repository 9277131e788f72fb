#include "apiserver/authn/authenticator.h"

#include "net/certs.h"

namespace coxswain::apiserver {
namespace {

constexpr std::string_view kAuthenticated = "system:authenticated";
constexpr std::string_view kUnauthenticated = "system:unauthenticated";
constexpr size_t kCertificatesMax = 1024;

UserInfo authenticated(UserInfo user) {
  if (!user.inGroup(kAuthenticated)) user.groups.emplace_back(kAuthenticated);
  return user;
}

/// The token of "Authorization: Bearer TOKEN"; empty: none.
std::string_view bearerToken(std::string_view header) {
  constexpr std::string_view kBearer = "Bearer ";
  if (header.size() <= kBearer.size()) return {};
  if (!net::equalNoCase(header.substr(0, kBearer.size()), kBearer)) return {};
  header.remove_prefix(kBearer.size());
  while (header.starts_with(' ')) header.remove_prefix(1);
  while (header.ends_with(' ')) header.remove_suffix(1);
  return header;
}

}  // namespace

Result<UserInfo> Authenticator::byCertificate(const std::string& der) {
  if (auto found = certificates_.find(der); found != certificates_.end()) return found->second;
  TRY(auto certificate, net::parseCertificate(der));
  UserInfo user{certificate.commonName, "", certificate.organizations, {}};
  if (user.name.empty()) return unauthorized();
  if (certificates_.size() >= kCertificatesMax) certificates_.clear();
  return certificates_.emplace(der, authenticated(std::move(user))).first->second;
}

Result<ServiceAccountTokens::Verified> Authenticator::authenticateToken(
    std::string_view token, const std::vector<std::string>& audiences, WallTime now) {
  if (const auto* user = options_.tokens.find(token)) {
    return ServiceAccountTokens::Verified{authenticated(*user), audiences};
  }
  if (!options_.accounts) return unauthorized();
  TRY(auto verified, options_.accounts->verify(token, audiences, now));
  verified.user = authenticated(std::move(verified.user));
  return verified;
}

Result<UserInfo> Authenticator::authenticate(const net::Request& request, WallTime now) {
  if (request.tls && request.tls->peerVerified && !request.tls->peerCertificates.empty()) {
    return byCertificate(request.tls->peerCertificates.front());
  }
  if (auto token = bearerToken(request.headers.get("Authorization")); !token.empty()) {
    auto verified = authenticateToken(token, {}, now);
    // Why not is nobody's business who has no valid token.
    if (!verified.ok()) return unauthorized();
    return std::move(verified->user);
  }
  const bool refused = request.tls && !request.tls->peerCertificates.empty();
  if (refused || !options_.anonymous) return unauthorized();
  return UserInfo{"system:anonymous", "", {std::string(kUnauthenticated)}, {}};
}

}  // namespace coxswain::apiserver
