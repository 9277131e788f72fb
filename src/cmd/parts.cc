#include <cstdio>

#include "cmd/part.h"

namespace coxswain::cmd {
namespace {

int version(int, char**) {
  std::printf("coxswain %s (Kubernetes 1.36 interfaces)\n", COXSWAIN_VERSION);
  return 0;
}

constexpr Part kParts[] = {
    {"version", "print this program's version", version},
};

}  // namespace

std::span<const Part> parts() { return kParts; }

}  // namespace coxswain::cmd
