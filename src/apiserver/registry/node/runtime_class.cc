#include "api/gen/core_v1.h"
#include "api/gen/node_v1.h"
#include "apiserver/registry/core/pod_spec.h"
#include "apiserver/registry/rules.h"
#include "apiserver/registry/strategies.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::node::v1::RuntimeClass;

namespace {

class RuntimeClassStrategy final : public TypedStrategy<RuntimeClass> {
 public:
  RuntimeClassStrategy()
      : TypedStrategy(StrategyTraits{.allowCreateOnUpdate = true,
                                     .allowUnconditionalUpdate = false,
                                     .standardFinalizers = false}) {}

 protected:
  void check(const RuntimeClass& object, FieldErrors& errors) const override {
    const FieldPath handler("handler");
    if (object.handler.empty()) {
      errors.required(handler);
    } else {
      checkDns1123Label(object.handler, handler, errors);
    }
    if (object.overhead) {
      api::core::v1::ResourceRequirements fixed;
      fixed.limits = object.overhead->podFixed;
      validateResourceRequirements(fixed, {}, FieldPath("overhead"), errors);
    }
    if (object.scheduling) {
      const FieldPath path("scheduling");
      validateLabels(object.scheduling->nodeSelector, path.child("nodeSelector"), errors);
      const auto& tolerations = object.scheduling->tolerations;
      validateTolerations(tolerations, path.child("tolerations"), errors);
      for (size_t i = 1; i < tolerations.size(); ++i) {
        for (size_t j = 0; j < i; ++j) {
          if (!api::semanticEqual(tolerations[i], tolerations[j])) continue;
          errors.duplicate(path.child("tolerations").index(i), asJson(tolerations[i]));
          break;
        }
      }
    }
  }
  void checkUpdate(const RuntimeClass& next, const RuntimeClass& current,
                   FieldErrors& errors) const override {
    checkImmutable(next.handler, current.handler, FieldPath("handler"), errors);
  }
};

}  // namespace

std::unique_ptr<Strategy> makeRuntimeClassStrategy() {
  return std::make_unique<RuntimeClassStrategy>();
}

}  // namespace coxswain::apiserver
