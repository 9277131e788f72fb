#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace coxswain::metrics_api {

using SeriesLabels = std::map<std::string, std::string, std::less<>>;

/// A value of an instant query. NaN counts as 0.
struct Sample {
  SeriesLabels labels;
  int64_t milli = 0;  ///< held to the range of int64
  WallTime when{};
};

// Answers of Prometheus' HTTP API: bytes from elsewhere. Failures are BadRequest where it is none,
// and what it says where it says "error". Pure; any thread.

/// Of /api/v1/query: a vector, or a scalar (a sample without labels).
Result<std::vector<Sample>> parseQueryAnswer(std::string_view json);
/// Of /api/v1/series.
Result<std::vector<SeriesLabels>> parseSeriesAnswer(std::string_view json);

}  // namespace coxswain::metrics_api
