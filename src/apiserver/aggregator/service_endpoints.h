#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "api/gen/apiregistration_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/discovery_v1.h"
#include "client/client.h"
#include "runtime/task.h"

namespace coxswain::apiserver {

/// Where an aggregated server listens, or why that is not known.
struct ServiceEndpoints {
  std::vector<std::string> endpoints;  ///< "10.0.0.1:443"; empty: see reason
  /// As condition Available tells it: status False or Unknown, and why. Empty: all is well.
  std::string status;
  std::string reason;
  std::string message;
};

/// Reads the service and its EndpointSlices. Never fails: the answer says why.
Task<ServiceEndpoints> findServiceEndpoints(client::Client& client,
                                            api::apiregistration::v1::ServiceReference service,
                                            std::stop_token stop);

/// "IP:port" of the ready endpoints that have a port of that name.
std::vector<std::string> readyEndpoints(const api::discovery::v1::EndpointSlice& slice,
                                        const std::string& portName);

}  // namespace coxswain::apiserver
