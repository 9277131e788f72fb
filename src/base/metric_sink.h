#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/histogram.h"

namespace coxswain {

using MetricLabels = std::vector<std::pair<std::string, std::string>>;

/// Where figures go when somebody asks for them. What counts keeps plain numbers, and tells them
/// here; so counting costs an addition. Names and labels are upstream's.
class MetricSink {
 public:
  virtual ~MetricSink() = default;
  virtual void counter(const char* name, const char* help, MetricLabels labels, double value) = 0;
  virtual void gauge(const char* name, const char* help, MetricLabels labels, double value) = 0;
  template <const auto& kBounds>
  void histogram(const char* name, const char* help, MetricLabels labels,
                 const Histogram<kBounds>& values) {
    std::vector<std::pair<double, uint64_t>> buckets;
    uint64_t below = 0;
    for (size_t i = 0; i < kBounds.size(); ++i) {
      below += values.countAt(i);
      buckets.emplace_back(static_cast<double>(kBounds[i]), below);
    }
    below += values.countAt(kBounds.size());
    putBuckets(name, help, std::move(labels), std::move(buckets), below, values.sum());
  }

 protected:
  /// `buckets`: values up to each bound, those of lower ones included.
  virtual void putBuckets(const char* name, const char* help, MetricLabels labels,
                          std::vector<std::pair<double, uint64_t>> buckets, uint64_t count,
                          double sum) = 0;
};

/// Tells what somebody counted. Called on the executor of who asks.
using MetricSource = std::function<void(MetricSink&)>;

}  // namespace coxswain
