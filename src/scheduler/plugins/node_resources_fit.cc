#include <algorithm>

#include "api/gen/core_v1.h"
#include "scheduler/plugins/plugins.h"
#include "scheduler/plugins/resource_score.h"

namespace coxswain::scheduler::plugins {

namespace {

/// Reasons of the resources that have no fixed name.
struct State final : PluginState {
  std::vector<std::string> scalarReasons;
};

/// Extended resources that configuration leaves to others.
class Ignored {
 public:
  explicit Ignored(const NodeResourcesFitArgs& args)
      : names_(args.ignoredResources), groups_(args.ignoredResourceGroups) {}
  [[nodiscard]] bool contains(std::string_view name) const {
    if (names_.empty() && groups_.empty()) return false;
    const auto slash = name.find('/');
    if (slash == std::string_view::npos) return false;
    return std::find(names_.begin(), names_.end(), name) != names_.end() ||
           std::find(groups_.begin(), groups_.end(), name.substr(0, slash)) != groups_.end();
  }

 private:
  std::vector<std::string> names_;
  std::vector<std::string> groups_;
};

bool fits(const PodInfo& pod, const NodeInfo& node, const Ignored& ignored) {
  const Resources& want = pod.requests;
  const Resources& have = node.allocatable;
  const Resources& used = node.requested;
  const auto room = [](int64_t wanted, int64_t total, int64_t taken) {
    return wanted == 0 || wanted <= total - taken;
  };
  if (static_cast<int64_t>(node.pods.size()) + 1 > have.pods) return false;
  if (!room(want.milliCpu, have.milliCpu, used.milliCpu) ||
      !room(want.memory, have.memory, used.memory) ||
      !room(want.ephemeralStorage, have.ephemeralStorage, used.ephemeralStorage))
    return false;
  for (const auto& [name, amount] : want.scalars)
    if (!room(amount, have.scalar(name), used.scalar(name)) && !ignored.contains(name))
      return false;
  return true;
}

/// Requests fit into what is left of the node; scores by its scoringStrategy.
class NodeResourcesFit final : public Plugin,
                               public PreFilterPlugin,
                               public FilterPlugin,
                               public ScorePlugin {
 public:
  explicit NodeResourcesFit(const NodeResourcesFitArgs& args) : ignored_(args), scorer_(args) {}
  [[nodiscard]] std::string_view name() const override { return "NodeResourcesFit"; }
  [[nodiscard]] EventInterest events() const override {
    return kNodeAdd | kNodeAllocatable | kAssignedPodDelete | kAssignedPodScaleDown | kPodSpec;
  }
  [[nodiscard]] QueueingHint hint(const PodInfo& pod, const ClusterEvent& event) const override {
    if (event.node && event.node->node)
      return fitsBeside(pod, *event.node) ? QueueingHint::Queue : QueueingHint::Skip;
    if (!event.newNode) return QueueingHint::Queue;
    // Could it fit if the node were empty?
    const Resources have = Resources::from(event.newNode->status.allocatable);
    const Resources& want = pod.requests;
    bool possible = have.pods > 0 && want.milliCpu <= have.milliCpu && want.memory <= have.memory &&
                    want.ephemeralStorage <= have.ephemeralStorage;
    for (const auto& [name, amount] : want.scalars)
      possible = possible && (amount <= have.scalar(name) || ignored_.contains(name));
    return possible ? QueueingHint::Queue : QueueingHint::Skip;
  }
  [[nodiscard]] PreFilterResult preFilter(CycleState& state, const PodInfo& pod,
                                          const Snapshot&) const override {
    auto own = std::make_shared<State>();
    for (const auto& [name, amount] : pod.requests.scalars)
      own->scalarReasons.push_back("Insufficient " + name);
    state.setFilterState(index, std::move(own));
    return {};
  }
  [[nodiscard]] bool isLocal() const override { return true; }
  [[nodiscard]] Code filter(const CycleState& state, const PodInfo& pod, const NodeInfo& node,
                            Reasons& reasons) const override {
    if (fits(pod, node, ignored_)) return Code::Success;
    Code code = Code::Unschedulable;
    if (static_cast<int64_t>(node.pods.size()) + 1 > node.allocatable.pods)
      reasons.push_back("Too many pods");
    const auto check = [&](int64_t wanted, int64_t total, int64_t taken, std::string_view why) {
      if (wanted == 0 || wanted <= total - taken) return;
      reasons.push_back(why);
      // More than the node has at all: no pod that goes would help.
      if (wanted > total) code = Code::UnschedulableAndUnresolvable;
    };
    const Resources& want = pod.requests;
    const Resources& have = node.allocatable;
    const Resources& used = node.requested;
    check(want.milliCpu, have.milliCpu, used.milliCpu, "Insufficient cpu");
    check(want.memory, have.memory, used.memory, "Insufficient memory");
    check(want.ephemeralStorage, have.ephemeralStorage, used.ephemeralStorage,
          "Insufficient ephemeral-storage");
    const auto* own = state.filterState<State>(index);
    for (size_t i = 0; i < want.scalars.size(); ++i) {
      const auto& [name, amount] = want.scalars[i];
      if (ignored_.contains(name)) continue;
      check(amount, have.scalar(name), used.scalar(name), own->scalarReasons[i]);
    }
    return code;
  }
  [[nodiscard]] int64_t score(const CycleState&, const PodInfo& pod, const NodeInfo& node,
                              const Snapshot&) const override {
    return scorer_.score(pod, node);
  }
  [[nodiscard]] int64_t weight() const override { return 1; }

 private:
  /// Fits, and leaves the room that is being made there for others as important.
  [[nodiscard]] bool fitsBeside(const PodInfo& pod, const NodeInfo& node) const {
    if (!fits(pod, node, ignored_)) return false;
    const auto counts = [&](const PodInfoPtr& other) {
      return other->priority >= pod.priority && other->key != pod.key;
    };
    if (std::none_of(node.nominated.begin(), node.nominated.end(), counts)) return true;
    NodeInfo& trial = forTrial(node);
    const TrialScope scope(trial);
    for (const auto& other : node.nominated)
      if (counts(other)) trial.addPod(other);
    const bool fitsNow = fits(pod, node, ignored_);
    for (const auto& other : node.nominated)
      if (counts(other)) trial.removePod(*other);
    return fitsNow;
  }
  Ignored ignored_;
  ResourceScorer scorer_;
};

}  // namespace

std::unique_ptr<Plugin> nodeResourcesFit(const NodeResourcesFitArgs& args) {
  return std::make_unique<NodeResourcesFit>(args);
}

}  // namespace coxswain::scheduler::plugins
