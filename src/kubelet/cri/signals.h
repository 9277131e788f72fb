#pragma once

#include <cstdint>
#include <string_view>

namespace coxswain::kubelet::cri {

/// The CRI's number of "SIGTERM" or "SIGRTMIN+1"-like names as the API spells them
/// ("SIGRTMINPLUS1"); 0, the image's or runtime's default, for others.
int32_t signalNumber(std::string_view name);
/// Empty for 0 and for numbers that are not defined.
std::string_view signalName(int32_t number);

}  // namespace coxswain::kubelet::cri
