#include <set>

#include "api/gen/storage_v1.h"
#include "apiserver/registry/rules.h"
#include "apiserver/registry/strategies.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::storage::v1::CSIDriver;
using api::storage::v1::CSIDriverSpec;

namespace {

constexpr int64_t kTokenSecondsMin = 600;
constexpr int64_t kTokenSecondsMax = int64_t{1} << 32;
constexpr int64_t kUpdatePeriodMin = 10;
constexpr int64_t kNameMax = 63;

void checkTokenRequests(const CSIDriverSpec& spec, const FieldPath& path, FieldErrors& errors) {
  std::set<std::string_view> audiences;
  for (size_t i = 0; i < spec.tokenRequests.size(); ++i) {
    const auto& request = spec.tokenRequests[i];
    const auto at = path.index(i);
    if (!audiences.insert(request.audience).second) {
      errors.duplicate(at.child("audience"), request.audience);
      continue;
    }
    if (!request.expirationSeconds) continue;
    const auto seconds = *request.expirationSeconds;
    if (seconds < kTokenSecondsMin) {
      errors.invalid(at.child("expirationSeconds"), seconds,
                     "may not specify a duration less than 10 minutes");
    } else if (seconds > kTokenSecondsMax) {
      errors.invalid(at.child("expirationSeconds"), seconds,
                     "may not specify a duration larger than 2^32 seconds");
    }
  }
}

class CsiDriverStrategy final : public TypedStrategy<CSIDriver> {
 public:
  CsiDriverStrategy()
      : TypedStrategy(StrategyTraits{.allowUnconditionalUpdate = false, .returnsDeleted = true}) {}

 protected:
  void defaults(CSIDriver& driver) const override {
    auto& spec = driver.spec;
    if (!spec.attachRequired) spec.attachRequired = true;
    if (!spec.podInfoOnMount) spec.podInfoOnMount = false;
    if (!spec.storageCapacity) spec.storageCapacity = false;
    if (!spec.fsGroupPolicy) spec.fsGroupPolicy = "ReadWriteOnceWithFSType";
    if (spec.volumeLifecycleModes.empty()) spec.volumeLifecycleModes = {"Persistent"};
    if (!spec.requiresRepublish) spec.requiresRepublish = false;
    if (!spec.seLinuxMount) spec.seLinuxMount = false;
  }
  void beforeUpdate(CSIDriver& next, const CSIDriver& current) const override {
    // Nothing sets it at creation: the first change starts the count.
    if (!api::semanticEqual(next.spec, current.spec)) {
      next.metadata.generation = current.metadata.generation + 1;
    }
  }
  void check(const CSIDriver& driver, FieldErrors& errors) const override {
    if (driver.metadata.name.size() > kNameMax) {
      errors.tooLong(FieldPath("metadata").child("name"), kNameMax);
    }
    const FieldPath path("spec");
    const auto& spec = driver.spec;
    const auto policy = spec.fsGroupPolicy.value_or("");
    if (policy != "File" && policy != "None" && policy != "ReadWriteOnceWithFSType") {
      errors.notSupported(path.child("fsGroupPolicy"), policy,
                          {"File", "None", "ReadWriteOnceWithFSType"});
    }
    checkTokenRequests(spec, path.child("tokenRequests"), errors);
    for (const auto& mode : spec.volumeLifecycleModes) {
      if (mode == "Persistent" || mode == "Ephemeral") continue;
      errors.notSupported(path.child("volumeLifecycleModes"), mode, {"Persistent", "Ephemeral"});
    }
    if (spec.nodeAllocatableUpdatePeriodSeconds &&
        *spec.nodeAllocatableUpdatePeriodSeconds < kUpdatePeriodMin) {
      errors.invalid(path.child("nodeAllocatableUpdatePeriodSeconds"),
                     *spec.nodeAllocatableUpdatePeriodSeconds,
                     "must be greater than or equal to 10 seconds");
    }
  }
  void warn(const CSIDriver& next, const CSIDriver* current,
            std::vector<std::string>& out) const override {
    if (current || next.spec.tokenRequests.empty() || next.spec.serviceAccountTokenInSecrets)
      return;
    out.emplace_back(
        "spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true "
        "to "
        "prevent possible logging of tokens in volume attributes");
  }
  void checkUpdate(const CSIDriver& next, const CSIDriver& current,
                   FieldErrors& errors) const override {
    check(next, errors);
    const FieldPath path("spec");
    // Spelled so by upstream.
    checkImmutable(next.spec.attachRequired, current.spec.attachRequired,
                   path.child("attachedRequired"), errors);
    checkImmutable(next.spec.volumeLifecycleModes, current.spec.volumeLifecycleModes,
                   path.child("volumeLifecycleModes"), errors);
  }
};

}  // namespace

std::unique_ptr<Strategy> makeCsiDriverStrategy() {
  return std::make_unique<CsiDriverStrategy>();
}

}  // namespace coxswain::apiserver
