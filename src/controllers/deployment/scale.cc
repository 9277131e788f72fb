// Sizes of replica sets: scaling in proportion, and shrinking old ones in a rolling update.

#include <algorithm>
#include <charconv>
#include <cmath>

#include "api/gen/apps_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "controllers/deployment/decide.h"

namespace coxswain::controllers::deployment {

namespace {

std::optional<int> annotationOf(const ReplicaSet& set, std::string_view name) {
  const auto* text = set.metadata.annotations.get(name);
  if (text == nullptr) return std::nullopt;
  int value = 0;
  const char* end = text->data() + text->size();
  auto parsed = std::from_chars(text->data(), end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return value;
}

bool isSaturated(const Deployment& deployment, const SetPointer& set) {
  if (!set) return false;
  const int wanted = replicasOf(deployment);
  return replicasOf(*set) == wanted && annotationOf(*set, kDesiredReplicas) == wanted &&
         set->status.availableReplicas == wanted;
}

/// The only set with replicas, or where there is none, the new or else the newest old one. Null:
/// there are several.
SetPointer activeOrLatest(const SetPointer& fresh, Sets old) {
  sortOldestFirst(old);
  Sets all = old;
  if (fresh) all.push_back(fresh);
  Sets active = withSpecReplicas(all);
  if (active.size() > 1) return nullptr;
  if (active.size() == 1) return active.front();
  if (fresh) return fresh;
  return old.empty() ? nullptr : old.back();
}

/// The set's share of a change of size.
int shareOf(const ReplicaSet& set, const Deployment& deployment) {
  const int size = replicasOf(set);
  if (replicasOf(deployment) == 0) return -size;
  const int most = replicasOf(deployment) + maxSurge(deployment);
  int before = annotationOf(set, kMaxReplicas).value_or(0);
  if (before <= 0) before = deployment.status.replicas;
  if (before <= 0) return 0;
  const double wanted = static_cast<double>(size) * most / before;
  return static_cast<int>(std::lround(wanted)) - size;
}

void sortBySize(Sets& sets, bool newerFirst) {
  sortOldestFirst(sets);
  if (newerFirst) std::reverse(sets.begin(), sets.end());
  std::stable_sort(sets.begin(), sets.end(), [](const SetPointer& a, const SetPointer& b) {
    return replicasOf(*a) > replicasOf(*b);
  });
}

std::vector<Scaling> spread(const Deployment& deployment, Sets sets) {
  const int wanted = replicasOf(deployment);
  const int allowed = wanted > 0 ? wanted + maxSurge(deployment) : 0;
  const int change = allowed - specReplicas(sets);
  sortBySize(sets, change > 0);
  std::vector<Scaling> result;
  int done = 0;
  for (const auto& set : sets) {
    int share = 0;
    if (change != 0 && done != change) {
      const int left = change - done;
      share = shareOf(*set, deployment);
      share = change > 0 ? std::min(share, left) : std::max(share, left);
    }
    done += share;
    result.push_back({set, replicasOf(*set) + share});
  }
  // What rounding left over goes to the largest.
  if (change != 0 && !result.empty()) result[0].replicas += change - done;
  for (auto& scaling : result) scaling.replicas = std::max(scaling.replicas, 0);
  return result;
}

}  // namespace

bool isScalingEvent(const Deployment& deployment, const Sets& sets) {
  for (const auto& set : withSpecReplicas(sets)) {
    const auto desired = annotationOf(*set, kDesiredReplicas);
    if (desired && *desired != replicasOf(deployment)) return true;
  }
  return false;
}

std::vector<Scaling> proportionalScale(const Deployment& deployment, const SetPointer& fresh,
                                       const Sets& old) {
  const int wanted = replicasOf(deployment);
  if (const auto only = activeOrLatest(fresh, old)) {
    if (replicasOf(*only) == wanted) return {};
    return {{only, wanted}};
  }
  std::vector<Scaling> result;
  if (isSaturated(deployment, fresh)) {
    for (const auto& set : withSpecReplicas(old)) result.push_back({set, 0});
    return result;
  }
  if (!isRolling(deployment)) return {};
  Sets all = old;
  if (fresh) all.push_back(fresh);
  return spread(deployment, withSpecReplicas(all));
}

std::vector<Scaling> shrinkOld(const Deployment& deployment, const SetPointer& fresh,
                               const Sets& old) {
  std::vector<Scaling> result;
  Sets sets = withSpecReplicas(old);
  if (sets.empty() || !fresh) return result;
  sortOldestFirst(sets);
  const int needed = replicasOf(deployment) - maxUnavailable(deployment);
  // Until it has seen what it is to be, the new set may report pods that it is about to lose, or
  // has lost: of when it was an old one.
  const bool seen = fresh->status.observedGeneration >= fresh->metadata.generation;
  const int newAvailable = seen ? std::min(fresh->status.availableReplicas, replicasOf(*fresh)) : 0;
  const int newMissing = replicasOf(*fresh) - newAvailable;
  const int spare = specReplicas(sets) + replicasOf(*fresh) - needed - newMissing;
  if (spare <= 0) return result;
  for (const auto& set : sets) result.push_back({set, replicasOf(*set)});
  int cleaned = 0;
  for (auto& scaling : result) {
    const int unhealthy = scaling.replicas - scaling.set->status.availableReplicas;
    const int less = std::max(0, std::min(spare - cleaned, unhealthy));
    scaling.replicas -= less;
    cleaned += less;
  }
  // A set that was just made smaller may still report what it is about to lose.
  int surplus = newAvailable - needed;
  for (const auto& set : sets) surplus += std::min(set->status.availableReplicas, replicasOf(*set));
  for (auto& scaling : result) {
    const int less = std::max(0, std::min(scaling.replicas, surplus));
    scaling.replicas -= less;
    surplus -= less;
  }
  std::erase_if(result, [](const Scaling& s) { return s.replicas == replicasOf(*s.set); });
  return result;
}

}  // namespace coxswain::controllers::deployment
