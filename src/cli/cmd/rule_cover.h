#pragma once

#include <string>
#include <vector>

#include "cli/resources/json.h"

namespace coxswain::cli {

/// A policy rule as RBAC objects have it.
struct PolicyRule {
  std::vector<std::string> verbs;
  std::vector<std::string> apiGroups;
  std::vector<std::string> resources;
  std::vector<std::string> resourceNames;
  std::vector<std::string> nonResourceURLs;

  static PolicyRule of(const json::value& rule);
  [[nodiscard]] json::value toJson() const;
  /// As Go's %+v prints it: "{Verbs:[get list] APIGroups:[] ...}".
  [[nodiscard]] std::string text() const;
};

std::vector<PolicyRule> rulesOf(const json::value& role);

/// What `wanted` allows and `owned` does not, each a single verb on a single resource or path.
std::vector<PolicyRule> uncovered(const std::vector<PolicyRule>& owned,
                                  const std::vector<PolicyRule>& wanted);

}  // namespace coxswain::cli
