#include <fmt/format.h>
#include <gtest/gtest.h>

#include "api/gen/apps_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "controllers/framework/finalizers.h"
#include "controllers/framework/testing/harness.h"
#include "controllers/garbagecollector/controller.h"

namespace coxswain::controllers::garbagecollector {
namespace {

using api::apps::v1::Deployment;
using api::apps::v1::ReplicaSet;
using api::core::v1::ConfigMap;
using api::core::v1::Node;
using api::core::v1::Pod;
using api::meta::v1::ObjectMeta;
using api::meta::v1::OwnerReference;
using testing::Harness;

template <typename T>
T named(const std::string& name, std::vector<OwnerReference> owners = {}) {
  T object;
  object.metadata.name = name;
  object.metadata.namespace_ = "default";
  object.metadata.ownerReferences = std::move(owners);
  return object;
}

template <typename T>
OwnerReference refTo(const std::shared_ptr<const T>& owner, bool block = true) {
  OwnerReference reference;
  reference.apiVersion = T::kInfo.kind->apiVersion;
  reference.kind = T::kInfo.kind->kind;
  reference.name = owner->metadata.name;
  reference.uid = owner->metadata.uid;
  reference.blockOwnerDeletion = block;
  return reference;
}

client::DeleteOptions by(const std::string& policy) {
  client::DeleteOptions options;
  options.propagationPolicy = policy;
  return options;
}

class GarbageCollection : public ::testing::TestWithParam<uint64_t> {
 protected:
  GarbageCollection() : h(GetParam()) {
    h.client.faults.error = h.client.faults.unreachable = h.client.faults.lostAnswer = 0.05;
    h.client.faults.watchEnd = 0.02;
    h.add<GarbageCollector>();
    h.start();
    h.playKubelet({});
  }
  template <typename T>
  bool exists(const std::string& name) {
    return h.client.peek<T>("default", name) != nullptr;
  }
  /// Deployment d, its ReplicaSet r, with pods p and q; c is a config map beside it.
  void putTree() {
    auto d = h.client.put(named<Deployment>("d"));
    auto r = h.client.put(named<ReplicaSet>("r", {refTo(d)}));
    h.client.put(named<Pod>("p", {refTo(r)}));
    h.client.put(named<Pod>("q", {refTo(r)}));
    h.client.put(named<ConfigMap>("c"));
  }
  Harness h;
};

TEST_P(GarbageCollection, Background) {
  putTree();
  h.run(5s);
  EXPECT_TRUE(exists<Pod>("p"));
  ASSERT_TRUE(h.client.erase<Deployment>("default", "d", by("Background")).ok());
  ASSERT_TRUE(
      h.until([&] { return !exists<ReplicaSet>("r") && !exists<Pod>("p") && !exists<Pod>("q"); }));
  EXPECT_TRUE(exists<ConfigMap>("c"));
}

TEST_P(GarbageCollection, ForegroundTakesDependentsFirst) {
  putTree();
  h.client.change<Pod>("default", "q",
                       [](Pod& p) { p.metadata.finalizers = {"example.com/hold"}; });
  ASSERT_TRUE(h.client.erase<Deployment>("default", "d", by("Foreground")).ok());
  ASSERT_TRUE(h.until([&] { return !exists<Pod>("p"); }));
  h.run(1min);
  ASSERT_TRUE(exists<Deployment>("d")) << "a pod is still there";
  ASSERT_TRUE(exists<ReplicaSet>("r"));
  EXPECT_TRUE(h.client.peek<ReplicaSet>("default", "r")->metadata.deletionTimestamp);
  h.client.change<Pod>("default", "q", [](Pod& p) { p.metadata.finalizers.clear(); });
  ASSERT_TRUE(h.until([&] { return !exists<Deployment>("d"); }));
  EXPECT_FALSE(exists<ReplicaSet>("r"));
  EXPECT_FALSE(exists<Pod>("q"));
}

TEST_P(GarbageCollection, OrphanLetsDependentsGo) {
  putTree();
  h.run(5s);
  ASSERT_TRUE(h.client.erase<ReplicaSet>("default", "r", by("Orphan")).ok());
  ASSERT_TRUE(h.until([&] { return !exists<ReplicaSet>("r"); }));
  h.run(1min);
  ASSERT_TRUE(exists<Pod>("p"));
  EXPECT_TRUE(h.client.peek<Pod>("default", "p")->metadata.ownerReferences.empty());
  EXPECT_TRUE(h.client.peek<Pod>("default", "q")->metadata.ownerReferences.empty());
}

TEST_P(GarbageCollection, AbsentOwnersByUid) {
  auto owner = h.client.put(named<ConfigMap>("owner"));
  auto other = refTo(owner);
  other.uid = "11111111-0000-4000-8000-000000000000";
  h.client.put(named<ConfigMap>("impostor", {other}));
  h.client.put(named<ConfigMap>("kid", {refTo(owner), other}));
  auto unknown = other;
  unknown.apiVersion = "example.com/v1";
  unknown.kind = "Widget";
  h.client.put(named<ConfigMap>("custom", {unknown}));
  ASSERT_TRUE(h.until([&] { return !exists<ConfigMap>("impostor"); }));
  ASSERT_TRUE(h.until([&] {
    return h.client.peek<ConfigMap>("default", "kid")->metadata.ownerReferences.size() == 1;
  }));
  EXPECT_EQ(h.client.peek<ConfigMap>("default", "kid")->metadata.ownerReferences[0].uid,
            owner->metadata.uid);
  h.run(1min);
  EXPECT_TRUE(exists<ConfigMap>("owner"));
  EXPECT_TRUE(exists<ConfigMap>("kid"));
  EXPECT_TRUE(exists<ConfigMap>("custom")) << "owners of unknown kinds are left alone";
}

TEST_P(GarbageCollection, WrongNamespaceIsToldOf) {
  auto owner = named<ConfigMap>("owner");
  owner.metadata.namespace_ = "elsewhere";
  auto put = h.client.put(owner);
  h.client.put(named<ConfigMap>("kid", {refTo(put)}));
  auto node = named<Node>("n", {refTo(put)});
  node.metadata.namespace_ = "";
  h.client.put(node);
  ASSERT_TRUE(h.until([&] { return !exists<ConfigMap>("kid"); }));
  ASSERT_TRUE(
      h.until([&] { return h.hasEvent("OwnerRefInvalidNamespace: ownerRef [v1/ConfigMap"); }, 1h));
  EXPECT_TRUE(h.client.peek<Node>("", "n")) << "what cannot be resolved stays";
}

TEST_P(GarbageCollection, CyclesEnd) {
  auto a = h.client.put(named<ConfigMap>("a"));
  auto b = h.client.put(named<ConfigMap>("b", {refTo(a)}));
  h.client.change<ConfigMap>("default", "a",
                             [&](ConfigMap& m) { m.metadata.ownerReferences = {refTo(b)}; });
  h.run(5s);
  ASSERT_TRUE(h.client.erase<ConfigMap>("default", "a", by("Foreground")).ok());
  ASSERT_TRUE(h.until([&] { return !exists<ConfigMap>("a") && !exists<ConfigMap>("b"); }));
}

INSTANTIATE_TEST_SUITE_P(Seeds, GarbageCollection, ::testing::Values(1, 2, 3, 4, 5));

TEST(Decide, Table) {
  using enum OwnerState;
  using Action = Decision::Action;
  struct Row {
    const char* what;
    std::vector<OwnerState> states;
    std::vector<std::string> finalizers;
    bool dependents, wait;
    Action action;
    const char* policy;
    size_t removed;
  };
  const Row rows[] = {
      {"no owners", {}, {}, false, false, Action::Keep, "", 0},
      {"one is there", {Present}, {}, false, false, Action::Keep, "", 0},
      {"one is gone", {Absent}, {}, false, false, Action::Delete, "Background", 0},
      {"one of two", {Present, Absent}, {}, false, false, Action::RemoveOwners, "", 1},
      {"gone and waiting", {Absent, Waiting}, {}, false, false, Action::Delete, "Background", 0},
      {"waiting, with dependents", {Waiting}, {}, true, false, Action::Delete, "Foreground", 0},
      {"it orphans", {Absent}, {"orphan"}, true, false, Action::Delete, "Orphan", 0},
      {"it waits", {Absent}, {"foregroundDeletion"}, true, false, Action::Delete, "Foreground", 0},
  };
  for (const auto& row : rows) {
    ObjectMeta meta;
    meta.finalizers = row.finalizers;
    meta.ownerReferences.resize(row.states.size());
    auto decision = decide(meta, row.states, row.dependents, row.wait);
    EXPECT_EQ(decision.action, row.action) << row.what;
    EXPECT_EQ(decision.propagationPolicy, row.policy) << row.what;
    EXPECT_EQ(decision.ownersToRemove.size(), row.removed) << row.what;
    EXPECT_FALSE(decision.unblock) << row.what;
  }
}

TEST(Uids, AreExactAndForgottenInOrder) {
  const auto uid = [](int i) { return fmt::format("00000000-0000-4000-8000-{:012x}", i); };
  UidSet set;
  set.insert(uid(1));
  for (const char* other :
       {"", "1", "00000000-0000-4000-8000-00000000000G", "000000000000-0000-4000-8000-000000000001",
        "00000000-0000-4000-8000-00000000000F"}) {
    set.insert(other);
    EXPECT_FALSE(set.contains(other)) << other;
  }
  EXPECT_EQ(set.size(), 1U);
  EXPECT_TRUE(set.contains(uid(1)));
  set.erase(uid(1));
  EXPECT_FALSE(set.contains(uid(1)));
  AbsentOwners absent;
  for (int i = 0; i <= static_cast<int>(AbsentOwners::kMax); ++i) {
    absent.remember(uid(i));
    absent.remember(uid(i));
  }
  EXPECT_FALSE(absent.contains(uid(0)));
  EXPECT_TRUE(absent.contains(uid(1)));
  EXPECT_TRUE(absent.contains(uid(static_cast<int>(AbsentOwners::kMax))));
}

TEST(Patches, QuoteWhatPeopleWrote) {
  EXPECT_EQ(removeOwnersPatch("u", {"a\"b"}),
            R"({"metadata":{"ownerReferences":[{"$patch":"delete","uid":"a\"b"}],"uid":"u"}})");
  ObjectMeta meta;
  meta.uid = "u";
  meta.resourceVersion = "7";
  EXPECT_EQ(finalizersPatch(meta, {"x/y", "a\"b"}),
            R"({"metadata":{"uid":"u","resourceVersion":"7","finalizers":["x/y","a\"b"]}})");
}

}  // namespace
}  // namespace coxswain::controllers::garbagecollector
