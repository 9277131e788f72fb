#pragma once

#include <string_view>
#include <vector>

#include "world.h"

namespace coxswain::simulation {

/// In the order of scenarios.cc.
const std::vector<Scenario>& allScenarios();
/// Null: there is none of this name.
const Scenario* findScenario(std::string_view name);

}  // namespace coxswain::simulation
