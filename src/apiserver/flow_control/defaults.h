#pragma once

#include <vector>

#include "api/gen/flowcontrol_v1.h"

namespace coxswain::apiserver::flow {

/// What every cluster has until somebody changes it: upstream's schemas and levels
/// (shared/api/apiserver.tsv, "flow schema" and "flow priority level").
std::vector<api::flowcontrol::v1::FlowSchema> defaultFlowSchemas();
std::vector<api::flowcontrol::v1::PriorityLevelConfiguration> defaultPriorityLevels();

}  // namespace coxswain::apiserver::flow
