#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "client/client.h"
#include "client/path_reader.h"
#include "controllers/podautoscaler/replicas.h"
#include "runtime/executor.h"

namespace coxswain::api::metrics::v1beta1 {
struct PodMetrics;
}

namespace coxswain::client {
/// Computed by whoever serves metrics.k8s.io: get and list only.
template <>
const ResourceType& resourceOf<api::metrics::v1beta1::PodMetrics>();
}  // namespace coxswain::client

namespace coxswain::controllers::podautoscaler {

/// What the metrics APIs say, whoever serves them. Failures have upstream's texts. One executor.
/// Upstream: pkg/controller/podautoscaler/metrics.
class MetricsSource {
 public:
  /// All outlive it. `reader` null: `client` lists what pods use, and there are no other metrics.
  /// Which version of custom metrics is served is asked anew after `versionsKept`.
  MetricsSource(client::Client& client, client::PathReader* reader, Executor& executor,
                Duration versionsKept)
      : client_(client), reader_(reader), executor_(executor), versionsKept_(versionsKept) {}

  /// What the pods that `selector` matches used of a resource; of one container, or of all where
  /// `container` is empty. Pods without a reading of each container are left out.
  Task<Result<Readings>> resource(std::string ns, std::string selector, std::string resource,
                                  std::string container, std::stop_token stop);
  /// A metric of each of those pods.
  Task<Result<Readings>> pods(std::string ns, std::string selector, std::string metric,
                              std::string metricSelector, std::stop_token stop);

  struct Object {
    std::string apiVersion;
    std::string kind;
    std::string name;
  };
  /// A metric of one object, in thousandths. A Namespace is the autoscaler's own.
  Task<Result<int64_t>> object(std::string ns, Object object, std::string metric,
                               std::string metricSelector, std::stop_token stop);
  /// The values of an external metric, in thousandths.
  Task<Result<std::vector<int64_t>>> external(std::string ns, std::string metric,
                                              std::string selector, std::stop_token stop);

 private:
  Task<Result<Readings>> listed(std::string ns, std::string selector, std::string resource,
                                std::string container, std::stop_token stop);
  Task<Result<std::string>> customVersion(std::stop_token stop);
  struct CustomPath {
    std::string ns;
    std::string resource;  ///< "pods"
    std::string name;
    std::string metric;  ///< empty: `name` is it, of the namespace
  };
  Task<Result<std::string>> custom(CustomPath path, std::string selector,
                                   std::string metricSelector, std::stop_token stop);
  Task<Result<std::string>> read(std::string path, client::PathQuery query, std::string what,
                                 std::stop_token stop);

  client::Client& client_;
  client::PathReader* reader_;
  Executor& executor_;
  Duration versionsKept_;
  std::string version_;  ///< of custom.metrics.k8s.io; empty: not known
  MonotonicTime versionAt_{};
};

// Pieces of answers: bytes from whoever serves metrics. Pure.

/// Of a PodMetricsList (JSON).
Result<Readings> readingsOf(std::string_view json, std::string_view resource,
                            std::string_view container);

struct MetricValue {
  std::string object;  ///< name
  Reading reading;
};
/// Of a MetricValueList of either version, or of an ExternalMetricValueList (JSON).
Result<std::vector<MetricValue>> metricValuesOf(std::string_view json);

}  // namespace coxswain::controllers::podautoscaler
