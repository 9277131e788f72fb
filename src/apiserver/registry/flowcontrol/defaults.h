#pragma once

#include "api/gen/flowcontrol_v1.h"

namespace coxswain::apiserver {

/// defaults.tsv of flowcontrol/v1. Idempotent.
void setFlowSchemaDefaults(api::flowcontrol::v1::FlowSchemaSpec& spec);
void setPriorityLevelDefaults(api::flowcontrol::v1::PriorityLevelConfigurationSpec& spec);

}  // namespace coxswain::apiserver
