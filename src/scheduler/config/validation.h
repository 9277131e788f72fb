#pragma once

#include "api/names/field_error.h"
#include "scheduler/config/gen/kubescheduler_v1.h"
#include "scheduler/plugins/args.h"

namespace coxswain::api::core::v1 {
struct NodeAffinity;
}

namespace coxswain::scheduler::config {

// What is wrong with values, in upstream's order and words.
// Upstream: pkg/scheduler/apis/config/validation.

void validate(const v1::KubeSchedulerConfiguration& configuration, api::FieldErrors& errors);

void validate(const PreemptionOptions& args, const api::FieldPath& path, api::FieldErrors& errors);
void validate(const PodTopologySpreadArgs& args, const api::FieldPath& path,
              api::FieldErrors& errors);
void validate(const api::core::v1::NodeAffinity& affinity, const api::FieldPath& path,
              api::FieldErrors& errors);
/// `hasShape`: requestedToCapacityRatio was given.
void validate(const NodeResourcesFitArgs& args, bool hasShape, api::FieldErrors& errors);

}  // namespace coxswain::scheduler::config
