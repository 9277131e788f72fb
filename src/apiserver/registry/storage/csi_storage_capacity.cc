#include "api/gen/storage_v1.h"
#include "api/reflect/box.h"
#include "apiserver/registry/core/pod_spec.h"
#include "apiserver/registry/rules.h"
#include "apiserver/registry/strategies.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::storage::v1::CSIStorageCapacity;

namespace {

class CsiStorageCapacityStrategy final : public TypedStrategy<CSIStorageCapacity> {
 public:
  CsiStorageCapacityStrategy() : TypedStrategy(StrategyTraits{.allowUnconditionalUpdate = false}) {}

 protected:
  void check(const CSIStorageCapacity& object, FieldErrors& errors) const override {
    if (object.nodeTopology) {
      validateLabelSelector(*object.nodeTopology, FieldPath("nodeTopology"), errors);
    }
    checkDns1123Subdomain(object.storageClassName, FieldPath("storageClassName"), errors);
    // maximumVolumeSize is not looked at, as upstream.
    if (object.capacity) checkNonNegative(*object.capacity, FieldPath("capacity"), errors);
  }
  void checkUpdate(const CSIStorageCapacity& next, const CSIStorageCapacity& current,
                   FieldErrors& errors) const override {
    check(next, errors);
    if (!(next.nodeTopology == current.nodeTopology)) {
      errors.invalid(FieldPath("nodeTopology"),
                     next.nodeTopology ? asJson(*next.nodeTopology) : api::FieldValue(nullptr),
                     kImmutableText);
    }
    checkImmutable(next.storageClassName, current.storageClassName, FieldPath("storageClassName"),
                   errors);
  }
};

}  // namespace

std::unique_ptr<Strategy> makeCsiStorageCapacityStrategy() {
  return std::make_unique<CsiStorageCapacityStrategy>();
}

}  // namespace coxswain::apiserver
