#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace coxswain::up {

/// One thing that stands in the way of a start, and what the user can do about it.
struct Problem {
  std::string what;  ///< "port 6443 is in use by nginx (pid 712)"
  std::string fix;   ///< "sudo apt-get install runc"
  bool operator==(const Problem&) const = default;
};

struct PreflightRequest {
  std::vector<uint16_t> ports;  ///< TCP ports that must be free on every address
  bool ownContainerd = true;    ///< false: one that runs already is used
  std::string cniPluginFolder;  ///< empty: the usual places are searched
};

/// What was found on the way.
struct Facts {
  std::string containerd;  ///< path of the program
  std::string ctr;
  std::string cniPluginFolder;
};

struct Preflight {
  Facts facts;
  std::vector<Problem> problems;
};

/// Looks at this machine; changes nothing.
Preflight inspect(const PreflightRequest& request);

/// The lines that a user gets to read.
std::string describe(const std::vector<Problem>& problems);

}  // namespace coxswain::up
