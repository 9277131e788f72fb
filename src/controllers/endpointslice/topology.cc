#include "controllers/endpointslice/topology.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <unordered_map>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/pods.h"

namespace coxswain::controllers::endpointslice {

using api::core::v1::Node;
using api::core::v1::Service;
using api::discovery::v1::Endpoint;
using api::discovery::v1::EndpointSlice;

namespace {

constexpr std::string_view kZoneLabel = "topology.kubernetes.io/zone";
/// How much more than the average an endpoint may get to do.
constexpr double kOverloadMax = 0.2;

int64_t milliCpuOf(const Node& node) {
  const auto* cpu = node.status.allocatable.get("cpu");
  return cpu == nullptr ? 0 : cpu->milliValue();
}

std::string_view zoneOf(const Node& node) {
  const auto* zone = node.metadata.labels.get(kZoneLabel);
  return zone == nullptr ? std::string_view() : std::string_view(*zone);
}

bool takesPart(const Node& node) {
  const auto& labels = node.metadata.labels;
  return !labels.contains("node-role.kubernetes.io/control-plane") &&
         !labels.contains("node-role.kubernetes.io/master") && api::isNodeReady(node);
}

bool isReady(const Endpoint& endpoint) {
  return endpoint.conditions.ready.value_or(false);
}

size_t readyIn(const EndpointSlice& slice) {
  return static_cast<size_t>(
      std::count_if(slice.endpoints.begin(), slice.endpoints.end(), isReady));
}

int fewest(double expected) {
  return static_cast<int>(std::ceil(expected / (1 + kOverloadMax)));
}

struct Bounds {
  int most = 0;
  double desired = 0;
};
using ZoneBounds = std::map<std::string, Bounds, std::less<>>;

/// Nothing in `problem`: they can be.
ZoneBounds boundsOf(size_t endpoints, const ZoneShares& shares, std::string& problem) {
  ZoneBounds bounds;
  const auto counted = fmt::format(" ({} endpoints, {} zones)", endpoints, shares.size());
  if (shares.empty()) {
    problem =
        "Insufficient Node information: allocatable CPU or zone not specified on one or more nodes";
    return bounds;
  }
  if (shares.size() > endpoints) {
    problem = "Insufficient number of endpoints" + counted;
    return bounds;
  }
  int spare = static_cast<int>(endpoints);
  for (const auto& [zone, share] : shares) {
    const double desired = share * static_cast<double>(endpoints);
    const int least = fewest(desired);
    bounds[zone] = {least, std::max(desired, static_cast<double>(least))};
    spare -= least;
  }
  if (spare < 0) {
    problem =
        "Unable to allocate minimum required endpoints to each zone without exceeding overload "
        "threshold" +
        counted;
    return {};
  }
  for (auto& [zone, bound] : bounds) bound.most += spare;
  return bounds;
}

/// False: a slice must be written, for its hints leave some zone too little.
bool mayStay(const EndpointSlice& slice, const ZoneBounds& bounds, ZoneCounts& counts) {
  ZoneCounts own;
  for (const auto& endpoint : slice.endpoints) {
    if (!isReady(endpoint)) continue;
    if (!endpoint.hints || endpoint.hints->forZones.empty()) return false;
    for (const auto& zone : endpoint.hints->forZones) ++own[zone.name];
  }
  for (const auto& [zone, count] : own) {
    auto bound = bounds.find(zone);
    if (bound == bounds.end() || counts[zone] + count > bound->second.most) return false;
  }
  for (const auto& [zone, count] : own) counts[zone] += count;
  return true;
}

void hint(Endpoint& endpoint, const std::string& zone) {
  auto& hints = endpoint.hints.getOrCreate();
  hints.forNodes.clear();
  hints.forZones.resize(1);
  hints.forZones[0].name = zone;
}

/// Moves wanted: first gives to second, as often as it is there.
using Moves = std::map<std::string, std::vector<std::string>, std::less<>>;

Moves movesFor(const ZoneBounds& bounds, const ZoneCounts& counts) {
  // By how much each zone is above what it should have.
  std::map<std::string, double> excess;
  for (const auto& [zone, bound] : bounds) {
    auto has = counts.find(zone);
    excess[zone] = (has == counts.end() ? 0 : has->second) - bound.desired;
  }
  Moves moves;
  while (!excess.empty()) {
    auto byExcess = [](const auto& a, const auto& b) { return a.second < b.second; };
    auto giver = std::max_element(excess.begin(), excess.end(), byExcess);
    auto taker = std::min_element(excess.begin(), excess.end(), byExcess);
    const double give = giver->second;
    const double take = -taker->second;
    if (give < 0.5 || take < 0.5 || (give < 1 && take < 1)) break;
    moves[giver->first].push_back(taker->first);
    giver->second -= 1;
    taker->second += 1;
  }
  return moves;
}

void clearHints(SliceChanges& changes, const std::vector<SlicePointer>& kept) {
  auto clear = [](EndpointSlice& slice) {
    for (auto& endpoint : slice.endpoints) endpoint.hints.reset();
  };
  for (auto& slice : changes.create) clear(slice);
  for (auto& slice : changes.update) clear(slice);
  for (const auto& slice : kept) {
    const bool hinted = std::any_of(slice->endpoints.begin(), slice->endpoints.end(),
                                    [](const Endpoint& e) { return bool(e.hints); });
    if (hinted) clear(changes.update.emplace_back(*slice));
  }
}

std::vector<Endpoint*> writtenReady(SliceChanges& changes) {
  std::vector<Endpoint*> all;
  for (auto* slices : {&changes.create, &changes.update}) {
    for (auto& slice : *slices) {
      for (auto& endpoint : slice.endpoints) {
        if (isReady(endpoint)) {
          all.push_back(&endpoint);
        } else {
          endpoint.hints.reset();
        }
      }
    }
  }
  return all;
}

}  // namespace

ZoneShares zoneShares(const std::vector<std::shared_ptr<const Node>>& nodes) {
  ZoneShares shares;
  double total = 0;
  for (const auto& node : nodes) {
    if (!takesPart(*node)) continue;
    const auto zone = zoneOf(*node);
    const auto cpu = static_cast<double>(milliCpuOf(*node));
    if (zone.empty() || cpu <= 0) return {};
    shares[std::string(zone)] += cpu;
    total += cpu;
  }
  if (shares.size() < 2) return {};
  for (auto& [zone, share] : shares) share /= total;
  return shares;
}

bool sharesChanged(const Node& before, const Node& after) {
  const bool takes = takesPart(after);
  if (takesPart(before) != takes) return true;
  return takes && (zoneOf(before) != zoneOf(after) || milliCpuOf(before) != milliCpuOf(after));
}

bool wantsTopologyHints(const Service& service) {
  const auto& annotations = service.metadata.annotations;
  const auto* mode = annotations.get("service.kubernetes.io/topology-aware-hints");
  if (mode == nullptr) mode = annotations.get("service.kubernetes.io/topology-mode");
  return mode != nullptr && (*mode == "Auto" || *mode == "auto");
}

void carryHints(std::vector<EndpointGroup>& groups, const std::vector<SlicePointer>& existing) {
  std::unordered_map<std::string, const Endpoint*> known;
  for (const auto& slice : existing) {
    for (const auto& endpoint : slice->endpoints) {
      if (endpoint.hints) known.emplace(identityOf(endpoint), &endpoint);
    }
  }
  if (known.empty()) return;
  for (auto& group : groups) {
    for (auto& endpoint : group.endpoints) {
      auto found = known.find(identityOf(endpoint));
      if (found != known.end()) endpoint.hints = found->second->hints;
    }
  }
}

HintOutcome assignHints(SliceChanges& changes, const std::vector<SlicePointer>& existing,
                        const ZoneShares& shares) {
  HintOutcome outcome;
  auto kept = keptOf(existing, changes);
  size_t ready = 0;
  for (const auto& slice : kept) ready += readyIn(*slice);
  for (const auto& slice : changes.create) ready += readyIn(slice);
  for (const auto& slice : changes.update) ready += readyIn(slice);
  const auto bounds = boundsOf(ready, shares, outcome.problem);
  if (!outcome.problem.empty()) {
    clearHints(changes, kept);
    return outcome;
  }
  ZoneCounts counts;
  std::erase_if(kept, [&](const SlicePointer& slice) {
    if (mayStay(*slice, bounds, counts)) return false;
    changes.update.push_back(*slice);
    return true;
  });
  const auto endpoints = writtenReady(changes);
  for (auto* endpoint : endpoints) {
    if (!endpoint->zone || endpoint->zone->empty()) {
      outcome.problem = "One or more endpoints do not have a zone specified";
      clearHints(changes, kept);
      return outcome;
    }
    hint(*endpoint, *endpoint->zone);
    ++counts[*endpoint->zone];
  }
  auto moves = movesFor(bounds, counts);
  for (auto* endpoint : endpoints) {
    auto move = moves.find(*endpoint->zone);
    if (move == moves.end() || move->second.empty()) continue;
    hint(*endpoint, move->second.back());
    --counts[*endpoint->zone];
    ++counts[move->second.back()];
    move->second.pop_back();
  }
  outcome.counts = std::move(counts);
  return outcome;
}

bool isOverloaded(const ZoneCounts& counts, const ZoneShares& shares) {
  if (counts.empty()) return false;
  if (shares.empty()) return true;
  double all = 0;
  for (const auto& [zone, count] : counts) all += count;
  return std::any_of(shares.begin(), shares.end(), [&](const auto& share) {
    auto has = counts.find(share.first);
    return has == counts.end() || has->second < fewest(all * share.second);
  });
}

}  // namespace coxswain::controllers::endpointslice
