#pragma once

#include "apiserver/admission/plugin.h"

namespace coxswain::apiserver {

/// The resource quotas of a namespace: a write that would use up more than they leave is refused;
/// one that is admitted is counted in their status at once, so that writes at the same time cannot
/// together go beyond. What was counted for a write that then fails, the quota controller corrects.
/// The last step of validation. Upstream: apiserver/pkg/admission/plugin/resourcequota.
class ResourceQuotaAdmission {
 public:
  explicit ResourceQuotaAdmission(const AdmissionSources& sources) : sources_(sources) {}
  [[nodiscard]] bool handles(const RequestContext& request, WriteKind kind) const;
  Task<Status> validate(RequestContext& request, WriteKind kind, const api::Object* object,
                        const api::Object* old) const;

 private:
  AdmissionSources sources_;
};

}  // namespace coxswain::apiserver
