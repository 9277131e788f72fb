#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "api/meta/quantity.h"
#include "api/reflect/map.h"
#include "client/event_recorder.h"
#include "client/informer.h"
#include "kubelet/env/expand.h"
#include "kubelet/env/object_cache.h"

namespace coxswain::kubelet {

/// What the kubelet knows and the pod object may not tell yet.
struct EnvironmentFacts {
  std::string podIP;                ///< empty: none yet; the host's for host network
  std::vector<std::string> podIPs;  ///< first is podIP
  std::string hostIP;
  std::vector<std::string> hostIPs;
  api::Map<api::Quantity> nodeAllocatable;  ///< limits that are not set read as these
};

/// Makes the environment of containers: services, envFrom, env, in upstream's order and precedence.
/// One executor. Upstream: makeEnvironmentVariables of pkg/kubelet/kubelet_pods.go.
class EnvironmentMaker {
 public:
  /// `services`: of all namespaces, "kubernetes" in `default` among them. An unsynced cache fails
  /// with "services have not yet been read at least once, cannot construct envvars".
  EnvironmentMaker(ObjectCache& objects, const client::Informer& services,
                   client::EventRecorder& events)
      : objects_(objects), services_(services), events_(events) {}

  /// `container` is one of the pod's, of any sort. A failure's message is what stands in
  /// CreateContainerConfigError.
  Task<Result<std::vector<EnvironmentVariable>>> make(
      std::shared_ptr<const api::core::v1::Pod> pod,
      std::shared_ptr<const api::core::v1::Container> container, EnvironmentFacts facts,
      std::stop_token stop);

 private:
  class Assembly;
  Result<EnvironmentMap> serviceVariables(const api::core::v1::Pod& pod) const;

  ObjectCache& objects_;
  const client::Informer& services_;
  client::EventRecorder& events_;
};

}  // namespace coxswain::kubelet
