#pragma once

#include <string>
#include <string_view>

#include "api/gen/resource_v1.h"
#include "api/names/field_error.h"
#include "api/names/field_path.h"

namespace coxswain::apiserver {

// Defaults and rules of device claims, for claims, their templates and device classes. CEL
// expressions are checked for their length alone: see README.md of the registry.

void setDeviceClaimDefaults(api::resource::v1::DeviceClaim& claim);
void checkDeviceClaim(const api::resource::v1::DeviceClaim& claim, const api::FieldPath& path,
                      api::FieldErrors& errors);

/// `stored`: the same selectors were accepted before.
void checkDeviceSelectors(const std::vector<api::resource::v1::DeviceSelector>& selectors,
                          bool stored, const api::FieldPath& path, api::FieldErrors& errors);
void checkDeviceConfiguration(const api::resource::v1::DeviceConfiguration& config, bool stored,
                              const api::FieldPath& path, api::FieldErrors& errors);

/// Is it "request" or "request/subrequest" of the claim?
bool namesRequest(const api::resource::v1::DeviceClaim& claim, std::string_view name);
/// Tells where it is not, or is not even a name.
void checkRequestReference(const api::resource::v1::DeviceClaim& claim, std::string_view name,
                           const api::FieldPath& path, api::FieldErrors& errors);
/// A list of such references: at most 32, each once.
void checkRequestReferences(const api::resource::v1::DeviceClaim& claim,
                            const std::vector<std::string>& names, const api::FieldPath& path,
                            api::FieldErrors& errors);

inline constexpr size_t kDeviceConfigMax = 32;

}  // namespace coxswain::apiserver
