#include <gtest/gtest.h>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "client/informer.h"
#include "client/informers.h"
#include "client/resources.h"
#include "client/testing/fake_client.h"
#include "client/workqueue.h"
#include "runtime/sim/run_task.h"

namespace coxswain::client {
namespace {

using api::core::v1::ConfigMap;
using api::core::v1::Pod;
using sim::SimExecutor;
using testing::FakeClient;

TEST(Resources, TableIsConsistent) {
  EXPECT_EQ(resourceOf<Pod>().plural, "pods");
  EXPECT_EQ(&resourceOf<Pod>(), findResource("", "v1", "Pod"));
  EXPECT_EQ(findResource("apps", "", "Deployment")->plural, "deployments");
  EXPECT_EQ(qualifiedName(*findResource("apps", "v1", "Deployment")), "deployments.apps");
  for (const auto& type : allResources()) {
    ASSERT_NE(type.kind, nullptr) << type.plural;
    ASSERT_NE(type.kind->kind, nullptr) << type.plural;
  }
}

ConfigMap configMap(std::string name) {
  ConfigMap map;
  map.metadata.name = std::move(name);
  map.metadata.namespace_ = "default";
  return map;
}

TEST(FakeClient, CreatesAndConflicts) {
  SimExecutor executor(1);
  FakeClient client(executor);
  auto made = runTask(executor, create(client, configMap("a")));
  ASSERT_TRUE(made.ok());
  EXPECT_FALSE((*made)->metadata.uid.empty());
  EXPECT_TRUE(isAlreadyExists(runTask(executor, create(client, configMap("a"))).status()));
  ConfigMap next = **made;
  next.data["k"] = "v";
  ASSERT_TRUE(runTask(executor, update(client, next)).ok());
  next.data["k"] = "w";
  EXPECT_TRUE(isConflict(runTask(executor, update(client, next)).status()));
  next.metadata.resourceVersion.clear();
  EXPECT_TRUE(runTask(executor, update(client, next)).ok());
  auto patched = runTask(
      executor, client.patch(resourceOf<ConfigMap>(), "default", "a", "", PatchType::StrategicMerge,
                             R"({"data":{"k":null,"x":"y"}})", {}));
  ASSERT_TRUE(patched.ok()) << patched.status().toString();
  EXPECT_EQ(patched->as<ConfigMap>()->data, (api::Map<std::string>{{"x", "y"}}));
}

TEST(FakeClient, FinalizersHoldDeletion) {
  SimExecutor executor(1);
  FakeClient client(executor);
  auto map = configMap("a");
  map.metadata.finalizers = {"example.com/hold"};
  client.put(map);
  EXPECT_TRUE(client.erase<ConfigMap>("default", "a").ok());
  auto held = client.peek<ConfigMap>("default", "a");
  ASSERT_TRUE(held);
  ASSERT_TRUE(held->metadata.deletionTimestamp);
  client.change<ConfigMap>("default", "a", [](ConfigMap& m) { m.metadata.finalizers.clear(); });
  EXPECT_FALSE(client.peek<ConfigMap>("default", "a"));
}

TEST(FakeClient, StatusIsApart) {
  SimExecutor executor(1);
  FakeClient client(executor);
  Pod pod;
  pod.metadata.name = "p";
  pod.metadata.namespace_ = "default";
  Pod stored = *client.put(pod);
  EXPECT_EQ(stored.metadata.generation, 1);
  stored.status.phase = "Running";
  stored.spec.nodeName = "n";
  ASSERT_TRUE(runTask(executor, update(client, stored, "status")).ok());
  EXPECT_EQ(client.peek<Pod>("default", "p")->status.phase, "Running");
  EXPECT_EQ(client.peek<Pod>("default", "p")->spec.nodeName, "");
  stored = *client.peek<Pod>("default", "p");
  stored.spec.nodeName = "n";
  stored.status.phase = "Failed";
  ASSERT_TRUE(runTask(executor, update(client, stored)).ok());
  EXPECT_EQ(client.peek<Pod>("default", "p")->status.phase, "Running");
  EXPECT_EQ(client.peek<Pod>("default", "p")->metadata.generation, 2);
  ListOptions options;
  options.fieldSelector = "spec.nodeName=n,status.phase!=Failed";
  EXPECT_EQ(runTask(executor, client.list(resourceOf<Pod>(), "", options, {}))->items.size(), 1u);
  options.fieldSelector = "spec.nodeName=m";
  EXPECT_EQ(runTask(executor, client.list(resourceOf<Pod>(), "", options, {}))->items.size(), 0u);
}

Task<void> scribble(FakeClient& client, uint64_t seed, bool& done) {
  SeededRandom random(seed);
  for (int i = 0; i < 200; ++i) {
    const std::string name = "m" + std::to_string(random.below(20));
    auto known = client.peek<ConfigMap>("default", name);
    if (!known) {
      client.put(configMap(name));
    } else if (random.below(3) == 0) {
      (void)client.erase<ConfigMap>("default", name);
    } else {
      client.change<ConfigMap>("default", name, [i](ConfigMap& m) {
        m.data["i"] = std::to_string(i);
        m.metadata.labels["odd"] = i % 2 ? "yes" : "no";
      });
    }
    if (random.below(50) == 0) client.compact();
    (void)co_await sleepFor(Duration(random.below(100'000'000)));
  }
  done = true;
}

TEST(Informer, FollowsThroughFaults) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SimExecutor executor(seed);
    FakeClient client(executor, seed);
    client.faults.error = 0.1;
    client.faults.unreachable = 0.1;
    client.faults.watchEnd = 0.05;
    Informer::Options options;
    options.labelSelector = seed % 2 ? "" : "odd=yes";
    Informer informer(client, resourceOf<ConfigMap>(), options);
    std::map<std::string, std::string> seen;
    informer.addHandler([&seen](const Change& change) {
      const auto key = objectKey(change.after ? change.after : change.before);
      ASSERT_EQ(seen.contains(key), static_cast<bool>(change.before));
      if (!change.after) {
        seen.erase(key);
      } else {
        seen[key] = change.after.as<ConfigMap>()->metadata.resourceVersion;
      }
    });
    informer.addIndex("odd", [](const api::ConstObject& object) {
      const auto* odd = object.as<ConfigMap>()->metadata.labels.get("odd");
      return odd ? std::vector<std::string>{*odd} : std::vector<std::string>();
    });
    std::stop_source stop;
    spawn(executor, informer.run(stop.get_token()));
    bool done = false;
    spawn(executor, scribble(client, seed, done));
    ASSERT_TRUE(executor.runUntil([&done] { return done; }, 1h));
    executor.runFor(2min);
    size_t expected = 0;
    size_t odd = 0;
    for (const auto& map : client.peekAll<ConfigMap>()) {
      const auto* label = map->metadata.labels.get("odd");
      const bool isOdd = label && *label == "yes";
      if (!options.labelSelector.empty() && !isOdd) continue;
      ++expected;
      if (isOdd) ++odd;
      const auto key = "default/" + map->metadata.name;
      ASSERT_TRUE(informer.get<ConfigMap>(key)) << key << " seed " << seed;
      EXPECT_EQ(*informer.get<ConfigMap>(key), *map);
      EXPECT_EQ(seen[key], map->metadata.resourceVersion);
    }
    EXPECT_EQ(informer.size(), expected) << "seed " << seed;
    EXPECT_EQ(seen.size(), expected) << "seed " << seed;
    EXPECT_EQ(informer.byIndex("odd", "yes").size(), odd);
    stop.request_stop();
    ASSERT_TRUE(executor.runUntilIdle());
  }
}

