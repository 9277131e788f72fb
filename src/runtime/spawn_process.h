#pragma once

#include <sys/types.h>

#include "base/result.h"
#include "runtime/process.h"

namespace coxswain {

/// A child that was just started. The caller owns `pidfd`.
struct SpawnedProcess {
  pid_t pid = -1;
  int pidfd = -1;
};

/// Clones and executes; returns when the program runs or could not be executed. `standard` are our
/// descriptors for the child's 0, 1 and 2. Inside of runtime only.
Result<SpawnedProcess> spawnProcess(const ProcessOptions& options, const int (&standard)[3]);

}  // namespace coxswain
