#include "api/gen/scheduling_v1.h"
#include "apiserver/registry/rules.h"
#include "apiserver/registry/strategies.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::scheduling::v1::PriorityClass;

namespace {

constexpr int32_t kUserMax = 1000000000;

struct SystemClass {
  std::string_view name;
  int32_t value;
  std::string_view description;
};
constexpr SystemClass kSystemClasses[] = {
    {"system-node-critical", 2000001000,
     "Used for system critical pods that must not be moved from their current node."},
    {"system-cluster-critical", 2000000000,
     "Used for system critical pods that must run in the cluster, but can be moved to another node "
     "if necessary."},
};

/// Why this is not one of the built-in classes; empty: it is.
std::string systemClassProblem(const PriorityClass& object) {
  for (const auto& known : kSystemClasses) {
    if (known.name != object.metadata.name) continue;
    const auto name = std::string(known.name);
    if (known.value != object.value) {
      return "value of " + name + " PriorityClass must be " + std::to_string(known.value);
    }
    if (object.globalDefault) {
      return "globalDefault of " + name + " PriorityClass must be false";
    }
    return {};
  }
  return object.metadata.name + " is not a known system priority class";
}

class PriorityClassStrategy final : public TypedStrategy<PriorityClass> {
 public:
  PriorityClassStrategy()
      : TypedStrategy(StrategyTraits{.generation = true, .grows = StrategyTraits::Grows::Never}) {}

 protected:
  void defaults(PriorityClass& object) const override {
    if (!object.preemptionPolicy) object.preemptionPolicy = "PreemptLowerPriority";
  }
  void check(const PriorityClass& object, FieldErrors& errors) const override {
    if (object.metadata.name.starts_with("system-")) {
      const auto problem = systemClassProblem(object);
      if (!problem.empty()) {
        errors.forbidden(FieldPath("metadata").child("name"),
                         "priority class names with 'system-' prefix are reserved for system use "
                         "only. error: " +
                             problem);
      }
    } else if (object.value > kUserMax) {
      errors.forbidden(FieldPath("value"),
                       "maximum allowed value of a user defined priority is 1000000000");
    }
    if (object.preemptionPolicy) {
      checkOneOf(*object.preemptionPolicy, {"PreemptLowerPriority", "Never"},
                 FieldPath("preemptionPolicy"), errors);
    }
  }
  void checkUpdate(const PriorityClass& next, const PriorityClass& current,
                   FieldErrors& errors) const override {
    if (next.value != current.value) {
      errors.forbidden(FieldPath("value"), "may not be changed in an update.");
    }
    checkImmutable(next.preemptionPolicy, current.preemptionPolicy, FieldPath("preemptionPolicy"),
                   errors);
  }
};

}  // namespace

std::unique_ptr<Strategy> makePriorityClassStrategy() {
  return std::make_unique<PriorityClassStrategy>();
}

}  // namespace coxswain::apiserver
