#include "apiserver/registry/resource/names.h"

#include <algorithm>
#include <boost/json/value.hpp>

#include "api/codec/value.h"
#include "api/names/names.h"
#include "api/names/quote.h"
#include "apiserver/registry/core/json_object.h"
#include "apiserver/registry/rules.h"
#include "apiserver/registry/storage/csi_names.h"
#include "base/text.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::resource::v1::DeviceTaint;
using api::resource::v1::DeviceToleration;

namespace {

constexpr size_t kIdMax = 32;
constexpr size_t kPoolNameMax = 253;
constexpr size_t kConditionsMax = 4;

void checkId(std::string_view id, const FieldPath& path, FieldErrors& errors) {
  if (id.size() > kIdMax) errors.tooLong(path, kIdMax);
  errors.invalidEach(path, id, api::validateCIdentifier(id));
}

bool isHex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool isDashed(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !isHex(text[i])) return false;
  }
  return true;
}

/// What google/uuid says of a text; empty: it is a UUID in one of the forms it knows.
std::string uuidProblem(std::string_view uid) {
  constexpr std::string_view kFormat = "invalid UUID format";
  constexpr std::string_view kUrn = "urn:uuid:";
  constexpr size_t kDashed = 36;
  if (uid.size() == kDashed) return isDashed(uid) ? "" : std::string(kFormat);
  if (uid.size() == kDashed + kUrn.size()) {
    if (lowerCase(uid.substr(0, kUrn.size())) != kUrn) {
      return "invalid urn prefix: " + api::goQuote(uid.substr(0, kUrn.size()));
    }
    return isDashed(uid.substr(kUrn.size())) ? "" : std::string(kFormat);
  }
  if (uid.size() == kDashed + 2) {
    if (uid.front() != '{' || uid.back() != '}') return "invalid bracketed UUID format";
    return isDashed(uid.substr(1, kDashed)) ? "" : std::string(kFormat);
  }
  if (uid.size() == 32) {
    return std::all_of(uid.begin(), uid.end(), isHex) ? "" : std::string(kFormat);
  }
  return "invalid UUID length: " + std::to_string(uid.size());
}

bool isEffect(std::string_view effect) {
  return effect == "NoSchedule" || effect == "NoExecute" || effect == "None";
}

void checkEffect(std::string_view effect, const FieldPath& path, FieldErrors& errors) {
  if (!isEffect(effect)) {
    errors.notSupported(path, effect, {"NoExecute", "NoSchedule", "None"});
  }
}

void checkConditionNames(const std::vector<std::string>& names, const FieldPath& path,
                         FieldErrors& errors) {
  if (tooMany(names.size(), kConditionsMax, path, errors)) return;
  for (size_t i = 0; i < names.size(); ++i) checkQualifiedName(names[i], path.index(i), errors);
}

}  // namespace

void checkQualifiedId(std::string_view name, const FieldPath& path, FieldErrors& errors) {
  const auto slash = name.find('/');
  if (slash == std::string_view::npos) return checkId(name, path, errors);
  const auto domain = name.substr(0, slash);
  const auto id = name.substr(slash + 1);
  if (id.find('/') != std::string_view::npos) {
    return errors.invalid(path, name, "must not contain more than one slash");
  }
  if (domain.empty()) {
    errors.invalid(path, "", "the domain must not be empty");
  } else {
    checkCsiDriverName(domain, path, errors);
  }
  if (id.empty()) {
    errors.invalid(path, "", "the name must not be empty");
  } else {
    checkId(id, path, errors);
  }
}

void checkFullyQualifiedId(std::string_view name, const FieldPath& path, FieldErrors& errors) {
  checkQualifiedId(name, path, errors);
  if (name.find('/') == std::string_view::npos) {
    errors.invalid(path, name,
                   "a fully qualified name must be a domain and a name separated by a slash");
  }
}

void checkPoolName(std::string_view name, const FieldPath& path, FieldErrors& errors) {
  if (requireText(name, path, errors)) return;
  if (name.size() > kPoolNameMax) errors.tooLong(path, kPoolNameMax);
  while (true) {
    const auto slash = name.find('/');
    checkDns1123Subdomain(name.substr(0, slash), path, errors);
    if (slash == std::string_view::npos) return;
    name.remove_prefix(slash + 1);
  }
}

