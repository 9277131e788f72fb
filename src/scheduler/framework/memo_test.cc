#include "scheduler/framework/memo.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "api/gen/meta_v1.h"
#include "api/gen/policy_v1.h"
#include "runtime/random.h"
#include "scheduler/framework/picker.h"
#include "scheduler/plugins/plugins.h"
#include "scheduler/preemption/preemption.h"
#include "scheduler/testing/builders.h"

namespace coxswain::scheduler {
namespace {

using testing::NodeBuilder;
using testing::PodBuilder;

constexpr uint64_t kNodes = 110;

/// A full cluster that changes all the time, and a picker that remembers it.
class FullCluster {
 public:
  explicit FullCluster(uint64_t seed) : random_(seed) {
    for (uint64_t i = 0; i < kNodes; ++i) {
      setNode(i);
      addPod(i);
      while (below(6) > 0) addPod(i);
    }
  }
  void change() {
    const uint64_t node = below(kNodes);
    switch (below(7)) {
      case 0:
        setNode(node);
        break;
      case 1:
        addPod(node);
        break;
      case 2:
        if (serial_ > 0) cache_.removePod("default/p" + std::to_string(below(serial_)));
        break;
      case 3:
        cache_.nominate(PodBuilder("nominee").cpu("2").priority(7).info(), nameOf(node));
        break;
      case 4:
        cache_.unnominate("default/nominee");
        // Also those that are going to ask.
        cache_.nominate(PodBuilder("wanting" + std::to_string(wanting_ + 1 + below(3)))
                            .cpu("2")
                            .priority(5)
                            .info(),
                        nameOf(node));
        break;
      case 5:
        setBudget();
        break;
      default:
        budgets_.remove("default", "b");
    }
  }
  /// The same as from somebody who looks for the first time.
  void compare() {
    const auto pod = wanting();
    const Snapshot& snapshot = cache_.snapshot();
    SeededRandom same(1);
    Picker fresh(framework_, same);
    Decision expected = fresh.pick(pod, snapshot);
    Decision decision = picker_.pick(pod, snapshot);
    ASSERT_EQ(expected.node.empty(), decision.node.empty());
    if (!expected.node.empty()) return;
    fromMemo_ += decision.memo ? static_cast<int>(snapshot.nodes.size() - decision.evaluated) : 0;
    EXPECT_EQ(decision.diagnosis.message(), expected.diagnosis.message());
    EXPECT_EQ(decision.diagnosis.rejectedBy, expected.diagnosis.rejectedBy);
    // They may have begun at different nodes.
    for (Decision* each : {&expected, &decision})
      std::sort(each->diagnosis.resolvable.begin(), each->diagnosis.resolvable.end());
    ASSERT_EQ(decision.diagnosis.resolvable, expected.diagnosis.resolvable);
    const uint64_t offset = below(kNodes);
    const PreemptionOptions options{below(2) ? 10 : 100, static_cast<int32_t>(below(40))};
    const auto wanted =
        planPreemption(framework_, options, *pod, snapshot, expected, budgets_, offset);
    const auto plan =
        planPreemption(framework_, options, *pod, snapshot, decision, budgets_, offset);
    EXPECT_EQ(plan.node, wanted.node);
    EXPECT_EQ(plan.message, wanted.message);
    EXPECT_EQ(plan.victims, wanted.victims);
  }
  [[nodiscard]] int fromMemo() const { return fromMemo_; }

 private:
  uint64_t below(uint64_t end) { return random_.below(end); }
  static std::string nameOf(uint64_t node) { return "n" + std::to_string(node); }
  void setNode(uint64_t i) {
    NodeBuilder node(nameOf(i));
    if (below(8) == 0) node.cordon();
    if (below(8) == 0) node.taint("dedicated", "NoSchedule");
    if (below(8) == 0) node.have("cpu", "2");
    if (below(4) == 0) node.label("disk", "ssd");
    cache_.setNode(node.toPtr());
  }
  void addPod(uint64_t node) {
    PodBuilder pod("p" + std::to_string(serial_++));
    pod.cpu("900m").priority(static_cast<int32_t>(below(4))).on(nameOf(node));
    pod.pod.status.startTime = api::Time::fromUnix(static_cast<int64_t>(below(1000)));
    if (below(4) == 0) pod.hostPort(80);
    if (below(3) == 0) pod.label("app", "guarded");
    cache_.setPod(pod.info(), nameOf(node));
  }
  void setBudget() {
    api::policy::v1::PodDisruptionBudget budget;
    budget.metadata.namespace_ = "default";
    budget.metadata.name = "b";
    budget.spec.selector.getOrCreate().matchLabels["app"] = "guarded";
    budget.status.disruptionsAllowed = static_cast<int32_t>(below(2));
    budgets_.set(budget);
  }
  /// One of five kinds, so that some are forgotten.
  PodInfoPtr wanting() {
    PodBuilder pod("wanting" + std::to_string(++wanting_));
    pod.cpu("3800m").priority(5);
    switch (below(5)) {
      case 0:
        pod.hostPort(80);
        break;
      case 1:
        pod.tolerate("dedicated");
        break;
      case 2:
        pod.selector("disk", "ssd");
        break;
      case 3:
        pod.priority(2).request("example.com/gpu", "1");
        break;
      default:
        break;
    }
    return pod.info();
  }

  SeededRandom random_;
  Framework framework_{plugins::defaultPlugins(nullptr)};
  Picker picker_{framework_, random_};
  Cache cache_;
  Budgets budgets_;
  uint64_t serial_ = 0;
  uint64_t wanting_ = 0;
  int fromMemo_ = 0;
};

TEST(Memo, SaysWhatLookingAnewWould) {
  int fromMemo = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    FullCluster cluster(seed);
    for (int step = 0; step < 40; ++step) {
      cluster.change();
      cluster.compare();
      if (::testing::Test::HasFailure()) return;
    }
    fromMemo += cluster.fromMemo();
  }
  // Most of it was not looked at.
  EXPECT_GT(fromMemo, 20 * 40 * static_cast<int>(kNodes) / 4);
}

TEST(Memo, NoTwoNodesHaveTheSameVersion) {
  NodeInfo a;
  NodeInfo b;
  EXPECT_NE(a.version, b.version);
  const uint64_t before = a.version;
  a.addPod(PodBuilder("p").info());
  EXPECT_NE(a.version, before);
  const uint64_t with = a.version;
  {
    const TrialScope scope(a);
    a.takePod(0);
    a.addPod(PodBuilder("p").info());
  }
  EXPECT_EQ(a.version, with);
}

}  // namespace
}  // namespace coxswain::scheduler
