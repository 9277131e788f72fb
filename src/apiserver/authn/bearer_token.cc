#include "apiserver/authn/bearer_token.h"

#include <optional>
#include <string_view>
#include <vector>

#include "api/meta/base64.h"

namespace coxswain::apiserver {
namespace {

constexpr std::string_view kProtocolHeader = "Sec-WebSocket-Protocol";
constexpr std::string_view kProtocolPrefix = "base64url.bearer.authorization.k8s.io.";

std::string_view trim(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

std::string_view ofAuthorization(std::string_view header) {
  header = trim(header);
  const auto space = header.find(' ');
  if (space == std::string_view::npos) return {};
  if (!net::equalNoCase(header.substr(0, space), "bearer")) return {};
  header.remove_prefix(space + 1);
  return header.substr(0, header.find(' '));
}

struct Protocols {
  std::vector<std::string_view> tokens;  ///< still encoded
  std::vector<std::string_view> others;
};

Protocols protocolsOf(const net::Headers& headers) {
  Protocols out;
  for (auto value : headers.all(kProtocolHeader)) {
    while (true) {
      const auto comma = value.find(',');
      const auto one = trim(value.substr(0, comma));
      if (one.starts_with(kProtocolPrefix)) {
        out.tokens.push_back(one.substr(kProtocolPrefix.size()));
      } else if (!one.empty()) {
        out.others.push_back(one);
      }
      if (comma == std::string_view::npos) break;
      value.remove_prefix(comma + 1);
    }
  }
  return out;
}

bool isWebSocket(const net::Headers& headers) {
  return headers.has("Upgrade") && headers.hasToken("Upgrade", "websocket") &&
         headers.hasToken("Connection", "Upgrade");
}

}  // namespace

Result<std::string> bearerToken(const net::Headers& headers) {
  if (auto token = ofAuthorization(headers.get("Authorization")); !token.empty()) {
    return std::string(token);
  }
  if (!isWebSocket(headers)) return std::string();
  auto protocols = protocolsOf(headers);
  if (protocols.tokens.empty()) return std::string();
  if (protocols.tokens.size() > 1) {
    return unauthorized("multiple base64.bearer.authorization tokens specified");
  }
  auto token = api::base64UrlDecode(protocols.tokens.front());
  if (!token || token->empty()) {
    return unauthorized("invalid base64.bearer.authorization token encoding");
  }
  // The server answers with one of the protocols, and may not answer with the token.
  if (protocols.others.empty()) {
    return unauthorized("missing additional subprotocol");
  }
  return std::move(*token);
}

void removeBearerToken(net::Headers& headers) {
  headers.remove("Authorization");
  if (!isWebSocket(headers)) return;
  auto protocols = protocolsOf(headers);
  if (protocols.tokens.empty()) return;
  std::string others;
  for (auto one : protocols.others) {
    if (!others.empty()) others += ",";
    others += one;
  }
  headers.set(kProtocolHeader, std::move(others));
}

}  // namespace coxswain::apiserver
