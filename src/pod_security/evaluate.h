#pragma once

#include <string>
#include <vector>

#include "pod_security/policy.h"

namespace coxswain::api::core::v1 {
struct PodSpec;
}
namespace coxswain::api::meta::v1 {
struct ObjectMeta;
}

namespace coxswain::pod_security {

/// One check that a pod does not pass.
struct Violation {
  std::string reason;  ///< "host namespaces"
  std::string detail;  ///< "hostNetwork=true, hostPID=true"
};

/// What of the pod the level of that version forbids, in upstream's order and words; empty: it
/// passes. Versions that are newer than the newest check mean the newest. Any thread.
/// Upstream: staging/src/k8s.io/pod-security-admission/policy.
std::vector<Violation> evaluate(const LevelVersion& level, const api::meta::v1::ObjectMeta& meta,
                                const api::core::v1::PodSpec& spec);

/// "host namespaces, privileged".
std::string reasonsOf(const std::vector<Violation>& violations);
/// "host namespaces (hostNetwork=true), privileged (container \"c\" must not ...)".
std::string detailsOf(const std::vector<Violation>& violations);

}  // namespace coxswain::pod_security
