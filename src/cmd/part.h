#pragma once

#include <span>
#include <string_view>

namespace coxswain::cmd {

/// A part of the program: what its first argument, or the name it is called by, may be.
struct Part {
  std::string_view name;
  std::string_view summary;
  /// Gets what follows the name. Returns the exit code.
  int (*run)(int argc, char** argv);
};

/// In the order of the help text. A new part is its file and one line in parts.cc.
std::span<const Part> parts();

}  // namespace coxswain::cmd
