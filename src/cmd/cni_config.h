#pragma once

#include <string>

#include "base/result.h"

namespace coxswain::cmd {

struct CniOptions {
  std::string podCidr;  ///< of this node, "10.244.0.0/24"
  std::string bridge = "cni0";
  std::string network = "coxswain";
  std::string stateFolder;  ///< of host-local's reservations; empty: its default
  int mtu = 0;              ///< 0: the kernel's
};

/// The text of a .conflist for the packaged plugins bridge, host-local and portmap: pods reach each
/// other, and themselves through their services. What leaves the cluster is not masqueraded here:
/// give podCidr to ProxyOptions::egressCidrs. BadRequest where podCidr is none.
Result<std::string> cniConfigList(const CniOptions& options);
/// The same for the loopback interface of a pod, where a runtime asks for one.
std::string cniLoopbackConfig();

}  // namespace coxswain::cmd
