#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "apiserver/admission/options.h"
#include "apiserver/admission/plugin.h"
#include "apiserver/admission/pod_security.h"
#include "apiserver/authz/rules.h"
#include "apiserver/authz/stored_policy.h"

namespace coxswain::apiserver {

// One file each, or each family. What each does stands there.
std::unique_ptr<AdmissionPlugin> makeAlwaysAdmit();
std::unique_ptr<AdmissionPlugin> makeAlwaysDeny();
std::unique_ptr<AdmissionPlugin> makeAlwaysPullImages();
std::unique_ptr<AdmissionPlugin> makeCertificateApproval(const AdmissionSources& sources);
std::unique_ptr<AdmissionPlugin> makeCertificateSigning(const AdmissionSources& sources);
std::unique_ptr<AdmissionPlugin> makeCertificateSubjectRestriction();
std::unique_ptr<AdmissionPlugin> makeDefaultIngressClass(const AdmissionSources& sources);
std::unique_ptr<AdmissionPlugin> makeDefaultStorageClass(const AdmissionSources& sources);
/// A negative number of seconds adds no toleration of that taint.
std::unique_ptr<AdmissionPlugin> makeDefaultTolerationSeconds(int64_t notReady,
                                                              int64_t unreachable);
std::unique_ptr<AdmissionPlugin> makeDenyServiceExternalIps();
std::unique_ptr<AdmissionPlugin> makeEventRateLimit(const AdmissionSources& sources,
                                                    std::vector<EventLimit> limits);
std::unique_ptr<AdmissionPlugin> makeExtendedResourceToleration();
std::unique_ptr<AdmissionPlugin> makeLimitPodHardAntiAffinityTopology();
std::unique_ptr<AdmissionPlugin> makeLimitRanger(const AdmissionSources& sources);
std::unique_ptr<AdmissionPlugin> makeNamespaceAutoProvision(const AdmissionSources& sources);
std::unique_ptr<AdmissionPlugin> makeNamespaceExists(const AdmissionSources& sources);
std::unique_ptr<AdmissionPlugin> makeNamespaceLifecycle(const AdmissionSources& sources);
std::unique_ptr<AdmissionPlugin> makeNodeRestriction(const AdmissionSources& sources);
std::unique_ptr<AdmissionPlugin> makeOwnerReferencesPermission(const AdmissionSources& sources);
std::unique_ptr<AdmissionPlugin> makePersistentVolumeClaimResize(const AdmissionSources& sources);
std::unique_ptr<AdmissionPlugin> makePodResizeValidator(const AdmissionSources& sources);
/// `selectors`: see AdmissionOptions.
std::unique_ptr<AdmissionPlugin> makePodNodeSelector(
    const AdmissionSources& sources, const std::map<std::string, std::string>& selectors);
std::unique_ptr<AdmissionPlugin> makePodTolerationRestriction(
    const AdmissionSources& sources, std::vector<api::core::v1::Toleration> defaults,
    std::vector<api::core::v1::Toleration> whitelist);
std::unique_ptr<AdmissionPlugin> makePodTopologyLabels(const AdmissionSources& sources);
std::unique_ptr<AdmissionPlugin> makePriorityAdmission(const AdmissionSources& sources);
/// Not one of upstream's plugins but a rule of its validation (--allow-privileged).
std::unique_ptr<AdmissionPlugin> makePrivilegedForbidden();
std::unique_ptr<AdmissionPlugin> makeResourceQuotaAdmission(const AdmissionSources& sources,
                                                            std::vector<LimitedResource> limited);
std::unique_ptr<AdmissionPlugin> makeRuntimeClassAdmission(const AdmissionSources& sources);
std::unique_ptr<AdmissionPlugin> makeServiceAccountAdmission(const AdmissionSources& sources);
std::unique_ptr<AdmissionPlugin> makeStorageObjectInUseProtection();
std::unique_ptr<AdmissionPlugin> makeTaintNodesByCondition();
/// Not one of upstream's plugins: rights that claims of devices need. `authorizer` outlives it.
std::unique_ptr<AdmissionPlugin> makeDeviceAccess(const AdmissionSources& sources,
                                                  const Authorizer& authorizer);
/// `authorizer` outlives it.
std::unique_ptr<AdmissionPlugin> makeCreateOnUpdate(const Authorizer& authorizer);
/// `authorizer`, `rules` and `stored` outlive it.
std::unique_ptr<AdmissionPlugin> makeRbacEscalation(const AdmissionSources& sources,
                                                    const Authorizer& authorizer,
                                                    std::vector<const RuleSource*> rules,
                                                    const StoredPolicyAuthorizer& stored);

}  // namespace coxswain::apiserver
