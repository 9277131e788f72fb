#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "controllers/endpointslice/packing.h"

namespace coxswain::api::core::v1 {
struct Node;
struct Service;
}  // namespace coxswain::api::core::v1

namespace coxswain::controllers::endpointslice {

/// Texts of the events TopologyAwareHintsEnabled and -Disabled, before ", addressType: IPv4".
inline constexpr std::string_view kHintsEnabled = "Topology Aware Hints has been enabled";
inline constexpr std::string_view kHintsDisabled = "Topology Aware Hints has been disabled";

/// Each zone's part (0 to 1) of the CPU of nodes that take part; empty where hints have no base: a
/// node without zone or CPU, or fewer than two zones.
using ZoneShares = std::map<std::string, double, std::less<>>;
/// How many endpoints each zone is given by hints.
using ZoneCounts = std::map<std::string, int, std::less<>>;

/// Of nodes that are ready and no control plane's.
ZoneShares zoneShares(const std::vector<std::shared_ptr<const api::core::v1::Node>>& nodes);
/// The change is one that zoneShares may show.
bool sharesChanged(const api::core::v1::Node& before, const api::core::v1::Node& after);

/// The service wants its endpoints spread over zones as CPU is: annotation
/// service.kubernetes.io/topology-mode (or the older topology-aware-hints) is Auto.
bool wantsTopologyHints(const api::core::v1::Service& service);

/// Wanted endpoints get the hints that they have in `existing`, so that packing alone changes none.
void carryHints(std::vector<EndpointGroup>& groups, const std::vector<SlicePointer>& existing);

struct HintOutcome {
  ZoneCounts counts;    ///< empty: no hints
  std::string problem;  ///< why there are none
};
/// Gives each ready endpoint in what is written a zone: its own, but some another's, until each
/// zone has its share. Slices that are not written keep theirs as long as that leaves all zones
/// enough; others are written too. Where there can be none, all hints go. `existing` are the slices
/// that packing started from. Upstream: staging/src/k8s.io/endpointslice/topologycache.
HintOutcome assignHints(SliceChanges& changes, const std::vector<SlicePointer>& existing,
                        const ZoneShares& shares);

/// With hints by `counts`, some zone has too few endpoints for the shares as they are now.
bool isOverloaded(const ZoneCounts& counts, const ZoneShares& shares);

}  // namespace coxswain::controllers::endpointslice
