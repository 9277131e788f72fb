#include "apiserver/registry/batch/job_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "api/names/names.h"
#include "api/names/quote.h"
#include "apiserver/registry/apps/workload.h"
#include "apiserver/registry/core/pod_internal_json.h"
#include "apiserver/registry/core/pod_spec.h"

namespace coxswain::apiserver {

namespace v1 = api::batch::v1;
using api::FieldErrors;
using api::FieldPath;

namespace {

constexpr int32_t kMaxIndexedParallelism = 100000;
constexpr int32_t kMaxFailedIndexes = 100000;
constexpr int32_t kManyCompletions = 100000;
constexpr int32_t kLimitForMany = 10000;
constexpr size_t kMaxRules = 20;
constexpr size_t kMaxExitCodes = 255;
constexpr size_t kMaxConditions = 20;
constexpr size_t kMaxManagedBy = 63;
constexpr size_t kMaxIndexesText = size_t{64} * 1024;

void checkNotNegative(const std::optional<int64_t>& value, const FieldPath& path,
                      FieldErrors& errors) {
  if (value) checkNonNegative(*value, path, errors);
}

/// An invalid value that is not shown.
void invalidWithoutValue(const FieldPath& path, std::string_view text, FieldErrors& errors) {
  errors.add({"FieldValueInvalid", fmt::format("Invalid value: {}", text), path.str()});
}

/// One of a few words; `supported` in order.
void checkWord(std::string_view value, std::initializer_list<std::string_view> supported,
               const FieldPath& path, FieldErrors& errors) {
  if (value.empty()) {
    std::string list;
    for (const auto each : supported) {
      list.append(list.empty() ? "" : " ").append(api::goQuote(each));
    }
    return errors.required(path, "valid values: [" + list + "]");
  }
  if (std::find(supported.begin(), supported.end(), value) == supported.end()) {
    errors.notSupported(path, value, supported);
  }
}

void checkMany(const v1::JobSpec& spec, const FieldPath& path, FieldErrors& errors) {
  if (*spec.completions <= kManyCompletions || !spec.backoffLimitPerIndex) return;
  const auto text = fmt::format(
      "must be less than or equal to {} when completions are above {} and used with backoff limit "
      "per index",
      kLimitForMany, kManyCompletions);
  if (!spec.maxFailedIndexes) {
    errors.required(
        path.child("maxFailedIndexes"),
        fmt::format("must be specified when completions is above {}", kManyCompletions));
  }
  if (spec.parallelism && *spec.parallelism > kLimitForMany) {
    errors.invalid(path.child("parallelism"), *spec.parallelism, text);
  }
  if (spec.maxFailedIndexes && *spec.maxFailedIndexes > kLimitForMany) {
    errors.invalid(path.child("maxFailedIndexes"), *spec.maxFailedIndexes, text);
  }
}

void checkIndexed(const v1::JobSpec& spec, const FieldPath& path, FieldErrors& errors) {
  if (!spec.completions)
    errors.required(path.child("completions"), "when completion mode is Indexed");
  if (spec.parallelism && *spec.parallelism > kMaxIndexedParallelism) {
    errors.invalid(path.child("parallelism"), *spec.parallelism,
                   fmt::format("must be less than or equal to {} when completion mode is Indexed",
                               kMaxIndexedParallelism));
  }
  const auto failed = path.child("maxFailedIndexes");
  const auto& most = spec.maxFailedIndexes;
  if (most && spec.completions && *most > *spec.completions)
    errors.invalid(failed, *most, "must be less than or equal to completions");
  if (most && *most > kMaxFailedIndexes) {
    errors.invalid(failed, *most,
                   fmt::format("must be less than or equal to {}", kMaxFailedIndexes));
  }
  if (spec.completions) checkMany(spec, path, errors);
}

void checkCompletionMode(const v1::JobSpec& spec, const FieldPath& path, FieldErrors& errors) {
  if (spec.completionMode && *spec.completionMode != v1::kNonIndexedCompletion &&
      !isIndexed(spec)) {
    errors.notSupported(path.child("completionMode"), *spec.completionMode,
                        {"NonIndexed", "Indexed"});
  }
  if (isIndexed(spec)) return checkIndexed(spec, path, errors);
  if (spec.completionMode && *spec.completionMode != v1::kNonIndexedCompletion) return;
  constexpr std::string_view kText = "requires indexed completion mode";
  if (spec.backoffLimitPerIndex) {
    errors.invalid(path.child("backoffLimitPerIndex"), *spec.backoffLimitPerIndex, kText);
  }
  if (spec.maxFailedIndexes) {
    errors.invalid(path.child("maxFailedIndexes"), *spec.maxFailedIndexes, kText);
  }
}

bool hasContainer(const api::core::v1::PodSpec& spec, std::string_view name) {
  const auto named = [name](const auto& each) { return each.name == name; };
  return std::any_of(spec.containers.begin(), spec.containers.end(), named) ||
         std::any_of(spec.initContainers.begin(), spec.initContainers.end(), named);
}

void checkExitCodes(const v1::JobSpec& spec, const v1::PodFailurePolicyOnExitCodesRequirement& rule,
                    const FieldPath& path, FieldErrors& errors) {
  checkWord(rule.operator_, {"In", "NotIn"}, path.child("operator"), errors);
  if (rule.containerName && !hasContainer(spec.template_.spec, *rule.containerName)) {
    errors.invalid(path.child("containerName"), *rule.containerName,
                   "must be one of the container or initContainer names in the pod template");
  }
  const auto values = path.child("values");
  if (rule.values.empty()) {
    errors.invalid(values, rule.values, "at least one value is required");
  } else if (rule.values.size() > kMaxExitCodes) {
    errors.tooMany(values, static_cast<int64_t>(rule.values.size()), kMaxExitCodes);
  }
  std::set<int32_t> seen;
  for (size_t i = 0; i < rule.values.size(); ++i) {
    const int32_t value = rule.values[i];
    if (value == 0 && rule.operator_ == v1::kPodFailurePolicyOnExitCodesOpIn) {
      errors.invalid(values.index(i), value, "must not be 0 for the In operator");
    }
    if (!seen.insert(value).second) errors.duplicate(values.index(i), value);
  }
  if (!std::is_sorted(rule.values.begin(), rule.values.end())) {
    errors.invalid(values, rule.values, "must be ordered");
  }
}

void checkConditionPatterns(const v1::PodFailurePolicyRule& rule, const FieldPath& path,
                            FieldErrors& errors) {
  if (rule.onPodConditions.size() > kMaxConditions) {
    errors.tooMany(path, static_cast<int64_t>(rule.onPodConditions.size()), kMaxConditions);
  }
  for (size_t i = 0; i < rule.onPodConditions.size(); ++i) {
    const auto& pattern = rule.onPodConditions[i];
    const auto at = path.index(i);
    checkQualifiedName(pattern.type, at.child("type"), errors);
    checkWord(pattern.status, {"False", "True", "Unknown"}, at.child("status"), errors);
  }
}

void checkFailureRule(const v1::JobSpec& spec, const v1::PodFailurePolicyRule& rule,
                      const FieldPath& path, FieldErrors& errors) {
  const auto action = path.child("action");
  if (rule.action == v1::kPodFailurePolicyActionFailIndex) {
    if (!spec.backoffLimitPerIndex) {
      errors.invalid(action, rule.action, "requires the backoffLimitPerIndex to be set");
    }
  } else {
    checkWord(rule.action, {"Count", "FailIndex", "FailJob", "Ignore"}, action, errors);
  }
  if (rule.onExitCodes) {
    checkExitCodes(spec, *rule.onExitCodes, path.child("onExitCodes"), errors);
  }
  checkConditionPatterns(rule, path.child("onPodConditions"), errors);
  if (rule.onExitCodes && !rule.onPodConditions.empty()) {
    invalidWithoutValue(path, "specifying both OnExitCodes and OnPodConditions is not supported",
                        errors);
  } else if (!rule.onExitCodes && rule.onPodConditions.empty()) {
    invalidWithoutValue(path, "specifying one of OnExitCodes and OnPodConditions is required",
                        errors);
  }
}

void checkFailurePolicy(const v1::JobSpec& spec, const FieldPath& path, FieldErrors& errors) {
  const auto& rules = spec.podFailurePolicy->rules;
  const auto at = path.child("rules");
  if (rules.size() > kMaxRules) errors.tooMany(at, static_cast<int64_t>(rules.size()), kMaxRules);
  for (size_t i = 0; i < rules.size(); ++i) checkFailureRule(spec, rules[i], at.index(i), errors);
}

void checkSuccessRule(const v1::SuccessPolicyRule& rule, int64_t completions, const FieldPath& path,
                      FieldErrors& errors) {
  if (!rule.succeededCount && !rule.succeededIndexes) {
    errors.required(path, "at least one of succeededCount or succeededIndexes must be specified");
  }
  int64_t total = 0;
  if (rule.succeededIndexes) {
    const auto at = path.child("succeededIndexes");
    if (rule.succeededIndexes->size() > kMaxIndexesText) errors.tooLong(at, kMaxIndexesText);
    const auto counted = countIndexes(*rule.succeededIndexes, completions);
    if (counted.ok()) {
      total = *counted;
    } else {
      errors.invalid(at, *rule.succeededIndexes,
                     "error parsing succeededIndexes: " + counted.status().message());
    }
  }
  if (!rule.succeededCount) return;
  const auto at = path.child("succeededCount");
  checkNonNegative(int64_t{*rule.succeededCount}, at, errors);
  if (*rule.succeededCount > completions) {
    errors.invalid(
        at, *rule.succeededCount,
        fmt::format("must be less than or equal to {} (the number of specified completions)",
                    completions));
  }
  if (rule.succeededIndexes && *rule.succeededCount > total) {
    errors.invalid(at, *rule.succeededCount,
                   fmt::format("must be less than or equal to {} (the number of indexes in the "
                               "specified succeededIndexes field)",
                               total));
  }
}

void checkSuccessPolicy(const v1::JobSpec& spec, const FieldPath& path, FieldErrors& errors) {
  if (!isIndexed(spec)) {
    return errors.invalid(path, api::FieldValue::json(internalJson(*spec.successPolicy)),
                          "requires indexed completion mode");
  }
  const auto& rules = spec.successPolicy->rules;
  const auto at = path.child("rules");
  if (rules.empty()) {
    errors.required(at, "at least one rules must be specified when the successPolicy is specified");
  }
  if (rules.size() > kMaxRules) errors.tooMany(at, static_cast<int64_t>(rules.size()), kMaxRules);
  for (size_t i = 0; i < rules.size(); ++i) {
    checkSuccessRule(rules[i], spec.completions.value_or(0), at.index(i), errors);
  }
}

void checkReplacementPolicy(const v1::JobSpec& spec, const FieldPath& path, FieldErrors& errors) {
  const auto& policy = *spec.podReplacementPolicy;
  if (policy == v1::kFailed) return;
  if (spec.podFailurePolicy) return errors.notSupported(path, policy, {"Failed"});
  if (policy != v1::kTerminatingOrFailed) {
    errors.notSupported(path, policy, {"Failed", "TerminatingOrFailed"});
  }
}

void checkRestartPolicy(const v1::JobSpec& spec, const FieldPath& path, FieldErrors& errors) {
  const auto& policy = spec.template_.spec.restartPolicy;
  // Always is what an absent one becomes.
  if (policy.empty() || policy == "Always") {
    errors.required(path, R"(valid values: "OnFailure", "Never")");
  } else if (policy != "OnFailure" && policy != "Never") {
    errors.notSupported(path, policy, {"OnFailure", "Never"});
  } else if (spec.podFailurePolicy && policy != "Never") {
    errors.invalid(path, policy, R"(only "Never" is supported when podFailurePolicy is specified)");
  }
}

void checkManagedBy(const std::string& value, const FieldPath& path, FieldErrors& errors) {
  if (value.empty()) return errors.required(path);
  errors.invalidEach(path, value, api::validateDomainPrefixedPath(value));
  if (value.size() > kMaxManagedBy) errors.tooLong(path, kMaxManagedBy);
}

/// A bound of an interval of indexes.
Result<int64_t> parseIndex(std::string_view text, int64_t completions) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return badRequest("cannot convert string to integer for index: " + api::goQuote(text));
  }
  if (value >= completions) return badRequest("too large index: " + api::goQuote(text));
  return value;
}

}  // namespace

