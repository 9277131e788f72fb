#include "apiserver/audit/policy.h"

#include <algorithm>
#include <array>
#include <boost/json/value.hpp>
#include <vector>

#include "api/codec/json.h"
#include "api/codec/value.h"
#include "api/names/field_error.h"
#include "api/names/names.h"
#include "api/yaml/yaml.h"

namespace coxswain::apiserver::audit {
namespace {

using api::FieldErrors;
using api::FieldPath;
using api::audit::v1::GroupResources;
using api::audit::v1::PolicyRule;

constexpr std::array<std::string_view, 4> kLevels = {"None", "Metadata", "Request",
                                                     "RequestResponse"};
constexpr std::array<std::string_view, 4> kStages = {"RequestReceived", "ResponseStarted",
                                                     "ResponseComplete", "Panic"};
constexpr size_t kBytesMax = 4U << 20;

template <typename Names>
size_t placeOf(const Names& names, std::string_view name) {
  return static_cast<size_t>(std::find(names.begin(), names.end(), name) - names.begin());
}

bool has(std::span<const std::string> list, std::string_view value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

// Validation, in upstream's order and words.

void checkStages(const std::vector<std::string>& stages, const FieldPath& path,
                 FieldErrors& errors) {
  for (size_t i = 0; i < stages.size(); ++i) {
    if (placeOf(kStages, stages[i]) < kStages.size()) continue;
    errors.invalid(path.index(i), stages[i],
                   "allowed stages are RequestReceived,ResponseStarted,ResponseComplete,Panic");
  }
}

void checkPaths(const PolicyRule& rule, const FieldPath& path, FieldErrors& errors) {
  for (size_t i = 0; i < rule.nonResourceURLs.size(); ++i) {
    const std::string_view url = rule.nonResourceURLs[i];
    if (url == "*") continue;
    if (!url.starts_with('/')) {
      errors.invalid(path.index(i), url, "non-resource URL rules must begin with a '/' character");
    }
    if (!url.empty() && url.substr(0, url.size() - 1).find('*') != std::string_view::npos) {
      errors.invalid(path.index(i), url,
                     "non-resource URL wildcards '*' must be the final character of the rule");
    }
  }
}

void checkResources(const PolicyRule& rule, const FieldPath& path, FieldErrors& errors) {
  for (size_t i = 0; i < rule.resources.size(); ++i) {
    const auto& one = rule.resources[i];
    const auto at = path.index(i);
    if (!one.group.empty()) {
      errors.invalidEach(at.child("group"), one.group, api::validateDns1123Subdomain(one.group));
    }
    if (!one.resourceNames.empty() && one.resources.empty()) {
      errors.invalid(at.child("resourceNames"), one.resourceNames,
                     "using resourceNames requires at least one resource");
    }
  }
}

void checkRule(const PolicyRule& rule, const FieldPath& path, FieldErrors& errors) {
  if (rule.level.empty()) {
    errors.required(path.child("level"));
  } else if (placeOf(kLevels, rule.level) == kLevels.size()) {
    errors.notSupported(path.child("level"), rule.level, kLevels);
  }
  checkPaths(rule, path.child("nonResourceURLs"), errors);
  checkResources(rule, path.child("resources"), errors);
  checkStages(rule.omitStages, path.child("omitStages"), errors);
  if (!rule.nonResourceURLs.empty() && (!rule.resources.empty() || !rule.namespaces.empty())) {
    errors.invalid(path.child("nonResourceURLs"), rule.nonResourceURLs,
                   "rules cannot apply to both regular resources and non-resource URLs");
  }
}

// Matching.

bool namesResource(const GroupResources& rule, const Subject& subject) {
  if (rule.group != subject.group) return false;
  if (rule.resources.empty()) return true;
  if (!rule.resourceNames.empty() && !has(rule.resourceNames, subject.name)) return false;
  for (std::string_view one : rule.resources) {
    if (one == "*") return true;
    const auto slash = one.find('/');
    const auto resource = one.substr(0, slash);
    const auto below = slash == std::string_view::npos ? std::string_view() : one.substr(slash + 1);
    if (resource == subject.resource && (below == subject.subresource || below == "*")) return true;
    if (resource == "*" && !below.empty() && below == subject.subresource) return true;
  }
  return false;
}

bool fitsResource(const PolicyRule& rule, const Subject& subject) {
  if (!subject.isResource) return false;
  if (!rule.namespaces.empty() && !has(rule.namespaces, subject.ns)) return false;
  return rule.resources.empty() ||
         std::any_of(rule.resources.begin(), rule.resources.end(),
                     [&](const auto& one) { return namesResource(one, subject); });
}

bool fitsPath(const PolicyRule& rule, const Subject& subject) {
  if (subject.isResource) return false;
  return std::any_of(rule.nonResourceURLs.begin(), rule.nonResourceURLs.end(),
                     [&](std::string_view url) {
                       if (!url.ends_with('*')) return url == subject.path;
                       url.remove_suffix(1);
                       return subject.path.starts_with(url);
                     });
}

bool fits(const PolicyRule& rule, const Subject& subject) {
  if (!rule.users.empty() && !has(rule.users, subject.user)) return false;
  if (!rule.userGroups.empty() &&
      std::none_of(subject.groups.begin(), subject.groups.end(),
                   [&](const auto& group) { return has(rule.userGroups, group); })) {
    return false;
  }
  if (!rule.verbs.empty() && !has(rule.verbs, subject.verb)) return false;
  if (!rule.namespaces.empty() || !rule.resources.empty()) return fitsResource(rule, subject);
  return rule.nonResourceURLs.empty() || fitsPath(rule, subject);
}

uint8_t stagesOf(const std::vector<std::string>& stages) {
  unsigned bits = 0;
  for (const auto& stage : stages) bits |= 1U << placeOf(kStages, stage);
  return static_cast<uint8_t>(bits);
}

}  // namespace

std::string_view levelName(Level level) {
  return kLevels[static_cast<size_t>(level)];
}
std::string_view stageName(Stage stage) {
  return kStages[static_cast<size_t>(stage)];
}

Result<Policy> Policy::parse(std::string_view text) {
  api::YamlOptions strict;
  strict.strict = true;
  strict.bytesMax = kBytesMax;
  TRY(auto value, api::yamlToValue(text, strict));
  if (!value.is_object()) return badRequest("an audit policy is a map with kind: Policy");
  api::JsonReport report;
  Policy out;
  TRY_STATUS(api::decodeValue(api::audit::v1::Policy::info(), value, &out.policy_, &report));
  if (report.apiVersion != "audit.k8s.io/v1" || report.kind != "Policy") {
    return badRequest("want kind Policy of audit.k8s.io/v1, not kind \"" + report.kind +
                      "\" of \"" + report.apiVersion + "\"");
  }
  if (!report.strict.empty()) return badRequest(report.strict.front());
  if (out.policy_.rules.empty()) return badRequest("loaded illegal policy with 0 rules");
  FieldErrors errors;
  checkStages(out.policy_.omitStages, FieldPath("omitStages"), errors);
  const FieldPath rules("rules");
  for (size_t i = 0; i < out.policy_.rules.size(); ++i) {
    checkRule(out.policy_.rules[i], rules.index(i), errors);
  }
  if (!errors.empty()) return badRequest(errors.str());
  return out;
}

Verdict Policy::decide(const Subject& subject) const {
  for (const auto& rule : policy_.rules) {
    if (!fits(rule, subject)) continue;
    Verdict verdict;
    verdict.level = static_cast<Level>(placeOf(kLevels, rule.level));
    verdict.omittedStages =
        static_cast<uint8_t>(stagesOf(policy_.omitStages) | stagesOf(rule.omitStages));
    verdict.omitManagedFields = rule.omitManagedFields.value_or(policy_.omitManagedFields);
    return verdict;
  }
  return {};
}

}  // namespace coxswain::apiserver::audit
