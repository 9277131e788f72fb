#include "cli/cmd/rule_cover.h"

#include <algorithm>

#include "cli/printers/object_printer.h"
#include "cli/resources/builder.h"

namespace coxswain::cli {

namespace {

std::vector<std::string> texts(const json::value& rule, std::string_view member) {
  std::vector<std::string> out;
  for (const auto& item : arrayAt(rule, {member})) out.push_back(plainText(item));
  return out;
}

std::string bracketed(const std::vector<std::string>& words) {
  std::string out = "[";
  for (size_t i = 0; i < words.size(); ++i) out += (i > 0 ? " " : "") + words[i];
  return out + "]";
}

bool has(const std::vector<std::string>& all, std::string_view one) {
  return std::ranges::find(all, one) != all.end();
}

/// One verb on one thing.
std::vector<PolicyRule> takenApart(const PolicyRule& rule) {
  std::vector<PolicyRule> out;
  for (const auto& group : rule.apiGroups) {
    for (const auto& resource : rule.resources) {
      for (const auto& verb : rule.verbs) {
        PolicyRule single{{verb}, {group}, {resource}, {}, {}};
        if (rule.resourceNames.empty()) out.push_back(single);
        for (const auto& name : rule.resourceNames) {
          out.push_back(single);
          out.back().resourceNames = {name};
        }
      }
    }
  }
  for (const auto& url : rule.nonResourceURLs) {
    for (const auto& verb : rule.verbs) out.push_back({{verb}, {}, {}, {}, {url}});
  }
  return out;
}

bool coversResource(const PolicyRule& owner, const std::string& resource) {
  if (has(owner.resources, "*") || has(owner.resources, resource)) return true;
  const size_t slash = resource.find('/');
  return slash != std::string::npos && has(owner.resources, "*" + resource.substr(slash));
}

bool coversUrl(const PolicyRule& owner, const std::string& url) {
  return std::ranges::any_of(owner.nonResourceURLs, [&](const std::string& owned) {
    if (owned == url) return true;
    return owned.ends_with('*') && url.starts_with(owned.substr(0, owned.size() - 1));
  });
}

bool covers(const PolicyRule& owner, const PolicyRule& single) {
  if (!has(owner.verbs, "*") && !has(owner.verbs, single.verbs[0])) return false;
  if (!single.nonResourceURLs.empty()) return coversUrl(owner, single.nonResourceURLs[0]);
  if (!has(owner.apiGroups, "*") && !has(owner.apiGroups, single.apiGroups[0])) return false;
  if (!coversResource(owner, single.resources[0])) return false;
  if (owner.resourceNames.empty()) return true;
  return !single.resourceNames.empty() && has(owner.resourceNames, single.resourceNames[0]);
}

}  // namespace

PolicyRule PolicyRule::of(const json::value& rule) {
  return {texts(rule, "verbs"), texts(rule, "apiGroups"), texts(rule, "resources"),
          texts(rule, "resourceNames"), texts(rule, "nonResourceURLs")};
}

json::value PolicyRule::toJson() const {
  json::object out;
  const auto put = [&](std::string_view name, const std::vector<std::string>& words) {
    if (!words.empty()) out[name] = json::array(words.begin(), words.end());
  };
  put("verbs", verbs);
  put("apiGroups", apiGroups);
  put("resources", resources);
  put("resourceNames", resourceNames);
  put("nonResourceURLs", nonResourceURLs);
  return out;
}

std::string PolicyRule::text() const {
  return "{Verbs:" + bracketed(verbs) + " APIGroups:" + bracketed(apiGroups) +
         " Resources:" + bracketed(resources) + " ResourceNames:" + bracketed(resourceNames) +
         " NonResourceURLs:" + bracketed(nonResourceURLs) + "}";
}

std::vector<PolicyRule> rulesOf(const json::value& role) {
  std::vector<PolicyRule> out;
  for (const auto& rule : arrayAt(role, {"rules"})) out.push_back(PolicyRule::of(rule));
  return out;
}

std::vector<PolicyRule> uncovered(const std::vector<PolicyRule>& owned,
                                  const std::vector<PolicyRule>& wanted) {
  std::vector<PolicyRule> out;
  for (const auto& rule : wanted) {
    for (auto& single : takenApart(rule)) {
      const bool covered = std::ranges::any_of(
          owned, [&](const PolicyRule& owner) { return covers(owner, single); });
      if (!covered) out.push_back(std::move(single));
    }
  }
  return out;
}

}  // namespace coxswain::cli
