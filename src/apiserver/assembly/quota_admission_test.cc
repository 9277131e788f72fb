// Quotas as requests meet them: counted in time, never over-committed.

#include "apiserver/assembly/testing/admission_cluster.h"

namespace coxswain::apiserver {
namespace {

using namespace api::core::v1;  // NOLINT

using Used = std::map<std::string, std::string>;

class Quotas : public AdmissionCluster {
 protected:
  /// A quota whose controller has counted.
  void quota(const std::string& name, const std::string& spec) {
    ASSERT_EQ(make<ResourceQuota>(R"({"metadata":{"name":")" + name + R"("},"spec":)" + spec + "}"),
              "");
    auto counted = *get<ResourceQuota>(name);
    counted.status.hard = counted.spec.hard;
    for (const auto& [resource, bound] : counted.spec.hard) counted.status.used[resource] = {};
    ASSERT_EQ(put(counted, "status"), "");
  }
  Used used(const std::string& name) {
    Used out;
    for (const auto& [resource, amount] : get<ResourceQuota>(name)->status.used) {
      out[resource] = amount.str();
    }
    return out;
  }
};

TEST_F(Quotas, NeverOverCommitted) {
  begin();
  quota("q", R"({"hard":{"pods":"50","requests.cpu":"10","count/pods":"1000"}})");
  quota("all", R"({"hard":{"count/pods":"1000"}})");
  std::vector<Task<Result<std::shared_ptr<const Pod>>>> writes;
  for (int i = 0; i < 300; ++i) {
    // Every third asks for much: 10 cores are enough for few of those.
    const char* cpu = i % 3 == 0 ? "1900m" : "100m";
    auto json = pod("p" + std::to_string(i),
                    std::string(R"(,"resources":{"requests":{"cpu":")") + cpu + "\"}}");
    writes.push_back(client::create(*admin_, parse<Pod>(json)));
  }
  const int good = countGood(std::move(writes));
  auto pods = run(admin_->list(client::resourceOf<Pod>(), "default", {}, {}));
  ASSERT_TRUE(pods.ok());
  api::Quantity cpu;
  for (const auto& one : pods->items) {
    cpu += one.as<Pod>()->spec.containers[0].resources.requests.at("cpu");
  }
  EXPECT_EQ(static_cast<int>(pods->items.size()), good);
  EXPECT_LE(good, 50);
  EXPECT_GT(good, 5);
  EXPECT_LE(cpu, *api::Quantity::parse("10"));
  EXPECT_GT(cpu, *api::Quantity::parse("9"));
  EXPECT_EQ(used("q"), (Used{{"pods", std::to_string(good)},
                             {"count/pods", std::to_string(good)},
                             {"requests.cpu", cpu.str()}}));
  EXPECT_EQ(used("all"), (Used{{"count/pods", std::to_string(good)}}));
}

TEST_F(Quotas, ScopesAndMissingRequests) {
  begin();
  quota("best", R"({"hard":{"pods":"1"},"scopes":["BestEffort"]})");
  quota("cpu", R"({"hard":{"requests.cpu":"1","limits.memory":"1Gi"},"scopes":["NotBestEffort"]})");
  quota("ends", R"({"hard":{"pods":"0"},"scopes":["Terminating"]})");
  EXPECT_EQ(make<Pod>(pod("a")), "");
  EXPECT_EQ(
      make<Pod>(pod("b")),
      "pods \"b\" is forbidden: exceeded quota: best, requested: pods=1, used: pods=1, limited: "
      "pods=1");
  EXPECT_EQ(make<Pod>(pod("d", R"(,"resources":{"requests":{"cpu":"500m"}})")),
            "pods \"d\" is forbidden: failed quota: cpu: must specify limits.memory for: c");
  const char* full =
      R"(,"resources":{"requests":{"cpu":"600m"},"limits":{"cpu":"600m","memory":"1Mi"}})";
  EXPECT_EQ(make<Pod>(pod("e", full)), "");
  EXPECT_EQ(make<Pod>(pod("f", full)),
            "pods \"f\" is forbidden: exceeded quota: cpu, requested: requests.cpu=600m, used: "
            "requests.cpu=600m, limited: requests.cpu=1");
  EXPECT_EQ(used("cpu"), (Used{{"limits.memory", "1Mi"}, {"requests.cpu", "600m"}}));
  auto deadline = pod("g", R"(,"resources":{"limits":{"cpu":"100m","memory":"1Mi"}})");
  deadline.replace(deadline.find("\"containers\""), 12,
                   "\"activeDeadlineSeconds\":5,\"containers\"");
  EXPECT_EQ(
      make<Pod>(deadline),
      "pods \"g\" is forbidden: exceeded quota: ends, requested: pods=1, used: pods=0, limited: "
      "pods=0");
}

TEST_F(Quotas, ChangesCountTheirDifference) {
  begin();
  quota("q", R"({"hard":{"services":"2","services.nodeports":"1","services.loadbalancers":"1"}})");
  auto service = [](const char* name, const char* type) {
    return std::string(R"({"metadata":{"name":")") + name + R"("},"spec":{"type":")" + type +
           R"(","selector":{"a":"b"},"ports":[{"port":80}]}})";
  };
  EXPECT_EQ(make<Service>(service("s", "ClusterIP")), "");
  auto grown = *get<Service>("s");
  grown.spec.type = "NodePort";
  EXPECT_EQ(put(grown), "");
  EXPECT_EQ(
      used("q"),
      (Used{{"services", "1"}, {"services.loadbalancers", "0"}, {"services.nodeports", "1"}}));
  EXPECT_EQ(
      make<Service>(service("t", "NodePort")),
      "services \"t\" is forbidden: exceeded quota: q, requested: services.nodeports=1, used: "
      "services.nodeports=1, limited: services.nodeports=1");
  auto shrunk = *get<Service>("s");
  shrunk.spec.type = "ClusterIP";
  EXPECT_EQ(put(shrunk), "");
  EXPECT_EQ(used("q")["services.nodeports"], "0");
}

