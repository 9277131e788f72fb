#pragma once

#include "api/gen/resource_v1.h"
#include "api/names/field_error.h"
#include "api/names/field_path.h"

namespace coxswain::apiserver {

/// How parts of a capacity may be requested: a list of amounts in order, or a range with steps;
/// the default amount must be one of them.
void checkRequestPolicy(const api::Quantity& capacity,
                        const api::resource::v1::CapacityRequestPolicy& policy,
                        const api::FieldPath& path, api::FieldErrors& errors);

}  // namespace coxswain::apiserver
