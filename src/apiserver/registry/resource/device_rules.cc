#include "apiserver/registry/resource/device_rules.h"

#include <algorithm>

#include "api/gen/core_v1.h"
#include "apiserver/registry/core/pod_internal_json.h"
#include "apiserver/registry/core/pod_spec.h"
#include "apiserver/registry/resource/names.h"
#include "apiserver/registry/resource/request_policy.h"
#include "apiserver/registry/rules.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::resource::v1::Counter;
using api::resource::v1::Device;
using api::resource::v1::DeviceAttribute;
using api::resource::v1::DeviceCapacity;
using api::resource::v1::DeviceCounterConsumption;

namespace {

constexpr size_t kAttributesMax = 32;  // with capacities
constexpr size_t kAttributeValuesMax = 48;
constexpr size_t kValueMax = 64;
constexpr size_t kKeyMax = 63 + 1 + 32;
constexpr size_t kTaintsMax = 16;
constexpr size_t kConsumptionsMax = 2;
constexpr size_t kCountersMax = 32;

bool isDigit(char c) {
  return c >= '0' && c <= '9';
}
bool isIdentifierChar(char c) {
  return isDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
}

/// A number without leading zeros; `mixed`: or any identifier with a letter or dash in it.
bool isVersionPart(std::string_view part, bool mixed) {
  if (part.empty() || !std::all_of(part.begin(), part.end(), isIdentifierChar)) return false;
  if (std::all_of(part.begin(), part.end(), isDigit)) return part.size() == 1 || part[0] != '0';
  return mixed;
}

template <typename Check>
bool allParts(std::string_view text, Check check) {
  while (true) {
    const auto dot = text.find('.');
    if (!check(text.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

/// semver.org 2.0.0: "1.2.3-rc.1+build".
bool isSemver(std::string_view text) {
  if (const auto plus = text.find('+'); plus != std::string_view::npos) {
    const bool good = allParts(text.substr(plus + 1), [](std::string_view part) {
      return !part.empty() && std::all_of(part.begin(), part.end(), isIdentifierChar);
    });
    if (!good) return false;
    text = text.substr(0, plus);
  }
  if (const auto dash = text.find('-'); dash != std::string_view::npos) {
    const bool good = allParts(text.substr(dash + 1),
                               [](std::string_view part) { return isVersionPart(part, true); });
    if (!good) return false;
    text = text.substr(0, dash);
  }
  return std::count(text.begin(), text.end(), '.') == 2 &&
         allParts(text, [](std::string_view part) { return isVersionPart(part, false); });
}

void checkString(std::string_view value, const FieldPath& path, FieldErrors& errors) {
  if (value.size() > kValueMax) errors.tooLong(path, kValueMax);
}

void checkVersion(std::string_view value, const FieldPath& path, FieldErrors& errors) {
  if (!isSemver(value)) {
    errors.invalid(path, value, "must be a string compatible with semver.org spec 2.0.0");
  }
  checkString(value, path, errors);
}

void checkAttribute(const DeviceAttribute& attribute, const FieldPath& path, FieldErrors& errors) {
  int count = 0;
  count += attribute.bool_.has_value() ? 1 : 0;
  count += attribute.int_.has_value() ? 1 : 0;
  count += attribute.string.has_value() ? 1 : 0;
  count += attribute.version.has_value() ? 1 : 0;
  count += attribute.bools.empty() ? 0 : 1;
  count += attribute.ints.empty() ? 0 : 1;
  count += attribute.strings.empty() ? 0 : 1;
  count += attribute.versions.empty() ? 0 : 1;
  if (attribute.string) checkString(*attribute.string, path.child("string"), errors);
  if (attribute.version) checkVersion(*attribute.version, path.child("version"), errors);
  const auto strings = path.child("strings");
  for (size_t i = 0; i < attribute.strings.size(); ++i) {
    checkString(attribute.strings[i], strings.index(i), errors);
  }
  const auto versions = path.child("versions");
  for (size_t i = 0; i < attribute.versions.size(); ++i) {
    checkVersion(attribute.versions[i], versions.index(i), errors);
  }
  if (count == 1) return;
  errors.invalid(path,
                 count == 0 ? api::FieldValue("") : api::FieldValue::json(internalJson(attribute)),
                 "exactly one value must be specified");
}

void checkAttributes(const Device& device, const FieldPath& path, FieldErrors& errors) {
  const size_t entries = device.attributes.size() + device.capacity.size();
  if (entries > kAttributesMax) {
    errors.invalid(path, entries,
                   "the total number of attributes and capacities must not exceed " +
                       std::to_string(kAttributesMax));
  }
  size_t values = 0;
  for (const auto& [name, each] : device.attributes) {
    const size_t listed =
        each.bools.size() + each.ints.size() + each.strings.size() + each.versions.size();
    values += std::max<size_t>(listed, 1);
  }
  if (values > kAttributeValuesMax) {
    errors.invalid(path, values,
                   "the total number of attribute values must not exceed " +
                       std::to_string(kAttributeValuesMax));
  }
  const auto at = path.child("attributes");
  for (const auto& [name, attribute] : device.attributes) {
    checkQualifiedId(name, at, errors);
    const auto shown = shownKey(name, kKeyMax);
    checkAttribute(attribute, at.key(shown), errors);
  }
}

void checkCapacities(const Device& device, const FieldPath& path, FieldErrors& errors) {
  for (const auto& [name, capacity] : device.capacity) {
    checkQualifiedId(name, path, errors);
    if (!capacity.requestPolicy) continue;
    const auto shown = shownKey(name, kKeyMax);
    const auto at = path.key(shown);
    const auto policy = at.child("requestPolicy");
    if (device.allowMultipleAllocations.value_or(false)) {
      checkRequestPolicy(capacity.value, *capacity.requestPolicy, policy, errors);
    } else {
      errors.forbidden(policy, "allowMultipleAllocations must be true");
    }
  }
}

void checkConsumptions(const std::vector<DeviceCounterConsumption>& consumptions,
                       const FieldPath& path, FieldErrors& errors) {
  if (tooMany(consumptions.size(), kConsumptionsMax, path, errors)) return;
  for (size_t i = 0; i < consumptions.size(); ++i) {
    const auto at = path.index(i);
    const auto set = at.child("counterSet");
    if (!requireText(consumptions[i].counterSet, set, errors)) {
      checkDns1123Label(consumptions[i].counterSet, set, errors);
    }
    checkCounters(consumptions[i].counters, at.child("counters"), errors);
  }
  checkUnique(
      consumptions, [](const auto& each) { return std::string_view(each.counterSet); }, path,
      errors);
}

void checkOwnNode(const Device& device, const FieldPath& path, FieldErrors& errors) {
  constexpr std::string_view kText =
      "exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when "
      "`perDeviceNodeSelection` is set to true in the ResourceSlice spec";
  std::vector<std::string_view> set;
  if (device.nodeName) {
    const auto at = path.child("nodeName");
    if (device.nodeName->empty()) {
      errors.invalid(at, *device.nodeName, "must not be empty");
    } else {
      set.emplace_back("`nodeName`");
      checkDns1123Subdomain(*device.nodeName, at, errors);
    }
  }
  if (device.nodeSelector) {
    set.emplace_back("`nodeSelector`");
    validateNodeSelector(*device.nodeSelector, path.child("nodeSelector"), errors);
  }
  if (device.allNodes) {
    if (*device.allNodes) {
      set.emplace_back("`allNodes`");
    } else {
      errors.invalid(path.child("allNodes"), false, "must be either unset or set to true");
    }
  }
  if (set.empty()) return errors.required(path, kText);
  if (set.size() == 1) return;
  std::string shown = "{";
  for (const auto& each : set) shown.append(shown.size() > 1 ? ", " : "").append(each);
  errors.invalid(path, shown + "}", kText);
}

}  // namespace

void checkCounters(const api::Map<Counter>& counters, const FieldPath& path, FieldErrors& errors) {
  if (counters.empty()) return errors.required(path);
  if (tooMany(counters.size(), kCountersMax, path, errors)) return;
  for (const auto& [name, counter] : counters) checkDns1123Label(name, path, errors);
}

void checkDevice(const Device& device, const Device* current, bool choosesNode,
                 const FieldPath& path, FieldErrors& errors) {
  checkDns1123Label(device.name, path.child("name"), errors);
  checkAttributes(device, path, errors);
  if (!current || !(current->capacity == device.capacity)) {
    checkCapacities(device, path.child("capacity"), errors);
  }
  const auto taints = path.child("taints");
  if ((!current || !(current->taints == device.taints)) &&
      !tooMany(device.taints.size(), kTaintsMax, taints, errors)) {
    for (size_t i = 0; i < device.taints.size(); ++i) {
      checkDeviceTaint(device.taints[i], taints.index(i), errors);
    }
  }
  checkConsumptions(device.consumesCounters, path.child("consumesCounters"), errors);
  if (choosesNode) {
    checkOwnNode(device, path, errors);
  } else if (device.nodeName || device.nodeSelector || device.allNodes) {
    errors.invalid(path, api::FieldValue(nullptr),
                   "`nodeName`, `nodeSelector` and `allNodes` can only be set if "
                   "`perDeviceNodeSelection` is set to true in the ResourceSlice spec");
  }
  checkBindingConditions(device.bindingConditions, device.bindingFailureConditions, path, errors);
}

}  // namespace coxswain::apiserver
