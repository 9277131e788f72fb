#include "apiserver/authz/policy.h"

namespace coxswain::apiserver {
namespace {

/// A comma separated list; `""` is the empty text.
std::vector<std::string> split(std::string_view list) {
  std::vector<std::string> out;
  while (!list.empty()) {
    const auto comma = list.find(',');
    const auto one = list.substr(0, comma);
    out.emplace_back(one == "\"\"" ? std::string_view() : one);
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return out;
}

}  // namespace

api::rbac::v1::PolicyRule wireRule(const PolicyRule& rule) {
  api::rbac::v1::PolicyRule wire;
  wire.verbs = split(rule.verbs);
  wire.apiGroups = split(rule.apiGroups);
  wire.resources = split(rule.resources);
  wire.resourceNames = split(rule.resourceNames);
  wire.nonResourceURLs = split(rule.nonResourceUrls);
  return wire;
}

Rules bootstrapRulesOf(std::string_view role) {
  Rules rules;
  for (const auto& rule : bootstrapRules()) {
    if (rule.role == role) rules.push_back(wireRule(rule));
  }
  return rules;
}

}  // namespace coxswain::apiserver
