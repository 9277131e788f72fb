#include <gtest/gtest.h>

#include "api/codec/json.h"
#include "api/gen/autoscaling_v1.h"
#include "api/gen/autoscaling_v2.h"
#include "apiserver/registry/autoscaling/hpa_conversion.h"
#include "apiserver/registry/resources.h"

namespace coxswain::apiserver {
namespace {

using V1 = api::autoscaling::v1::HorizontalPodAutoscaler;
using V2 = api::autoscaling::v2::HorizontalPodAutoscaler;

constexpr std::string_view kReference =
    R"("scaleTargetRef":{"kind":"Deployment","name":"d","apiVersion":"apps/v1"})";

const Strategy& strategy(std::string_view version) {
  return *findResource("autoscaling", version, "horizontalpodautoscalers")->strategy;
}

template <typename T>
T decoded(std::string_view json, std::string_view version) {
  auto object = api::decodeJson<T>(json);
  EXPECT_TRUE(object.ok()) << object.status().message();
  strategy(version).setDefaults(&*object);
  return std::move(*object);
}
V2 v2(std::string_view spec, std::string_view rest = "") {
  return decoded<V2>(R"({"metadata":{"name":"h"},"spec":{)" + std::string(kReference) + "," +
                         std::string(spec) + "}" + std::string(rest) + "}",
                     "v2");
}

std::string faults(const V2& object) {
  api::FieldErrors errors;
  strategy("v2").validate(&object, errors);
  return errors.str();
}
std::string updateFaults(const V2& next, const V2& current) {
  api::FieldErrors errors;
  strategy("v2").validateUpdate(&next, &current, errors);
  return errors.str();
}

constexpr std::string_view kAllMetrics =
    R"("minReplicas":2,"maxReplicas":9,"metrics":[)"
    R"({"type":"Pods","pods":{"metric":{"name":"m"},"target":{"type":"AverageValue",)"
    R"("averageValue":"10"}}},)"
    R"({"type":"External","external":{"metric":{"name":"q","selector":{"matchLabels":{"a":"b"}}},)"
    R"("target":{"type":"Value","value":"30"}}},)"
    R"({"type":"Object","object":{"describedObject":{"kind":"Service","name":"s",)"
    R"("apiVersion":"v1"},"target":{"type":"Value","value":"2k"},"metric":{"name":"rps"}}},)"
    R"({"type":"ContainerResource","containerResource":{"name":"memory","container":"c",)"
    R"("target":{"type":"AverageValue","averageValue":"1Gi"}}},)"
    R"({"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization",)"
    R"("averageUtilization":50}}}],)"
    R"("behavior":{"scaleUp":{"selectPolicy":"Min","tolerance":"100m",)"
    R"("policies":[{"type":"Percent","value":50,"periodSeconds":15}]}})";
constexpr std::string_view kStatus =
    R"(,"status":{"currentReplicas":3,"desiredReplicas":4,"currentMetrics":[)"
    R"({"type":"Resource","resource":{"name":"cpu","current":{"averageUtilization":12,)"
    R"("averageValue":"120m"}}}],"conditions":[{"type":"AbleToScale","status":"True",)"
    R"("reason":"R","lastTransitionTime":"2020-01-01T00:00:00Z"}]})";

TEST(HpaConversion, KeepsEverythingInAnnotations) {
  const auto object = v2(kAllMetrics, kStatus);
  const auto shown = toAutoscalerV1(object);
  EXPECT_EQ(shown.spec.targetCPUUtilizationPercentage, 50);
  EXPECT_EQ(shown.status.currentCPUUtilizationPercentage, 12);
  const auto& annotations = shown.metadata.annotations;
  EXPECT_EQ(annotations.at("autoscaling.alpha.kubernetes.io/behavior"),
            R"({"ScaleUp":{"StabilizationWindowSeconds":0,"SelectPolicy":"Min","Policies":[)"
            R"({"Type":"Percent","Value":50,"PeriodSeconds":15}],"Tolerance":"100m"},)"
            R"("ScaleDown":{"StabilizationWindowSeconds":null,"SelectPolicy":"Max","Policies":[)"
            R"({"Type":"Percent","Value":100,"PeriodSeconds":15}],"Tolerance":null}})");
  EXPECT_EQ(annotations.at("autoscaling.alpha.kubernetes.io/current-metrics"),
            R"([{"type":"Resource","resource":{"name":"cpu","currentAverageUtilization":12,)"
            R"("currentAverageValue":"120m"}}])");
  EXPECT_EQ(annotations.at("autoscaling.alpha.kubernetes.io/conditions"),
            R"([{"type":"AbleToScale","status":"True",)"
            R"("lastTransitionTime":"2020-01-01T00:00:00Z","reason":"R"}])");
  EXPECT_EQ(annotations.size(), 4U);
  EXPECT_EQ(api::encodeJson(toAutoscalerV2(shown)), api::encodeJson(object));
}

TEST(HpaConversion, WhatWasMeasuredOfEveryKind) {
  const auto object =
      v2(kAllMetrics, R"(,"status":{"currentReplicas":3,"currentMetrics":[)"
                      R"({"type":"Object","object":{"metric":{"name":"rps"},)"
                      R"("current":{"value":"2k","averageValue":"7"},)"
                      R"("describedObject":{"kind":"Service","name":"s"}}},)"
                      R"({"type":"Pods","pods":{"metric":{"name":"m"},)"
                      R"("current":{"averageValue":"10"}}},)"
                      R"({"type":"ContainerResource","containerResource":{)"
                      R"("name":"memory","container":"c",)"
                      R"("current":{"averageUtilization":9,"averageValue":"1Gi"}}},)"
                      R"({"type":"External","external":{"metric":{"name":"q",)"
                      R"("selector":{"matchLabels":{"a":"b"}}},)"
                      R"("current":{"value":"30","averageValue":"15"}}}]})");
  const auto shown = toAutoscalerV1(object);
  EXPECT_EQ(shown.metadata.annotations.at("autoscaling.alpha.kubernetes.io/current-metrics"),
            R"([{"type":"Object","object":{"target":{"kind":"Service","name":"s"},)"
            R"("metricName":"rps","currentValue":"2k","averageValue":"7"}},)"
            R"({"type":"Pods","pods":{"metricName":"m","currentAverageValue":"10"}},)"
            R"({"type":"ContainerResource","containerResource":{"name":"memory",)"
            R"("currentAverageUtilization":9,"currentAverageValue":"1Gi","container":"c"}},)"
            R"({"type":"External","external":{"metricName":"q","metricSelector":{"matchLabels":)"
            R"({"a":"b"}},"currentValue":"30","currentAverageValue":"15"}}])");
  EXPECT_EQ(api::encodeJson(toAutoscalerV2(shown)), api::encodeJson(object));
}

TEST(HpaConversion, DropsWhatIsNoJson) {
  auto shown = toAutoscalerV1(v2(kAllMetrics));
  for (auto& [key, value] : shown.metadata.annotations) value = "[{\"type\":3}";
  shown.metadata.annotations["mine"] = "stays";
  const auto back = toAutoscalerV2(shown);
  EXPECT_EQ(back.spec.metrics.size(), 1U);
  EXPECT_FALSE(back.spec.behavior);
  EXPECT_EQ(back.metadata.annotations.size(), 1U);
}

TEST(HpaConversion, AV1ObjectHasItsDefault) {
  const auto object = decoded<V1>(R"({"spec":{"maxReplicas":3,)" + std::string(kReference) +
                                      R"(},"status":{"currentCPUUtilizationPercentage":12}})",
                                  "v1");
  EXPECT_EQ(object.spec.minReplicas, 1);
  EXPECT_EQ(object.spec.targetCPUUtilizationPercentage, 80);
  EXPECT_EQ(object.metadata.annotations.at("autoscaling.alpha.kubernetes.io/current-metrics"),
            R"([{"type":"Resource","resource":{"name":"cpu","currentAverageUtilization":12,)"
            R"("currentAverageValue":"0"}}])");
}

TEST(Hpa, AnUpdateThroughV1KeepsTheStatusV1CannotShow) {
  const auto current = toAutoscalerV1(v2(kAllMetrics, kStatus));
  auto next = current;
  next.spec.maxReplicas = 10;
  next.metadata.annotations.erase("autoscaling.alpha.kubernetes.io/conditions");
  strategy("v1").prepareForUpdate(&next, &current);
  EXPECT_EQ(toAutoscalerV2(next).status, toAutoscalerV2(current).status);
  EXPECT_EQ(next.spec.maxReplicas, 10);
  next.spec.maxReplicas = 0;
  api::FieldErrors errors;
  strategy("v1").validateUpdate(&next, &current, errors);
  EXPECT_EQ(errors.str(),
            "[spec.maxReplicas: Required value: must be set and greater than 0, spec.maxReplicas: "
            "Invalid value: 0: must be greater than or equal to `minReplicas`]");
}

TEST(Hpa, Defaults) {
  const auto object = v2(R"("maxReplicas":3,"behavior":{})");
  EXPECT_EQ(api::encodeJson(object.spec.metrics[0]),
            R"({"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization",)"
            R"("averageUtilization":80}}})");
  EXPECT_EQ(api::encodeJson(*object.spec.behavior),
            R"({"scaleUp":{"stabilizationWindowSeconds":0,"selectPolicy":"Max","policies":[)"
            R"({"type":"Pods","value":4,"periodSeconds":15},)"
            R"({"type":"Percent","value":100,"periodSeconds":15}]},)"
            R"("scaleDown":{"selectPolicy":"Max","policies":[)"
            R"({"type":"Percent","value":100,"periodSeconds":15}]}})");
}

TEST(Hpa, Rules) {
  struct Row {
    std::string_view spec;
    std::string_view wanted;
  };
  const Row rows[] = {
      {kAllMetrics, ""},
      {R"("maxReplicas":3,"metrics":[{"type":""}])",
       "[spec.metrics[0].type: Required value: must specify a metric source type, "
       "spec.metrics[0].type: Unsupported value: \"\": supported values: \"ContainerResource\", "
       "\"External\", \"Object\", \"Pods\", \"Resource\"]"},
      {R"("maxReplicas":3,"metrics":[{"type":"Pods","pods":{"metric":{"name":""},)"
       R"("target":{"type":"Value","value":"0"}},"resource":{"name":"cpu"}}])",
       "[spec.metrics[0].pods.metric.name: Required value: must specify a metric name, "
       "spec.metrics[0].pods.target.value: Invalid value: \"0\": must be positive, "
       "spec.metrics[0].pods.target.averageValue: Required value: must specify a positive target "
       "averageValue, spec.metrics[0].resource: Forbidden: must populate the given metric source "
       "only]"},
      {R"("maxReplicas":3,"metrics":[{"type":"External","external":{"metric":{"name":"a/b"},)"
       R"("target":{"type":"Value","value":"1","averageValue":"1"}}}])",
       "[spec.metrics[0].external.metric.name: Invalid value: \"a/b\": may not contain '/', "
       "spec.metrics[0].external.target.value: Forbidden: may not set both a target value for "
       "metric and a per-pod target]"},
      {R"("maxReplicas":3,"metrics":[{"type":"Pods","pods":{"metric":{"name":"m"},)"
       R"("target":{"type":"AverageValue","averageValue":"0"}}}])",
       "spec.metrics[0].pods.target.averageValue: Invalid value: \"0\": must be positive"},
      {R"("maxReplicas":3,"metrics":[{"type":"ContainerResource","containerResource":{)"
       R"("name":"foo","container":"A","target":{"type":"Utilization","averageUtilization":1}}}])",
       "[spec.metrics[0].containerResource.name: Invalid value: \"foo\": must be a standard "
       "resource type or fully qualified, spec.metrics[0].containerResource.name: Invalid value: "
       "\"foo\": must be a standard resource for containers, "
       "spec.metrics[0].containerResource.container: Invalid value: \"A\": a lowercase RFC 1123 "
       "label must consist of lower case alphanumeric characters or '-', and must start and end "
       "with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation "
       "is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
       "]"},
      {R"("maxReplicas":3,"behavior":{"scaleUp":{"stabilizationWindowSeconds":-1,)"
       R"("selectPolicy":"X","tolerance":"-1","policies":[)"
       R"({"type":"Pods","value":1,"periodSeconds":1801}]}})",
       "[spec.behavior.scaleUp.stabilizationWindowSeconds: Invalid value: -1: must be greater than "
       "or equal to zero, spec.behavior.scaleUp.selectPolicy: Unsupported value: \"X\": supported "
       "values: \"Disabled\", \"Max\", \"Min\", spec.behavior.scaleUp.policies[0].periodSeconds: "
       "Invalid value: 1801: must be less than or equal to 1800, spec.behavior.scaleUp.tolerance: "
       "Invalid value: \"-1\": must be greater than or equal to 0]"},
  };
  for (const auto& row : rows) EXPECT_EQ(faults(v2(row.spec)), row.wanted);
}

TEST(Hpa, WhatIsStoredMayStay) {
  auto next = v2(R"("minReplicas":0,"maxReplicas":3,"metrics":[{"type":"External","external":)"
                 R"({"metric":{"name":"m"},"target":{"type":"Value","value":"1"}}}])");
  next.spec.scaleTargetRef.apiVersion = "a/b/c";
  EXPECT_EQ(updateFaults(next, next), "");
  EXPECT_EQ(faults(next),
            "[spec.minReplicas: Invalid value: 0: must be greater than or equal to 1, "
            "spec.scaleTargetRef.apiVersion: Invalid value: \"a/b/c\": unexpected GroupVersion "
            "string: a/b/c]");
  next.spec.minReplicas = 1;
  next.spec.scaleTargetRef.kind = "ReplicationController";
  next.spec.scaleTargetRef.apiVersion = "v1";
  EXPECT_EQ(faults(next), "");
}

}  // namespace
}  // namespace coxswain::apiserver
