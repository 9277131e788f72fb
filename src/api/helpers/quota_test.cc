#include "api/helpers/quota.h"

#include <gtest/gtest.h>

#include <map>

#include "api/codec/json.h"
#include "api/gen/core_v1.h"
#include "api/gen/resource_v1.h"

namespace coxswain::api {
namespace {

using core::v1::PersistentVolumeClaim;
using core::v1::Pod;
using core::v1::ResourceQuotaSpec;
using core::v1::Service;
using resource::v1::ResourceClaim;
using Amounts = std::map<std::string, std::string>;

template <typename T>
ConstObject object(const std::string& json) {
  auto read = decodeJson<T>(json);
  EXPECT_TRUE(read.ok()) << read.status().message() << json;
  return ConstObject(Object(read.ok() ? std::move(*read) : T()));
}

template <typename T>
Amounts usage(QuotaKind kind, const std::string& json) {
  Amounts out;
  for (const auto& [name, amount] : quotaUsage(kind, object<T>(json), Time::fromUnix(1000))) {
    out[name] = amount.str();
  }
  return out;
}

TEST(Quota, UsageOfPods) {
  const QuotaKind pods{"", "pods"};
  EXPECT_EQ(usage<Pod>(pods, R"({"spec":{"containers":[{"resources":{
      "requests":{"cpu":"100m","memory":"1Gi","hugepages-2Mi":"4Mi","x.io/gpu":"2"},
      "limits":{"cpu":"1","hugepages-2Mi":"4Mi","x.io/gpu":"2"}}}]}})"),
            (Amounts{{"count/pods", "1"},
                     {"pods", "1"},
                     {"cpu", "100m"},
                     {"requests.cpu", "100m"},
                     {"limits.cpu", "1"},
                     {"memory", "1Gi"},
                     {"requests.memory", "1Gi"},
                     {"hugepages-2Mi", "4Mi"},
                     {"requests.hugepages-2Mi", "4Mi"},
                     {"requests.x.io/gpu", "2"}}));
  EXPECT_EQ(usage<Pod>(pods, R"({"status":{"phase":"Failed"},"spec":{"containers":[{"resources":{
      "requests":{"cpu":"1"}}}]}})"),
            (Amounts{{"count/pods", "1"}}));
  for (const char* name : {"limits.hugepages-2Mi", "limits.x.io/gpu", "x.io/gpu", "services"}) {
    EXPECT_FALSE(quotaConcerns(pods, name)) << name;
  }
  for (const char* name : {"pods", "count/pods", "limits.ephemeral-storage", "hugepages-1Gi",
                           "requests.hugepages-1Gi", "requests.x.io/gpu"}) {
    EXPECT_TRUE(quotaConcerns(pods, name)) << name;
  }
}

TEST(Quota, UsageOfOthers) {
  const QuotaKind services{"", "services"};
  EXPECT_EQ(usage<Service>(services, R"({"spec":{"type":"LoadBalancer","ports":[{},{}]}})"),
            (Amounts{{"count/services", "1"},
                     {"services", "1"},
                     {"services.loadbalancers", "1"},
                     {"services.nodeports", "2"}}));
  EXPECT_EQ(usage<Service>(services, R"({"spec":{"type":"LoadBalancer",
      "allocateLoadBalancerNodePorts":false,"ports":[{"nodePort":30000},{}]}})")
                .at("services.nodeports"),
            "1");
  auto claim =
      usage<PersistentVolumeClaim>({"", "persistentvolumeclaims"},
                                   R"({"spec":{"storageClassName":"fast","resources":{"requests":{
      "storage":"1500m"}}},"status":{"allocatedResources":{"storage":"3"}}})");
  EXPECT_EQ(claim.at("requests.storage"), "3");  // it may still grow to that
  EXPECT_EQ(claim.at("fast.storageclass.storage.k8s.io/requests.storage"), "3");
  EXPECT_EQ(claim.at("fast.storageclass.storage.k8s.io/persistentvolumeclaims"), "1");

  const QuotaKind claims{"resource.k8s.io", "resourceclaims"};
  EXPECT_EQ(usage<ResourceClaim>(claims, R"({"spec":{"devices":{"requests":[
      {"name":"a","exactly":{"deviceClassName":"gpu","count":2}},
      {"name":"b","exactly":{"deviceClassName":"nic","allocationMode":"All"}},
      {"name":"c","firstAvailable":[{"deviceClassName":"gpu","count":1},
        {"deviceClassName":"gpu","count":3}]}]}}})"),
            (Amounts{{"count/resourceclaims.resource.k8s.io", "1"},
                     {"gpu.deviceclass.resource.k8s.io/devices", "5"},
                     {"nic.deviceclass.resource.k8s.io/devices", "32"}}));
  EXPECT_TRUE(quotaConcerns(claims, "gpu.deviceclass.resource.k8s.io/devices"));
  EXPECT_TRUE(quotaIgnores({"", "events"}));
  EXPECT_FALSE(quotaConcerns({"events.k8s.io", "events"}, "count/events.events.k8s.io"));
}

