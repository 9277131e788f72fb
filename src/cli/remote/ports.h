#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/resources/json.h"

namespace coxswain::cli {

struct ForwardedPort {
  uint16_t local = 0;   ///< 0: any free one
  uint16_t remote = 0;  ///< of the pod
  bool operator==(const ForwardedPort&) const = default;
};

/// "8080", "8080:80", ":80", "https", "8443:https". Ports of a Service (`object`) are led to those
/// of its pod; names are looked up. Faults in kubectl's words.
Result<std::vector<ForwardedPort>> forwardedPorts(const json::value& object, const json::value& pod,
                                                  const std::vector<std::string>& texts);

}  // namespace coxswain::cli
