#include "api/gen/storage_v1.h"
#include "apiserver/registry/rules.h"
#include "apiserver/registry/storage/class_rules.h"
#include "apiserver/registry/strategies.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::storage::v1::VolumeAttributesClass;

namespace {

class VolumeAttributesClassStrategy final : public TypedStrategy<VolumeAttributesClass> {
 public:
  VolumeAttributesClassStrategy() : TypedStrategy(StrategyTraits{.returnsDeleted = true}) {}

 protected:
  void check(const VolumeAttributesClass& object, FieldErrors& errors) const override {
    checkProvisioner(object.driverName, FieldPath("driverName"), errors);
    const FieldPath parameters("parameters");
    if (object.parameters.empty()) {
      errors.required(parameters, "must contain at least one key/value pair");
    } else {
      checkParameters(object.parameters, parameters, errors);
    }
  }
  void checkUpdate(const VolumeAttributesClass& next, const VolumeAttributesClass& current,
                   FieldErrors& errors) const override {
    if (next.driverName != current.driverName) {
      errors.forbidden(FieldPath("driverName"), "updates to driverName are forbidden.");
    }
    if (!(next.parameters == current.parameters)) {
      errors.forbidden(FieldPath("parameters"), "updates to parameters are forbidden.");
    }
    check(next, errors);
  }
};

}  // namespace

std::unique_ptr<Strategy> makeVolumeAttributesClassStrategy() {
  return std::make_unique<VolumeAttributesClassStrategy>();
}

}  // namespace coxswain::apiserver
