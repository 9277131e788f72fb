#pragma once

#include <cstddef>
#include <string>

namespace coxswain {
class Files;
}

namespace coxswain::kubelet {

/// The last lines of a container's log without their stamps, at most so many and so long in sum.
/// Empty where there is none.
std::string logTail(Files& files, const std::string& path, size_t linesMax, size_t bytesMax);

}  // namespace coxswain::kubelet
