#pragma once

#include <string_view>

namespace coxswain {

/// The sandbox image: a tar file with an OCI layout, made at build time from pause.c, and the name
/// it has once imported. Nothing needs to be pulled for the first pod to start.
std::string_view pauseImageTar();
inline constexpr std::string_view kPauseImageName = "coxswain.local/pause:1";

}  // namespace coxswain