Result<int64_t> countIndexes(std::string_view text, int64_t completions) {
  if (text.empty()) return 0;
  int64_t total = 0;
  std::optional<int64_t> previous;
  for (bool more = true; more;) {
    const size_t comma = text.find(',');
    more = comma != std::string_view::npos;
    const auto interval = text.substr(0, comma);
    if (more) text.remove_prefix(comma + 1);
    const size_t dash = interval.find('-');
    if (std::count(interval.begin(), interval.end(), '-') > 1) {
      return badRequest(fmt::format(
          "the fragment {} violates the requirement that an index interval can have at most two "
          "parts separated by '-'",
          api::goQuote(interval)));
    }
    TRY(const int64_t first, parseIndex(interval.substr(0, dash), completions));
    int64_t last = first;
    constexpr std::string_view kOrder = "non-increasing order, previous: {}, current: {}";
    if (dash != std::string_view::npos) {
      TRY(last, parseIndex(interval.substr(dash + 1), completions));
      if (first >= last) return badRequest(fmt::format(kOrder, first, last));
    }
    if (previous && *previous >= first) return badRequest(fmt::format(kOrder, *previous, first));
    total += last - first + 1;
    previous = last;
  }
  return total;
}

namespace {

struct Interval {
  int64_t first;
  int64_t last;
};

/// The intervals of a list that can be read, in its order.
std::vector<Interval> readableIntervals(std::string_view text, int64_t completions) {
  std::vector<Interval> out;
  for (bool more = true; more;) {
    const size_t comma = text.find(',');
    more = comma != std::string_view::npos;
    const auto part = text.substr(0, comma);
    if (more) text.remove_prefix(comma + 1);
    const size_t dash = part.find('-');
    const auto first = parseIndex(part.substr(0, dash), completions);
    if (!first.ok()) continue;
    if (dash == std::string_view::npos) {
      out.push_back({*first, *first});
      continue;
    }
    const auto last = parseIndex(part.substr(dash + 1), completions);
    if (last.ok() && *first < *last) out.push_back({*first, *last});
  }
  return out;
}

}  // namespace

