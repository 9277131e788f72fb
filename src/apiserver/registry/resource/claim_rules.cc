#include "apiserver/registry/resource/claim_rules.h"

#include <algorithm>

#include "apiserver/registry/resource/names.h"
#include "apiserver/registry/rules.h"
#include "apiserver/registry/storage/csi_names.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::resource::v1::DeviceClaim;
using api::resource::v1::DeviceConfiguration;
using api::resource::v1::DeviceConstraint;
using api::resource::v1::DeviceRequest;
using api::resource::v1::DeviceSelector;
using api::resource::v1::DeviceToleration;

namespace {

constexpr size_t kRequestsMax = 32;
constexpr size_t kConstraintsMax = 32;
constexpr size_t kSelectorsMax = 32;
constexpr size_t kAlternativesMax = 8;
constexpr size_t kExpressionMax = 10 * 1024;
constexpr size_t kParametersMax = 10 * 1024;
constexpr std::string_view kExactCount = "ExactCount";

void setTolerationDefaults(std::vector<DeviceToleration>& tolerations) {
  for (auto& each : tolerations) {
    if (each.operator_.empty()) each.operator_ = "Equal";
  }
}

/// Of exact requests and alternatives alike.
template <typename Request>
void setRequestDefaults(Request& request) {
  if (request.allocationMode.empty()) request.allocationMode = kExactCount;
  if (request.allocationMode == kExactCount && request.count == 0) request.count = 1;
  setTolerationDefaults(request.tolerations);
}

template <typename Request>
void checkRequestBody(const Request& request, const FieldPath& path, FieldErrors& errors) {
  const auto className = path.child("deviceClassName");
  if (!requireText(request.deviceClassName, className, errors)) {
    checkDns1123Subdomain(request.deviceClassName, className, errors);
  }
  checkDeviceSelectors(request.selectors, false, path.child("selectors"), errors);
  const auto count = path.child("count");
  if (request.allocationMode == "All") {
    if (request.count != 0) {
      errors.invalid(count, request.count, "must not be specified when allocationMode is 'All'");
    }
  } else if (request.allocationMode == kExactCount) {
    if (request.count <= 0) errors.invalid(count, request.count, "must be greater than zero");
  } else {
    errors.notSupported(path.child("allocationMode"), request.allocationMode, {"All", kExactCount});
  }
  checkTolerations(request.tolerations, path.child("tolerations"), errors);
}

void checkRequest(const DeviceRequest& request, const FieldPath& path, FieldErrors& errors) {
  checkDns1123Label(request.name, path.child("name"), errors);
  const auto& alternatives = request.firstAvailable;
  if (!request.exactly && alternatives.empty()) {
    return errors.required(path, "exactly one of `exactly` or `firstAvailable` is required");
  }
  if (request.exactly && !alternatives.empty()) {
    return errors.invalid(path, api::FieldValue(nullptr),
                          "exactly one of `exactly` or `firstAvailable` is required, but multiple "
                          "fields are set");
  }
  if (request.exactly) return checkRequestBody(*request.exactly, path.child("exactly"), errors);
  const auto list = path.child("firstAvailable");
  if (tooMany(alternatives.size(), kAlternativesMax, list, errors)) return;
  for (size_t i = 0; i < alternatives.size(); ++i) {
    const auto at = list.index(i);
    checkDns1123Label(alternatives[i].name, at.child("name"), errors);
    checkRequestBody(alternatives[i], at, errors);
  }
  checkUnique(
      alternatives, [](const auto& each) { return std::string_view(each.name); }, list, errors);
}

void checkConstraint(const DeviceClaim& claim, const DeviceConstraint& constraint,
                     const FieldPath& path, FieldErrors& errors) {
  checkRequestReferences(claim, constraint.requests, path.child("requests"), errors);
  if (constraint.matchAttribute) {
    checkFullyQualifiedId(*constraint.matchAttribute, path.child("matchAttribute"), errors);
  } else if (constraint.distinctAttribute) {
    checkFullyQualifiedId(*constraint.distinctAttribute, path.child("distinctAttribute"), errors);
  } else {
    // The end of it does not fit, as upstream.
    errors.required(path,
                    "exactly one of \"matchAttribute\" or \"distinctAttribute\" is required, but "
                    "multiple fields are set");
  }
}

}  // namespace

