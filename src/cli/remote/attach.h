#pragma once

#include <string>

#include "cli/framework/session.h"
#include "cli/resources/json.h"

namespace coxswain::cli {

struct AttachOptions {
  std::string container;  ///< empty: the default one
  bool input = false;
  bool tty = false;
  bool quiet = false;
};

/// Joins this program's standard streams to a running container's, until it ends. Also for
/// `run --attach`.
Task<Status> attachTo(Session& session, json::value pod, AttachOptions options);

}  // namespace coxswain::cli
