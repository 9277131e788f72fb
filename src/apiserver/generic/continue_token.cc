#include "apiserver/generic/continue_token.h"

#include <algorithm>
#include <boost/json.hpp>

#include "api/codec/value.h"
#include "api/meta/base64.h"

namespace coxswain::apiserver {
namespace {

constexpr std::string_view kVersion = "meta.k8s.io/v1";
constexpr size_t kTokenLengthMax = 8192;

Status refused(std::string_view why) {
  return badRequest("invalid continue token: " + std::string(why));
}
Status notValid(std::string_view why) {
  return refused("continue key is not valid: " + std::string(why));
}

/// As Go's base64 tells where it stopped.
Status badBase64(std::string_view text) {
  size_t at = 0;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    const bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '-' || c == '_' || c == '\r' || c == '\n';
    if (!good) break;
  }
  return notValid("illegal base64 data at input byte " + std::to_string(at));
}

std::string_view goKindOf(const boost::json::value& value) {
  if (value.is_array()) return "array";
  if (value.is_string()) return "string";
  if (value.is_bool()) return "bool";
  return value.is_object() ? "object" : "number";
}

Status wrongType(const boost::json::value& value, std::string_view field, std::string_view type) {
  return notValid(
      "json: cannot unmarshal " + std::string(goKindOf(value)) + " into Go " +
      (field.empty() ? std::string("value") : "struct field continueToken." + std::string(field)) +
      " of type " + std::string(type));
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
  if (!bytes) return badBase64(text);
  auto value = api::parseJsonValue(*bytes);
  if (!value.ok()) return notValid(value.status().message());
  if (!value->is_object()) {
    if (value->is_null()) return notValid("server does not recognize this encoded version");
    return wrongType(*value, "", "storage.continueToken");
  }
  const auto& document = value->get_object();
  // Null is as good as absent.
  auto field = [&](boost::json::string_view name) {
    const auto* found = document.if_contains(name);
    return found && found->is_null() ? nullptr : found;
  };
  const auto* version = field("v");
  const auto* revision = field("rv");
  const auto* start = field("start");
  if (version && !version->is_string()) return wrongType(*version, "v", "string");
  if (revision && !revision->is_int64()) return wrongType(*revision, "rv", "int64");
  if (start && !start->is_string()) return wrongType(*start, "start", "string");
  if (!version || version->get_string() != kVersion) {
    return notValid("server does not recognize this encoded version");
  }
  ContinueToken token;
  if (!revision || revision->get_int64() == 0) {
    return notValid("incorrect encoded start resourceVersion (version meta.k8s.io/v1)");
  }
  if (!start || start->get_string().empty()) {
    return notValid("encoded start key empty (version meta.k8s.io/v1)");
  }
  token.revision = revision->get_int64();
  token.start = std::string(start->get_string());
  // A key that climbs out of its collection was not made by us.
  for (std::string_view rest = token.start; !rest.empty();) {
    const auto part = rest.substr(0, rest.find('/'));
    if (part == "." || part == ".." || (part.empty() && rest.data() != token.start.data())) {
      return refused("invalid key: " + token.start);
    }
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
  }
  if (token.start.front() == '/') token.start.erase(0, 1);
  return token;
}

}  // namespace coxswain::apiserver