void setDeviceClaimDefaults(DeviceClaim& claim) {
  for (auto& request : claim.requests) {
    if (request.exactly) setRequestDefaults(*request.exactly);
    for (auto& alternative : request.firstAvailable) setRequestDefaults(alternative);
  }
}

void checkDeviceClaim(const DeviceClaim& claim, const FieldPath& path, FieldErrors& errors) {
  const auto requests = path.child("requests");
  if (!tooMany(claim.requests.size(), kRequestsMax, requests, errors)) {
    for (size_t i = 0; i < claim.requests.size(); ++i) {
      checkRequest(claim.requests[i], requests.index(i), errors);
    }
    checkUnique(
        claim.requests, [](const auto& each) { return std::string_view(each.name); }, requests,
        errors);
  }
  const auto constraints = path.child("constraints");
  if (!tooMany(claim.constraints.size(), kConstraintsMax, constraints, errors)) {
    for (size_t i = 0; i < claim.constraints.size(); ++i) {
      checkConstraint(claim, claim.constraints[i], constraints.index(i), errors);
    }
  }
  const auto config = path.child("config");
  if (tooMany(claim.config.size(), kDeviceConfigMax, config, errors)) return;
  for (size_t i = 0; i < claim.config.size(); ++i) {
    const auto at = config.index(i);
    checkRequestReferences(claim, claim.config[i].requests, at.child("requests"), errors);
    checkDeviceConfiguration(claim.config[i].deviceConfiguration, false, at, errors);
  }
}

void checkDeviceSelectors(const std::vector<DeviceSelector>& selectors, bool stored,
                          const FieldPath& path, FieldErrors& errors) {
  if (tooMany(selectors.size(), kSelectorsMax, path, errors)) return;
  for (size_t i = 0; i < selectors.size(); ++i) {
    const auto at = path.index(i).child("cel");
    if (!selectors[i].cel) {
      errors.required(at);
    } else if (!stored && selectors[i].cel->expression.size() > kExpressionMax) {
      errors.tooLong(at.child("expression"), kExpressionMax);
    }
  }
}

void checkDeviceConfiguration(const DeviceConfiguration& config, bool stored, const FieldPath& path,
                              FieldErrors& errors) {
  const auto opaque = path.child("opaque");
  if (!config.opaque) return errors.required(opaque);
  checkCsiDriverName(config.opaque->driver, opaque.child("driver"), errors);
  checkRawObject(config.opaque->parameters.raw, stored, kParametersMax, opaque.child("parameters"),
                 errors);
}

bool namesRequest(const DeviceClaim& claim, std::string_view name) {
  const auto slash = name.find('/');
  const auto found =
      std::find_if(claim.requests.begin(), claim.requests.end(),
                   [&](const auto& each) { return each.name == name.substr(0, slash); });
  if (found == claim.requests.end()) return false;
  if (slash == std::string_view::npos) return true;
  const auto& alternatives = found->firstAvailable;
  return std::any_of(alternatives.begin(), alternatives.end(),
                     [&](const auto& each) { return each.name == name.substr(slash + 1); });
}

void checkRequestReference(const DeviceClaim& claim, std::string_view name, const FieldPath& path,
                           FieldErrors& errors) {
  constexpr std::string_view kText =
      "must be the name of a request in the claim or the name of a request and a subrequest "
      "separated by '/'";
  const auto slash = name.find('/');
  if (slash != std::string_view::npos && name.find('/', slash + 1) != std::string_view::npos) {
    return errors.invalid(path, name, kText);
  }
  checkDns1123Label(name.substr(0, slash), path, errors);
  if (slash != std::string_view::npos) checkDns1123Label(name.substr(slash + 1), path, errors);
  if (!namesRequest(claim, name)) errors.invalid(path, name, kText);
}

void checkRequestReferences(const DeviceClaim& claim, const std::vector<std::string>& names,
                            const FieldPath& path, FieldErrors& errors) {
  if (tooMany(names.size(), kRequestsMax, path, errors)) return;
  for (size_t i = 0; i < names.size(); ++i) {
    checkRequestReference(claim, names[i], path.index(i), errors);
  }
  checkUnique(
      names, [](const std::string& name) { return std::string_view(name); }, path, errors);
}

}  // namespace coxswain::apiserver
