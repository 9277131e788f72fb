#include <algorithm>
#include <map>

#include "api/names/names.h"
#include "apiserver/registry/core/pod_spec_internal.h"
#include "base/text.h"

namespace coxswain::apiserver {

namespace v1 = api::core::v1;
using api::FieldErrors;
using api::FieldPath;

namespace {

constexpr std::string_view kBadOperator = "not a valid selector operator";
constexpr std::string_view kCannotBeEmpty = "can not be empty";
constexpr size_t kAnnotationsMaxBytes = 256 * 1024;

/// `anyValue`: values need not be such that a label could have them.
void checkNodeRequirement(const v1::NodeSelectorRequirement& requirement, bool anyValue,
                          const FieldPath& path, FieldErrors& errors) {
  const std::string& op = requirement.operator_;
  const auto values = path.child("values");
  if (op == "In" || op == "NotIn") {
    if (requirement.values.empty())
      errors.required(values, "must be specified when `operator` is 'In' or 'NotIn'");
  } else if (op == "Exists" || op == "DoesNotExist") {
    if (!requirement.values.empty()) {
      errors.forbidden(values,
                       "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
    }
  } else if (op == "Gt" || op == "Lt") {
    if (requirement.values.size() != 1)
      errors.required(values, "must be specified single value when `operator` is 'Lt' or 'Gt'");
  } else {
    errors.invalid(path.child("operator"), op, kBadOperator);
  }
  errors.invalidEach(path.child("key"), requirement.key, api::validateLabelKey(requirement.key));
  if (anyValue) return;
  for (size_t i = 0; i < requirement.values.size(); ++i) {
    errors.invalidEach(values.index(i), requirement.values[i],
                       api::validateLabelValue(requirement.values[i]));
  }
}

void checkFieldRequirement(const v1::NodeSelectorRequirement& requirement, const FieldPath& path,
                           FieldErrors& errors) {
  const std::string& op = requirement.operator_;
  if (op == "In" || op == "NotIn") {
    if (requirement.values.size() != 1) {
      errors.required(path.child("values"),
                      "must be only one value when `operator` is 'In' or 'NotIn' for node field "
                      "selector");
    }
  } else {
    errors.invalid(path.child("operator"), op, kBadOperator);
  }
  if (requirement.key != "metadata.name") {
    errors.invalid(path.child("key"), requirement.key, "not a valid field selector key");
    return;
  }
  for (size_t i = 0; i < requirement.values.size(); ++i) {
    errors.invalidEach(path.child("values").index(i), requirement.values[i],
                       api::validateDns1123Subdomain(requirement.values[i]));
  }
}

void checkLabelKeys(const std::vector<std::string>& keys,
                    const api::meta::v1::LabelSelector* selector, const FieldPath& path,
                    FieldErrors& errors) {
  if (keys.empty()) return;
  if (selector == nullptr) {
    return errors.forbidden(path, "must not be specified when labelSelector is not set");
  }
  for (size_t i = 0; i < keys.size(); ++i) {
    errors.invalidEach(path.index(i), keys[i], api::validateLabelKey(keys[i]));
  }
}

/// matchLabelKeys and mismatchLabelKeys of a term or constraint at `path`. The selector of a pod
/// holds what the keys have added to it: a key is there twice where the client named it as well.
void checkMatchKeys(const std::vector<std::string>& match, const std::vector<std::string>& mismatch,
                    const api::meta::v1::LabelSelector* selector, const FieldPath& path,
                    FieldErrors& errors) {
  const auto at = path.child("matchLabelKeys");
  checkLabelKeys(match, selector, at, errors);
  checkLabelKeys(mismatch, selector, path.child("mismatchLabelKeys"), errors);
  if (selector != nullptr && !match.empty()) {
    std::map<std::string_view, size_t> places;  // of the last, where one is there twice
    for (size_t i = 0; i < match.size(); ++i) places[match[i]] = i;
    std::set<std::string_view> selected;
    for (const auto& [key, value] : selector->matchLabels) selected.insert(key);
    for (const auto& expression : selector->matchExpressions) {
      const auto found = places.find(expression.key);
      if (!selected.insert(expression.key).second && found != places.end()) {
        // Upstream leaves the member out.
        errors.invalid(path.index(found->second), expression.key,
                       "exists in both matchLabelKeys and labelSelector");
      }
    }
  }
  const std::set<std::string_view> others(mismatch.begin(), mismatch.end());
  for (size_t i = 0; i < match.size(); ++i) {
    if (others.contains(match[i]))
      errors.invalid(at.index(i), match[i], "exists in both matchLabelKeys and mismatchLabelKeys");
  }
}

void checkAffinityTerm(const v1::PodAffinityTerm& term, const FieldPath& path,
                       FieldErrors& errors) {
  if (term.labelSelector)
    validateLabelSelector(*term.labelSelector, path.child("labelSelector"), errors);
  if (term.namespaceSelector)
    validateLabelSelector(*term.namespaceSelector, path.child("namespaceSelector"), errors);
  for (const auto& name : term.namespaces) {
    errors.invalidEach(path.child("namespace"), name, api::validateDns1123Label(name));
  }
  checkMatchKeys(term.matchLabelKeys, term.mismatchLabelKeys, term.labelSelector.get(), path,
                 errors);
  if (term.topologyKey.empty()) errors.required(path.child("topologyKey"), kCannotBeEmpty);
  errors.invalidEach(path.child("topologyKey"), term.topologyKey,
                     api::validateLabelKey(term.topologyKey));
}

/// PodAffinity and PodAntiAffinity.
template <typename A>
void checkPodAffinity(const A& affinity, const FieldPath& path, FieldErrors& errors) {
  const auto required = path.child("requiredDuringSchedulingIgnoredDuringExecution");
  for (size_t i = 0; i < affinity.requiredDuringSchedulingIgnoredDuringExecution.size(); ++i) {
    checkAffinityTerm(affinity.requiredDuringSchedulingIgnoredDuringExecution[i], required.index(i),
                      errors);
  }
  const auto preferred = path.child("preferredDuringSchedulingIgnoredDuringExecution");
  for (size_t i = 0; i < affinity.preferredDuringSchedulingIgnoredDuringExecution.size(); ++i) {
    const auto& term = affinity.preferredDuringSchedulingIgnoredDuringExecution[i];
    const auto at = preferred.index(i);
    if (term.weight < 1 || term.weight > 100)
      errors.invalid(at.child("weight"), term.weight, "must be in the range 1-100");
    checkAffinityTerm(term.podAffinityTerm, at.child("podAffinityTerm"), errors);
  }
}

void checkToleration(const v1::Toleration& toleration, const FieldPath& path, FieldErrors& errors) {
  if (!toleration.key.empty()) {
    errors.invalidEach(path.child("key"), toleration.key, api::validateLabelKey(toleration.key));
  }
  const auto op = path.child("operator");
  if (toleration.key.empty() && toleration.operator_ != "Exists") {
    errors.invalid(op, toleration.operator_,
                   "operator must be Exists when `key` is empty, which means \"match all values "
                   "and all keys\"");
  }
  if (toleration.tolerationSeconds && toleration.effect != "NoExecute") {
    errors.invalid(path.child("effect"), toleration.effect,
                   "effect must be 'NoExecute' when `tolerationSeconds` is set");
  }
  if (toleration.operator_.empty() || toleration.operator_ == "Equal") {
    checkTaintValue(toleration.value, op, errors);
  } else if (toleration.operator_ == "Exists") {
    if (!toleration.value.empty())
      errors.invalid(op, toleration.value, "value must be empty when `operator` is 'Exists'");
  } else {
    errors.notSupported(op, toleration.operator_, {"Equal", "Exists"});
  }
  if (!toleration.effect.empty() && toleration.effect != "NoSchedule" &&
      toleration.effect != "PreferNoSchedule" && toleration.effect != "NoExecute") {
    errors.notSupported(path.child("effect"), toleration.effect,
                        {"NoSchedule", "PreferNoSchedule", "NoExecute"});
  }
}

}  // namespace

void validateLabels(const api::Map<std::string>& labels, const FieldPath& path,
                    FieldErrors& errors) {
  for (const auto& [key, value] : labels) {
    errors.invalidEach(path, key, api::validateLabelKey(key));
    errors.invalidEach(path, value, api::validateLabelValue(value));
  }
}

void validateAnnotations(const api::Map<std::string>& annotations, const FieldPath& path,
                         FieldErrors& errors) {
  size_t total = 0;
  for (const auto& [key, value] : annotations) {
    errors.invalidEach(path, key, api::validateQualifiedName(lowerCase(key)));
    total += key.size() + value.size();
  }
  if (total > kAnnotationsMaxBytes) errors.tooLong(path, kAnnotationsMaxBytes);
}

void validateLabelSelector(const api::meta::v1::LabelSelector& selector, const FieldPath& path,
                           FieldErrors& errors) {
  validateLabels(selector.matchLabels, path.child("matchLabels"), errors);
  for (size_t i = 0; i < selector.matchExpressions.size(); ++i) {
    const auto& expression = selector.matchExpressions[i];
    const auto at = path.child("matchExpressions").index(i);
    const auto values = at.child("values");
    if (expression.operator_ == "In" || expression.operator_ == "NotIn") {
      if (expression.values.empty())
        errors.required(values, "must be specified when `operator` is 'In' or 'NotIn'");
    } else if (expression.operator_ == "Exists" || expression.operator_ == "DoesNotExist") {
      if (!expression.values.empty())
        errors.forbidden(values,
                         "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
    } else {
      errors.invalid(at.child("operator"), expression.operator_, kBadOperator);
    }
    errors.invalidEach(at.child("key"), expression.key, api::validateLabelKey(expression.key));
    for (size_t v = 0; v < expression.values.size(); ++v) {
      errors.invalidEach(values.index(v), expression.values[v],
                         api::validateLabelValue(expression.values[v]));
    }
  }
}

void checkTaintValue(std::string_view value, const FieldPath& path, FieldErrors& errors) {
  const auto messages = api::validateLabelValue(value);
  if (messages.empty()) return;
  std::string all;
  for (const auto& each : messages) all.append(all.empty() ? "" : ";").append(each);
  errors.invalid(path, value, all);
}

void validateNodeSelectorTerm(const v1::NodeSelectorTerm& term, const FieldPath& path,
                              FieldErrors& errors, bool anyValue) {
  const auto expressions = path.child("matchExpressions");
  for (size_t i = 0; i < term.matchExpressions.size(); ++i) {
    checkNodeRequirement(term.matchExpressions[i], anyValue, expressions.index(i), errors);
  }
  for (size_t i = 0; i < term.matchFields.size(); ++i) {
    checkFieldRequirement(term.matchFields[i], path.child("matchFields").index(i), errors);
  }
}

void validateNodeSelector(const v1::NodeSelector& selector, const FieldPath& path,
                          FieldErrors& errors) {
  const auto terms = path.child("nodeSelectorTerms");
  if (selector.nodeSelectorTerms.empty()) {
    errors.required(terms, "must have at least one node selector term");
  }
  for (size_t i = 0; i < selector.nodeSelectorTerms.size(); ++i) {
    validateNodeSelectorTerm(selector.nodeSelectorTerms[i], terms.index(i), errors);
  }
}

void validateAffinity(const v1::Affinity& affinity, const FieldPath& path, FieldErrors& errors) {
  if (const auto& node = affinity.nodeAffinity) {
    const auto at = path.child("nodeAffinity");
    if (node->requiredDuringSchedulingIgnoredDuringExecution) {
      validateNodeSelector(*node->requiredDuringSchedulingIgnoredDuringExecution,
                           at.child("requiredDuringSchedulingIgnoredDuringExecution"), errors);
    }
    const auto preferred = at.child("preferredDuringSchedulingIgnoredDuringExecution");
    for (size_t i = 0; i < node->preferredDuringSchedulingIgnoredDuringExecution.size(); ++i) {
      const auto& term = node->preferredDuringSchedulingIgnoredDuringExecution[i];
      const auto entry = preferred.index(i);
      if (term.weight <= 0 || term.weight > 100)
        errors.invalid(entry.child("weight"), term.weight, "must be in the range 1-100");
      validateNodeSelectorTerm(term.preference, entry.child("preference"), errors, true);
    }
  }
  if (affinity.podAffinity)
    checkPodAffinity(*affinity.podAffinity, path.child("podAffinity"), errors);
  if (affinity.podAntiAffinity)
    checkPodAffinity(*affinity.podAntiAffinity, path.child("podAntiAffinity"), errors);
}

void validateTolerations(const std::vector<v1::Toleration>& tolerations, const FieldPath& path,
                         FieldErrors& errors) {
  for (size_t i = 0; i < tolerations.size(); ++i) {
    checkToleration(tolerations[i], path.index(i), errors);
  }
}

namespace pods {

void checkTopologySpread(const std::vector<v1::TopologySpreadConstraint>& constraints,
                         const FieldPath& path, FieldErrors& errors) {
  for (size_t i = 0; i < constraints.size(); ++i) {
    const auto& c = constraints[i];
    const auto at = path.index(i);
    if (c.maxSkew <= 0) errors.invalid(at.child("maxSkew"), c.maxSkew, "must be greater than zero");
    if (c.topologyKey.empty()) errors.required(at.child("topologyKey"), kCannotBeEmpty);
    const bool strict = c.whenUnsatisfiable == "DoNotSchedule";
    if (!strict && c.whenUnsatisfiable != "ScheduleAnyway") {
      errors.notSupported(at.child("whenUnsatisfiable"), c.whenUnsatisfiable,
                          {"DoNotSchedule", "ScheduleAnyway"});
    }
    for (size_t j = i + 1; j < constraints.size(); ++j) {
      if (constraints[j].topologyKey == c.topologyKey &&
          constraints[j].whenUnsatisfiable == c.whenUnsatisfiable) {
        errors.duplicate(at.child("{topologyKey, whenUnsatisfiable}"),
                         "{" + c.topologyKey + ", " + c.whenUnsatisfiable + "}");
        break;
      }
    }
    if (c.minDomains) {
      const auto min = at.child("minDomains");
      if (*c.minDomains <= 0) errors.invalid(min, *c.minDomains, "must be greater than zero");
      if (!strict) {
        errors.invalid(min, *c.minDomains,
                       "can only use minDomains if whenUnsatisfiable=DoNotSchedule, not " +
                           c.whenUnsatisfiable);
      }
    }
    const auto policy = [&](const std::optional<std::string>& value, std::string_view name) {
      if (value && *value != "Honor" && *value != "Ignore")
        errors.notSupported(at.child(name), *value, {"Honor", "Ignore"});
    };
    policy(c.nodeAffinityPolicy, "nodeAffinityPolicy");
    policy(c.nodeTaintsPolicy, "nodeTaintsPolicy");
    checkMatchKeys(c.matchLabelKeys, {}, c.labelSelector.get(), at, errors);
    if (c.labelSelector) validateLabelSelector(*c.labelSelector, at.child("labelSelector"), errors);
  }
}

}  // namespace pods

}  // namespace coxswain::apiserver
