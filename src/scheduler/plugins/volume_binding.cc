#include <memory>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "scheduler/plugins/plugins.h"
#include "scheduler/volumes/pod_claims.h"
#include "scheduler/volumes/volume_binder.h"

namespace coxswain::scheduler::plugins {

namespace {

/// Claims of the pod must be there and bound, with volumes that the node can reach; those that wait
/// for their first pod are bound or provisioned for the node that is chosen, before the pod is
/// bound to it.
class VolumeBinding final : public Plugin,
                            public PreFilterPlugin,
                            public FilterPlugin,
                            public ReservePlugin,
                            public PreBindPlugin {
 public:
  VolumeBinding(const VolumeBindingArgs& args, VolumeState& state, client::Client* client)
      : timeout_(std::chrono::seconds(args.bindTimeoutSeconds)), state_(state), client_(client) {}

  [[nodiscard]] std::string_view name() const override { return "VolumeBinding"; }
  [[nodiscard]] EventInterest events() const override {
    return kClaim | kVolume | kStorageClass | kCsiNode | kCsiDriver | kCsiCapacity | kNodeAdd |
           kNodeLabel | kNodeTaint;
  }
  [[nodiscard]] QueueingHint hint(const PodInfo& pod, const ClusterEvent& event) const override {
    return event.events & kClaim ? hintOfClaim(pod, event) : QueueingHint::Queue;
  }

  [[nodiscard]] PreFilterResult preFilter(CycleState& state, const PodInfo& pod,
                                          const Snapshot&) const override {
    PreFilterResult result;
    if (!hasClaims(pod)) {
      result.code = Code::Skip;
      return result;
    }
    auto volumes = std::make_shared<PodVolumes>();
    result.message = readVolumes(state_, pod, *volumes);
    if (!result.message.empty()) {
      result.code = Code::UnschedulableAndUnresolvable;
      return result;
    }
    state.setFilterState(index, std::move(volumes));
    return result;
  }

  [[nodiscard]] Code filter(const CycleState& state, const PodInfo&, const NodeInfo& node,
                            Reasons& reasons) const override {
    const auto* volumes = state.filterState<PodVolumes>(index);
    return volumes ? planVolumes(*volumes, *node.node, reasons, nullptr) : Code::Success;
  }

  [[nodiscard]] Status reserve(CycleState& state, const PodInfo&,
                               const std::string& nodeName) override {
    auto* volumes = state.filterState<PodVolumes>(index);
    if (!volumes || volumes->delayed.empty()) return {};
    const auto node = state_.node(nodeName);
    if (!node) return badRequest("node \"" + nodeName + "\" not found");
    Reasons reasons;
    if (planVolumes(*volumes, *node, reasons, &volumes->plan) != Code::Success)
      return badRequest(std::string(reasons.empty() ? "volumes changed" : reasons.front()));
    reservePlan(state_, volumes->plan, nodeName);
    return {};
  }
  void unreserve(CycleState& state, const PodInfo&, const std::string&) override {
    if (auto* volumes = state.filterState<PodVolumes>(index)) releasePlan(state_, volumes->plan);
  }

  [[nodiscard]] bool preBindNeeded(const CycleState& state, const PodInfo&) const override {
    const auto* volumes = state.filterState<PodVolumes>(index);
    return volumes && !volumes->plan.empty();
  }
  Task<Status> preBind(CycleState& state, PodInfoPtr pod, std::string node,
                       std::stop_token stop) override {
    auto& plan = state.filterState<PodVolumes>(index)->plan;
    if (!client_) co_return internalError("no client to bind volumes with");
    Status done = co_await carryOut(*client_, state_, plan, std::move(node), timeout_, stop);
    if (!done.ok()) co_return done.withContext("binding volumes");
    // The claims' own annotations tell from now on.
    for (auto& provision : plan.provisions) {
      if (provision.selected)
        state_.unselectNode(pod->meta->namespace_ + "/" + provision.claim->metadata.name);
      provision.selected = false;
    }
    co_return Status();
  }

 private:
  Duration timeout_;
  VolumeState& state_;
  client::Client* client_;
};

}  // namespace

std::unique_ptr<Plugin> volumeBinding(const VolumeBindingArgs& args, VolumeState& state,
                                      client::Client* client) {
  return std::make_unique<VolumeBinding>(args, state, client);
}

}  // namespace coxswain::scheduler::plugins
