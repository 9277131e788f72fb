#include "apiserver/authn/request_headers.h"

#include <algorithm>

#include "net/url.h"

namespace coxswain::apiserver {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return out;
}

std::string_view firstValue(const net::Headers& headers, const std::vector<std::string>& names) {
  for (const auto& name : names) {
    if (auto value = headers.get(name); !value.empty()) return value;
  }
  return {};
}

bool startsWithNoCase(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && net::equalNoCase(text.substr(0, prefix.size()), prefix);
}

void removeHeaders(net::Headers& headers, const RequestHeaderOptions& options) {
  for (const auto* names : {&options.usernameHeaders, &options.uidHeaders, &options.groupHeaders}) {
    for (const auto& name : *names) headers.remove(name);
  }
  std::vector<std::string> extras;
  for (const auto& [name, value] : headers) {
    for (const auto& prefix : options.extraHeadersPrefixes) {
      if (startsWithNoCase(name, prefix)) extras.push_back(name);
    }
  }
  for (const auto& name : extras) headers.remove(name);
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
      auto key = lower(std::string_view(name).substr(prefix.size()));
      auto decoded = net::percentDecode(key, false);
      user.extra[decoded.ok() ? *decoded : key].push_back(value);
    }
  }
  return user;
}

RequestHeaders::RequestHeaders(RequestHeaderOptions options)
    : options_(std::move(options)), proxies_(options_.caPem) {}

Recognition RequestHeaders::recognise(net::Request& request, WallTime now) {
  if (!enabled() || !request.tls || request.tls->peerCertificates.empty()) return std::nullopt;
  // Without its headers it is no such request: certificates of others need not be looked at.
  if (firstValue(request.headers, options_.usernameHeaders).empty()) return std::nullopt;
  TRY(const auto* name, proxies_.verifiedName(request.tls->peerCertificates, now));
  const auto& allowed = options_.allowedNames;
  if (!allowed.empty() && std::find(allowed.begin(), allowed.end(), *name) == allowed.end()) {
    return unauthorized("x509: subject with cn=" + *name + " is not in the allowed list");
  }
  auto user = userOfHeaders(request.headers, options_);
  removeHeaders(request.headers, options_);
  return Authenticated{std::move(user)};
}

}  // namespace coxswain::apiserver
