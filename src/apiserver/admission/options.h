#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "api/gen/core_v1.h"
#include "apiserver/admission/pod_security.h"

namespace coxswain::apiserver {

/// One bound of EventRateLimit.
struct EventLimit {
  enum class Per : uint8_t { Server, Namespace, User, SourceAndObject };
  Per per = Per::Server;
  double qps = 0;
  int64_t burst = 0;
  size_t keysMax = 4096;  ///< namespaces, users... that are remembered, the latest
};

/// Resources of which a namespace may use nothing unless a quota of it counts them.
struct LimitedResource {
  std::string group;
  std::string plural;
  /// Parts of names of what is used up ("requests.nvidia.com"); and conditions on the object.
  std::vector<std::string> matchContains = {};
  std::vector<api::core::v1::ScopedResourceSelectorRequirement> matchScopes = {};
};

/// What flags and the configuration file say about admission.
struct AdmissionOptions {
  /// Names of plugins that are on (off) besides (out of) those that are by default.
  std::vector<std::string> enable = {};
  std::vector<std::string> disable = {};
  /// False: privileged containers are invalid.
  bool allowPrivileged = true;
  int64_t notReadySeconds = 300;
  int64_t unreachableSeconds = 300;
  PodSecurityOptions podSecurity = {};
  std::vector<EventLimit> eventLimits = {};
  std::vector<LimitedResource> limitedResources = {};
  /// PodNodeSelector's: by namespace, and "clusterDefaultNodeSelector".
  std::map<std::string, std::string> nodeSelectors = {};
  // PodTolerationRestriction's, of namespaces that say nothing.
  std::vector<api::core::v1::Toleration> defaultTolerations = {};
  std::vector<api::core::v1::Toleration> tolerationsWhitelist = {};
};

}  // namespace coxswain::apiserver
