#include <memory>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/scheduling.h"
#include "client/informer.h"
#include "scheduler/plugins/plugins.h"

namespace coxswain::scheduler::plugins {

namespace {

using api::core::v1::PersistentVolume;
using api::core::v1::PersistentVolumeClaim;
using api::core::v1::Pod;

/// The volumes of a pod's claims.
struct Volumes final : PluginState {
  std::vector<std::shared_ptr<const PersistentVolume>> bound;
  bool missing = false;  ///< a claim is bound to a volume that does not exist
};

struct ClaimName {
  std::string name;
  bool ephemeral = false;  ///< made for this pod
};

std::vector<ClaimName> claimsOf(const Pod& pod) {
  std::vector<ClaimName> names;
  for (const auto& volume : pod.spec.volumes) {
    const auto& source = volume.volumeSource;
    if (source.persistentVolumeClaim) {
      names.push_back({source.persistentVolumeClaim->claimName, false});
    } else if (source.ephemeral) {
      names.push_back({pod.metadata.name + "-" + volume.name, true});
    }
  }
  return names;
}

/// Claims of the pod must be there and bound, and their volumes reachable from the node. Claims
/// that wait for their first pod are not bound by this: they count as unbound.
class VolumeBinding final : public Plugin, public PreFilterPlugin, public FilterPlugin {
 public:
  VolumeBinding(const client::Informer& claims, const client::Informer& volumes)
      : claims_(claims), volumes_(volumes) {}

  [[nodiscard]] std::string_view name() const override { return "VolumeBinding"; }
  [[nodiscard]] EventInterest events() const override {
    return kClaim | kVolume | kNodeAdd | kNodeLabel;
  }

  [[nodiscard]] PreFilterResult preFilter(CycleState& state, const PodInfo& pod,
                                          const Snapshot&) const override {
    PreFilterResult result;
    const auto names = claimsOf(*pod.pod);
    if (names.empty()) {
      result.code = Code::Skip;
      return result;
    }
    auto volumes = std::make_shared<Volumes>();
    for (const auto& claim : names) {
      result.message = check(pod.pod->metadata.namespace_, claim, *volumes);
      if (result.message.empty()) continue;
      result.code = Code::UnschedulableAndUnresolvable;
      return result;
    }
    state.setFilterState(index, std::move(volumes));
    return result;
  }

  [[nodiscard]] Code filter(const CycleState& state, const PodInfo&, const NodeInfo& node,
                            Reasons& reasons) const override {
    const auto* volumes = state.filterState<Volumes>(index);
    if (volumes == nullptr) return Code::Success;
    if (volumes->missing) {
      reasons.push_back(
          "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)");
      return Code::UnschedulableAndUnresolvable;
    }
    for (const auto& volume : volumes->bound) {
      const auto& affinity = volume->spec.nodeAffinity;
      if (!affinity || !affinity->required) continue;
      if (api::matchesNodeSelector(*affinity->required, *node.node)) continue;
      reasons.push_back("node(s) didn't match PersistentVolume's node affinity");
      return Code::UnschedulableAndUnresolvable;
    }
    return Code::Success;
  }

 private:
  /// Empty: the claim is bound; its volume is added.
  [[nodiscard]] std::string check(const std::string& ns, const ClaimName& wanted,
                                  Volumes& volumes) const {
    const auto quoted = "persistentvolumeclaim \"" + wanted.name + "\"";
    const auto claim = claims_.get<PersistentVolumeClaim>(ns + "/" + wanted.name);
    if (!claim && wanted.ephemeral) {
      return "waiting for ephemeral volume controller to create the " + quoted;
    }
    if (!claim) return quoted + " not found";
    if (claim->status.phase == "Lost") {
      return quoted + " bound to non-existent persistentvolume \"" + claim->spec.volumeName + "\"";
    }
    if (claim->metadata.deletionTimestamp) return quoted + " is being deleted";
    const bool bound = !claim->spec.volumeName.empty() &&
                       claim->metadata.annotations.contains("pv.kubernetes.io/bind-completed");
    if (!bound) return "pod has unbound immediate PersistentVolumeClaims";
    auto volume = volumes_.get<PersistentVolume>(claim->spec.volumeName);
    if (volume) {
      volumes.bound.push_back(std::move(volume));
    } else {
      volumes.missing = true;
    }
    return "";
  }

  const client::Informer& claims_;
  const client::Informer& volumes_;
};

}  // namespace

std::unique_ptr<Plugin> volumeBinding(const client::Informer& claims,
                                      const client::Informer& volumes) {
  return std::make_unique<VolumeBinding>(claims, volumes);
}

}  // namespace coxswain::scheduler::plugins
