#include "api/gen/apps_v1.h"
#include "apiserver/registry/rules.h"
#include "apiserver/registry/strategies.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::apps::v1::ControllerRevision;

namespace {

class ControllerRevisionKind final : public TypedStrategy<ControllerRevision> {
 public:
  ControllerRevisionKind() : TypedStrategy(StrategyTraits{}) {}

 protected:
  void check(const ControllerRevision& object, FieldErrors& errors) const override {
    if (object.data.raw.empty()) errors.required(FieldPath("data"), "data is mandatory");
    checkNonNegative(object.revision, FieldPath("revision"), errors);
  }
  void checkUpdate(const ControllerRevision& next, const ControllerRevision& current,
                   FieldErrors& errors) const override {
    check(next, errors);
    if (!(next.data == current.data)) {
      errors.invalid(FieldPath("data"), api::FieldValue::json(next.data.raw), kImmutableText);
    }
  }
};

}  // namespace

std::unique_ptr<Strategy> makeControllerRevisionStrategy() {
  return std::make_unique<ControllerRevisionKind>();
}

}  // namespace coxswain::apiserver
