#pragma once

#include <string>

#include "base/status.h"

namespace coxswain::proxy {

struct SysctlOptions {
  bool localhostNodePorts = true;
  bool v6 = false;
  std::string root = "/proc/sys";  ///< tests give a folder
};

/// What the kernel must do for services to work: forward, let bridged packets meet the rules, route
/// 127.0.0.1 where node ports are to answer there. Also makes conntrack's table large enough, where
/// this namespace may. Failure: one that services cannot do without.
Status applySysctls(const SysctlOptions& options);

}  // namespace coxswain::proxy