Task<void> worker(WorkQueue& queue, std::stop_token stop, std::set<std::string>& busy,
                  std::map<std::string, int>& runs) {
  while (true) {
    auto key = co_await queue.get(stop);
    if (!key) break;
    EXPECT_TRUE(busy.insert(*key).second) << "two workers have " << *key;
    ++runs[*key];
    (void)co_await sleepFor(10ms);
    busy.erase(*key);
    queue.done(*key);
  }
}

TEST(Informer, TrimsWhatIsItsAlone) {
  SimExecutor executor(1);
  FakeClient client(executor);
  auto map = configMap("a");
  map.data["k"] = "v";
  map.metadata.labels["app"] = "web";
  client.put(map);
  Informers informers(client, executor);
  informers.trim<ConfigMap>([](ConfigMap& m) { m.data.clear(); });
  auto& maps = informers.of<ConfigMap>();
  informers.start();
  ASSERT_TRUE(runTask(executor, informers.waitSynced({})).ok());
  auto listed = maps.get<ConfigMap>("default/a");
  ASSERT_TRUE(listed);
  EXPECT_TRUE(listed->data.empty());
  EXPECT_EQ(listed->metadata.labels.size(), 1U);
  client.change<ConfigMap>("default", "a", [](ConfigMap& m) { m.metadata.labels["x"] = "y"; });
  ASSERT_TRUE(executor.runUntil(
      [&] {
        auto watched = maps.get<ConfigMap>("default/a");
        return watched->metadata.labels.size() == 2 && watched->data.empty();
      },
      1min));
  EXPECT_EQ(client.peek<ConfigMap>("default", "a")->data.size(), 1U);
  runTask(executor, informers.stop());
}

TEST(WorkQueue, OneWorkerAKeyAndNoDoubles) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    SimExecutor executor(seed);
    WorkQueue queue(executor);
    std::stop_source stop;
    std::set<std::string> busy;
    std::map<std::string, int> runs;
    for (int i = 0; i < 4; ++i) spawn(executor, worker(queue, stop.get_token(), busy, runs));
    for (int i = 0; i < 3; ++i) {
      queue.add("a");
      queue.add("b");
    }
    executor.runFor(5ms);
    queue.add("a");
    queue.add("a");
    executor.runFor(1s);
    EXPECT_EQ(runs["a"], 2);
    EXPECT_EQ(runs["b"], 1);
    stop.request_stop();
    ASSERT_TRUE(executor.runUntilIdle());
  }
}

TEST(WorkQueue, DelaysAndBackoff) {
  SimExecutor executor(1);
  WorkQueue::Options options;
  options.perSecond = 0;
  WorkQueue queue(executor, options);
  queue.addAfter("a", 10s);
  queue.addAfter("a", 5s);
  queue.addAfter("a", 20s);
  executor.runFor(4s);
  EXPECT_EQ(queue.size(), 0u);
  executor.runFor(2s);
  EXPECT_EQ(queue.size(), 1u);
  for (int i = 0; i < 10; ++i) queue.addRateLimited("b");
  EXPECT_EQ(queue.failures("b"), 10);
  executor.runFor(6ms);
  EXPECT_EQ(queue.size(), 2u);
  queue.forget("b");
  EXPECT_EQ(queue.failures("b"), 0);
}

TEST(WorkQueue, BucketHoldsBack) {
  SimExecutor executor(1);
  WorkQueue queue(executor);
  for (int i = 0; i < 150; ++i) queue.addRateLimited(std::to_string(i));
  executor.runFor(1s);
  EXPECT_NEAR(static_cast<double>(queue.size()), 110.0, 1.0);
  executor.runFor(4s);
  EXPECT_EQ(queue.size(), 150u);
}

}  // namespace
}  // namespace coxswain::client
