#pragma once

#include <vector>

#include "cli/framework/command.h"

namespace coxswain::cli {

/// Every command, in the order of the help text. A new one is its file and two lines in
/// registry.cc.
const std::vector<Command>& commands();

}  // namespace coxswain::cli