std::optional<int64_t> commonIndex(std::string_view completed, std::string_view failed,
                                   int64_t completions) {
  if (completed.empty() || failed.empty()) return std::nullopt;
  const auto a = readableIntervals(completed, completions);
  const auto b = readableIntervals(failed, completions);
  for (size_t i = 0, k = 0; i < a.size() && k < b.size();) {
    if (a[i].first <= b[k].last && b[k].first <= a[i].last) return std::max(a[i].first, b[k].first);
    a[i].first <= b[k].first ? ++i : ++k;
  }
  return std::nullopt;
}

void checkJobSpec(const v1::JobSpec& spec, const FieldPath& path, FieldErrors& errors) {
  checkNonNegative(spec.parallelism, path.child("parallelism"), errors);
  checkNonNegative(spec.completions, path.child("completions"), errors);
  checkNotNegative(spec.activeDeadlineSeconds, path.child("activeDeadlineSeconds"), errors);
  checkNonNegative(spec.backoffLimit, path.child("backoffLimit"), errors);
  checkNonNegative(spec.ttlSecondsAfterFinished, path.child("ttlSecondsAfterFinished"), errors);
  checkNonNegative(spec.backoffLimitPerIndex, path.child("backoffLimitPerIndex"), errors);
  if (spec.maxFailedIndexes) {
    checkNonNegative(spec.maxFailedIndexes, path.child("maxFailedIndexes"), errors);
    if (!spec.backoffLimitPerIndex) {
      errors.required(path.child("backoffLimitPerIndex"), "when maxFailedIndexes is specified");
    }
  }
  if (spec.managedBy) checkManagedBy(*spec.managedBy, path.child("managedBy"), errors);
  checkCompletionMode(spec, path, errors);
  if (spec.podFailurePolicy) {
    checkFailurePolicy(spec, path.child("podFailurePolicy"), errors);
  }
  if (spec.successPolicy) checkSuccessPolicy(spec, path.child("successPolicy"), errors);
  if (spec.podReplacementPolicy) {
    checkReplacementPolicy(spec, path.child("podReplacementPolicy"), errors);
  }
  const auto podTemplate = path.child("template");
  validatePodTemplate(spec.template_, podTemplate, errors);
  checkRestartPolicy(spec, podTemplate.child("spec", "restartPolicy"), errors);
}

void setFailurePolicyDefaults(v1::JobSpec& spec) {
  if (!spec.podFailurePolicy) return;
  for (auto& rule : spec.podFailurePolicy->rules) {
    for (auto& pattern : rule.onPodConditions) {
      if (pattern.status.empty()) pattern.status = "True";
    }
  }
}

}  // namespace coxswain::apiserver
