#pragma once

#include <span>
#include <string_view>

#include "api/gen/flowcontrol_v1.h"

namespace coxswain::apiserver {

// The flow schemas and priority levels that every cluster has: upstream's, with defaults filled in.
// Made at the first call, then constant; any thread. Facts: flowcontrol's bootstrap of upstream.

struct BuiltinFlowSchema {
  api::flowcontrol::v1::FlowSchema object;
  /// Its spec is fixed: no other is accepted. The others are suggestions that users may change.
  bool mandatory = false;
};
struct BuiltinPriorityLevel {
  api::flowcontrol::v1::PriorityLevelConfiguration object;
  bool mandatory = false;
};

/// Mandatory ones first.
std::span<const BuiltinFlowSchema> builtinFlowSchemas();
std::span<const BuiltinPriorityLevel> builtinPriorityLevels();

/// Null: there is no mandatory one of that name.
const api::flowcontrol::v1::FlowSchema* mandatoryFlowSchema(std::string_view name);
const api::flowcontrol::v1::PriorityLevelConfiguration* mandatoryPriorityLevel(
    std::string_view name);

}  // namespace coxswain::apiserver
