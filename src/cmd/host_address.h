#pragma once

#include <string>

namespace coxswain::cmd {

/// The address by which others reach this machine: of the interface of the default route, else the
/// first that is up and not loopback; IPv4 before IPv6. Empty: there is none.
std::string hostAddress();
/// As the kernel has it.
std::string hostName();

}  // namespace coxswain::cmd
