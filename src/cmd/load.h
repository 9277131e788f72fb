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

/// As many file descriptors as the system allows this process, as Go's programs take them. Not
/// where children that are not ours would inherit it.
void raiseFileLimit();
/// Connections that leave enough file descriptors for the store and whatever else is open.
size_t connectionsMax();

// After checkLoad.
Duration requestTimeoutOf(const LoadOptions& options);
Duration shutdownDelayOf(const LoadOptions& options);

}  // namespace coxswain::cmd
