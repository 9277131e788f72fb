#pragma once

#include <gtest/gtest.h>

#include <map>

#include "api/gen/apps_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/gen/metrics_v1beta1.h"
#include "controllers/framework/testing/harness.h"
#include "controllers/podautoscaler/controller.h"
#include "controllers/podautoscaler/testing/fake_metrics.h"

namespace coxswain::controllers::podautoscaler::testing {

using api::autoscaling::v2::MetricSpec;
using api::autoscaling::v2::MetricTarget;

constexpr const char* kPods = "/apis/custom.metrics.k8s.io/v1beta2/namespaces/default/pods/*/rps";
constexpr const char* kQueue = "/apis/external.metrics.k8s.io/v1beta1/namespaces/default/queue";

inline api::Quantity quantity(const char* text) {
  return *api::Quantity::parse(text);
}

inline MetricTarget averageValue(const char* text) {
  MetricTarget out;
  out.type = "AverageValue";
  out.averageValue = quantity(text);
  return out;
}

inline MetricTarget value(const char* text) {
  MetricTarget out;
  out.type = "Value";
  out.value = quantity(text);
  return out;
}

inline MetricSpec podsMetric(const char* average) {
  MetricSpec out;
  out.type = "Pods";
  auto& pods = out.pods.emplace();
  pods.metric.name = "rps";
  pods.target = averageValue(average);
  return out;
}

inline MetricSpec externalMetric(MetricTarget target) {
  MetricSpec out;
  out.type = "External";
  auto& external = out.external.emplace();
  external.metric.name = "queue";
  external.target = std::move(target);
  return out;
}

inline MetricSpec objectMetric(MetricTarget target) {
  MetricSpec out;
  out.type = "Object";
  auto& object = out.object.emplace();
  object.metric.name = "hits";
  object.describedObject.apiVersion = "networking.k8s.io/v1";
  object.describedObject.kind = "Ingress";
  object.describedObject.name = "main";
  object.target = std::move(target);
  return out;
}

/// A Deployment "web" whose pods, two at first, ask for a CPU of 1 each.
class Autoscaling : public ::testing::Test {
 protected:
  controllers::testing::Harness h{7};
  FakeMetrics metrics;
  std::map<int, std::string> use;

  void SetUp() override {
    PodAutoscaler::Options options;
    options.metrics = &metrics;
    h.add<PodAutoscaler>(options);
    api::apps::v1::Deployment web;
    web.metadata.name = "web";
    web.metadata.namespace_ = "default";
    web.spec.replicas = 2;
    web.spec.selector.emplace().matchLabels["app"] = "web";
    h.client.put(web);
    for (int i = 0; i < 2; ++i) addPod(i);
  }

  void addPod(int index) {
    api::core::v1::Pod pod;
    pod.metadata.name = "web-" + std::to_string(index);
    pod.metadata.namespace_ = "default";
    pod.metadata.labels["app"] = "web";
    auto& container = pod.spec.containers.emplace_back();
    container.name = "c";
    container.resources.requests["cpu"] = quantity("1");
    pod.status.phase = "Running";
    pod.status.startTime = api::Time(h.wallNow() - 1h);
    controllers::testing::makeReady(pod, h.wallNow() - 50min);
    h.client.put(pod);
  }

  void setUse(int index, const char* cpu) {
    use[index] = cpu;
    std::vector<std::pair<std::string, std::string>> all;
    for (const auto& [each, amount] : use) all.emplace_back("web-" + std::to_string(each), amount);
    metrics.setPods(all, api::Time(h.wallNow()).str());
  }

  /// Without metrics.
  api::autoscaling::v2::HorizontalPodAutoscaler& bare(const char* target = "web") {
    scaler.metadata.name = "scaler";
    scaler.metadata.namespace_ = "default";
    scaler.spec.scaleTargetRef.apiVersion = "apps/v1";
    scaler.spec.scaleTargetRef.kind = "Deployment";
    scaler.spec.scaleTargetRef.name = target;
    scaler.spec.minReplicas = 1;
    scaler.spec.maxReplicas = 5;
    return scaler;
  }
  api::autoscaling::v2::HorizontalPodAutoscaler& make(const char* target = "web") {
    auto& metric = bare(target).spec.metrics.emplace_back();
    metric.type = "Resource";
    auto& resource = metric.resource.emplace();
    resource.name = "cpu";
    resource.target.type = "Utilization";
    resource.target.averageUtilization = 50;
    return scaler;
  }
  void start(MetricSpec metric) {
    bare().spec.metrics.push_back(std::move(metric));
    h.client.put(scaler);
    h.start();
  }

  std::shared_ptr<const api::autoscaling::v2::HorizontalPodAutoscaler> stored() {
    return h.client.peek<api::autoscaling::v2::HorizontalPodAutoscaler>("default", "scaler");
  }
  int32_t replicas() {
    return *h.client.peek<api::apps::v1::Deployment>("default", "web")->spec.replicas;
  }
  /// And its status says so.
  bool becomes(int32_t count) {
    return h.until(
        [&] { return replicas() == count && stored()->status.desiredReplicas == count; });
  }
  /// Events are written a little later.
  bool hasEvent(const std::string& text) {
    return h.until([&] { return h.hasEvent(text); }, 1min);
  }
  /// "True ReadyForNewScale"; empty: no such condition.
  std::string condition(const char* type) {
    for (const auto& each : stored()->status.conditions) {
      if (each.type == type) return each.status + " " + each.reason;
    }
    return {};
  }
  std::string message(const char* type) {
    for (const auto& each : stored()->status.conditions) {
      if (each.type == type) return each.message;
    }
    return {};
  }
  bool reaches(const char* type, const std::string& status) {
    return h.until([&] { return condition(type) == status; });
  }

  api::autoscaling::v2::HorizontalPodAutoscaler scaler;
};

}  // namespace coxswain::controllers::podautoscaler::testing
