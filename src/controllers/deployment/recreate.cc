#include "api/gen/apps_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "api/helpers/pods.h"
#include "controllers/deployment/rollout.h"
#include "runtime/executor.h"

namespace coxswain::controllers::deployment {

bool Rollout::oldPodsRun() const {
  if (statusReplicas(old_) > 0) return true;
  for (const auto& pod : pods_) {
    if (fresh_ && api::isControlledBy(pod->metadata, fresh_->metadata)) continue;
    if (!api::isPodTerminal(*pod)) return true;
  }
  return false;
}

/// All old pods go before the first new one comes.
Task<Result<Duration>> Rollout::recreate(std::stop_token stop) {
  CO_TRY_STATUS(co_await syncRevision(Create::No, stop));
  std::vector<Scaling> down;
  for (const auto& set : withSpecReplicas(old_)) down.push_back({set, 0});
  CO_TRY(bool scaled, co_await scaleAll(std::move(down), stop));
  if (!scaled && !oldPodsRun()) {
    if (!fresh_) CO_TRY_STATUS(co_await syncRevision(Create::Yes, stop));
    CO_TRY(scaled, co_await scale(fresh_, replicasOf(*deployment_), stop));
    if (!scaled && isComplete(*deployment_, deployment_->status)) {
      CO_TRY_STATUS(co_await cleanUp(stop));
    }
  }
  co_return co_await finish(computeRolloutStatus(*deployment_, all(), fresh_, now()), stop);
}

}  // namespace coxswain::controllers::deployment
