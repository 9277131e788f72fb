#pragma once

#include <span>
#include <string_view>

#include "cli/framework/output.h"

namespace coxswain::cli {

/// kubectl: runs what the arguments (without the program's name) say and gives the exit code. Makes
/// a reactor of its own in this thread.
int run(std::span<const char* const> args, Streams streams = {});

/// Is this the name of a command (or "help"), so that `coxswain NAME ...` may mean it?
bool isCommand(std::string_view name);

}  // namespace coxswain::cli
