#include "apiserver/reviews/access.h"

#include "api/codec/json.h"
#include "api/gen/meta_v1.h"
#include "api/names/field_error.h"
#include "api/names/names.h"
#include "api/select/fields.h"
#include "api/select/labels.h"

namespace coxswain::apiserver {
namespace {

using namespace api::authorization::v1;  // NOLINT
using api::FieldErrors;
using api::FieldPath;
using api::meta::v1::ObjectMeta;

void checkMetadata(const ObjectMeta& metadata, FieldErrors& errors) {
  auto rest = metadata;
  rest.managedFields.clear();
  if (rest == ObjectMeta()) return;
  errors.invalid(FieldPath("metadata"), api::FieldValue::json(api::encodeJson(metadata)),
                 "must be empty");
}

/// Operators that nobody knows yet are let through: whoever decides cannot use them.
template <typename Requirement>
void checkRequirement(const Requirement& one, const FieldPath& path, FieldErrors& errors) {
  if (one.operator_ == "In" || one.operator_ == "NotIn") {
    if (one.values.empty()) {
      errors.required(path.child("values"), "must be specified when `operator` is 'In' or 'NotIn'");
    }
  } else if (one.operator_ == "Exists" || one.operator_ == "DoesNotExist") {
    if (!one.values.empty()) {
      errors.forbidden(path.child("values"),
                       "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
    }
  }
}

void checkKey(const api::meta::v1::FieldSelectorRequirement& one, const FieldPath& path,
              FieldErrors& errors) {
  if (one.key.empty()) errors.required(path.child("key"), "must be specified");
}
void checkKey(const api::meta::v1::LabelSelectorRequirement& one, const FieldPath& path,
              FieldErrors& errors) {
  for (auto& why : api::validateQualifiedName(one.key)) {
    errors.invalid(path.child("key"), one.key, why);
  }
}

template <typename Selector>
void checkSelector(const Selector& selector, const FieldPath& path, FieldErrors& errors) {
  if (!selector) return;
  if (!selector->rawSelector.empty() && !selector->requirements.empty()) {
    errors.invalid(path.child("rawSelector"), selector->rawSelector,
                   "may not specified at the same time as requirements");
  } else if (selector->rawSelector.empty() && selector->requirements.empty()) {
    errors.required(
        path.child("requirements"),
        "when " + path.str() + " is specified, requirements or rawSelector is required");
  }
  const auto requirements = path.child("requirements");
  for (size_t i = 0; i < selector->requirements.size(); ++i) {
    const auto& one = selector->requirements[i];
    const auto at = requirements.index(i);
    checkRequirement(one, at, errors);
    checkKey(one, at, errors);
  }
}

/// As upstream's internal type prints them.
template <typename Attributes>
api::FieldValue shown(const Attributes& attributes) {
  std::string text = "{\"Path\":";
  api::appendJsonQuoted(text, attributes.path);
  text += ",\"Verb\":";
  api::appendJsonQuoted(text, attributes.verb);
  return api::FieldValue::json(text + "}");
}

/// Spec has resourceAttributes and nonResourceAttributes.
template <typename Spec>
void checkAttributes(const Spec& spec, FieldErrors& errors) {
  const FieldPath path("spec");
  if (spec.resourceAttributes && spec.nonResourceAttributes) {
    errors.invalid(path.child("nonResourceAttributes"), shown(*spec.nonResourceAttributes),
                   "cannot be specified in combination with resourceAttributes");
  }
  if (!spec.resourceAttributes && !spec.nonResourceAttributes) {
    errors.invalid(path.child("resourceAttributes"), nullptr,
                   "exactly one of nonResourceAttributes or resourceAttributes must be specified");
  }
  if (spec.resourceAttributes) {
    const auto resource = path.child("resourceAttributes");
    checkSelector(spec.resourceAttributes->fieldSelector, resource.child("fieldSelector"), errors);
    checkSelector(spec.resourceAttributes->labelSelector, resource.child("labelSelector"), errors);
  }
}

Status toStatus(const FieldErrors& errors) {
  // Upstream names no kind here.
  return errors.empty() ? Status() : errors.toStatus(".authorization.k8s.io", "");
}

/// What a selector asks for as a text that authorizers read. A question narrowed by what they
/// cannot use is asked without that: they may then only refuse what they would have allowed.
struct SelectorText {
  std::string text;
  bool dropped = false;  ///< some of it, or all
  /// For people; empty: nothing was dropped.
  [[nodiscard]] std::string failure(const char* name) const {
    if (!dropped) return {};
    return std::string("spec.resourceAttributes.") + name +
           (text.empty() ? " ignored due to parse error" : " partially ignored due to parse error");
  }
  void add(const std::string& term) { text += (text.empty() ? "" : ",") + term; }
};

SelectorText fieldSelectorText(const ResourceAttributes& attributes) {
  SelectorText out;
  if (!attributes.fieldSelector) return out;
  const auto& selector = *attributes.fieldSelector;
  if (!selector.rawSelector.empty()) {
    out.dropped = !api::FieldSelector::parse(selector.rawSelector).ok();
    if (!out.dropped) out.text = selector.rawSelector;
    return out;
  }
  for (const auto& one : selector.requirements) {
    const bool equals = one.operator_ == "In";
    if ((!equals && one.operator_ != "NotIn") || one.values.size() != 1) {
      out.dropped = true;
      continue;
    }
    std::string value;
    for (char c : one.values.front()) {
      if (c == ',' || c == '=' || c == '\\') value += '\\';
      value += c;
    }
    out.add(one.key + (equals ? "=" : "!=") + value);
  }
  return out;
}

std::string joined(const std::vector<std::string>& values) {
  std::string text;
  for (const auto& value : values) text += (text.empty() ? "" : ",") + value;
  return text;
}

SelectorText labelSelectorText(const ResourceAttributes& attributes) {
  SelectorText out;
  if (!attributes.labelSelector) return out;
  const auto& selector = *attributes.labelSelector;
  if (!selector.rawSelector.empty()) {
    out.dropped = !api::LabelSelector::parse(selector.rawSelector).ok();
    if (!out.dropped) out.text = selector.rawSelector;
    return out;
  }
  for (const auto& one : selector.requirements) {
    std::string term;
    if (one.operator_ == "In") term = one.key + " in (" + joined(one.values) + ")";
    if (one.operator_ == "NotIn") term = one.key + " notin (" + joined(one.values) + ")";
    if (one.operator_ == "Exists") term = one.key;
    if (one.operator_ == "DoesNotExist") term = "!" + one.key;
    if (term.empty() || !api::LabelSelector::parse(term).ok()) {
      out.dropped = true;
    } else {
      out.add(term);
    }
  }
  return out;
}

template <typename Spec>
Task<SubjectAccessReviewStatus> decideSpec(const Authorizer& authorizer, const UserInfo& user,
                                           const Spec& spec) {
  RequestInfo info;
  SelectorText fields;
  SelectorText labels;
  SubjectAccessReviewStatus status;
  if (spec.resourceAttributes) {
    const auto& attributes = *spec.resourceAttributes;
    info.isResource = true;
    info.verb = attributes.verb;
    info.group = attributes.group;
    info.version = attributes.version.empty() ? "*" : attributes.version;
    info.resource = attributes.resource;
    info.subresource = attributes.subresource;
    info.ns = attributes.namespace_;
    info.name = attributes.name;
    fields = fieldSelectorText(attributes);
    labels = labelSelectorText(attributes);
  } else {
    info.path = spec.nonResourceAttributes->path;
    info.verb = spec.nonResourceAttributes->verb;
  }
  Attributes attributes{user, info, fields.text, labels.text, true, false};
  auto verdict = co_await authorizeOrAsk(authorizer, attributes, {});
  status.allowed = verdict.allowed();
  status.denied = verdict.decision == Decision::Deny;
  status.reason = std::move(verdict.reason);
  for (const auto& failure :
       {verdict.failure, fields.failure("fieldSelector"), labels.failure("labelSelector")}) {
    auto& all = status.evaluationError;
    if (!failure.empty()) all += (all.empty() ? "" : "; ") + failure;
  }
  co_return status;
}

void checkSubject(const SubjectAccessReviewSpec& spec, FieldErrors& errors) {
  if (!spec.user.empty() || !spec.groups.empty()) return;
  errors.invalid(FieldPath("spec").child("user"), spec.user,
                 "at least one of user or group must be specified");
}

}  // namespace

Status checkSelfReview(const ObjectMeta& metadata, const SelfSubjectAccessReviewSpec& spec) {
  FieldErrors errors;
  checkAttributes(spec, errors);
  checkMetadata(metadata, errors);
  return toStatus(errors);
}

Status checkSubjectReview(const ObjectMeta& metadata, const SubjectAccessReviewSpec& spec) {
  FieldErrors errors;
  checkAttributes(spec, errors);
  checkSubject(spec, errors);
  checkMetadata(metadata, errors);
  return toStatus(errors);
}

Status checkLocalReview(const ObjectMeta& metadata, const SubjectAccessReviewSpec& spec,
                        std::string_view ns) {
  FieldErrors errors;
  checkAttributes(spec, errors);
  checkSubject(spec, errors);
  auto rest = metadata;
  rest.namespace_.clear();
  checkMetadata(rest, errors);
  const FieldPath path("spec");
  if (spec.resourceAttributes && spec.resourceAttributes->namespace_ != ns) {
    const auto resource = path.child("resourceAttributes");
    errors.invalid(resource.child("namespace"), spec.resourceAttributes->namespace_,
                   "must match metadata.namespace");
  }
  if (spec.nonResourceAttributes) {
    errors.invalid(path.child("nonResourceAttributes"), shown(*spec.nonResourceAttributes),
                   "disallowed on this kind of request");
  }
  return toStatus(errors);
}

UserInfo subjectOf(const SubjectAccessReviewSpec& spec) {
  UserInfo user{spec.user, spec.uid, spec.groups, {}};
  for (const auto& [key, values] : spec.extra) user.extra[key] = values;
  return user;
}

Task<SubjectAccessReviewStatus> decide(const Authorizer& authorizer, const UserInfo& user,
                                       const SubjectAccessReviewSpec& spec) {
  return decideSpec(authorizer, user, spec);
}

Task<SubjectAccessReviewStatus> decide(const Authorizer& authorizer, const UserInfo& user,
                                       const SelfSubjectAccessReviewSpec& spec) {
  return decideSpec(authorizer, user, spec);
}

void appendRule(const api::rbac::v1::PolicyRule& rule, SubjectRulesReviewStatus& to) {
  if (!rule.nonResourceURLs.empty()) {
    auto& paths = to.nonResourceRules.emplace_back();
    paths.verbs = rule.verbs;
    paths.nonResourceURLs = rule.nonResourceURLs;
    return;
  }
  auto& resources = to.resourceRules.emplace_back();
  resources.verbs = rule.verbs;
  resources.apiGroups = rule.apiGroups;
  resources.resources = rule.resources;
  resources.resourceNames = rule.resourceNames;
}

}  // namespace coxswain::apiserver