void checkUid(std::string_view uid, const FieldPath& path, FieldErrors& errors) {
  const auto problem = uuidProblem(uid);
  if (!problem.empty()) {
    errors.invalid(path, uid, "error validating uid: " + problem);
  } else if (uid.size() != 36 || uid != lowerCase(uid)) {
    errors.invalid(path, uid,
                   "uid must be in RFC 4122 normalized form, "
                   "`xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal characters");
  }
}

void checkTolerations(const std::vector<DeviceToleration>& tolerations, const FieldPath& path,
                      FieldErrors& errors) {
  for (size_t i = 0; i < tolerations.size(); ++i) {
    const auto& each = tolerations[i];
    const auto at = path.index(i);
    if (!each.key.empty()) checkQualifiedName(each.key, at.child("key"), errors);
    const auto value = at.child("value");
    if (each.operator_ == "Exists") {
      if (!each.value.empty()) {
        errors.invalid(value, each.value, "must be empty for operator `Exists`");
      }
    } else if (each.operator_ == "Equal") {
      errors.invalidEach(value, each.value, api::validateLabelValue(each.value));
    } else {
      checkOneOf(each.operator_, {"Equal", "Exists"}, at.child("operator"), errors);
    }
    if (!each.effect.empty()) checkEffect(each.effect, at.child("effect"), errors);
  }
}

void checkDeviceTaint(const DeviceTaint& taint, const FieldPath& path, FieldErrors& errors) {
  checkQualifiedName(taint.key, path.child("key"), errors);
  if (!taint.value.empty()) {
    errors.invalidEach(path.child("value"), taint.value, api::validateLabelValue(taint.value));
  }
  const auto effect = path.child("effect");
  if (!requireText(taint.effect, effect, errors)) checkEffect(taint.effect, effect, errors);
}

void checkBindingConditions(const std::vector<std::string>& conditions,
                            const std::vector<std::string>& failures, const FieldPath& path,
                            FieldErrors& errors) {
  const auto at = path.child("bindingConditions");
  const auto failuresAt = path.child("bindingFailureConditions");
  checkConditionNames(conditions, at, errors);
  checkConditionNames(failures, failuresAt, errors);
  const auto itself = [](const std::string& name) { return std::string_view(name); };
  checkUnique(conditions, itself, at, errors);
  checkUnique(failures, itself, failuresAt, errors);
  for (size_t i = 0; i < failures.size(); ++i) {
    if (std::find(conditions.begin(), conditions.end(), failures[i]) != conditions.end()) {
      errors.invalid(failuresAt.index(i), failures[i],
                     "bindingFailureConditions must not overlap with bindingConditions");
    }
  }
  if (conditions.empty() && !failures.empty()) {
    errors.invalid(at, api::FieldValue(nullptr),
                   "bindingConditions are required to use bindingFailureConditions");
  }
  if (failures.empty() && !conditions.empty()) {
    errors.invalid(failuresAt, api::FieldValue(nullptr),
                   "bindingFailureConditions are required to use bindingConditions");
  }
}

void checkRawObject(std::string_view raw, bool stored, size_t max, const FieldPath& path,
                    FieldErrors& errors) {
  const auto omitted = "<value omitted>";
  if (raw.empty()) return errors.required(path);
  if (!stored && raw.size() > max) return errors.tooLong(path, static_cast<int64_t>(max));
  const auto value = api::parseJsonValue(raw);
  if (!value.ok()) {
    return errors.invalid(path, omitted, "error parsing data as JSON: " + jsonObjectProblem(raw));
  }
  if (value->is_null()) return errors.required(path);
  if (!value->is_object()) errors.invalid(path, omitted, "must be a valid JSON object");
}

std::string shownKey(std::string_view key, size_t max) {
  if (key.size() <= max) return std::string(key);
  const size_t kept = max - 3;
  return std::string(key.substr(0, (kept + 1) / 2)) + "..." +
         std::string(key.substr(key.size() - kept / 2));
}

bool tooMany(size_t count, size_t max, const FieldPath& path, FieldErrors& errors) {
  if (count <= max) return false;
  errors.tooMany(path, static_cast<int64_t>(count), static_cast<int64_t>(max));
  return true;
}

}  // namespace coxswain::apiserver
