#include "apiserver/reviews/access.h"

#include "api/codec/json.h"
#include "api/names/field_error.h"

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
}

/// Spec has resourceAttributes and nonResourceAttributes.
template <typename Spec>
void checkAttributes(const Spec& spec, FieldErrors& errors) {
  const FieldPath path("spec");
  if (spec.resourceAttributes && spec.nonResourceAttributes) {
    const auto& other = *spec.nonResourceAttributes;
    std::string text = "{\"Path\":";
    api::appendJsonQuoted(text, other.path);
    text += ",\"Verb\":";
    api::appendJsonQuoted(text, other.verb);
    text += "}";
    errors.invalid(path.child("nonResourceAttributes"), api::FieldValue::json(std::move(text)),
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

std::string joined(const std::vector<std::string>& values) {
  std::string text;
  for (const auto& value : values) text += (text.empty() ? "" : ",") + value;
  return text;
}

/// The selector's text. Where a requirement is none that such selectors have, `failure` says so and
/// it is left out: the answer is then for more than was asked.
std::string fieldSelectorText(const ResourceAttributes& attributes, std::string& failure) {
  if (!attributes.fieldSelector) return {};
  const auto& selector = *attributes.fieldSelector;
  if (!selector.rawSelector.empty()) return selector.rawSelector;
  std::string text;
  for (const auto& one : selector.requirements) {
    const bool equals = one.operator_ == "In";
    if ((!equals && one.operator_ != "NotIn") || one.values.size() != 1) {
      failure = "fieldSelector requirement of \"" + one.key + "\" cannot be expressed";
      continue;
    }
    std::string value;
    for (char c : one.values.front()) {
      if (c == ',' || c == '=' || c == '\\') value += '\\';
      value += c;
    }
    text += (text.empty() ? "" : ",") + one.key + (equals ? "=" : "!=") + value;
  }
  return text;
}

std::string labelSelectorText(const ResourceAttributes& attributes) {
  if (!attributes.labelSelector) return {};
  const auto& selector = *attributes.labelSelector;
  if (!selector.rawSelector.empty()) return selector.rawSelector;
  std::string text;
  for (const auto& one : selector.requirements) {
    if (!text.empty()) text += ",";
    if (one.operator_ == "In") text += one.key + " in (" + joined(one.values) + ")";
    if (one.operator_ == "NotIn") text += one.key + " notin (" + joined(one.values) + ")";
    if (one.operator_ == "Exists") text += one.key;
    if (one.operator_ == "DoesNotExist") text += "!" + one.key;
  }
  return text;
}

template <typename Spec>
Task<SubjectAccessReviewStatus> decideSpec(const Authorizer& authorizer, const UserInfo& user,
                                           const Spec& spec) {
  RequestInfo info;
  std::string fields;
  std::string labels;
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
    fields = fieldSelectorText(attributes, status.evaluationError);
    labels = labelSelectorText(attributes);
  } else {
    info.path = spec.nonResourceAttributes->path;
    info.verb = spec.nonResourceAttributes->verb;
  }
  Attributes attributes{user, info, fields, labels, true, false};
  auto verdict = co_await authorizeOrAsk(authorizer, attributes, {});
  status.allowed = verdict.allowed();
  status.denied = verdict.decision == Decision::Deny;
  status.reason = std::move(verdict.reason);
  if (!verdict.failure.empty()) status.evaluationError = std::move(verdict.failure);
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
    errors.invalid(path.child("nonResourceAttributes"),
                   api::FieldValue::json(api::encodeJson(*spec.nonResourceAttributes)),
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
