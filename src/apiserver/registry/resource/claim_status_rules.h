#pragma once

#include "api/gen/resource_v1.h"
#include "api/names/field_error.h"

namespace coxswain::apiserver {

/// Rules of an update of a claim's status: what was allocated stays as it is until it goes; only
/// allocated devices have a status; nobody reserves what is not allocated.
void checkClaimStatus(const api::resource::v1::ResourceClaim& next,
                      const api::resource::v1::ResourceClaim& current, api::FieldErrors& errors);

/// Takes the statuses of devices away that `current` had allocated and `next` has not.
void dropDeallocatedDevices(api::resource::v1::ResourceClaim& next,
                            const api::resource::v1::ResourceClaim& current);

}  // namespace coxswain::apiserver
