#include <gtest/gtest.h>

#include "api/gen/apps_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "client/testing/forwarding_client.h"
#include "controllers/framework/testing/harness.h"
#include "controllers/framework/testing/widgets.h"
#include "controllers/namespace/controller.h"

namespace coxswain::controllers::nspace {
namespace {

using api::apps::v1::ReplicaSet;
using api::core::v1::ConfigMap;
using api::core::v1::Namespace;
using api::core::v1::Pod;
using testing::Harness;

template <typename T>
T named(std::string name, std::string ns = "") {
  T object;
  object.metadata.name = std::move(name);
  object.metadata.namespace_ = std::move(ns);
  return object;
}

std::string reasonOf(const Namespace& space, std::string_view type) {
  for (const auto& condition : space.status.conditions) {
    if (condition.type == type) return condition.status + " " + condition.reason;
  }
  return "";
}

std::string messageOf(const Namespace& space, std::string_view type) {
  for (const auto& condition : space.status.conditions) {
    if (condition.type == type) return condition.message;
  }
  return "";
}

TEST(NamespaceDeletion, EmptiesThenGoes) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    Harness h(seed);
    h.client.faults.error = h.client.faults.unreachable = h.client.faults.lostAnswer = 0.02;
    h.add<NamespaceController>();
    h.start();
    h.client.put(named<Namespace>("x"));
    h.client.put(named<Namespace>("y"));
    auto pod = named<Pod>("p", "x");
    pod.spec.nodeName = "n";
    pod.spec.terminationGracePeriodSeconds = 30;
    h.client.put(pod);
    h.client.put(named<ReplicaSet>("r", "x"));
    h.client.put(named<ConfigMap>("m", "y"));
    auto held = named<ConfigMap>("m", "x");
    held.metadata.finalizers = {"example.com/hold"};
    h.client.put(held);
    ASSERT_TRUE(h.client.erase<Namespace>("", "x").ok());
    h.run(20s);
    auto space = h.client.peek<Namespace>("", "x");
    ASSERT_TRUE(space);
    EXPECT_EQ(space->status.phase, "Terminating");
    EXPECT_EQ(reasonOf(*space, "NamespaceContentRemaining"), "True SomeResourcesRemain");
    EXPECT_TRUE(h.client.peek<ConfigMap>("x", "m")) << "pods go first";
    h.playKubelet({});
    ASSERT_TRUE(h.until([&h] { return h.client.peekAll<ReplicaSet>("x").empty(); })) << seed;
    ASSERT_TRUE(h.until([&h] {
      auto now = h.client.peek<Namespace>("", "x");
      return messageOf(*now, "NamespaceContentRemaining") ==
                 "Some resources are remaining: configmaps. has 1 resource instances" &&
             messageOf(*now, "NamespaceFinalizersRemaining") ==
                 "Some content in the namespace has finalizers remaining: example.com/hold in 1 "
                 "resource instances";
    }));
    EXPECT_EQ(reasonOf(*h.client.peek<Namespace>("", "x"), "NamespaceFinalizersRemaining"),
              "True SomeFinalizersRemain");
    h.client.change<ConfigMap>("x", "m", [](ConfigMap& m) { m.metadata.finalizers.clear(); });
    ASSERT_TRUE(h.until([&h] { return !h.client.peek<Namespace>("", "x"); })) << seed;
    EXPECT_TRUE(h.client.peek<ConfigMap>("y", "m"));
  }
}

/// What another server has in the namespace goes too; while it cannot be asked the namespace stays.
TEST(NamespaceDeletion, KindsOfOtherServers) {
  Harness h(4);
  client::testing::PathsClient paths(h.client);
  h.addFor<NamespaceController>(paths);
  h.start();
  h.client.put(testing::widgetsService());
  h.client.put(named<Namespace>("x"));
  h.client.put(testing::kWidgets, api::Object(testing::widget("x", "w")));
  h.client.put(testing::kWidgets, api::Object(testing::widget("y", "w")));
  const auto widgets = [&h] {
    std::string all;
    h.client.forEach([&all](const std::string& collection, const api::ConstObject& object) {
      if (collection == "example.com/widgets") all += api::objectMeta(object)->namespace_ + " ";
    });
    return all;
  };
  paths.answers.insert_or_assign(testing::kWidgetsPath, serviceUnavailable("no endpoints"));
  ASSERT_TRUE(h.client.erase<Namespace>("", "x").ok());
  constexpr const char* kDiscovery = "NamespaceDeletionDiscoveryFailure";
  ASSERT_TRUE(h.until([&] {
    return reasonOf(*h.client.peek<Namespace>("", "x"), kDiscovery) == "True DiscoveryFailed";
  }));
  EXPECT_EQ(messageOf(*h.client.peek<Namespace>("", "x"), kDiscovery),
            "Discovery failed for some groups, 1 failing: unable to retrieve the complete list of "
            "server APIs: example.com/v1: stale GroupVersion discovery: example.com/v1");
  h.run(10min);
  EXPECT_TRUE(h.client.peek<Namespace>("", "x"));
  EXPECT_EQ(widgets(), "x y ");
  paths.answers.insert_or_assign(testing::kWidgetsPath, testing::widgetsDocument());
  ASSERT_TRUE(h.until([&] { return !h.client.peek<Namespace>("", "x"); }, 20min));
  EXPECT_EQ(widgets(), "y ");
}

}  // namespace
}  // namespace coxswain::controllers::nspace
