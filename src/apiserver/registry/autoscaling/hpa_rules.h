#pragma once

#include "api/names/field_error.h"

namespace coxswain::api::autoscaling::v2 {
struct HorizontalPodAutoscaler;
}

namespace coxswain::apiserver {

// What holds for autoscalers; texts are upstream's. Stateless.

/// Rules of an update that a stored object breaks already (`current`; null: a create) are not held
/// against the new one.
void validateAutoscaler(const api::autoscaling::v2::HorizontalPodAutoscaler& object,
                        const api::autoscaling::v2::HorizontalPodAutoscaler* current,
                        api::FieldErrors& errors);

}  // namespace coxswain::apiserver
