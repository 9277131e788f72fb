#pragma once

#include "api/gen/autoscaling_v1.h"
#include "api/reflect/object.h"
#include "base/result.h"

namespace coxswain::apiserver {

// The /scale subresource: autoscaling/v1 Scale as a view of Deployments, ReplicaSets, StatefulSets
// and ReplicationControllers.

/// InternalError for other kinds.
Result<api::autoscaling::v1::Scale> scaleOf(const api::MessageInfo& info, const void* object);
/// Sets the wanted number, and the version and uid that the client expects. Invalid for a negative
/// number.
Status applyScale(const api::autoscaling::v1::Scale& scale, api::Object& object);

}  // namespace coxswain::apiserver
