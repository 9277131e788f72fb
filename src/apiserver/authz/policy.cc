#include "apiserver/authz/policy.h"

#include <algorithm>

namespace coxswain::apiserver {
namespace {

/// Calls f with each entry of a comma separated list until it answers true.
template <typename F>
bool anyOf(std::string_view list, F&& f) {
  while (!list.empty()) {
    auto comma = list.find(',');
    if (f(list.substr(0, comma))) return true;
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return false;
}

bool contains(std::string_view list, std::string_view wanted) {
  return anyOf(list, [&](std::string_view one) { return one == wanted; });
}

bool resourceMatches(std::string_view list, const RequestInfo& info) {
  return anyOf(list, [&](std::string_view one) {
    if (one == "*") return true;
    auto slash = one.find('/');
    auto below = slash == std::string_view::npos ? std::string_view() : one.substr(slash + 1);
    if (below != info.subresource) return false;
    auto name = one.substr(0, slash);
    return name == info.resource || (name == "*" && !below.empty());
  });
}

bool pathMatches(std::string_view list, std::string_view path) {
  return anyOf(list, [&](std::string_view one) {
    if (one.ends_with('*')) return path.starts_with(one.substr(0, one.size() - 1));
    return one == path;
  });
}

/// "system:serviceaccount:ns:name" as bindings name it; empty: another user.
std::string serviceAccountSubject(std::string_view user) {
  constexpr std::string_view kPrefix = "system:serviceaccount:";
  if (!user.starts_with(kPrefix)) return {};
  user.remove_prefix(kPrefix.size());
  auto colon = user.find(':');
  if (colon == std::string_view::npos) return {};
  return "ServiceAccount:" + std::string(user.substr(0, colon)) + "/" +
         std::string(user.substr(colon + 1));
}

/// What bindings may name the user by.
std::vector<std::string> subjectsOf(const UserInfo& user) {
  std::vector<std::string> subjects{"User:" + user.name};
  for (const auto& group : user.groups) subjects.push_back("Group:" + group);
  if (auto account = serviceAccountSubject(user.name); !account.empty()) {
    subjects.push_back(std::move(account));
  }
  return subjects;
}

}  // namespace

bool ruleAllows(const PolicyRule& rule, const RequestInfo& info) {
  if (!contains(rule.verbs, "*") && !contains(rule.verbs, info.verb)) return false;
  if (!info.isResource) return pathMatches(rule.nonResourceUrls, info.path);
  auto group = info.group.empty() ? std::string_view("\"\"") : std::string_view(info.group);
  if (!contains(rule.apiGroups, "*") && !contains(rule.apiGroups, group)) return false;
  if (!resourceMatches(rule.resources, info)) return false;
  return rule.resourceNames.empty() || contains(rule.resourceNames, info.name);
}

PolicyAuthorizer::PolicyAuthorizer(std::span<const PolicyRule> rules,
                                   std::span<const PolicyBinding> bindings) {
  for (const auto& binding : bindings) {
    auto& grants = grants_[std::string(binding.subject)];
    for (const auto& rule : rules) {
      if (rule.role != binding.role) continue;
      const Grant grant{&rule, &binding};
      grants.all.push_back(grant);
      if (!rule.nonResourceUrls.empty()) grants.paths.push_back(grant);
      anyOf(rule.resources, [&](std::string_view resource) {
        grants.byResource[std::string(resource)].push_back(grant);
        return false;
      });
    }
  }
}

bool PolicyAuthorizer::allows(const Grants& grants, const RequestInfo& info) {
  auto covers = [&info](const std::vector<Grant>& some) {
    return std::any_of(some.begin(), some.end(), [&info](const Grant& grant) {
      const auto& ns = grant.binding->ns;
      if (!ns.empty() && (!info.isResource || info.ns != ns)) return false;
      return ruleAllows(*grant.rule, info);
    });
  };
  if (!info.isResource) return covers(grants.paths);
  auto named = [&](const std::string& resource) {
    auto found = grants.byResource.find(resource);
    return found != grants.byResource.end() && covers(found->second);
  };
  if (named("*")) return true;
  if (info.subresource.empty()) return named(info.resource);
  return named(info.resource + "/" + info.subresource) || named("*/" + info.subresource);
}

Verdict PolicyAuthorizer::authorize(const Attributes& attributes) const {
  for (const auto& subject : subjectsOf(attributes.user)) {
    auto found = grants_.find(subject);
    if (found == grants_.end()) continue;
    if (allows(found->second, attributes.info)) return {Decision::Allow, ""};
  }
  return {};
}

void PolicyAuthorizer::appendRules(const UserInfo& user, std::string_view ns, Rules& to) const {
  for (const auto& subject : subjectsOf(user)) {
    auto found = grants_.find(subject);
    if (found == grants_.end()) continue;
    for (const auto& grant : found->second.all) {
      const auto& within = grant.binding->ns;
      if (within.empty() || within == ns) to.push_back(wireRule(*grant.rule));
    }
  }
}

api::rbac::v1::PolicyRule wireRule(const PolicyRule& rule) {
  auto split = [](std::string_view list) {
    std::vector<std::string> out;
    anyOf(list, [&out](std::string_view one) {
      out.emplace_back(one == "\"\"" ? std::string_view() : one);
      return false;
    });
    return out;
  };
  api::rbac::v1::PolicyRule wire;
  wire.verbs = split(rule.verbs);
  wire.apiGroups = split(rule.apiGroups);
  wire.resources = split(rule.resources);
  wire.resourceNames = split(rule.resourceNames);
  wire.nonResourceURLs = split(rule.nonResourceUrls);
  return wire;
}

}  // namespace coxswain::apiserver
