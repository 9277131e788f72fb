#include <gtest/gtest.h>

#include "api/gen/apps_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "client/testing/forwarding_client.h"
#include "controllers/framework/testing/harness.h"
#include "controllers/framework/testing/widgets.h"
#include "controllers/resourcequota/controller.h"

namespace coxswain::controllers::resourcequota {
namespace {

using api::apps::v1::ReplicaSet;
using api::core::v1::ConfigMap;
using api::core::v1::PersistentVolumeClaim;
using api::core::v1::Pod;
using api::core::v1::ResourceQuota;
using api::core::v1::Service;
using testing::Harness;

api::Quantity quantity(const char* text) {
  return *api::Quantity::parse(text);
}

template <typename T>
T named(const std::string& name, const std::string& ns = "default") {
  T object;
  object.metadata.name = name;
  object.metadata.namespace_ = ns;
  return object;
}

Pod makePod(const std::string& name, const char* cpu) {
  auto pod = named<Pod>(name);
  pod.spec.containers.resize(1);
  if (cpu != nullptr) pod.spec.containers[0].resources.requests["cpu"] = quantity(cpu);
  return pod;
}

TEST(ResourceQuotas, CountWhatIsThere) {
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    Harness h(seed);
    h.client.faults.error = h.client.faults.unreachable = h.client.faults.lostAnswer = 0.05;
    h.client.faults.conflict = 0.1;
    h.add<ResourceQuotaController>();
    h.start();
    auto quota = named<ResourceQuota>("q");
    for (const char* name :
         {"pods", "count/pods", "requests.cpu", "configmaps", "services.nodeports",
          "count/replicasets.apps", "requests.storage",
          "fast.storageclass.storage.k8s.io/persistentvolumeclaims", "count/widgets.example.com"}) {
      quota.spec.hard[name] = quantity("10");
    }
    h.client.put(quota);
    auto best = named<ResourceQuota>("best-effort");
    best.spec.hard["pods"] = quantity("3");
    best.spec.scopes = {"BestEffort"};
    h.client.put(best);
    auto used = [&h](const char* name) {
      std::map<std::string, std::string> texts;
      auto found = h.client.peek<ResourceQuota>("default", name);
      for (const auto& [key, amount] : found->status.used) texts[key] = amount.str();
      return texts;
    };
    using Used = std::map<std::string, std::string>;
    Used wanted{{"pods", "0"},
                {"count/pods", "0"},
                {"requests.cpu", "0"},
                {"configmaps", "0"},
                {"services.nodeports", "0"},
                {"count/replicasets.apps", "0"},
                {"requests.storage", "0"},
                {"fast.storageclass.storage.k8s.io/persistentvolumeclaims", "0"}};
    ASSERT_TRUE(h.until([&] { return used("q") == wanted; })) << seed;
    EXPECT_EQ(h.client.peek<ResourceQuota>("default", "q")->status.hard, quota.spec.hard);

    h.client.put(makePod("a", "250m"));
    h.client.put(makePod("b", nullptr));
    auto done = makePod("done", "1");
    done.status.phase = "Succeeded";
    h.client.put(done);
    h.client.put(named<ConfigMap>("m"));
    h.client.put(named<ConfigMap>("elsewhere", "other"));
    h.client.put(named<ReplicaSet>("r"));
    auto service = named<Service>("s");
    service.spec.type = "NodePort";
    service.spec.ports.resize(2);
    h.client.put(service);
    auto claim = named<PersistentVolumeClaim>("c");
    claim.spec.storageClassName = "fast";
    claim.spec.resources.requests["storage"] = quantity("3Gi");
    h.client.put(claim);
    wanted = {{"pods", "2"},
              {"count/pods", "3"},
              {"requests.cpu", "250m"},
              {"configmaps", "1"},
              {"services.nodeports", "2"},
              {"count/replicasets.apps", "1"},
              {"requests.storage", "3Gi"},
              {"fast.storageclass.storage.k8s.io/persistentvolumeclaims", "1"}};
    ASSERT_TRUE(h.until([&] { return used("q") == wanted; })) << seed;
    ASSERT_TRUE(h.until([&] { return used("best-effort") == Used{{"pods", "1"}}; })) << seed;
    (void)h.client.erase<Pod>("default", "a");
    (void)h.client.erase<Service>("default", "s");
    wanted["pods"] = "1";
    wanted["count/pods"] = "2";
    wanted["requests.cpu"] = "0";
    wanted["services.nodeports"] = "0";
    ASSERT_TRUE(h.until([&] { return used("q") == wanted; })) << seed;
  }
}

/// The API server counts a pod before the pod is there to be seen.
TEST(ResourceQuotas, WhatIsOnItsWayStaysCounted) {
  Harness h(1);
  h.add<ResourceQuotaController>();
  h.start();
  auto quota = named<ResourceQuota>("q");
  quota.spec.hard["pods"] = quantity("10");
  h.client.put(quota);
  auto used = [&h] {
    auto found = h.client.peek<ResourceQuota>("default", "q");
    const auto* pods = found->status.used.get("pods");
    return pods ? pods->str() : "";
  };
  ASSERT_TRUE(h.until([&] { return used() == "0"; }));

  auto charge = [&](const char* amount) {
    h.client.change<ResourceQuota>(
        "default", "q", [&](ResourceQuota& next) { next.status.used["pods"] = quantity(amount); });
  };
  charge("1");
  int lowered = 0;
  (void)h.until([&] { return used() != "1" && ++lowered > 0; }, 100ms);
  EXPECT_EQ(lowered, 0);
  h.client.put(makePod("a", nullptr));
  (void)h.until([&] { return used() != "1" && ++lowered > 0; }, 5s);
  EXPECT_EQ(lowered, 0);
  // What was counted and never came is given back.
  charge("2");
  EXPECT_TRUE(h.until([&] { return used() == "1"; }));
}

/// What changes by time alone is found by counting again each five minutes.
TEST(ResourceQuotas, AreCountedAgain) {
  Harness h(2);
  h.add<ResourceQuotaController>();
  h.start();
  auto quota = named<ResourceQuota>("q");
  quota.spec.hard["pods"] = quantity("10");
  h.client.put(quota);
  auto pod = makePod("a", nullptr);
  pod.spec.nodeName = "gone";
  pod.metadata.finalizers = {"example.com/held"};
  h.client.put(pod);
  auto used = [&h] {
    auto found = h.client.peek<ResourceQuota>("default", "q");
    const auto* pods = found->status.used.get("pods");
    return pods ? pods->str() : "";
  };
  ASSERT_TRUE(h.until([&] { return used() == "1"; }));
  client::DeleteOptions options;
  options.gracePeriodSeconds = 60;
  (void)h.client.erase<Pod>("default", "a", options);
  h.run(30s);
  EXPECT_EQ(used(), "1");
  // Past its time a pod counts no more, though nothing tells of that.
  EXPECT_TRUE(h.until([&] { return used() == "0"; }, 6min));
}

/// A kind that another server serves, later than the controller starts.
TEST(ResourceQuotas, CountKindsOfOtherServers) {
  Harness h(1);
  client::testing::PathsClient paths(h.client);
  h.addFor<ResourceQuotaController>(paths);
  h.start();
  auto quota = named<ResourceQuota>("q");
  quota.spec.hard["count/widgets.example.com"] = quantity("10");
  h.client.put(quota);
  const auto used = [&h] {
    const auto found = h.client.peek<ResourceQuota>("default", "q");
    const auto* amount = found->status.used.get("count/widgets.example.com");
    return amount == nullptr ? std::string("none") : amount->str();
  };
  h.client.put(testing::kWidgets, api::Object(testing::widget("default", "a")));
  h.client.put(testing::kWidgets, api::Object(testing::widget("other", "b")));
  h.run(10min);
  EXPECT_EQ(used(), "none");
  EXPECT_EQ(paths.reads, 0);
  paths.answers.insert_or_assign(testing::kWidgetsPath, testing::widgetsDocument());
  h.client.put(testing::widgetsService());
  ASSERT_TRUE(h.until([&] { return used() == "1"; }, 1min));
  h.client.put(testing::kWidgets, api::Object(testing::widget("default", "c")));
  EXPECT_TRUE(h.until([&] { return used() == "2"; }, 10s));
}

}  // namespace
}  // namespace coxswain::controllers::resourcequota
