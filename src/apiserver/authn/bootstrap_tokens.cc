#include "apiserver/authn/bootstrap_tokens.h"

#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/meta/time.h"
#include "base/log.h"
#include "net/signing.h"

namespace coxswain::apiserver {
namespace {

using api::core::v1::Secret;

const Logger kLog("apiserver.authn");

constexpr size_t kIdSize = 6;
constexpr size_t kSecretSize = 16;
constexpr std::string_view kType = "bootstrap.kubernetes.io/token";
constexpr std::string_view kGroup = "system:bootstrappers";
constexpr std::string_view kGroupPrefix = "system:bootstrappers:";
constexpr size_t kGroupRestMax = 256;

bool isLowerAlnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

std::string text(const Secret& secret, std::string_view key) {
  const auto* value = secret.data.get(key);
  return value ? value->data : std::string();
}

/// "system:bootstrappers:" and lower case letters, digits, ':' and '-', not ending with these.
bool isGroup(std::string_view group) {
  if (!group.starts_with(kGroupPrefix)) return false;
  group.remove_prefix(kGroupPrefix.size());
  if (group.empty() || group.size() > kGroupRestMax || !isLowerAlnum(group.back())) return false;
  return std::all_of(group.begin(), group.end(),
                     [](char c) { return isLowerAlnum(c) || c == ':' || c == '-'; });
}

/// Sorted, each once. Nothing: one of them may not be.
std::optional<std::vector<std::string>> groupsOf(std::string_view list) {
  std::vector<std::string> groups{std::string(kGroup)};
  while (!list.empty()) {
    const auto comma = list.find(',');
    const auto one = list.substr(0, comma);
    if (!isGroup(one)) return std::nullopt;
    groups.emplace_back(one);
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  std::sort(groups.begin(), groups.end());
  groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
  return groups;
}

bool hasExpired(const std::string& expiration, WallTime now) {
  if (expiration.empty()) return false;
  auto at = api::Time::parse(expiration);
  return !at.ok() || at->wall() <= now;
}

}  // namespace

BootstrapTokenText BootstrapTokenText::parse(std::string_view token) {
  if (token.size() != kIdSize + 1 + kSecretSize || token[kIdSize] != '.') return {};
  BootstrapTokenText out{token.substr(0, kIdSize), token.substr(kIdSize + 1)};
  const bool fine = std::all_of(out.id.begin(), out.id.end(), isLowerAlnum) &&
                    std::all_of(out.secret.begin(), out.secret.end(), isLowerAlnum);
  return fine ? out : BootstrapTokenText();
}

Recognition BootstrapTokens::recognise(std::string_view token, const Audiences& audiences,
                                       WallTime now) {
  const auto parts = BootstrapTokenText::parse(token);
  if (parts.empty()) return std::nullopt;
  const auto name = "bootstrap-token-" + std::string(parts.id);
  auto stored = lookup_("secrets", "kube-system", name);
  if (!stored.ok()) {
    if (isNotFound(stored.status())) return std::nullopt;
    return stored.status();
  }
  const auto& secret = *stored->as<Secret>();
  if (secret.metadata.deletionTimestamp || secret.type != kType) return std::nullopt;
  if (!net::equalSecrets(text(secret, "token-secret"), parts.secret)) return std::nullopt;
  if (text(secret, "token-id") != parts.id) return std::nullopt;
  if (hasExpired(text(secret, "expiration"), now)) return std::nullopt;
  if (text(secret, "usage-bootstrap-authentication") != "true") return std::nullopt;
  auto groups = groupsOf(text(secret, "auth-extra-groups"));
  if (!groups) {
    kLog.warn("bootstrap token names a group that it may not", {{"secret", name}});
    return std::nullopt;
  }
  Authenticated out;
  out.user.name = "system:bootstrap:" + std::string(parts.id);
  out.user.groups = std::move(*groups);
  out.audiences = audiences;
  return out;
}

}  // namespace coxswain::apiserver
