#include <gtest/gtest.h>

#include "api/gen/core_v1.h"
#include "client/testing/forwarding_client.h"
#include "controllers/framework/testing/harness.h"
#include "controllers/framework/testing/widgets.h"
#include "controllers/garbagecollector/controller.h"
#include "runtime/spawn.h"

namespace coxswain::controllers::garbagecollector {
namespace {

using api::core::v1::ConfigMap;
using api::meta::v1::OwnerReference;
using client::testing::PathsClient;
using testing::Harness;
using testing::kWidgets;
using testing::kWidgetsPath;
using testing::Widget;

/// Until it is gone: answers may fail.
Task<void> removeWidget(Harness& h, std::string name) {
  Status removed = badRequest("not yet");
  while (!removed.ok() && !isNotFound(removed)) {
    client::DeleteOptions options;
    removed = co_await h.client.remove(kWidgets, "default", name, std::move(options), {});
  }
}

class ForeignKindsTest : public ::testing::TestWithParam<uint64_t> {
 protected:
  ForeignKindsTest() : h(GetParam()), paths(h.client) {
    h.client.faults.error = h.client.faults.lostAnswer = 0.05;
    h.addFor<GarbageCollector>(paths);
    h.start();
  }
  std::shared_ptr<const Widget> put(Widget widget) {
    return h.client.put(kWidgets, api::Object(std::move(widget))).sharedAs<Widget>();
  }
  static OwnerReference refTo(const Widget& owner, std::string uid = "") {
    OwnerReference reference;
    reference.apiVersion = "example.com/v1";
    reference.kind = "Widget";
    reference.name = owner.metadata.name;
    reference.uid = uid.empty() ? owner.metadata.uid : std::move(uid);
    return reference;
  }
  void putMap(const std::string& name, OwnerReference owner) {
    ConfigMap map;
    map.metadata.namespace_ = "default";
    map.metadata.name = name;
    map.metadata.ownerReferences.push_back(std::move(owner));
    h.client.put(map);
  }
  bool exists(const std::string& map) {
    return h.client.peek<ConfigMap>("default", map) != nullptr;
  }
  bool widgetExists(const std::string& name) {
    bool found = false;
    h.client.forEach([&](const std::string& collection, const api::ConstObject& object) {
      found =
          found || (collection == "example.com/widgets" && api::objectMeta(object)->name == name);
    });
    return found;
  }
  void serve() { paths.answers.insert_or_assign(kWidgetsPath, testing::widgetsDocument()); }

  Harness h;
  PathsClient paths;
};

TEST_P(ForeignKindsTest, JoinWhenTheyAreServed) {
  const auto owner = put(testing::widget("default", "w"));
  putMap("owned", refTo(*owner));
  putMap("orphan", refTo(*owner, "0123abcd-0000-0000-0000-000000000000"));
  h.run(5min);
  EXPECT_EQ(paths.reads, 0) << "nobody announces a kind: nothing is asked";
  EXPECT_TRUE(exists("owned"));
  EXPECT_TRUE(exists("orphan")) << "whether a kind that is not served has it nobody knows";

  serve();
  h.client.put(testing::widgetsService());
  ASSERT_TRUE(h.until([&] { return !exists("orphan"); }));
  EXPECT_TRUE(exists("owned"));
  ASSERT_TRUE(h.client.erase<ConfigMap>("default", "owned").ok());

  // Their objects are owners and dependents as all others are.
  putMap("owned", refTo(*owner));
  auto dependent = testing::widget("default", "dependent");
  dependent.metadata.ownerReferences.push_back(refTo(*owner));
  put(dependent);
  h.run(1min);
  EXPECT_TRUE(exists("owned"));
  EXPECT_TRUE(widgetExists("dependent"));
  spawn(h.executor, removeWidget(h, "w"));
  ASSERT_TRUE(h.until([&] { return !exists("owned") && !widgetExists("dependent"); }));
}

TEST_P(ForeignKindsTest, ThoseThatGoKeepWhatTheyOwn) {
  serve();
  h.client.put(testing::widgetsService());
  const auto owner = put(testing::widget("default", "w"));
  h.run(2min);
  EXPECT_GE(paths.reads, 3) << "another server may change what it serves unseen";
  // Its server does not answer, and then is taken away.
  paths.answers.insert_or_assign(kWidgetsPath, serviceUnavailable("no endpoints"));
  putMap("owned", refTo(*owner));
  h.run(2min);
  EXPECT_TRUE(exists("owned"));
  paths.answers.erase(kWidgetsPath);
  ASSERT_TRUE(h.client.erase<api::apiregistration::v1::APIService>("", "v1.example.com").ok());
  h.run(1min);
  putMap("orphan", refTo(*owner, "0123abcd-0000-0000-0000-000000000000"));
  const int before = paths.reads;
  h.run(10min);
  EXPECT_TRUE(exists("owned"));
  EXPECT_TRUE(exists("orphan"));
  EXPECT_EQ(paths.reads, before);
}

TEST_P(ForeignKindsTest, WhatChangesIsSeenSoonBesideOtherServers) {
  serve();
  h.client.put(testing::widgetsService());
  h.run(2min);
  const int before = paths.reads;
  for (int i = 0; i < 6; ++i) {
    h.client.change<api::apiregistration::v1::APIService>(
        "", "v1.example.com", [i](auto& service) { service.spec.versionPriority = 10 + i; });
    h.run(3s);
  }
  EXPECT_GE(paths.reads - before, 5);
}

INSTANTIATE_TEST_SUITE_P(Seeds, ForeignKindsTest, ::testing::Values(1, 2, 3));

}  // namespace
}  // namespace coxswain::controllers::garbagecollector
