#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "metrics_api/usage.h"
#include "runtime/executor.h"
#include "runtime/sync.h"
#include "runtime/task.h"

namespace coxswain::metrics_api {

/// The kubelets of a cluster, as far as they are read here.
class Kubelets {
 public:
  virtual ~Kubelets() = default;
  virtual Result<std::vector<std::string>> nodes() = 0;
  /// The text of a node's /metrics/resource.
  virtual Task<Result<std::string>> resourceMetrics(std::string node, std::stop_token stop) = 0;
};

/// Reads all kubelets each `resolution`, but only while somebody has asked lately: at rest there
/// are neither timers nor requests nor readings in memory. Whoever asks first waits for two
/// readings shortly one after the other. One executor.
class Scraper {
 public:
  struct Options {
    Duration resolution = 15s;
    Duration firstWindow = 1s;  ///< between the first two readings, at most `resolution`
    Duration idleAfter = 5min;  ///< without a question reading ends
    Duration kubeletTimeout = 10s;
    Duration patience = 5s;  ///< how long the first question waits beyond `firstWindow`
    size_t parallelMax = 32;
  };

  /// `kubelets` and `executor` outlive it.
  Scraper(Executor& executor, Kubelets& kubelets, Options options);

  /// Somebody asks: returns when there are readings, or when waiting any longer makes no sense.
  Task<void> ready(std::stop_token stop);
  [[nodiscard]] const UsageStore& usage() const { return usage_; }
  [[nodiscard]] bool running() const { return running_; }
  /// Always, if it was ever asked.
  Task<void> stop();

 private:
  Task<void> run(Gate::Pass pass);
  Task<void> runUntilIdle(std::stop_token stop);
  Task<void> scrape(std::stop_token stop);
  Task<void> scrapeSome(std::vector<std::string>& left, UsageStore::Batch& into,
                        std::stop_token stop);

  Executor& executor_;
  Kubelets& kubelets_;
  Options options_;
  UsageStore usage_;
  MonotonicTime lastAsked_{};
  bool running_ = false;
  Event ready_;
  Gate gate_;
  std::stop_source stop_;
};

}  // namespace coxswain::metrics_api
