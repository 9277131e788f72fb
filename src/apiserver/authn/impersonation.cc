#include "apiserver/authn/impersonation.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "api/names/names.h"
#include "api/names/quote.h"
#include "base/text.h"
#include "net/url.h"

namespace coxswain::apiserver {
namespace {

constexpr std::string_view kPrefix = "impersonate-";
constexpr std::string_view kExtraPrefix = "impersonate-extra-";
constexpr std::string_view kAccountPrefix = "system:serviceaccount:";
constexpr std::string_view kNodePrefix = "system:node:";
constexpr const char* kAuthentication = "authentication.k8s.io";
constexpr size_t kCallersMax = 10000;
/// So many parts are first asked about all at once.
constexpr size_t kManyParts = 4;

enum Mode : uint8_t { kAssociatedNode, kArbitraryNode, kServiceAccount, kUserInfo, kLegacy };
constexpr const char* kModeNames[] = {"associated-node", "arbitrary-node", "serviceaccount",
                                      "user-info"};

bool startsWithNoCase(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && net::equalNoCase(text.substr(0, prefix.size()), prefix);
}

struct Account {
  std::string ns;
  std::string name;
};

/// Namespace and name of a service account's user name.
std::optional<Account> accountOf(std::string_view user) {
  if (!user.starts_with(kAccountPrefix)) return std::nullopt;
  user.remove_prefix(kAccountPrefix.size());
  const auto colon = user.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  Account account{std::string(user.substr(0, colon)), std::string(user.substr(colon + 1))};
  if (!api::validateDns1123Label(account.ns).empty()) return std::nullopt;
  if (!api::validateDns1123Subdomain(account.name).empty()) return std::nullopt;
  return account;
}

std::optional<std::string> nodeOf(std::string_view user) {
  if (!user.starts_with(kNodePrefix)) return std::nullopt;
  std::string name(user.substr(kNodePrefix.size()));
  if (!api::validateDns1123Subdomain(name).empty()) return std::nullopt;
  return name;
}

bool onlyNamed(const UserInfo& user) {
  return user.uid.empty() && user.groups.empty() && user.extra.empty();
}

bool onNode(const UserInfo& caller, const std::string& node) {
  if (!accountOf(caller.name)) return false;
  auto found = caller.extra.find("authentication.kubernetes.io/node-name");
  return found != caller.extra.end() && found->second.size() == 1 && found->second.front() == node;
}

bool fits(Mode mode, const UserInfo& wanted, const UserInfo& caller) {
  const auto node = nodeOf(wanted.name);
  switch (mode) {
    case kAssociatedNode:
      return onlyNamed(wanted) && node && onNode(caller, *node);
    case kArbitraryNode:
      return onlyNamed(wanted) && node;
    case kServiceAccount:
      return onlyNamed(wanted) && accountOf(wanted.name);
    case kUserInfo:
      return !node && !accountOf(wanted.name);
    default:
      return true;
  }
}

std::string goStrings(const std::vector<std::string>& values) {
  std::string out = "[]string{";
  for (size_t i = 0; i < values.size(); ++i) out += (i > 0 ? ", " : "") + api::goQuote(values[i]);
  return out + "}";
}

/// As Go prints the user that upstream would have made.
std::string goUser(const UserInfo& user) {
  std::string extra = "map[string][]string";
  if (user.extra.empty()) {
    extra += "(nil)";
  } else {
    std::string members;
    for (const auto& [key, values] : user.extra) {
      members += (members.empty() ? "" : ", ") + api::goQuote(key) + ":" + goStrings(values);
    }
    extra += "{" + members + "}";
  }
  return "&user.DefaultInfo{Name:\"\", UID:" + api::goQuote(user.uid) +
         ", Groups:" + (user.groups.empty() ? "[]string(nil)" : goStrings(user.groups)) +
         ", Extra:" + extra + "}";
}

UserInfo wantedUser(const net::Headers& headers) {
  UserInfo user;
  user.name = headers.get("Impersonate-User");
  user.uid = headers.get("Impersonate-Uid");
  for (auto group : headers.all("Impersonate-Group")) user.groups.emplace_back(group);
  for (const auto& [name, value] : headers) {
    if (!startsWithNoCase(name, kExtraPrefix)) continue;
    // Keys may hold what header names may not, percent-encoded.
    auto key = lowerCase(std::string_view(name).substr(kExtraPrefix.size()));
    auto decoded = net::percentDecode(key, false);
    user.extra[decoded.ok() ? *decoded : key].push_back(value);
  }
  return user;
}

void removeHeaders(net::Headers& headers) {
  std::vector<std::string> names;
  for (const auto& [name, value] : headers) {
    if (startsWithNoCase(name, kPrefix)) names.push_back(name);
  }
  for (const auto& name : names) headers.remove(name);
}

/// Why parts of an identity may not be asked for in a constrained way; empty: they may.
std::string badExtra(const UserInfo& wanted) {
  for (const auto& [key, values] : wanted.extra) {
    if (key.empty()) return "impersonating the empty string key in extra is not allowed";
    if (auto wrong = api::validateDomainPrefixedPath(key); !wrong.empty()) {
      return "impersonating an invalid key in extra is not allowed: extra.key: Invalid value: " +
             api::goQuote(key) + ": " + wrong.front();
    }
    if (key != lowerCase(key)) {
      return "impersonating a non-lowercase key in extra is not allowed: " + api::goQuote(key);
    }
    if (std::find(values.begin(), values.end(), "") != values.end()) {
      return "impersonating the empty string value in extra is not allowed";
    }
  }
  return {};
}

/// One caller, one wanted identity, one way: the questions it takes, in their order.
class Checks {
 public:
  Checks(const Authorizer& authorizer, Mode mode, const UserInfo& caller, const UserInfo& wanted,
         std::stop_token stop)
      : authorizer_(authorizer),
        mode_(mode),
        caller_(mode == kAssociatedNode ? withoutExtra(caller) : caller),
        wanted_(wanted),
        stop_(std::move(stop)) {}

