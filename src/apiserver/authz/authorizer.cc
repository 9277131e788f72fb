#include "apiserver/authz/authorizer.h"

#include <algorithm>

namespace coxswain::apiserver {

namespace {

/// Where the first term of a field selector ends: at a comma that no backslash stands before.
size_t termEnd(std::string_view selector) {
  size_t at = 0;
  while (at < selector.size() && selector[at] != ',') at += selector[at] == '\\' ? 2 : 1;
  return std::min(at, selector.size());
}

}  // namespace

std::string_view Attributes::name() const {
  if (!info.name.empty() || fieldSelector.empty()) return info.name;
  constexpr std::string_view kField = "metadata.name=";
  std::string_view rest = fieldSelector;
  while (!rest.empty()) {
    const auto end = termEnd(rest);
    auto term = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (!term.starts_with(kField)) continue;
    term.remove_prefix(kField.size());
    if (term.starts_with('=')) term.remove_prefix(1);
    const bool isName = !term.empty() && term != "." && term != ".." &&
                        term.find_first_of("/%\\") == std::string_view::npos;
    return isName ? term : std::string_view();
  }
  return {};
}

Task<Verdict> Authorizer::ask(Attributes attributes, std::stop_token stop) const {
  co_return authorize(attributes);
}

Task<Verdict> authorizeOrAsk(const Authorizer& authorizer, Attributes attributes,
                             std::stop_token stop) {
  auto verdict = authorizer.authorize(attributes);
  if (verdict.decision != Decision::Ask) co_return verdict;
  co_return co_await authorizer.ask(attributes, stop);
}

namespace {

/// Adds one link's answer to that of those before it. True: that is the answer of all.
bool decides(Verdict& all, Verdict&& one) {
  if (one.allowed()) {
    all = std::move(one);
    return true;
  }
  if (!one.reason.empty()) {
    if (!all.reason.empty()) all.reason += "\n";
    all.reason += one.reason;
  }
  if (!one.failure.empty()) {
    if (!all.failure.empty()) all.failure += ", ";
    all.failure += one.failure;
  }
  if (one.decision == Decision::NoOpinion) return false;
  all.decision = one.decision;
  return true;
}

}  // namespace

Verdict AuthorizerChain::authorize(const Attributes& attributes) const {
  Verdict all;
  for (const auto& link : links_) {
    if (decides(all, link->authorize(attributes))) break;
  }
  return all;
}

Task<Verdict> AuthorizerChain::ask(Attributes attributes, std::stop_token stop) const {
  Verdict all;
  for (const auto& link : links_) {
    auto one = co_await authorizeOrAsk(*link, attributes, stop);
    if (decides(all, std::move(one))) break;
  }
  co_return all;
}

Verdict AlwaysAuthorizer::authorize(const Attributes& attributes) const {
  if (allow_) return {Decision::Allow, ""};
  return {Decision::NoOpinion, "Everything is forbidden."};
}

void AlwaysAuthorizer::appendRules(const UserInfo& user, std::string_view ns,
                                   RulesAnswer& to) const {
  if (!allow_) return;
  auto& resources = to.rules.emplace_back();
  resources.verbs = resources.apiGroups = resources.resources = {"*"};
  auto& paths = to.rules.emplace_back();
  paths.verbs = paths.nonResourceURLs = {"*"};
}

Verdict MastersAuthorizer::authorize(const Attributes& attributes) const {
  if (attributes.user.inGroup("system:masters")) return {Decision::Allow, ""};
  return {};
}

Status refusal(const Attributes& attributes, const Verdict& verdict) {
  const bool failed = verdict.decision == Decision::NoOpinion && !verdict.failure.empty();
  return failed ? internalError(verdict.failure) : forbiddenStatus(attributes, verdict.reason);
}

Status forbiddenStatus(const Attributes& attributes, std::string_view reason) {
  const auto& info = attributes.info;
  auto who = "User \"" + attributes.user.name + "\" cannot " + info.verb;
  auto why = reason.empty() ? std::string() : ": " + std::string(reason);
  if (!info.isResource) {
    return Status(Reason::Forbidden, 403, "forbidden: " + who + " path \"" + info.path + "\"" + why)
        .withDetails({});
  }
  auto resource = info.resource + (info.group.empty() ? "" : "." + info.group);
  auto what = info.resource + (info.subresource.empty() ? "" : "/" + info.subresource);
  const auto ns = attributes.ns();
  auto scope = ns.empty() ? std::string("at the cluster scope")
                          : "in the namespace \"" + std::string(ns) + "\"";
  return forbidden(
      resource, attributes.name(),
      who + " resource \"" + what + "\" in API group \"" + info.group + "\" " + scope + why);
}

}  // namespace coxswain::apiserver
