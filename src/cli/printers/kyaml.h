#pragma once

#include <string>

#include "cli/resources/json.h"

namespace coxswain::cli {

/// A document in KYAML, the strict dialect of `-o kyaml` (KEP-5295): braces and brackets, every
/// text in quotes, keys without quotes where no YAML reader could take them for something else,
/// texts of several lines folded line by line. Keys are sorted. Begins with "---", ends with a line
/// feed.
std::string toKyaml(const json::value& value);

}  // namespace coxswain::cli