TEST_F(Quotas, StatusUnknown) {
  begin();
  ASSERT_EQ(make<ResourceQuota>(R"({"metadata":{"name":"q"},"spec":{"hard":{"configmaps":"1"}}})"),
            "");
  auto half = *get<ResourceQuota>("q");
  half.status.hard = half.spec.hard;
  ASSERT_EQ(put(half, "status"), "");
  EXPECT_EQ(make<ConfigMap>(R"({"metadata":{"name":"m"}})"),
            "configmaps \"m\" is forbidden: status unknown for quota: q, resources: configmaps");
}

TEST_F(Quotas, WhatIsLimitedNeedsAQuota) {
  AdmissionOptions options;
  LimitedResource limited;
  limited.plural = "pods";
  auto& scope = limited.matchScopes.emplace_back();
  scope.scopeName = "PriorityClass";
  scope.operator_ = "In";
  scope.values = {"system-node-critical"};
  options.limitedResources.push_back(limited);
  LimitedResource maps;
  maps.plural = "podtemplates";
  maps.matchContains = {"count/"};
  options.limitedResources.push_back(maps);
  begin(options);
  const char* kTemplate = R"({"metadata":{"name":"m"},"template":{"spec":{"containers":[
    {"name":"c","image":"i"}]}}})";
  EXPECT_EQ(make<Pod>(pod("a")), "");
  auto critical = pod("b");
  critical.replace(critical.find("\"containers\""), 12,
                   R"("priorityClassName":"system-node-critical","containers")");
  EXPECT_EQ(make<Pod>(critical),
            "pods \"b\" is forbidden: insufficient quota to match these scopes: [{PriorityClass In "
            "[system-node-critical]}]");
  EXPECT_EQ(make<PodTemplate>(kTemplate),
            "podtemplates \"m\" is forbidden: insufficient quota to consume: count/podtemplates");
  quota("q", R"({"hard":{"count/podtemplates":"1"}})");
  EXPECT_EQ(make<PodTemplate>(kTemplate), "");
}

}  // namespace
}  // namespace coxswain::apiserver
