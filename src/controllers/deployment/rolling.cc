#include "api/gen/apps_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "controllers/deployment/rollout.h"
#include "runtime/executor.h"

namespace coxswain::controllers::deployment {

/// The new set grows as far as maxSurge lets it; else old ones shrink as far as maxUnavailable
/// lets them; one step at a time, the next when this one shows.
Task<Result<Duration>> Rollout::roll(std::stop_token stop) {
  CO_TRY_STATUS(co_await syncRevision(Create::Yes, stop));
  const int wanted = replicasOf(*deployment_);
  const int size = replicasOf(*fresh_);
  const int next = size > wanted ? wanted : newSetReplicas(*deployment_, specReplicas(all()), size);
  bool scaled = false;
  if (size != wanted && next != size) {
    CO_TRY(scaled, co_await scale(fresh_, next, stop));
  }
  if (!scaled) {
    CO_TRY(scaled, co_await scaleAll(shrinkOld(*deployment_, fresh_, old_), stop));
  }
  if (!scaled && isComplete(*deployment_, deployment_->status)) {
    CO_TRY_STATUS(co_await cleanUp(stop));
  }
  co_return co_await finish(computeRolloutStatus(*deployment_, all(), fresh_, now()), stop);
}

}  // namespace coxswain::controllers::deployment