  /// May the request itself be made in this way?
  Task<Status> request(Attributes attributes) {
    RequestInfo info = attributes.info;
    info.verb = std::string("impersonate-on:") + kModeNames[mode_] + ":" + info.verb;
    const Attributes asked{caller_, info, attributes.fieldSelector, attributes.labelSelector};
    co_return co_await ask(asked);
  }
  Task<Status> identity() {
    CO_TRY_STATUS(co_await name());
    if (!wanted_.uid.empty()) {
      CO_TRY_STATUS(co_await part("uids", wanted_.uid, kAuthentication));
    }
    CO_TRY_STATUS(co_await groups());
    co_return co_await extra();
  }
  [[nodiscard]] std::string verb() const {
    return mode_ == kLegacy ? "impersonate" : std::string("impersonate:") + kModeNames[mode_];
  }

 private:
  /// The caller as every pod of its service account is the same: nodes are not told apart.
  static UserInfo withoutExtra(const UserInfo& caller) {
    UserInfo plain = caller;
    std::vector<std::string> keys;
    for (const auto& [key, values] : caller.extra) keys.push_back(key);
    plain.extra.clear();
    plain.extra["authentication.kubernetes.io/associated-node-keys"] = std::move(keys);
    return plain;
  }
  [[nodiscard]] bool constrained() const { return mode_ != kLegacy; }

  Task<Status> ask(Attributes attributes) {
    auto verdict = co_await authorizeOrAsk(authorizer_, attributes, stop_);
    if (verdict.allowed()) co_return Status();
    co_return forbiddenStatus(attributes, verdict.reason);
  }
  [[nodiscard]] RequestInfo question(std::string resource, std::string name,
                                     std::string group) const {
    RequestInfo info;
    info.isResource = true;
    info.verb = verb();
    info.group = std::move(group);
    info.version = "v1";
    info.resource = std::move(resource);
    info.name = std::move(name);
    return info;
  }
  [[nodiscard]] std::string nameGroup() const { return constrained() ? kAuthentication : ""; }
  [[nodiscard]] Status refuse(const RequestInfo& info, std::string_view why) const {
    return forbiddenStatus({caller_, info}, why);
  }

