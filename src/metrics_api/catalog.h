#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "metrics_api/prometheus.h"
#include "metrics_api/rules.h"
#include "runtime/executor.h"
#include "runtime/sync.h"

namespace coxswain::metrics_api {

/// How a rule's words ("pod", "deployment" of group "apps") are found among what the API serves.
using ResourceFinder = std::function<std::optional<KnownResource>(const NamedResource&)>;

/// A metric that there is: where its values come from.
struct MetricSeries {
  std::string series;
  const Rule* rule = nullptr;
};

/// Which metrics there are, by rules and by the series that Prometheus has. Listed anew when
/// somebody asks and the list is older than `relist`; at rest nothing runs. One executor.
class Catalog {
 public:
  struct Options {
    Duration relist = 10min;
    /// A metric that is not known makes the list be looked up again, but no sooner than this.
    Duration relistAtLeast = 1s;
  };
  struct Custom {
    KnownResource resource;
    std::string metric;
    bool namespaced = true;  ///< asked for within a namespace
    MetricSeries from;
  };
  struct External {
    std::string metric;
    MetricSeries from;
  };

  /// References outlive it.
  Catalog(Executor& executor, Prometheus& prometheus, RuleSet rules, ResourceFinder finder,
          Options options);

  /// Returns when the list is fresh enough; the failure says why it is not.
  Task<Status> fresh(std::stop_token stop);
  /// The same, without waiting.
  void refresh();
  Task<void> stop();

  /// Another one whenever what follows has changed; never 0.
  [[nodiscard]] uint64_t edition() const { return edition_; }
  [[nodiscard]] const std::vector<Custom>& custom() const { return custom_; }
  [[nodiscard]] const std::vector<External>& external() const { return external_; }
  /// Null: unknown. `resource` "pods" or "deployments.apps". Fresh first, and once more where it is
  /// not found.
  Task<Result<const Custom*>> findCustom(std::string resource, std::string metric, bool namespaced,
                                         std::stop_token stop);
  Task<Result<const External*>> findExternal(std::string metric, std::stop_token stop);
  [[nodiscard]] const RuleSet& rules() const { return rules_; }
  [[nodiscard]] Prometheus& prometheus() const { return prometheus_; }

 private:
  Task<Status> list(std::stop_token stop);
  Task<void> listBehind(Gate::Pass pass);
  Task<Status> listRules(const std::vector<Rule>& rules, bool external,
                         std::vector<Custom>& customs, std::vector<External>& externals,
                         std::stop_token stop);
  void addCustom(const Rule& rule, const SeriesLabels& labels, const std::string& metric,
                 std::vector<Custom>& to) const;
  Task<Status> freshSince(Duration age, std::stop_token stop);
  [[nodiscard]] const Custom* lookUp(std::string_view resource, std::string_view metric,
                                     bool namespaced) const;

  Executor& executor_;
  Prometheus& prometheus_;
  RuleSet rules_;
  ResourceFinder finder_;
  Options options_;
  std::vector<Custom> custom_;      ///< sorted
  std::vector<External> external_;  ///< sorted
  uint64_t edition_ = 1;
  std::optional<MonotonicTime> listedAt_;
  Semaphore one_{1};
  Gate gate_;
  std::stop_source stop_;
};

/// "pods", "deployments.apps".
std::string qualifiedName(const KnownResource& resource);

}  // namespace coxswain::metrics_api
