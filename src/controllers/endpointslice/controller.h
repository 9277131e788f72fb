#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "controllers/endpointslice/endpoints_of.h"
#include "controllers/endpointslice/topology.h"
#include "controllers/endpointslice/tracker.h"
#include "controllers/endpointslice/trigger_times.h"
#include "controllers/framework/controller.h"

namespace coxswain::controllers::endpointslice {

/// Keeps the EndpointSlices of services with a selector. Slices of a service that is gone go with
/// it, by their owner reference.
/// Upstream: pkg/controller/endpointslice/endpointslice_controller.go.
class EndpointSliceController final : public Controller {
 public:
  struct Options {
    int workers = 5;
    size_t endpointsPerSliceMax = 100;
    Duration batchPeriod{};  ///< how long changes of pods are gathered
  };
  explicit EndpointSliceController(const Context& context) : EndpointSliceController(context, {}) {}
  EndpointSliceController(const Context& context, Options options);

 protected:
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;

 private:
  using Service = api::core::v1::Service;
  /// A service that wants topology hints: what it has, by address type.
  struct Hinted {
    bool told = false;      ///< event TopologyAwareHintsEnabled, since the last -Disabled
    bool baseless = false;  ///< there were no shares when it was looked at
    std::map<std::string, ZoneCounts> counts;
  };

  void onPod(const client::Change& change);
  void onNode(const client::Change& change);
  void onSlice(const client::Change& change);
  /// Services whose hints do not fit the nodes as they are now, come again.
  void onShares();
  const ZoneShares& shares();
  [[nodiscard]] std::vector<SlicePointer> slicesOf(const Service& service) const;
  [[nodiscard]] Zones zonesOf(const std::vector<PodPointer>& pods) const;
  SliceChanges changesFor(const std::string& key, const Service& service,
                          const std::vector<PodPointer>& pods,
                          const std::vector<SlicePointer>& slices);
  void assignHints(const std::string& key, const Service& service, const std::string& addressType,
                   SliceChanges& changes, const std::vector<SlicePointer>& existing);
  void tellHints(const Service& service, bool enabled, std::string_view why,
                 std::string_view addressType);
  void tellFailure(const Service& service, const std::string& why);

  Options options_;
  client::Informer& services_;
  client::Informer& pods_;
  client::Informer& nodes_;
  client::Informer& slices_;
  SliceTracker tracker_;
  TriggerTimes triggers_;
  std::optional<ZoneShares> shares_;
  std::map<std::string, Hinted> hinted_;  ///< by service, those that want hints
};

}  // namespace coxswain::controllers::endpointslice