  Task<Status> part(std::string resource, std::string name, std::string group) {
    const auto info = question(std::move(resource), std::move(name), std::move(group));
    const Attributes asked{caller_, info};
    co_return co_await ask(asked);
  }
  Task<Status> name() {
    auto info = question("users", wanted_.name, nameGroup());
    if (auto account = accountOf(wanted_.name)) {
      info.resource = "serviceaccounts";
      info.ns = account->ns;
      info.name = account->name;
    } else if (auto node = nodeOf(wanted_.name); node && constrained()) {
      info.resource = "nodes";
      info.name = mode_ == kAssociatedNode ? "*" : *node;
    }
    const Attributes asked{caller_, info};
    co_return co_await ask(asked);
  }
  Task<Status> groups() {
    const auto& wanted = wanted_.groups;
    if (constrained()) {
      const auto has = [&wanted](std::string_view group) {
        return std::find(wanted.begin(), wanted.end(), group) != wanted.end();
      };
      if (has("")) {
        co_return refuse(question("groups", "", nameGroup()),
                         "impersonating the empty string group is not allowed");
      }
      if (has("system:masters")) {
        co_return refuse(question("groups", "system:masters", nameGroup()),
                         "impersonating the system:masters group is not allowed");
      }
      if (wanted.size() >= kManyParts) {
        Status all = co_await part("groups", "*", nameGroup());
        if (all.ok()) co_return Status();
      }
    }
    for (const auto& group : wanted) {
      CO_TRY_STATUS(co_await part("groups", group, nameGroup()));
    }
    co_return Status();
  }
  Task<Status> extra() {
    if (wanted_.extra.empty()) co_return Status();
    auto info = question("userextras", "", kAuthentication);
    if (constrained()) {
      if (auto why = badExtra(wanted_); !why.empty()) co_return refuse(info, why);
      size_t count = 0;
      for (const auto& [key, values] : wanted_.extra) count += values.size();
      if (count >= kManyParts) {
        info.subresource = info.name = "*";
        const Attributes asked{caller_, info};
        Status all = co_await ask(asked);
        if (all.ok()) co_return Status();
      }
    }
    for (const auto& [key, values] : wanted_.extra) {
      info.subresource = key;
      for (const auto& value : values) {
        info.name = value;
        const Attributes asked{caller_, info};
        CO_TRY_STATUS(co_await ask(asked));
      }
    }
    co_return Status();
  }

  const Authorizer& authorizer_;
  const Mode mode_;
  const UserInfo caller_;
  const UserInfo& wanted_;
  const std::stop_token stop_;
};

/// Groups that nobody names but everybody of that kind is in.
void completeGroups(UserInfo& user, Mode mode) {
  auto add = [&user](std::string group) {
    if (!user.inGroup(group)) user.groups.push_back(std::move(group));
  };
  if (mode == kAssociatedNode || mode == kArbitraryNode) add("system:nodes");
  if (auto account = accountOf(user.name); account && user.groups.empty()) {
    add("system:serviceaccounts");
    add("system:serviceaccounts:" + account->ns);
  }
  if (user.name == "system:anonymous") {
    add("system:unauthenticated");
  } else if (!user.inGroup("system:unauthenticated")) {
    add("system:authenticated");
  }
}

}  // namespace

bool Impersonation::wanted(const net::Headers& headers) {
  return std::any_of(headers.begin(), headers.end(), [](const net::Headers::Field& field) {
    return startsWithNoCase(field.first, kPrefix);
  });
}

Task<Result<Impersonation::Outcome>> Impersonation::impersonate(net::Headers& headers,
                                                                Attributes attributes,
                                                                std::stop_token stop) {
  Outcome out;
  out.user = wantedUser(headers);
  if (out.user.name.empty()) {
    if (onlyNamed(out.user)) co_return std::move(out);
    co_return badRequest("requested " + goUser(out.user) + " without impersonating a user name");
  }
  removeHeaders(headers);
  const auto& caller = attributes.user;
  std::vector<Mode> modes;
  const auto last = lastMode_.find(caller.name);
  if (last != lastMode_.end()) modes.push_back(static_cast<Mode>(last->second));
  for (uint8_t mode = kAssociatedNode; mode <= kLegacy; ++mode) {
    if (modes.empty() || modes.front() != mode) modes.push_back(static_cast<Mode>(mode));
  }
  Status refusal;
  for (const auto mode : modes) {
    if (!fits(mode, out.user, caller)) continue;
    Checks checks(authorizer_, mode, caller, out.user, stop);
    Status may;
    if (mode != kLegacy) may = co_await checks.request(attributes);
    if (may.ok()) may = co_await checks.identity();
    if (!may.ok()) {
      if (refusal.ok()) refusal = std::move(may);
      continue;
    }
    if (lastMode_.size() >= kCallersMax) lastMode_.clear();
    lastMode_.insert_or_assign(caller.name, mode);
    completeGroups(out.user, mode);
    if (mode != kLegacy) out.constraint = checks.verb();
    out.impersonated = true;
    co_return std::move(out);
  }
  co_return refusal;
}

}  // namespace coxswain::apiserver
