#include "apiserver/registry/rules.h"

#include <algorithm>
#include <set>

#include "api/gen/meta_v1.h"
#include "api/names/ip.h"
#include "api/names/names.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;

namespace {

bool isReason(std::string_view text) {
  const auto isLetter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto isWord = [&](char c) { return isLetter(c) || (c >= '0' && c <= '9') || c == '_'; };
  if (text.empty() || !isLetter(text.front()) || !isWord(text.back())) return false;
  return std::all_of(text.begin(), text.end(),
                     [&](char c) { return isWord(c) || c == ',' || c == ':'; });
}

}  // namespace

std::vector<std::string> labelNameRule(std::string_view name, bool prefix) {
  return api::validateDns1123Label(prefix ? api::maskTrailingDash(name) : std::string(name));
}

std::vector<std::string> pathSegmentNameRule(std::string_view name, bool prefix) {
  return prefix ? api::validatePathSegmentPrefix(name) : api::validatePathSegmentName(name);
}

void checkPositiveIntOrPercent(const api::IntOrString& value, const FieldPath& path,
                               FieldErrors& errors) {
  if (value.isString()) {
    errors.invalidEach(path, value, api::validatePercent(value.strVal));
  } else {
    checkNonNegative(value.intVal, path, errors);
  }
}

int intOrPercentValue(const api::IntOrString& value) {
  if (!value.isString()) return value.intVal;
  auto percent = api::parsePercent(value.strVal);
  return percent.ok() ? *percent : 0;
}

void checkAtMostHundredPercent(const api::IntOrString& value, const FieldPath& path,
                               FieldErrors& errors) {
  if (value.isString() && intOrPercentValue(value) > 100) {
    errors.invalid(path, value, "must not be greater than 100%");
  }
}

void checkOrdinaryIp(std::string_view text, const FieldPath& path, FieldErrors& errors) {
  const auto ip = api::parseIpSloppy(text);
  if (!ip) {
    errors.invalid(path, text, "must be a valid IP address");
    return;
  }
  if (ip->isUnspecified()) {
    errors.invalid(path, text, "may not be unspecified (" + std::string(text) + ")");
  }
  if (ip->isLoopback()) {
    errors.invalid(path, text, "may not be in the loopback range (127.0.0.0/8, ::1/128)");
  }
  if (ip->isLinkLocalUnicast()) {
    errors.invalid(path, text, "may not be in the link-local range (169.254.0.0/16, fe80::/10)");
  }
  if (ip->isLinkLocalMulticast()) {
    errors.invalid(path, text,
                   "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)");
  }
}

void checkDns1123Subdomain(std::string_view value, const FieldPath& path, FieldErrors& errors) {
  errors.invalidEach(path, value, api::validateDns1123Subdomain(value));
}
void checkDns1123Label(std::string_view value, const FieldPath& path, FieldErrors& errors) {
  errors.invalidEach(path, value, api::validateDns1123Label(value));
}
void checkQualifiedName(std::string_view value, const FieldPath& path, FieldErrors& errors) {
  errors.invalidEach(path, value, api::validateQualifiedName(value));
}

bool requireText(std::string_view value, const FieldPath& path, FieldErrors& errors,
                 std::string_view detail) {
  if (!value.empty()) return false;
  errors.required(path, detail);
  return true;
}

void keepMetadata(api::meta::v1::ObjectMeta& next, const api::meta::v1::ObjectMeta& current) {
  auto kept = current;
  kept.managedFields = std::move(next.managedFields);
  kept.resourceVersion = std::move(next.resourceVersion);
  next = std::move(kept);
}

void validateConditions(const std::vector<api::meta::v1::Condition>& conditions,
                        const FieldPath& path, FieldErrors& errors) {
  std::set<std::string_view> types;
  for (size_t i = 0; i < conditions.size(); ++i) {
    const auto& c = conditions[i];
    const auto at = path.index(i);
    if (!types.insert(c.type).second) errors.duplicate(at.child("type"), c.type);
    if (!requireText(c.type, at.child("type"), errors, "must be set")) {
      checkQualifiedName(c.type, at.child("type"), errors);
    }
    if (c.status != "True" && c.status != "False" && c.status != "Unknown") {
      errors.notSupported(at.child("status"), c.status, {"False", "True", "Unknown"});
    }
    if (c.observedGeneration < 0) {
      errors.invalid(at.child("observedGeneration"), c.observedGeneration,
                     "must be greater than or equal to zero");
    }
    if (c.lastTransitionTime.isZero()) {
      errors.required(at.child("lastTransitionTime"), "must be set");
    }
    if (!requireText(c.reason, at.child("reason"), errors, "must be set")) {
      if (!isReason(c.reason)) {
        errors.invalid(at.child("reason"), c.reason,
                       api::regexMessage(
                           "a condition reason must start with alphabetic character, "
                           "optionally followed by a string of alphanumeric "
                           "characters or '_,:', and must end with an alphanumeric "
                           "character or '_'",
                           "[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?",
                           {"my_name", "MY_NAME", "MyName", "ReasonA,ReasonB", "ReasonA:ReasonB"}));
      }
      if (c.reason.size() > 1024) errors.tooLong(at.child("reason"), 1024);
    }
    if (c.message.size() > 32768) errors.tooLong(at.child("message"), 32768);
  }
}

void checkOneOf(std::string_view value, std::initializer_list<std::string_view> supported,
                const FieldPath& path, FieldErrors& errors) {
  if (requireText(value, path, errors)) return;
  if (std::find(supported.begin(), supported.end(), value) == supported.end()) {
    errors.notSupported(path, value, supported);
  }
}

}  // namespace coxswain::apiserver
