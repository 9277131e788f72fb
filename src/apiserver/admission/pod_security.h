#pragma once

#include <memory>
#include <string>
#include <vector>

#include "apiserver/admission/plugin.h"
#include "pod_security/policy.h"

namespace coxswain::apiserver {

/// What the configuration of PodSecurity says (PodSecurityConfiguration).
struct PodSecurityOptions {
  pod_security::Policy defaults;  ///< of namespaces whose labels say nothing
  // Of these nothing is asked.
  std::vector<std::string> exemptNamespaces = {};
  std::vector<std::string> exemptUsers = {};
  std::vector<std::string> exemptRuntimeClasses = {};
};

std::unique_ptr<AdmissionPlugin> makePodSecurity(const AdmissionSources& sources,
                                                 PodSecurityOptions options);

}  // namespace coxswain::apiserver
