#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/gen/storage_v1.h"
#include "api/helpers/volumes.h"
#include "scheduler/plugins/plugins.h"
#include "scheduler/volumes/pod_claims.h"
#include "scheduler/volumes/volume_state.h"

namespace coxswain::scheduler::plugins {

namespace {

struct Topology {
  std::string_view label;
  std::string_view other;  ///< the same by its old or new name
};
constexpr std::array<Topology, 4> kTopologies = {
    Topology{"topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone"},
    Topology{"topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region"},
    Topology{"failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone"},
    Topology{"failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region"}};

struct Demand {
  const Topology* topology;
  std::vector<std::string> values;
};

struct State final : PluginState {
  std::vector<Demand> demands;
};

/// "a__b": in one of these zones.
std::vector<std::string> splitZones(std::string_view text) {
  std::vector<std::string> out;
  while (true) {
    const size_t end = text.find("__");
    out.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return out;
    text.remove_prefix(end + 2);
  }
}

/// Volumes with zone or region labels are for nodes there.
class VolumeZone final : public Plugin, public PreFilterPlugin, public FilterPlugin {
 public:
  explicit VolumeZone(const VolumeState& state) : state_(state) {}
  [[nodiscard]] std::string_view name() const override { return "VolumeZone"; }
  [[nodiscard]] EventInterest events() const override {
    return kClaim | kVolume | kStorageClass | kNodeAdd | kNodeLabel | kNodeTaint;
  }
  [[nodiscard]] QueueingHint hint(const PodInfo& pod, const ClusterEvent& event) const override {
    return event.events & kClaim ? hintOfClaim(pod, event) : QueueingHint::Queue;
  }

  [[nodiscard]] PreFilterResult preFilter(CycleState& state, const PodInfo& pod,
                                          const Snapshot&) const override {
    PreFilterResult result;
    result.code = Code::Skip;
    if (!hasClaims(pod)) return result;
    auto own = std::make_shared<State>();
    for (const auto& wanted : claimsOf(pod)) {
      result.message = read(pod.meta->namespace_, wanted, *own);
      if (result.message.empty()) continue;
      result.code = Code::UnschedulableAndUnresolvable;
      return result;
    }
    if (own->demands.empty()) return result;
    result.code = Code::Success;
    state.setFilterState(index, std::move(own));
    return result;
  }

  [[nodiscard]] Code filter(const CycleState& state, const PodInfo&, const NodeInfo& node,
                            Reasons& reasons) const override {
    const auto* own = state.filterState<State>(index);
    if (!own) return Code::Success;
    const auto& labels = node.node->metadata.labels;
    // Nodes that say nothing of zones take every volume.
    const bool zoned =
        std::any_of(kTopologies.begin(), kTopologies.end(),
                    [&](const Topology& topology) { return labels.contains(topology.label); });
    if (!zoned) return Code::Success;
    for (const auto& demand : own->demands) {
      const auto* value = labels.get(demand.topology->label);
      if (!value) value = labels.get(demand.topology->other);
      const auto& values = demand.values;
      if (value && std::find(values.begin(), values.end(), *value) != values.end()) continue;
      reasons.push_back("node(s) had no available volume zone");
      return Code::UnschedulableAndUnresolvable;
    }
    return Code::Success;
  }

 private:
  /// Empty: the claim was read.
  std::string read(const std::string& ns, const PodClaim& wanted, State& own) const {
    const auto claim = state_.claim(ns, wanted.name);
    if (!claim) return missingClaim(wanted);
    const auto& name = claim->spec.volumeName;
    if (name.empty()) {
      const auto storageClass = api::storageClassOf(*claim);
      if (storageClass.empty()) return "PersistentVolumeClaim had no pv name and storageClass name";
      const auto found = state_.storageClass(storageClass);
      if (!found) return "storageclass.storage.k8s.io \"" + storageClass + "\" not found";
      // The node decides about the volume then, not the volume about the node.
      if (found->volumeBindingMode == "WaitForFirstConsumer") return "";
      return "PersistentVolume had no name";
    }
    const auto volume = state_.volume(name);
    if (!volume) return "persistentvolume \"" + name + "\" not found";
    for (const auto& topology : kTopologies)
      if (const auto* value = volume->metadata.labels.get(topology.label))
        own.demands.push_back({&topology, splitZones(*value)});
    return "";
  }

  const VolumeState& state_;
};

}  // namespace

std::unique_ptr<Plugin> volumeZone(const VolumeState& state) {
  return std::make_unique<VolumeZone>(state);
}

}  // namespace coxswain::scheduler::plugins
