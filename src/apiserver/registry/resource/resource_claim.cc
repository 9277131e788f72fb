#include "api/gen/core_v1.h"
#include "apiserver/registry/core/pod_internal_json.h"
#include "apiserver/registry/resource/claim_rules.h"
#include "apiserver/registry/resource/claim_status_rules.h"
#include "apiserver/registry/rules.h"
#include "apiserver/registry/strategies.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::resource::v1::ResourceClaim;

namespace {

// That requests for admin access need a label on the namespace is admission's: other objects are
// not looked at here.
class ResourceClaimStrategy final : public TypedStrategy<ResourceClaim> {
 public:
  ResourceClaimStrategy()
      : TypedStrategy(
            StrategyTraits{.statusResets = {".spec", ".metadata"}, .returnsDeleted = true}) {}

 protected:
  void defaults(ResourceClaim& claim) const override {
    setDeviceClaimDefaults(claim.spec.devices);
    if (!claim.status.allocation) return;
    for (auto& result : claim.status.allocation->devices.results) {
      for (auto& each : result.tolerations) {
        if (each.operator_.empty()) each.operator_ = "Equal";
      }
    }
  }
  void check(const ResourceClaim& claim, FieldErrors& errors) const override {
    checkDeviceClaim(claim.spec.devices, FieldPath("spec").child("devices"), errors);
  }
  void checkUpdate(const ResourceClaim& next, const ResourceClaim& current,
                   FieldErrors& errors) const override {
    if (!api::semanticEqual(next.spec, current.spec)) {
      errors.invalid(FieldPath("spec"), api::FieldValue::json(internalJson(next.spec)),
                     kImmutableText);
    }
  }
  void beforeStatusUpdate(ResourceClaim& next, const ResourceClaim& current) const override {
    keepMetadata(next.metadata, current.metadata);
    dropDeallocatedDevices(next, current);
  }
  void checkStatusUpdate(const ResourceClaim& next, const ResourceClaim& current,
                         FieldErrors& errors) const override {
    checkClaimStatus(next, current, errors);
  }
};

}  // namespace

std::unique_ptr<Strategy> makeResourceClaimStrategy() {
  return std::make_unique<ResourceClaimStrategy>();
}

}  // namespace coxswain::apiserver
