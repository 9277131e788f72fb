// Spread and affinity as the cache's counts decide them, against the same worked out from scratch,
// in random clusters that change all the time.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "api/gen/meta_v1.h"
#include "api/helpers/scheduling.h"
#include "runtime/random.h"
#include "scheduler/framework/picker.h"
#include "scheduler/plugins/plugins.h"
#include "scheduler/testing/builders.h"

namespace coxswain::scheduler {
namespace {

using api::core::v1::Node;
using api::core::v1::Pod;
using testing::NodeBuilder;
using testing::PodBuilder;

constexpr const char* kZone = "topology.kubernetes.io/zone";
constexpr const char* kHostname = "kubernetes.io/hostname";

/// The cluster as the oracle sees it: plain lists.
struct World {
  struct Running {
    const Pod* pod;
    const Node* node;
  };
  std::vector<const Node*> nodes;
  std::vector<Running> pods;
  const std::map<std::string, api::Labels>* namespaces = nullptr;
};

bool selects(const api::core::v1::PodAffinityTerm& term, const Pod& owner, const Pod& other,
             const World& world) {
  bool in = std::find(term.namespaces.begin(), term.namespaces.end(), other.metadata.namespace_) !=
            term.namespaces.end();
  if (term.namespaces.empty() && !term.namespaceSelector)
    in = other.metadata.namespace_ == owner.metadata.namespace_;
  if (term.namespaceSelector) {
    const auto selector = api::LabelSelector::from(term.namespaceSelector.get());
    const auto at = world.namespaces->find(other.metadata.namespace_);
    in = in || (at != world.namespaces->end() && selector->matches(at->second));
  }
  const auto selector = api::LabelSelector::from(term.labelSelector.get());
  return in && selector->matches(other.metadata.labels);
}

bool sameDomain(const Node& a, const Node& b, const std::string& key) {
  const auto* x = a.metadata.labels.get(key);
  const auto* y = b.metadata.labels.get(key);
  return x && y && *x == *y;
}

std::vector<api::core::v1::PodAffinityTerm> requiredOf(const Pod& pod, bool anti) {
  if (!pod.spec.affinity) return {};
  if (anti)
    return pod.spec.affinity->podAntiAffinity
               ? pod.spec.affinity->podAntiAffinity->requiredDuringSchedulingIgnoredDuringExecution
               : std::vector<api::core::v1::PodAffinityTerm>();
  return pod.spec.affinity->podAffinity
             ? pod.spec.affinity->podAffinity->requiredDuringSchedulingIgnoredDuringExecution
             : std::vector<api::core::v1::PodAffinityTerm>();
}

std::string affinityVerdict(const Pod& pod, const Node& node, const World& world) {
  const auto affinity = requiredOf(pod, false);
  if (!affinity.empty()) {
    const auto matchesAll = [&](const Pod& other) {
      return std::all_of(affinity.begin(), affinity.end(),
                         [&](const auto& term) { return selects(term, pod, other, world); });
    };
    bool anywhere = false;
    bool near = true;
    for (const auto& term : affinity) {
      if (!node.metadata.labels.contains(term.topologyKey)) return "affinity";
      bool here = false;
      for (const auto& [other, on] : world.pods) {
        if (!matchesAll(*other)) continue;
        anywhere = anywhere || on->metadata.labels.contains(term.topologyKey);
        here = here || sameDomain(*on, node, term.topologyKey);
      }
      near = near && here;
    }
    if (!near && (anywhere || !matchesAll(pod))) return "affinity";
  }
  for (const auto& term : requiredOf(pod, true))
    for (const auto& [other, on] : world.pods)
      if (selects(term, pod, *other, world) && sameDomain(*on, node, term.topologyKey))
        return "anti";
  for (const auto& [other, on] : world.pods)
    for (const auto& term : requiredOf(*other, true))
      if (selects(term, *other, pod, world) && sameDomain(*on, node, term.topologyKey))
        return "existing";
  return "";
}

std::string spreadVerdict(const Pod& pod, const Node& node, const World& world) {
  std::vector<api::core::v1::TopologySpreadConstraint> hard;
  for (const auto& constraint : pod.spec.topologySpreadConstraints)
    if (constraint.whenUnsatisfiable == "DoNotSchedule") hard.push_back(constraint);
  for (const auto& constraint : hard) {
    const auto* here = node.metadata.labels.get(constraint.topologyKey);
    if (!here) return "label";
    const auto selector = api::LabelSelector::from(constraint.labelSelector.get());
    std::map<std::string, int64_t> counts;
    std::set<const Node*> counted;
    for (const Node* candidate : world.nodes) {
      bool ok = true;
      for (const auto& each : hard)
        ok = ok && candidate->metadata.labels.contains(each.topologyKey);
      if (constraint.nodeAffinityPolicy.value_or("Honor") == "Honor")
        ok = ok && api::matchesNodeAffinity(pod.spec, *candidate);
      if (constraint.nodeTaintsPolicy.value_or("Ignore") == "Honor")
        ok = ok && !api::findUntoleratedForScheduling(candidate->spec.taints, pod.spec.tolerations);
      if (!ok) continue;
      counts.try_emplace(*candidate->metadata.labels.get(constraint.topologyKey), 0);
      counted.insert(candidate);
    }
    for (const auto& [other, on] : world.pods)
      if (counted.contains(on) && !other->metadata.deletionTimestamp &&
          other->metadata.namespace_ == pod.metadata.namespace_ &&
          selector->matches(other->metadata.labels))
        ++counts[*on->metadata.labels.get(constraint.topologyKey)];
    int64_t least = counts.empty() ? 0 : INT64_MAX;
    for (const auto& [value, count] : counts) least = std::min(least, count);
    if (static_cast<int64_t>(counts.size()) < constraint.minDomains.value_or(1)) least = 0;
    const auto at = counts.find(*here);
    const int64_t there = at == counts.end() ? 0 : at->second;
    const int64_t self = selector->matches(pod.metadata.labels) ? 1 : 0;
    if (there + self - least > constraint.maxSkew) return "skew";
  }
  return "";
}

std::string verdictOf(Code code, const Reasons& reasons) {
  if (code == Code::Success) return "";
  const auto said = [&](std::string_view text) { return reasons.front().find(text) != text.npos; };
  if (said("missing required label")) return "label";
  if (said("topology spread")) return "skew";
  if (said("existing pods anti-affinity")) return "existing";
  if (said("pod anti-affinity")) return "anti";
  return said("pod affinity") ? "affinity" : "?";
}

class Oracle {
 public:
  explicit Oracle(uint64_t seed) : random_(seed), framework_(makePlugins()) {
    for (const char* name : {"ns0", "ns1", "ns2"}) setNamespace(name);
    for (int i = 0; i < 6; ++i) setNode(i);
  }

