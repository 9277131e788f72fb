#include "apiserver/authn/impersonation.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "api/names/quote.h"
#include "net/url.h"

namespace coxswain::apiserver {
namespace {

constexpr std::string_view kExtraPrefix = "impersonate-extra-";
constexpr std::string_view kAccountPrefix = "system:serviceaccount:";

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return out;
}

/// Namespace and name of a service account's user name.
std::optional<std::pair<std::string, std::string>> accountOf(std::string_view user) {
  if (!user.starts_with(kAccountPrefix)) return std::nullopt;
  user.remove_prefix(kAccountPrefix.size());
  auto colon = user.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == user.size()) {
    return std::nullopt;
  }
  return std::pair(std::string(user.substr(0, colon)), std::string(user.substr(colon + 1)));
}

Result<UserInfo> wantedUser(const net::Headers& headers) {
  UserInfo user;
  user.name = headers.get("Impersonate-User");
  user.uid = headers.get("Impersonate-Uid");
  for (auto group : headers.all("Impersonate-Group")) user.groups.emplace_back(group);
  for (const auto& [name, value] : headers) {
    auto key = lower(name);
    if (!key.starts_with(kExtraPrefix)) continue;
    // Keys may hold what header names may not, percent-encoded.
    TRY(auto decoded, net::percentDecode(key.substr(kExtraPrefix.size()), false));
    user.extra[lower(decoded)].push_back(value);
  }
  return user;
}

/// As Go prints the user that upstream would have made.
std::string goUser(const UserInfo& user) {
  std::string groups = user.groups.empty() ? "[]string(nil)" : "[]string{";
  for (size_t i = 0; i < user.groups.size(); ++i) {
    groups += (i > 0 ? ", " : "") + api::goQuote(user.groups[i]);
  }
  if (!user.groups.empty()) groups += "}";
  return "&user.DefaultInfo{Name:\"\", UID:" + api::goQuote(user.uid) + ", Groups:" + groups +
         ", Extra:map[string][]string(nil)}";
}

RequestInfo question(std::string resource, std::string name, std::string group = {}) {
  RequestInfo info;
  info.isResource = true;
  info.verb = "impersonate";
  info.group = std::move(group);
  info.version = "v1";
  info.resource = std::move(resource);
  info.name = std::move(name);
  return info;
}

std::vector<RequestInfo> questions(const UserInfo& wanted) {
  std::vector<RequestInfo> all;
  if (auto account = accountOf(wanted.name)) {
    all.push_back(question("serviceaccounts", account->second));
    all.back().ns = account->first;
  } else {
    all.push_back(question("users", wanted.name));
  }
  for (const auto& group : wanted.groups) all.push_back(question("groups", group));
  constexpr const char* kGroup = "authentication.k8s.io";
  for (const auto& [key, values] : wanted.extra) {
    for (const auto& value : values) {
      all.push_back(question("userextras", value, kGroup));
      all.back().subresource = key;
    }
  }
  if (!wanted.uid.empty()) all.push_back(question("uids", wanted.uid, kGroup));
  return all;
}

/// Groups that nobody names but everybody of that kind is in.
void completeGroups(UserInfo& user) {
  auto add = [&user](std::string group) {
    if (!user.inGroup(group)) user.groups.push_back(std::move(group));
  };
  if (auto account = accountOf(user.name); account && user.groups.empty()) {
    add("system:serviceaccounts");
    add("system:serviceaccounts:" + account->first);
  }
  if (user.name == "system:anonymous") {
    add("system:unauthenticated");
  } else if (!user.inGroup("system:unauthenticated")) {
    add("system:authenticated");
  }
}

}  // namespace

Result<std::optional<UserInfo>> impersonatedUser(const net::Headers& headers,
                                                 const UserInfo& caller,
                                                 const Authorizer& authorizer) {
  TRY(auto wanted, wantedUser(headers));
  if (wanted.name.empty()) {
    if (wanted.groups.empty() && wanted.uid.empty() && wanted.extra.empty()) return {std::nullopt};
    return badRequest("requested " + goUser(wanted) + " without impersonating a user name");
  }
  for (const auto& info : questions(wanted)) {
    Attributes attributes{caller, info};
    auto verdict = authorizer.authorize(attributes);
    if (!verdict.allowed()) return forbiddenStatus(attributes, verdict.reason);
  }
  completeGroups(wanted);
  return {std::move(wanted)};
}

}  // namespace coxswain::apiserver
