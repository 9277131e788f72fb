#include "api/gen/coordination_v1.h"
#include "apiserver/registry/rules.h"
#include "apiserver/registry/strategies.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::coordination::v1::Lease;

namespace {

class LeaseStrategy final : public TypedStrategy<Lease> {
 public:
  LeaseStrategy()
      : TypedStrategy(StrategyTraits{.allowCreateOnUpdate = true,
                                     .allowUnconditionalUpdate = false,
                                     .standardFinalizers = false}) {}

 protected:
  void check(const Lease& lease, FieldErrors& errors) const override {
    const auto& spec = lease.spec;
    const FieldPath path("spec");
    if (spec.leaseDurationSeconds && *spec.leaseDurationSeconds <= 0) {
      errors.invalid(path.child("leaseDurationSeconds"), *spec.leaseDurationSeconds,
                     "must be greater than 0");
    }
    if (spec.leaseTransitions) {
      checkNonNegative(*spec.leaseTransitions, path.child("leaseTransitions"), errors);
    }
    if (spec.strategy) checkStrategy(*spec.strategy, path.child("strategy"), errors);
    if (spec.preferredHolder && !spec.preferredHolder->empty() &&
        (!spec.strategy || spec.strategy->empty())) {
      errors.forbidden(path.child("preferredHolder"),
                       "may only be specified when `strategy` is defined");
    }
  }

 private:
  /// Without a domain, one that Kubernetes knows.
  static void checkStrategy(const std::string& strategy, const FieldPath& path,
                            FieldErrors& errors) {
    if (strategy.find('/') != std::string::npos) {
      checkQualifiedName(strategy, path, errors);
    } else if (strategy != "OldestEmulationVersion") {
      errors.notSupported(path, strategy, {"OldestEmulationVersion"});
    }
  }
};

}  // namespace

std::unique_ptr<Strategy> makeLeaseStrategy() {
  return std::make_unique<LeaseStrategy>();
}

}  // namespace coxswain::apiserver
