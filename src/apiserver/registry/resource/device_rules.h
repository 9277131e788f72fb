#pragma once

#include "api/gen/resource_v1.h"
#include "api/names/field_error.h"
#include "api/names/field_path.h"

namespace coxswain::apiserver {

/// Rules of a device in a slice. `current`: the device of that name before the update, or null;
/// what is as it was in it is not checked again. `choosesNode`: each device of the slice says where
/// it is (perDeviceNodeSelection).
void checkDevice(const api::resource::v1::Device& device, const api::resource::v1::Device* current,
                 bool choosesNode, const api::FieldPath& path, api::FieldErrors& errors);

/// A map of counters: named by labels, at most 32.
void checkCounters(const api::Map<api::resource::v1::Counter>& counters, const api::FieldPath& path,
                   api::FieldErrors& errors);

}  // namespace coxswain::apiserver
