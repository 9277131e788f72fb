#include <algorithm>
#include <optional>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/gen/storage_v1.h"
#include "api/helpers/volumes.h"
#include "scheduler/plugins/plugins.h"
#include "scheduler/volumes/pod_claims.h"
#include "scheduler/volumes/volume_state.h"

namespace coxswain::scheduler::plugins {

namespace {

using api::core::v1::PersistentVolumeClaim;

/// A volume that a CSI driver attaches.
struct Attachable {
  std::string driver;
  std::string handle;  ///< of the driver; of a volume that is still to be made: the claim's name
  bool operator==(const Attachable&) const = default;
};

struct State final : PluginState {
  std::vector<Attachable> volumes;
};

void addOnce(std::vector<Attachable>& list, Attachable volume) {
  if (std::find(list.begin(), list.end(), volume) == list.end()) list.push_back(std::move(volume));
}

int64_t countOf(const std::vector<Attachable>& list, const std::string& driver) {
  return std::count_if(list.begin(), list.end(),
                       [&](const Attachable& volume) { return volume.driver == driver; });
}

/// A node attaches as many volumes of a CSI driver as its CSINode allows.
class NodeVolumeLimits final : public Plugin, public PreFilterPlugin, public FilterPlugin {
 public:
  explicit NodeVolumeLimits(const VolumeState& state) : state_(state) {}
  [[nodiscard]] std::string_view name() const override { return "NodeVolumeLimits"; }
  [[nodiscard]] EventInterest events() const override {
    return kCsiNode | kAssignedPodDelete | kClaim | kVolume | kAttachmentDelete;
  }
  [[nodiscard]] QueueingHint hint(const PodInfo& pod, const ClusterEvent& event) const override {
    if (event.events & kClaim && event.newObject) return hintOfClaim(pod, event);
    if (event.events & kAssignedPodDelete && event.oldPod)
      return hasClaims(*event.oldPod) ? QueueingHint::Queue : QueueingHint::Skip;
    return QueueingHint::Queue;
  }

  [[nodiscard]] PreFilterResult preFilter(CycleState& state, const PodInfo& pod,
                                          const Snapshot&) const override {
    PreFilterResult result;
    result.code = Code::Skip;
    if (!hasClaims(pod)) return result;
    auto own = std::make_shared<State>();
    for (const auto& wanted : claimsOf(pod)) {
      const auto claim = state_.claim(pod.meta->namespace_, wanted.name);
      if (!claim) {
        result.code = Code::UnschedulableAndUnresolvable;
        result.message = missingClaim(wanted);
        return result;
      }
      if (auto volume = attachableOf(*claim)) addOnce(own->volumes, std::move(*volume));
    }
    if (own->volumes.empty()) return result;
    result.code = Code::Success;
    state.setFilterState(index, std::move(own));
    return result;
  }

  [[nodiscard]] Code filter(const CycleState& state, const PodInfo&, const NodeInfo& node,
                            Reasons& reasons) const override {
    const auto* own = state.filterState<State>(index);
    if (!own) return Code::Success;
    const auto csiNode = state_.csiNode(node.name);
    if (!csiNode) return Code::Success;
    std::optional<std::vector<Attachable>> attached;
    for (const auto& driver : csiNode->spec.drivers) {
      if (!driver.allocatable || !driver.allocatable->count) continue;
      const int64_t added = countOf(own->volumes, driver.name);
      if (added == 0) continue;
      if (!attached) attached = attachedTo(node, own->volumes);
      if (countOf(*attached, driver.name) + added <= *driver.allocatable->count) continue;
      reasons.push_back("node(s) exceed max volume count");
      return Code::Unschedulable;
    }
    return Code::Success;
  }

 private:
  /// Nothing: no CSI driver attaches it.
  [[nodiscard]] std::optional<Attachable> attachableOf(const PersistentVolumeClaim& claim) const {
    if (!claim.spec.volumeName.empty()) {
      if (const auto volume = state_.volume(claim.spec.volumeName)) {
        const auto& csi = volume->spec.persistentVolumeSource.csi;
        if (!csi) return std::nullopt;
        return Attachable{csi->driver, csi->volumeHandle};
      }
    }
    const auto name = api::storageClassOf(claim);
    const auto storageClass = name.empty() ? nullptr : state_.storageClass(name);
    if (!storageClass || storageClass->provisioner == "kubernetes.io/no-provisioner")
      return std::nullopt;
    return Attachable{storageClass->provisioner,
                      claim.metadata.namespace_ + "/" + claim.metadata.name};
  }

  /// By pods and by VolumeAttachments; without those in `besides`, which come with the new pod.
  [[nodiscard]] std::vector<Attachable> attachedTo(const NodeInfo& node,
                                                   const std::vector<Attachable>& besides) const {
    std::vector<Attachable> out;
    const auto add = [&](Attachable volume) {
      if (std::find(besides.begin(), besides.end(), volume) == besides.end())
        addOnce(out, std::move(volume));
    };
    for (const auto& pod : node.pods) {
      for (const auto& used : claimsOf(*pod)) {
        const auto claim = state_.claim(pod->meta->namespace_, used.name);
        if (!claim) continue;
        if (auto volume = attachableOf(*claim)) add(std::move(*volume));
      }
    }
    state_.forEachAttachment(node.name, [&](const api::storage::v1::VolumeAttachment& attachment) {
      const auto& name = attachment.spec.source.persistentVolumeName;
      const auto volume = name ? state_.volume(*name) : nullptr;
      if (!volume || !volume->spec.persistentVolumeSource.csi) return;
      const auto& csi = *volume->spec.persistentVolumeSource.csi;
      add({csi.driver, csi.volumeHandle});
    });
    return out;
  }

  const VolumeState& state_;
};

}  // namespace

std::unique_ptr<Plugin> nodeVolumeLimits(const VolumeState& state) {
  return std::make_unique<NodeVolumeLimits>(state);
}

}  // namespace coxswain::scheduler::plugins
