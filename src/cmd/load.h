#pragma once

#include <string>

#include "apiserver/audit/auditing.h"
#include "apiserver/flow_control/controller.h"
#include "base/result.h"
#include "base/time.h"

namespace CLI {
class App;
}

namespace coxswain::cmd {

/// The API server's flags of how much it does at a time, and what it writes down.
struct LoadOptions {
  apiserver::flow::FlowOptions flow;
  apiserver::audit::AuditOptions audit;
  std::string auditFormat = "json";
  std::string requestTimeout = "1m0s";
  std::string shutdownDelay = "0s";
};

void addLoadFlags(CLI::App& app, LoadOptions& options);
/// BadRequest for flags that cannot be.
Status checkLoad(const LoadOptions& options);

// After checkLoad.
Duration requestTimeoutOf(const LoadOptions& options);
Duration shutdownDelayOf(const LoadOptions& options);

}  // namespace coxswain::cmd
