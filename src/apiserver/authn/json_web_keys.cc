#include "apiserver/authn/json_web_keys.h"

#include <boost/json/value.hpp>

#include "api/codec/value.h"
#include "api/meta/base64.h"

namespace coxswain::apiserver {
namespace {

namespace json = boost::json;

constexpr size_t kKeysMax = 100;

std::string text(const json::object& from, std::string_view name) {
  const auto* value = from.if_contains(name);
  if (!value || !value->is_string()) return {};
  return std::string(value->get_string());
}

std::string number(const json::object& from, std::string_view name) {
  return api::base64UrlDecode(text(from, name)).value_or("");
}

Result<net::PublicKey> keyOf(const json::object& from) {
  const auto type = text(from, "kty");
  if (type == "RSA") return net::PublicKey::fromRsa(number(from, "n"), number(from, "e"));
  if (type == "EC") {
    return net::PublicKey::fromEc(text(from, "crv"), number(from, "x"), number(from, "y"));
  }
  return badRequest("a key of kind \"" + type + "\"");
}

}  // namespace

Result<std::vector<JsonWebKey>> parseKeySet(std::string_view document) {
  TRY(auto value, api::parseJsonValue(document));
  const auto* set = value.if_object();
  const auto* list = set ? set->if_contains("keys") : nullptr;
  if (!list || !list->is_array()) return badRequest("key set: no list of keys");
  std::vector<JsonWebKey> keys;
  for (const auto& one : list->get_array()) {
    if (!one.is_object() || keys.size() == kKeysMax) continue;
    const auto& members = one.get_object();
    if (auto use = text(members, "use"); !use.empty() && use != "sig") continue;
    auto key = keyOf(members);
    if (key.ok()) keys.push_back({text(members, "kid"), std::move(*key)});
  }
  return keys;
}

}  // namespace coxswain::apiserver
