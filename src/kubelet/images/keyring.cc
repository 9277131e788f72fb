#include "kubelet/images/keyring.h"

#include <fnmatch.h>

#include <boost/json.hpp>

#include "api/gen/core_v1.h"
#include "api/meta/base64.h"

namespace coxswain::kubelet {

namespace json = boost::json;

namespace {

constexpr std::string_view kDefaultRegistry = "index.docker.io";
constexpr size_t kConfigMax = 4 << 20;

std::string_view textOf(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  const auto* text = value ? value->if_string() : nullptr;
  return text ? std::string_view(text->data(), text->size()) : std::string_view();
}

/// Of one entry; `auth` is base64 of "user:password" and wins.
Result<RegistryCredential> credentialOf(const json::object& entry) {
  RegistryCredential credential{std::string(textOf(entry, "username")),
                                std::string(textOf(entry, "password"))};
  const std::string_view auth = textOf(entry, "auth");
  if (auth.empty()) return credential;
  auto decoded = api::base64Decode(auth);
  if (!decoded) decoded = api::base64UrlDecode(auth);
  if (!decoded) return badRequest("auth is not base64");
  const size_t colon = decoded->find(':');
  if (colon == std::string::npos) {
    return badRequest(
        "unable to parse auth field, must be formatted as "
        "base64(username:password)");
  }
  credential.username = decoded->substr(0, colon);
  credential.password = decoded->substr(colon + 1);
  return credential;
}

/// Host (with port) and path.
std::pair<std::string_view, std::string_view> splitUrl(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return {text, ""};
  return {text.substr(0, slash), text.substr(slash)};
}

std::pair<std::string_view, std::string_view> splitPort(std::string_view host) {
  const size_t colon = host.rfind(':');
  if (colon == std::string_view::npos || host.find(']', colon) != std::string_view::npos) {
    return {host, ""};
  }
  return {host.substr(0, colon), host.substr(colon + 1)};
}

bool isDefaultRegistry(std::string_view repository) {
  const auto [host, path] = splitUrl(repository);
  if (host.empty()) return false;
  if (path.empty() || host == "docker.io" || host == kDefaultRegistry) return true;
  return host.find_first_of(".:") == std::string_view::npos;
}

}  // namespace

Result<std::vector<std::pair<std::string, RegistryCredential>>> parseDockerConfig(
    std::string_view text, bool config) {
  if (text.size() > kConfigMax) return badRequest("docker configuration is too large");
  json::error_code error;
  json::parse_options options;
  options.max_depth = 32;
  const json::value value = json::parse(text, error, {}, options);
  if (error) return badRequest("docker configuration is not JSON: " + error.message());
  const json::object* entries = value.if_object();
  if (config && entries != nullptr) {
    const auto* auths = entries->if_contains("auths");
    if (auths == nullptr || auths->is_null()) {
      return std::vector<std::pair<std::string, RegistryCredential>>();
    }
    entries = auths->if_object();
  }
  if (entries == nullptr) return badRequest("docker configuration is not a JSON object");
  std::vector<std::pair<std::string, RegistryCredential>> found;
  for (const auto& [location, entry] : *entries) {
    const auto* object = entry.if_object();
    if (object == nullptr) return badRequest("an entry of the docker configuration is no object");
    TRY(auto credential, credentialOf(*object));
    if (credential.username.empty() && credential.password.empty()) continue;
    found.emplace_back(std::string(location), std::move(credential));
  }
  return found;
}

Status Keyring::add(const api::core::v1::Secret& secret) {
  const bool config = secret.type == "kubernetes.io/dockerconfigjson";
  if (!config && secret.type != "kubernetes.io/dockercfg") return {};
  const auto* text = secret.data.get(config ? ".dockerconfigjson" : ".dockercfg");
  if (text == nullptr) return {};
  TRY(auto entries, parseDockerConfig(*text, config));
  for (auto& [location, credential] : entries) add(location, std::move(credential));
  return {};
}

void Keyring::add(std::string_view location, RegistryCredential credential) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (location.starts_with(scheme)) location.remove_prefix(scheme.size());
  }
  auto [host, path] = splitUrl(location);
  // Clients write the version of the API behind the host; it means the whole registry.
  if (path.starts_with("/v1/") || path.starts_with("/v2/")) path.remove_prefix(3);
  std::string key(host);
  if (path != "/") key += path;
  entries_[std::move(key)].push_back(std::move(credential));
}

bool matchesRepository(std::string_view key, std::string_view repository) {
  const auto [keyHost, keyPath] = splitUrl(key);
  const auto [host, path] = splitUrl(repository);
  const auto [keyName, keyPort] = splitPort(keyHost);
  const auto [name, port] = splitPort(host);
  if (keyPort != port || !path.starts_with(keyPath)) return false;
  std::string_view keyRest = keyName;
  std::string_view rest = name;
  while (true) {
    const size_t keyDot = std::min(keyRest.find('.'), keyRest.size());
    const size_t dot = std::min(rest.find('.'), rest.size());
    const std::string pattern(keyRest.substr(0, keyDot));
    const std::string part(rest.substr(0, dot));
    if (::fnmatch(pattern.c_str(), part.c_str(), 0) != 0) return false;
    const bool keyEnds = keyDot == keyRest.size();
    const bool ends = dot == rest.size();
    if (keyEnds || ends) return keyEnds && ends;
    keyRest.remove_prefix(keyDot + 1);
    rest.remove_prefix(dot + 1);
  }
}

std::vector<RegistryCredential> Keyring::lookup(const std::string& repository) const {
  std::vector<RegistryCredential> found;
  for (const auto& [key, credentials] : entries_) {
    if (!matchesRepository(key, repository)) continue;
    found.insert(found.end(), credentials.begin(), credentials.end());
  }
  if (isDefaultRegistry(repository)) {
    const auto standard = entries_.find(std::string(kDefaultRegistry));
    if (standard != entries_.end() && !matchesRepository(kDefaultRegistry, repository)) {
      found.insert(found.end(), standard->second.begin(), standard->second.end());
    }
  }
  return found;
}

}  // namespace coxswain::kubelet
