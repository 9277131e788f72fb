#include "apiserver/admission/chain.h"

#include "apiserver/admission/plugins.h"

namespace coxswain::apiserver {

Task<Status> AdmissionChain::admit(RequestContext& request, WriteKind kind, api::Object* object,
                                   const api::Object* old) {
  for (const auto& plugin : plugins_) {
    if (!plugin->handles(request, kind)) continue;
    CO_TRY_STATUS(plugin->admit(request, kind, object, old));
  }
  co_return Status();
}

Task<Status> AdmissionChain::validate(RequestContext& request, WriteKind kind,
                                      const api::Object* object, const api::Object* old) {
  for (const auto& plugin : plugins_) {
    if (!plugin->handles(request, kind)) continue;
    CO_TRY_STATUS(plugin->validate(request, kind, object, old));
  }
  if (quotas_ && quotas_->handles(request, kind)) {
    co_return co_await quotas_->validate(request, kind, object, old);
  }
  co_return Status();
}

std::unique_ptr<AdmissionChain> makeAdmissionChain(const AdmissionSources& sources) {
  // Upstream's order (shared/api/apiserver.tsv, "admission order").
  std::vector<std::unique_ptr<AdmissionPlugin>> plugins;
  plugins.push_back(makeNamespaceLifecycle(sources));
  plugins.push_back(makeLimitRanger(sources));
  plugins.push_back(makeServiceAccountAdmission(sources));
  plugins.push_back(makeNodeRestriction(sources));
  plugins.push_back(makeTaintNodesByCondition());
  plugins.push_back(makePriorityAdmission(sources));
  plugins.push_back(makeDefaultTolerationSeconds());
  plugins.push_back(makeDefaultStorageClass(sources));
  plugins.push_back(makeStorageObjectInUseProtection());
  plugins.push_back(makeRuntimeClassAdmission(sources));
  plugins.push_back(makeDefaultIngressClass(sources));
  return std::make_unique<AdmissionChain>(std::move(plugins),
                                          std::make_unique<ResourceQuotaAdmission>(sources));
}

}  // namespace coxswain::apiserver
