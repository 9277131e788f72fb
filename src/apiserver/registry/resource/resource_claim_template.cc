#include "apiserver/registry/core/pod_internal_json.h"
#include "apiserver/registry/core/pod_spec.h"
#include "apiserver/registry/resource/claim_rules.h"
#include "apiserver/registry/rules.h"
#include "apiserver/registry/strategies.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::resource::v1::ResourceClaimTemplate;

namespace {

class ResourceClaimTemplateStrategy final : public TypedStrategy<ResourceClaimTemplate> {
 public:
  ResourceClaimTemplateStrategy() : TypedStrategy(StrategyTraits{.returnsDeleted = true}) {}

 protected:
  void defaults(ResourceClaimTemplate& object) const override {
    setDeviceClaimDefaults(object.spec.spec.devices);
  }
  void check(const ResourceClaimTemplate& object, FieldErrors& errors) const override {
    const FieldPath path("spec");
    validateTemplateMetadata(object.spec.metadata, path.child("metadata"), errors);
    checkDeviceClaim(object.spec.spec.devices, path.child("spec", "devices"), errors);
  }
  void checkUpdate(const ResourceClaimTemplate& next, const ResourceClaimTemplate& current,
                   FieldErrors& errors) const override {
    if (!api::semanticEqual(next.spec, current.spec)) {
      errors.invalid(FieldPath("spec"), api::FieldValue::json(internalJson(next.spec)),
                     kImmutableText);
    }
  }
};

}  // namespace

std::unique_ptr<Strategy> makeResourceClaimTemplateStrategy() {
  return std::make_unique<ResourceClaimTemplateStrategy>();
}

}  // namespace coxswain::apiserver
