#pragma once

#include "api/reflect/object.h"
#include "apiserver/generic/request_context.h"

namespace coxswain::api::core::v1 {
struct PodTemplateSpec;
}

namespace coxswain::apiserver {

/// Is it about a kind that makes pods from a template (deployments, jobs...)?
bool makesPods(const RequestInfo& info);
/// The template of such an object. Null: it has none, or is of another kind.
const api::core::v1::PodTemplateSpec* podTemplateOf(const api::Object& object);

}  // namespace coxswain::apiserver
