#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "apiserver/server/computed_resources.h"
#include "base/result.h"
#include "runtime/task.h"

namespace coxswain::apiserver {

/// A part of the control plane that can be asked whether it is well.
struct ProbedComponent {
  std::string name;  ///< "scheduler"
  /// What it says ("ok"); a failure: it is not well, or does not answer. Ends soon.
  std::function<Task<Result<std::string>>(std::stop_token)> probe;
};

/// componentstatuses: each component is asked whenever somebody looks, all at once.
std::unique_ptr<ObjectSource> makeComponentStatuses(std::vector<ProbedComponent> components);

}  // namespace coxswain::apiserver
