#pragma once

#include <string>

#include "base/result.h"
#include "base/time.h"

namespace coxswain::cmd {

/// The time that a flag says, as Go writes them ("1m30s"). BadRequest, with the flag's name, for
/// what is no time or less than zero.
Result<Duration> timeOf(const char* flag, const std::string& text);
/// The same, for times that must not be zero.
Result<Duration> positiveTimeOf(const char* flag, const std::string& text);

}  // namespace coxswain::cmd