  void step() {
    switch (random_.below(8)) {
      case 0:
        setNode(static_cast<int>(random_.below(9)));
        break;
      case 1:
        if (one(3)) removeNode();
        break;
      case 2:
        if (one(4)) setNamespace("ns" + std::to_string(random_.below(3)));
        break;
      case 3:
        removePod();
        break;
      case 4:
        changePod();
        break;
      default:
        placePod();
    }
  }

  /// Decides for a random pod as the plugins do and as the oracle does.
  void check() {
    const auto pod = randomPod("incoming", "").info();
    const Snapshot& snapshot = cache_.snapshot();
    CycleState state;
    ASSERT_EQ(framework_.preFilter(state, *pod, snapshot).code, Code::Success);
    for (const NodeInfo* node : snapshot.nodes) compare(state, *pod, *node, snapshot);
    if (snapshot.nodes.empty()) return;
    // As preemption does: without some pods of one node, and then all are back.
    const NodeInfo& node = *snapshot.nodes[random_.below(snapshot.nodes.size())];
    std::vector<PodInfoPtr> taken;
    for (const auto& other : node.pods)
      if (one(2)) taken.push_back(other);
    for (const auto& other : taken) {
      forTrial(node).removePod(*other);
      framework_.podChanged(state, *pod, *other, false, node, snapshot);
    }
    compare(state, *pod, node, snapshot);
    // A plugin that says Skip is not told of guests, as upstream: their anti-affinity is not seen.
    constexpr uint32_t kAffinityBit = 1U << 2;
    if (!(state.skipFilter & kAffinityBit)) {
      guest_ = randomPod("guest", node.name).pod;
      const auto guest = std::make_shared<const PodInfo>(std::make_shared<const Pod>(guest_));
      forTrial(node).addPod(guest);
      framework_.podChanged(state, *pod, *guest, true, node, snapshot);
      compare(state, *pod, node, snapshot);
      forTrial(node).removePod(*guest);
      framework_.podChanged(state, *pod, *guest, false, node, snapshot);
    }
    for (const auto& other : taken) {
      forTrial(node).addPod(other);
      framework_.podChanged(state, *pod, *other, true, node, snapshot);
    }
    for (const NodeInfo* each : snapshot.nodes) compare(state, *pod, *each, snapshot);
  }

