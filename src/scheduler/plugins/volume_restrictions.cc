#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "scheduler/plugins/plugins.h"
#include "scheduler/volumes/pod_claims.h"
#include "scheduler/volumes/volume_state.h"

namespace coxswain::scheduler::plugins {

namespace {

using api::core::v1::Volume;
using api::core::v1::VolumeSource;

struct State final : PluginState {
  std::vector<std::string> exclusive;  ///< claims of the pod with access mode ReadWriteOncePod
  int64_t users = 0;                   ///< uses of these by other pods that have a node
  bool disks = false;
};

/// Disks that only one pod at a time may write.
bool isDisk(const VolumeSource& source) {
  return source.gcePersistentDisk || source.awsElasticBlockStore || source.rbd || source.iscsi;
}

bool overlap(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return std::any_of(a.begin(), a.end(), [&](const std::string& one) {
    return std::find(b.begin(), b.end(), one) != b.end();
  });
}

bool conflict(const VolumeSource& a, const VolumeSource& b) {
  if (a.gcePersistentDisk && b.gcePersistentDisk)
    return a.gcePersistentDisk->pdName == b.gcePersistentDisk->pdName &&
           !(a.gcePersistentDisk->readOnly && b.gcePersistentDisk->readOnly);
  if (a.awsElasticBlockStore && b.awsElasticBlockStore)
    return a.awsElasticBlockStore->volumeID == b.awsElasticBlockStore->volumeID;
  if (a.iscsi && b.iscsi)
    return a.iscsi->iqn == b.iscsi->iqn && !(a.iscsi->readOnly && b.iscsi->readOnly);
  if (a.rbd && b.rbd)
    return overlap(a.rbd->monitors, b.rbd->monitors) && a.rbd->pool == b.rbd->pool &&
           a.rbd->image == b.rbd->image && !(a.rbd->readOnly && b.rbd->readOnly);
  return false;
}

bool conflict(const PodInfo& a, const PodInfo& b) {
  for (const auto& volume : a.volumes) {
    if (!isDisk(volume.volumeSource)) continue;
    for (const auto& other : b.volumes)
      if (conflict(volume.volumeSource, other.volumeSource)) return true;
  }
  return false;
}

int64_t usesOf(const State& state, const PodInfo& pod, const PodInfo& other) {
  if (other.key == pod.key) return 0;
  const auto& ns = pod.meta->namespace_;
  return std::count_if(state.exclusive.begin(), state.exclusive.end(),
                       [&](const std::string& claim) { return usesClaim(other, ns, claim); });
}

/// A disk that is written on the node already is not mounted by another pod there; a claim with
/// access mode ReadWriteOncePod is not used by two pods, wherever they are.
class VolumeRestrictions final : public Plugin, public PreFilterPlugin, public FilterPlugin {
 public:
  explicit VolumeRestrictions(const VolumeState& state) : state_(state) {}
  [[nodiscard]] std::string_view name() const override { return "VolumeRestrictions"; }
  [[nodiscard]] EventInterest events() const override {
    return kAssignedPodDelete | kNodeAdd | kClaim;
  }
  [[nodiscard]] QueueingHint hint(const PodInfo& pod, const ClusterEvent& event) const override {
    if (event.events & kClaim && event.newObject) return hintOfClaim(pod, event);
    if (!event.oldPod || !(event.events & kAssignedPodDelete)) return QueueingHint::Queue;
    const auto& ns = pod.meta->namespace_;
    for (const auto& claim : claimsOf(pod))
      if (usesClaim(*event.oldPod, ns, claim.name)) return QueueingHint::Queue;
    return conflict(pod, *event.oldPod) ? QueueingHint::Queue : QueueingHint::Skip;
  }

  [[nodiscard]] PreFilterResult preFilter(CycleState& state, const PodInfo& pod,
                                          const Snapshot& snapshot) const override {
    PreFilterResult result;
    result.code = Code::Skip;
    State own;
    for (const auto& volume : pod.volumes) own.disks = own.disks || isDisk(volume.volumeSource);
    if (hasClaims(pod)) {
      result.message = readExclusive(pod, own);
      if (!result.message.empty()) {
        result.code = Code::UnschedulableAndUnresolvable;
        return result;
      }
    }
    if (!own.disks && own.exclusive.empty()) return result;
    if (!own.exclusive.empty())
      for (const NodeInfo* node : snapshot.nodes)
        for (const auto& other : node->pods) own.users += usesOf(own, pod, *other);
    result.code = Code::Success;
    state.setFilterState(index, std::make_shared<State>(std::move(own)));
    return result;
  }
  void podChanged(CycleState& state, const PodInfo& pod, const PodInfo& other, bool added,
                  const NodeInfo&, const Snapshot&) const override {
    auto* own = state.filterState<State>(index);
    if (!own || own->exclusive.empty()) return;
    const int64_t uses = usesOf(*own, pod, other);
    own->users += added ? uses : -uses;
  }
  [[nodiscard]] Code filter(const CycleState& state, const PodInfo& pod, const NodeInfo& node,
                            Reasons& reasons) const override {
    const auto* own = state.filterState<State>(index);
    if (!own) return Code::Success;
    if (own->disks) {
      const bool taken =
          std::any_of(node.pods.begin(), node.pods.end(),
                      [&](const PodInfoPtr& other) { return conflict(pod, *other); });
      if (taken) {
        reasons.push_back("node(s) had no available disk");
        return Code::Unschedulable;
      }
    }
    if (own->users == 0) return Code::Success;
    reasons.push_back(
        "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode "
        "already in-use by another pod");
    return Code::Unschedulable;
  }

 private:
  /// Empty: the claims were read.
  std::string readExclusive(const PodInfo& pod, State& own) const {
    for (const auto& wanted : claimsOf(pod)) {
      const auto claim = state_.claim(pod.meta->namespace_, wanted.name);
      if (!claim) return missingClaim(wanted);
      const auto& modes = claim->spec.accessModes;
      if (std::find(modes.begin(), modes.end(), "ReadWriteOncePod") != modes.end())
        own.exclusive.push_back(wanted.name);
    }
    return "";
  }

  const VolumeState& state_;
};

}  // namespace

std::unique_ptr<Plugin> volumeRestrictions(const VolumeState& state) {
  return std::make_unique<VolumeRestrictions>(state);
}

}  // namespace coxswain::scheduler::plugins
