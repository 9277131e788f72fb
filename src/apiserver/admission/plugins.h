#pragma once

#include <memory>

#include "apiserver/admission/plugin.h"
#include "apiserver/authz/rules.h"
#include "apiserver/authz/stored_policy.h"

namespace coxswain::apiserver {

// One file each. What each does stands there.
std::unique_ptr<AdmissionPlugin> makeNamespaceLifecycle(const AdmissionSources& sources);
std::unique_ptr<AdmissionPlugin> makeLimitRanger(const AdmissionSources& sources);
std::unique_ptr<AdmissionPlugin> makeServiceAccountAdmission(const AdmissionSources& sources);
std::unique_ptr<AdmissionPlugin> makeNodeRestriction(const AdmissionSources& sources);
std::unique_ptr<AdmissionPlugin> makeTaintNodesByCondition();
std::unique_ptr<AdmissionPlugin> makePriorityAdmission(const AdmissionSources& sources);
std::unique_ptr<AdmissionPlugin> makeDefaultTolerationSeconds();
std::unique_ptr<AdmissionPlugin> makeDefaultStorageClass(const AdmissionSources& sources);
std::unique_ptr<AdmissionPlugin> makeStorageObjectInUseProtection();
std::unique_ptr<AdmissionPlugin> makeRuntimeClassAdmission(const AdmissionSources& sources);
std::unique_ptr<AdmissionPlugin> makeDefaultIngressClass(const AdmissionSources& sources);
/// `authorizer`, `rules` and `stored` outlive it.
std::unique_ptr<AdmissionPlugin> makeRbacEscalation(const AdmissionSources& sources,
                                                    const Authorizer& authorizer,
                                                    std::vector<const RuleSource*> rules,
                                                    const StoredPolicyAuthorizer& stored);

}  // namespace coxswain::apiserver