 private:
  static std::vector<std::unique_ptr<Plugin>> makePlugins() {
    std::vector<std::unique_ptr<Plugin>> out;
    out.push_back(plugins::prioritySort());
    out.push_back(plugins::podTopologySpread({}, nullptr));
    out.push_back(plugins::interPodAffinity({}));
    return out;
  }
  bool one(uint64_t of) { return random_.below(of) == 0; }
  std::string pick(std::initializer_list<const char*> of) {
    return *(of.begin() + random_.below(of.size()));
  }

  void setNamespace(const std::string& name) {
    namespaces_[name] = {{"team", pick({"red", "blue"})}};
    cache_.setNamespace(name, namespaces_[name]);
  }
  void setNode(int number) {
    NodeBuilder node("n" + std::to_string(number));
    if (!one(6)) node.zone(pick({"a", "b", "c"}));
    if (one(2)) node.label("disk", pick({"ssd", "hdd"}));
    if (one(4)) node.taint("dedicated", "NoSchedule");
    cache_.setNode(node.toPtr());
  }
  void removeNode() {
    const auto& nodes = cache_.snapshot().nodes;
    if (!nodes.empty()) cache_.removeNode(nodes[random_.below(nodes.size())]->name);
  }
  PodBuilder randomPod(std::string name, std::string node) {
    PodBuilder pod(std::move(name), pick({"ns0", "ns1", "ns2"}));
    pod.label("app", pick({"web", "db", "cache"}));
    if (one(2)) pod.label("tier", pick({"front", "back"}));
    pod.on(std::move(node));
    if (one(3)) pod.selector("disk", pick({"ssd", "hdd"}));
    if (one(3)) pod.tolerate("dedicated");
    for (uint64_t i = random_.below(3); i > 0; --i) addSpread(pod);
    for (uint64_t i = random_.below(3); i > 0; --i) addTerm(pod, one(2));
    return pod;
  }
  api::meta::v1::LabelSelector randomSelector() {
    api::meta::v1::LabelSelector selector;
    if (!one(5)) selector.matchLabels["app"] = pick({"web", "db", "cache"});
    if (one(3)) {
      selector.matchExpressions.emplace_back();
      selector.matchExpressions.back().key = "tier";
      selector.matchExpressions.back().operator_ = pick({"Exists", "DoesNotExist"});
    }
    return selector;
  }
  void addSpread(PodBuilder& pod) {
    api::core::v1::TopologySpreadConstraint constraint;
    constraint.maxSkew = 1 + static_cast<int32_t>(random_.below(3));
    constraint.topologyKey = pick({kZone, kHostname, "disk"});
    constraint.whenUnsatisfiable = one(5) ? "ScheduleAnyway" : "DoNotSchedule";
    constraint.labelSelector.getOrCreate() = randomSelector();
    if (one(4)) constraint.minDomains = 2 + static_cast<int32_t>(random_.below(3));
    if (one(3)) constraint.nodeAffinityPolicy = "Ignore";
    if (one(3)) constraint.nodeTaintsPolicy = "Honor";
    pod.pod.spec.topologySpreadConstraints.push_back(std::move(constraint));
  }
  void addTerm(PodBuilder& pod, bool anti) {
    api::core::v1::PodAffinityTerm term;
    term.labelSelector.getOrCreate() = randomSelector();
    term.topologyKey = pick({kZone, kHostname, "disk"});
    if (one(3)) term.namespaces = {"ns0", "ns1"};
    if (one(3)) term.namespaceSelector.getOrCreate().matchLabels["team"] = pick({"red", "blue"});
    auto& affinity = pod.pod.spec.affinity.getOrCreate();
    if (anti) {
      affinity.podAntiAffinity.getOrCreate()
          .requiredDuringSchedulingIgnoredDuringExecution.push_back(std::move(term));
    } else {
      affinity.podAffinity.getOrCreate().requiredDuringSchedulingIgnoredDuringExecution.push_back(
          std::move(term));
    }
  }
  void placePod() {
    const std::string name = "p" + std::to_string(serial_++);
    // Sometimes on a node that is not known (any more).
    PodBuilder pod = randomPod(name, "n" + std::to_string(random_.below(10)));
    running_.push_back(pod);
    if (one(2)) {
      cache_.setPod(pod.info(), pod.pod.spec.nodeName);
    } else {
      const std::string node = pod.pod.spec.nodeName;
      cache_.assume(PodBuilder(pod).on("").info(), node);
    }
  }
  void removePod() {
    if (running_.empty()) return;
    const size_t at = random_.below(running_.size());
    cache_.removePod(running_[at].info()->key);
    running_.erase(running_.begin() + static_cast<ptrdiff_t>(at));
  }
  void changePod() {
    if (running_.empty()) return;
    PodBuilder& pod = running_[random_.below(running_.size())];
    if (one(2)) pod.label("app", pick({"web", "db", "cache"}));
    if (one(2)) pod.pod.metadata.deletionTimestamp = api::Time();
    cache_.setPod(pod.info(), pod.pod.spec.nodeName);
  }

