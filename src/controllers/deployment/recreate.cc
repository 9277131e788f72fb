#include <algorithm>
#include <set>

#include "api/gen/apps_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "api/helpers/pods.h"
#include "api/select/labels.h"
#include "client/resources.h"
#include "controllers/deployment/rollout.h"
#include "runtime/executor.h"

namespace coxswain::controllers::deployment {

using api::core::v1::Pod;

namespace {
constexpr Duration kLookAgain = 1s;
}

bool Rollout::oldPodsRun() const {
  if (statusReplicas(old_) > 0) return true;
  for (const auto& pod : pods_) {
    if (fresh_ && api::isControlledBy(pod->metadata, fresh_->metadata)) continue;
    if (!api::isPodTerminal(*pod)) return true;
  }
  return false;
}

/// The caches may be behind: a set or a pod that they do not show would run beside the new pods.
/// So the last look before those are made is at the server itself. (Upstream trusts its caches.)
Task<Result<bool>> Rollout::oldRemains(std::stop_token stop) {
  const auto& ns = deployment_->metadata.namespace_;
  CO_TRY(auto selector, api::LabelSelector::from(deployment_->spec.selector.get()));
  client::ListOptions options;
  options.labelSelector = selector.str();
  CO_TRY(auto list,
         co_await world_.client.list(client::resourceOf<ReplicaSet>(), ns, options, stop));
  Sets sets;
  for (const auto& object : list.items) {
    auto set = object.sharedAs<ReplicaSet>();
    if (api::isControlledBy(set->metadata, deployment_->metadata)) sets.push_back(std::move(set));
  }
  const auto fresh = findNew(*deployment_, sets);
  std::erase(sets, fresh);
  if (specReplicas(sets) > 0 || statusReplicas(sets) > 0) co_return true;
  if (sets.empty()) co_return false;
  std::set<std::string> uids;
  for (const auto& set : sets) uids.insert(set->metadata.uid);
  CO_TRY(auto pods, co_await world_.client.list(client::resourceOf<Pod>(), ns, options, stop));
  co_return std::any_of(pods.items.begin(), pods.items.end(), [&uids](const auto& object) {
    const auto& pod = *object.template as<Pod>();
    const auto* owner = api::controllerOf(pod.metadata);
    return owner != nullptr && uids.contains(owner->uid) && !api::isPodTerminal(pod);
  });
}

/// All old pods go before the first new one comes.
Task<Result<Duration>> Rollout::recreate(std::stop_token stop) {
  CO_TRY_STATUS(co_await syncRevision(Create::No, stop));
  std::vector<Scaling> down;
  for (const auto& set : withSpecReplicas(old_)) down.push_back({set, 0});
  CO_TRY(bool scaled, co_await scaleAll(std::move(down), stop));
  if (!scaled && !oldPodsRun()) {
    const bool grows = !fresh_ || replicasOf(*fresh_) < replicasOf(*deployment_);
    bool waits = false;
    if (grows) {
      CO_TRY(waits, co_await oldRemains(stop));
    }
    if (waits) {
      auto status = computeRolloutStatus(*deployment_, all(), fresh_, now());
      CO_TRY_STATUS((co_await finish(std::move(status), stop)).status());
      co_return kLookAgain;
    }
    if (!fresh_) CO_TRY_STATUS(co_await syncRevision(Create::Yes, stop));
    CO_TRY(scaled, co_await scale(fresh_, replicasOf(*deployment_), stop));
    if (!scaled && isComplete(*deployment_, deployment_->status)) {
      CO_TRY_STATUS(co_await cleanUp(stop));
    }
  }
  co_return co_await finish(computeRolloutStatus(*deployment_, all(), fresh_, now()), stop);
}

}  // namespace coxswain::controllers::deployment
