// One look at a set, and who owns claims, without a cluster.

#include <gtest/gtest.h>

#include "api/gen/meta_v1.h"
#include "controllers/framework/history.h"
#include "controllers/statefulset/decide.h"
#include "controllers/statefulset/retention.h"

namespace coxswain::controllers::statefulset {
namespace {

using api::apps::v1::StatefulSet;
using api::core::v1::PersistentVolumeClaim;
using api::core::v1::Pod;
using api::meta::v1::OwnerReference;

const WallTime kNow = WallTime(std::chrono::seconds(1'000'000));

StatefulSet makeSet(int replicas, const std::string& management = "OrderedReady") {
  StatefulSet set;
  set.metadata.name = set.metadata.uid = "w";
  set.spec.replicas = replicas;
  set.spec.podManagementPolicy = management;
  set.spec.updateStrategy.type = "RollingUpdate";
  set.spec.updateStrategy.rollingUpdate.getOrCreate().partition = 0;
  return set;
}

enum class State : uint8_t { Ready, Unready, Failed, Leaving };

PodPointer pod(int ordinal, State state = State::Ready, const std::string& revision = "w-new") {
  auto made = std::make_shared<Pod>();
  made->metadata.name = made->metadata.uid = "w-" + std::to_string(ordinal);
  made->metadata.labels[kRevisionLabel] = revision;
  made->status.phase = state == State::Failed ? "Failed" : "Running";
  auto& ready = made->status.conditions.emplace_back();
  ready.type = "Ready";
  ready.status = state == State::Unready ? "False" : "True";
  ready.lastTransitionTime = api::Time(kNow - 1h);
  if (state == State::Leaving) made->metadata.deletionTimestamp = api::Time(kNow);
  return made;
}

/// "create 1, delete 2": what is to be done; pods that only are looked after are left out.
std::string todo(const StatefulSet& set, const std::vector<PodPointer>& pods) {
  std::string text;
  for (const auto& step : plan(set, pods, "w-old", "w-new", kNow).steps) {
    const char* word = step.kind == Step::Kind::Create     ? "create "
                       : step.kind == Step::Kind::Recreate ? "recreate "
                       : step.kind == Step::Kind::Delete   ? "delete "
                                                           : nullptr;
    if (word == nullptr) continue;
    text += (text.empty() ? "" : ", ") + std::string(word) + std::to_string(step.ordinal);
  }
  return text;
}

TEST(StatefulSetPlan, InOrder) {
  const auto set = makeSet(3);
  EXPECT_EQ(todo(set, {}), "create 0");
  EXPECT_EQ(todo(set, {pod(0), pod(2)}), "create 1");
  EXPECT_EQ(todo(set, {pod(0, State::Unready), pod(2)}), "") << "0 is waited for";
  EXPECT_EQ(todo(set, {pod(0), pod(1, State::Failed)}), "recreate 1");
  EXPECT_EQ(todo(set, {pod(0, State::Leaving), pod(1)}), "");
}

TEST(StatefulSetPlan, AllAtOnce) {
  const auto set = makeSet(3, "Parallel");
  EXPECT_EQ(todo(set, {}), "create 0, create 1, create 2");
  EXPECT_EQ(todo(set, {pod(0, State::Unready), pod(7), pod(8)}),
            "create 1, create 2, delete 8, delete 7");
  EXPECT_EQ(todo(set, {pod(0, State::Failed), pod(1), pod(2), pod(7)}), "recreate 0")
      << "the rest when it is there again";
}

TEST(StatefulSetPlan, ScalingDownHaltsAtTheUnhealthy) {
  const auto set = makeSet(0);
  EXPECT_EQ(todo(set, {pod(0), pod(1), pod(2)}), "delete 2");
  EXPECT_EQ(todo(set, {pod(0), pod(1), pod(2, State::Leaving)}), "");
  EXPECT_EQ(todo(set, {pod(0), pod(1), pod(2, State::Unready)}), "delete 2")
      << "the only one that is not healthy may go";
  EXPECT_EQ(todo(set, {pod(0, State::Unready), pod(1, State::Unready), pod(2, State::Unready)}), "")
      << "several broken ones: somebody should look at them";
  EXPECT_EQ(todo(set, {pod(0), pod(1, State::Unready), pod(2)}), "delete 2");
}

TEST(StatefulSetPlan, UpdatesFromTheHighest) {
  auto set = makeSet(3);
  const auto old = [](int ordinal, State state = State::Ready) {
    return pod(ordinal, state, "w-old");
  };
  EXPECT_EQ(todo(set, {old(0), old(1), old(2)}), "delete 2");
  EXPECT_EQ(todo(set, {old(0), old(1), pod(2)}), "delete 1");
  EXPECT_EQ(todo(set, {old(0), old(1), pod(2, State::Unready)}), "");
  set.spec.updateStrategy.rollingUpdate->partition = 2;
  EXPECT_EQ(todo(set, {old(0), old(1), pod(2)}), "");
  set.spec.updateStrategy.type = "OnDelete";
  EXPECT_EQ(todo(set, {old(0), old(1), old(2)}), "");
}

TEST(StatefulSetPlan, ClaimsOfThoseThatGoAreLookedAfterFirst) {
  const auto set = makeSet(1);
  size_t owned = 0;
  for (const auto& step : plan(set, {pod(0), pod(1), pod(2)}, "w-new", "w-new", kNow).steps) {
    owned += step.kind == Step::Kind::Own ? 1 : 0;
  }
  EXPECT_EQ(owned, 1u) << "1 waits; 2 is deleted, which does both";
}

TEST(StatefulSetPlan, ADeletedSetIsOnlyCounted) {
  auto set = makeSet(2);
  set.metadata.deletionTimestamp = api::Time(kNow);
  const auto result = plan(set, {pod(0)}, "w-new", "w-new", kNow);
  EXPECT_TRUE(result.steps.empty());
  EXPECT_EQ(result.status.replicas, 1);
}

OwnerReference owner(const char* kind, const std::string& name, const std::string& uid,
                     bool controller = true) {
  OwnerReference made;
  made.apiVersion = std::string_view(kind) == "StatefulSet" ? "apps/v1" : "v1";
  made.kind = kind;
  made.name = name;
  made.uid = uid;
  if (controller) made.controller = true;
  return made;
}

/// Kinds and uids of the owners the claim should have, "" for none; "as it is".
std::string owners(const StatefulSet& set, int ordinal, std::vector<OwnerReference> now) {
  PersistentVolumeClaim claim;
  claim.metadata.ownerReferences = std::move(now);
  auto next = correctOwners(set, pod(ordinal)->metadata, ordinal, claim);
  if (!next) return "as it is";
  std::string text;
  for (const auto& each : *next) text += (text.empty() ? "" : " ") + each.kind + ":" + each.uid;
  return text;
}

TEST(Retention, OwnersByPolicy) {
  auto set = makeSet(1);
  auto& policy = set.spec.persistentVolumeClaimRetentionPolicy.getOrCreate();
  struct Row {
    const char *whenDeleted, *whenScaled, *wanted, *condemned;
  };
  for (const auto& row : {Row{"Retain", "Retain", "as it is", "as it is"},
                          Row{"Delete", "Retain", "StatefulSet:w", "StatefulSet:w"},
                          Row{"Retain", "Delete", "as it is", "Pod:w-1"},
                          Row{"Delete", "Delete", "StatefulSet:w", "Pod:w-1"}}) {
    policy.whenDeleted = row.whenDeleted;
    policy.whenScaled = row.whenScaled;
    EXPECT_EQ(owners(set, 0, {}), row.wanted) << row.whenDeleted << row.whenScaled;
    EXPECT_EQ(owners(set, 1, {}), row.condemned) << row.whenDeleted << row.whenScaled;
  }
}

TEST(Retention, OwnersOfBeforeAndOfOthers) {
  auto set = makeSet(1);
  auto& policy = set.spec.persistentVolumeClaimRetentionPolicy.getOrCreate();
  policy.whenDeleted = policy.whenScaled = "Retain";
  EXPECT_EQ(owners(set, 0, {owner("StatefulSet", "w", "w"), owner("X", "x", "x")}), "X:x");
  policy.whenDeleted = policy.whenScaled = "Delete";
  EXPECT_EQ(owners(set, 0, {owner("StatefulSet", "w", "w")}), "as it is");
  EXPECT_EQ(owners(set, 0, {owner("StatefulSet", "w", "w", false)}), "StatefulSet:w")
      << "an owner, but not the controller";
  EXPECT_EQ(owners(set, 1, {owner("StatefulSet", "w", "w")}), "Pod:w-1");
  EXPECT_EQ(owners(set, 0, {owner("Pod", "w-0", "w-0")}), "StatefulSet:w");
  EXPECT_EQ(owners(set, 0, {owner("Pod", "w-0", "of before")}), "as it is");
  EXPECT_EQ(owners(set, 0, {owner("X", "x", "x")}), "as it is") << "another manages it";
  EXPECT_EQ(owners(set, 0, {owner("X", "x", "x"), owner("StatefulSet", "w", "w")}), "X:x");
  EXPECT_EQ(owners(set, 0, {owner("X", "x", "x", false)}), "X:x StatefulSet:w");
}

TEST(Retention, StaleClaims) {
  auto set = makeSet(1);
  PersistentVolumeClaim claim;
  claim.metadata.ownerReferences = {owner("Pod", "w-0", "of before")};
  EXPECT_FALSE(isStale(set, "w-0", claim)) << "kept, so used again";
  set.spec.persistentVolumeClaimRetentionPolicy.getOrCreate().whenScaled = "Delete";
  EXPECT_TRUE(isStale(set, "w-0", claim));
  EXPECT_FALSE(isStale(set, "w-1", claim));
}

}  // namespace
}  // namespace coxswain::controllers::statefulset
