#pragma once

#include <memory>
#include <vector>

#include "apiserver/admission/plugin.h"
#include "apiserver/admission/resource_quota.h"

namespace coxswain::apiserver {

/// The plugins, in upstream's order: all admit, then (after validation) all validate. The first
/// refusal is the answer.
class AdmissionChain final : public Admission {
 public:
  AdmissionChain(std::vector<std::unique_ptr<AdmissionPlugin>> plugins,
                 std::unique_ptr<ResourceQuotaAdmission> quotas)
      : plugins_(std::move(plugins)), quotas_(std::move(quotas)) {}
  /// Behind the others.
  void add(std::unique_ptr<AdmissionPlugin> plugin) { plugins_.push_back(std::move(plugin)); }
  Task<Status> admit(RequestContext& request, WriteKind kind, api::Object* object,
                     const api::Object* old) override;
  Task<Status> validate(RequestContext& request, WriteKind kind, const api::Object* object,
                        const api::Object* old) override;

 private:
  std::vector<std::unique_ptr<AdmissionPlugin>> plugins_;
  std::unique_ptr<ResourceQuotaAdmission> quotas_;  // the last to validate; null: none
};

/// All that are on by default and NodeRestriction, as far as they exist here. A new plugin is its
/// file and one line there.
std::unique_ptr<AdmissionChain> makeAdmissionChain(const AdmissionSources& sources);

}  // namespace coxswain::apiserver