  /// The cache keeps no whole pods.
  const Pod& wholeOf(const PodInfo& info) {
    for (const auto& pod : running_)
      if (pod.pod.metadata.name == info.meta->name) return pod.pod;
    return guest_;
  }
  World world(const Snapshot& snapshot) {
    World out;
    out.namespaces = &namespaces_;
    for (const NodeInfo* node : snapshot.nodes) {
      out.nodes.push_back(node->node.get());
      for (const auto& pod : node->pods) out.pods.push_back({&wholeOf(*pod), node->node.get()});
    }
    return out;
  }
  void compare(const CycleState& state, const PodInfo& pod, const NodeInfo& node,
               const Snapshot& snapshot) {
    const World now = world(snapshot);
    std::string expected = spreadVerdict(*pod.pod, *node.node, now);
    if (expected.empty()) expected = affinityVerdict(*pod.pod, *node.node, now);
    Reasons reasons;
    uint32_t rejectedBy = 0;
    const Code code = framework_.filter(state, pod, node, reasons, rejectedBy);
    EXPECT_EQ(verdictOf(code, reasons), expected) << node.name;
  }

  SeededRandom random_;
  Framework framework_;
  Cache cache_;
  std::map<std::string, api::Labels> namespaces_;
  std::vector<PodBuilder> running_;
  Pod guest_;
  int serial_ = 0;
};

TEST(TopologyOracle, CountsAgree) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Oracle oracle(seed);
    for (int i = 0; i < 60; ++i) {
      oracle.step();
      oracle.check();
      if (::testing::Test::HasFailure()) return;
    }
  }
}

TEST(PodIndexBounds, QuestionsAreForgottenInSmallClustersToo) {
  Cache cache;
  cache.setNode(NodeBuilder("n1").toPtr());
  auto& index = *cache.snapshot().index;
  const auto ask = [&index](int i) {
    auto selector = api::LabelSelector::parse("app=a" + std::to_string(i)).value();
    const auto term = AffinityTerm::of(std::move(selector), "default");
    return index.count({&term, 1}, false);
  };
  const auto first = ask(0);
  for (int i = 1; i < 5000; ++i) ask(i);
  EXPECT_LE(cache.index().questions(), 4096U);
  EXPECT_EQ(ask(4999), ask(4999));
  EXPECT_NE(ask(0), first);
}

}  // namespace
}  // namespace coxswain::scheduler