TEST(Quota, Scopes) {
  struct Row {
    const char* quota;
    const char* pod;  ///< spec
    bool counts;
  };
  constexpr const char* kCrossing = R"({"affinity":{"podAffinity":{
      "requiredDuringSchedulingIgnoredDuringExecution":[{"namespaces":["x"],"topologyKey":"k"}]}}})";
  const Row rows[] = {
      {"{}", "{}", true},
      {R"({"scopes":["BestEffort","NotTerminating"]})", "{}", true},
      {R"({"scopes":["BestEffort","Terminating"]})", "{}", false},
      {R"({"scopes":["Terminating"]})", R"({"activeDeadlineSeconds":0})", true},
      {R"({"scopes":["NotBestEffort"]})", "{}", false},
      {R"({"scopes":["CrossNamespacePodAffinity"]})", kCrossing, true},
      {R"({"scopes":["CrossNamespacePodAffinity"]})", "{}", false},
      {R"({"scopes":["PriorityClass"]})", R"({"priorityClassName":"a"})", true},
      {R"({"scopes":["PriorityClass"]})", "{}", false},
      {R"({"scopeSelector":{"matchExpressions":[
          {"scopeName":"PriorityClass","operator":"In","values":["a","b"]}]}})",
       R"({"priorityClassName":"b"})", true},
      {R"({"scopeSelector":{"matchExpressions":[
          {"scopeName":"PriorityClass","operator":"NotIn","values":["a","b"]}]}})",
       R"({"priorityClassName":"b"})", false},
      {R"({"scopeSelector":{"matchExpressions":[
          {"scopeName":"PriorityClass","operator":"NotIn","values":["a"]}]}})",
       "{}", true},
      {R"({"scopeSelector":{"matchExpressions":[
          {"scopeName":"PriorityClass","operator":"DoesNotExist"}]}})",
       "{}", true},
      {R"({"scopes":["VolumeAttributesClass"]})", "{}", false},
  };
  for (const auto& row : rows) {
    auto quota = decodeJson<ResourceQuotaSpec>(row.quota);
    ASSERT_TRUE(quota.ok());
    auto pod = object<Pod>(std::string("{\"spec\":") + row.pod + "}");
    EXPECT_EQ(quotaMatches(*quota, pod), row.counts) << row.quota << row.pod;
  }
  auto gold = decodeJson<ResourceQuotaSpec>(R"({"scopeSelector":{"matchExpressions":[
      {"scopeName":"VolumeAttributesClass","operator":"In","values":["gold"]}]}})");
  auto claim = object<PersistentVolumeClaim>(R"({"spec":{"volumeAttributesClassName":"silver"},
      "status":{"currentVolumeAttributesClassName":"gold"}})");
  EXPECT_TRUE(quotaMatches(*gold, claim));
  EXPECT_FALSE(quotaMatches(*gold, object<PersistentVolumeClaim>("{}")));
}

TEST(Quota, WhatContainersMustSay) {
  auto pod = decodeJson<Pod>(R"({"spec":{"initContainers":[{"name":"z"}],"containers":[
      {"name":"b"},{"name":"a","resources":{"requests":{"cpu":"1"}}}]}})");
  ResourceList hard;
  hard["requests.cpu"] = Quantity::fromInt(1);
  hard["limits.memory"] = Quantity::fromInt(1);
  hard["requests.ephemeral-storage"] = Quantity::fromInt(1);
  EXPECT_EQ(quotaMissing(*pod, hard),
            "must specify limits.memory for: a,b,z; requests.cpu for: b,z");
  EXPECT_EQ(quotaMissing(*pod, {}), "");
}

}  // namespace
}  // namespace coxswain::api
