#include "apiserver/generic/continue_token.h"

#include <boost/json.hpp>

#include "api/meta/base64.h"

namespace coxswain::apiserver {
namespace {

constexpr std::string_view kVersion = "meta.k8s.io/v1";
constexpr size_t kTokenLengthMax = 8192;

Status notValid(std::string_view why) {
  return badRequest("continue key is not valid: " + std::string(why));
}

}  // namespace

std::string encodeContinueToken(const ContinueToken& token) {
  boost::json::object document;
  document["v"] = kVersion;
  document["rv"] = token.revision;
  document["start"] = token.start;
  return api::base64UrlEncode(boost::json::serialize(document));
}

Result<ContinueToken> decodeContinueToken(std::string_view text) {
  if (text.size() > kTokenLengthMax) return notValid("too long");
  auto bytes = api::base64UrlDecode(text);
  if (!bytes) return notValid("illegal base64 data");
  boost::system::error_code error;
  auto value = boost::json::parse(*bytes, error);
  if (error || !value.is_object()) return notValid("not a JSON object");
  const auto& document = value.get_object();
  const auto* version = document.if_contains("v");
  if (!version || !version->is_string() || version->get_string() != kVersion) {
    return notValid("server does not recognize this encoded version");
  }
  ContinueToken token;
  const auto* revision = document.if_contains("rv");
  const auto* start = document.if_contains("start");
  if (!revision || !revision->is_int64() || revision->get_int64() == 0) {
    return notValid("incorrect encoded start resourceVersion (version meta.k8s.io/v1)");
  }
  if (!start || !start->is_string() || start->get_string().empty()) {
    return notValid("encoded start key empty (version meta.k8s.io/v1)");
  }
  token.revision = revision->get_int64();
  token.start = std::string(start->get_string());
  // A key that climbs out of its collection was not made by us.
  if (token.start.find("..") != std::string::npos || token.start.front() == '/') {
    return notValid("invalid start key");
  }
  return token;
}

}  // namespace coxswain::apiserver
