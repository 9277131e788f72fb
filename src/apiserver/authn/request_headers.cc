#include "apiserver/authn/request_headers.h"

#include <algorithm>

#include "base/text.h"
#include "net/url.h"

namespace coxswain::apiserver {
namespace {

std::string_view firstValue(const net::Headers& headers, const std::vector<std::string>& names) {
  for (const auto& name : names) {
    if (auto value = headers.get(name); !value.empty()) return value;
  }
  return {};
}

bool startsWithNoCase(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && net::equalNoCase(text.substr(0, prefix.size()), prefix);
}

bool isOneOf(std::string_view name, const std::vector<std::string>& names) {
  return std::any_of(names.begin(), names.end(),
                     [name](const std::string& one) { return net::equalNoCase(name, one); });
}

/// Does a header say who the caller is, to us or to others behind us?
bool isOfIdentity(std::string_view name, const RequestHeaderOptions& options) {
  for (std::string_view usual : {"X-Remote-User", "X-Remote-Uid", "X-Remote-Group"}) {
    if (net::equalNoCase(name, usual)) return true;
  }
  const auto& prefixes = options.extraHeadersPrefixes;
  return startsWithNoCase(name, "X-Remote-Extra-") || isOneOf(name, options.usernameHeaders) ||
         isOneOf(name, options.uidHeaders) || isOneOf(name, options.groupHeaders) ||
         std::any_of(prefixes.begin(), prefixes.end(),
                     [name](const std::string& one) { return startsWithNoCase(name, one); });
}

}  // namespace

UserInfo userOfHeaders(const net::Headers& headers, const RequestHeaderOptions& options) {
  UserInfo user;
  user.name = firstValue(headers, options.usernameHeaders);
  user.uid = firstValue(headers, options.uidHeaders);
  for (const auto& name : options.groupHeaders) {
    for (auto value : headers.all(name)) user.groups.emplace_back(value);
  }
  for (const auto& prefix : options.extraHeadersPrefixes) {
    for (const auto& [name, value] : headers) {
      if (!startsWithNoCase(name, prefix)) continue;
      auto key = lowerCase(std::string_view(name).substr(prefix.size()));
      auto decoded = net::percentDecode(key, false);
      user.extra[decoded.ok() ? *decoded : key].push_back(value);
    }
  }
  return user;
}

RequestHeaders::RequestHeaders(RequestHeaderOptions options)
    : options_(std::move(options)), proxies_(options_.caPem) {}

Recognition RequestHeaders::recognise(const net::Request& request, WallTime now) {
  if (!enabled() || !request.tls || request.tls->peerCertificates.empty()) return std::nullopt;
  // Without its headers it is no such request: certificates of others need not be looked at.
  if (firstValue(request.headers, options_.usernameHeaders).empty()) return std::nullopt;
  TRY(const auto* name, proxies_.verifiedName(request.tls->peerCertificates, now));
  const auto& allowed = options_.allowedNames;
  if (!allowed.empty() && std::find(allowed.begin(), allowed.end(), *name) == allowed.end()) {
    return unauthorized("x509: subject with cn=" + *name + " is not in the allowed list");
  }
  return Authenticated{userOfHeaders(request.headers, options_)};
}

void RequestHeaders::remove(net::Headers& headers) const {
  std::vector<std::string> names;
  for (const auto& [name, value] : headers) {
    if (isOfIdentity(name, options_)) names.push_back(name);
  }
  for (const auto& name : names) headers.remove(name);
}

}  // namespace coxswain::apiserver
