#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/gen/core_v1.h"

namespace coxswain::cli {

/// The last part of an image's name without tag and digest, fit for a container's name:
/// "docker.io/library/nginx:1.27" -> "nginx".
std::string containerNameOf(std::string_view image);

/// One container an image; a command goes to the only one.
std::vector<api::core::v1::Container> containersOf(const std::vector<std::string>& images,
                                                   const std::vector<std::string>& command,
                                                   int32_t port);

}  // namespace coxswain::cli
