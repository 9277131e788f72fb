#pragma once

#include <optional>
#include <string>

#include "kubelet/server/backend.h"
#include "net/http.h"
#include "runtime/reactor.h"

/// Paths that name a pod or a container, and what is done for them. Inside of the folder only.
namespace coxswain::kubelet::server {

/// {ns}/{pod}[/{uid}]/{container} or, without a container, {ns}/{pod}[/{uid}].
std::optional<ContainerAddress> parseAddress(const std::vector<std::string>& segments,
                                             bool withContainer);

struct RouteContext {
  Reactor& reactor;
  Backend& backend;
  net::Request& request;
  net::ResponseWriter& response;
};

/// GET /containerLogs. No uid in the path.
Task<Status> serveLogs(RouteContext context, ContainerAddress address);
/// GET or POST, with an upgrade. Failures have not been answered.
Task<Status> serveExec(RouteContext context, ContainerAddress address);
Task<Status> serveAttach(RouteContext context, ContainerAddress address);
Task<Status> servePorts(RouteContext context, ContainerAddress address);
/// POST /run: runs a command to its end and answers its output.
Task<Status> serveRun(RouteContext context, ContainerAddress address);

/// Which container's log it is, by the pod's status. BadRequest with upstream's texts: not started
/// yet, no previous one, ...
Result<std::string> logContainerId(const api::core::v1::Pod& pod, const std::string& container,
                                   bool previous);

}  // namespace coxswain::kubelet::server
