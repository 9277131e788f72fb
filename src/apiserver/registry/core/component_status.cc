#include "api/gen/core_v1.h"
#include "apiserver/registry/strategies.h"

namespace coxswain::apiserver {

using api::core::v1::ComponentStatus;

namespace {

/// Nobody writes them.
class ComponentStatusStrategy final : public TypedStrategy<ComponentStatus> {
 public:
  ComponentStatusStrategy() : TypedStrategy(StrategyTraits{}) {}
};

}  // namespace

std::unique_ptr<Strategy> makeComponentStatusStrategy() {
  return std::make_unique<ComponentStatusStrategy>();
}

}  // namespace coxswain::apiserver
