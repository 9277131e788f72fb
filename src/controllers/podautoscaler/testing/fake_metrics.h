#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "client/path_reader.h"

namespace coxswain::controllers::podautoscaler::testing {

/// Metrics APIs in memory, for tests: JSON by path; what is not there is not served.
class FakeMetrics final : public client::PathReader {
 public:
  std::map<std::string, std::string> answers;
  std::vector<std::pair<std::string, client::PathQuery>> asked;

  Task<Result<std::string>> readPath(std::string path, client::PathQuery query,
                                     std::stop_token) override {
    asked.emplace_back(path, std::move(query));
    const auto found = answers.find(path);
    if (found == answers.end()) {
      co_return Status(Reason::NotFound, 404, "the server could not find the requested resource");
    }
    co_return found->second;
  }

  /// What the pods use, of one container "c": {"web-0", "900m"}.
  void setPods(const std::vector<std::pair<std::string, std::string>>& usage,
               const std::string& timestamp) {
    std::string items;
    for (const auto& [pod, cpu] : usage) {
      items += (items.empty() ? "" : ",") + std::string("{\"metadata\":{\"name\":\"") + pod +
               "\",\"namespace\":\"default\"},\"timestamp\":\"" + timestamp +
               "\",\"window\":\"30s\",\"containers\":[{\"name\":\"c\",\"usage\":{\"cpu\":\"" + cpu +
               "\",\"memory\":\"100Mi\"}}]}";
    }
    answers["/apis/metrics.k8s.io/v1beta1/namespaces/default/pods"] =
        "{\"kind\":\"PodMetricsList\",\"apiVersion\":\"metrics.k8s.io/v1beta1\",\"items\":[" +
        items + "]}";
  }

  void serveCustom(const std::string& version) {
    const auto entry = "{\"groupVersion\":\"custom.metrics.k8s.io/" + version +
                       "\",\"version\":\"" + version + "\"}";
    answers["/apis/custom.metrics.k8s.io"] =
        "{\"kind\":\"APIGroup\",\"apiVersion\":\"v1\",\"name\":\"custom.metrics.k8s.io\","
        "\"versions\":[" +
        entry + "],\"preferredVersion\":" + entry + "}";
  }

  /// A MetricValueList, or an ExternalMetricValueList: {"web-0", "5"}.
  void setValues(const std::string& path,
                 const std::vector<std::pair<std::string, std::string>>& values) {
    std::string items;
    for (const auto& [object, value] : values) {
      items += (items.empty() ? "" : ",") + std::string("{\"describedObject\":{\"name\":\"") +
               object + "\"},\"value\":\"" + value + "\",\"timestamp\":\"2024-01-01T00:00:00Z\"}";
    }
    answers[path] = "{\"items\":[" + items + "]}";
  }
};

}  // namespace coxswain::controllers::podautoscaler::testing
