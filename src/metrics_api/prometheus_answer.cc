#include "metrics_api/prometheus_answer.h"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>

#include "api/codec/value.h"

namespace coxswain::metrics_api {
namespace {

using boost::json::object;
using boost::json::value;

Status broken(const char* what) {
  return badRequest(std::string("not an answer of Prometheus: ") + what);
}

std::string textOf(const object& from, const char* name) {
  const auto* found = from.if_contains(name);
  return found && found->is_string() ? std::string(found->get_string()) : std::string();
}

/// The member "data" of a success.
Result<value> dataOf(std::string_view json) {
  TRY(auto parsed, api::parseJsonValue(json));
  if (!parsed.is_object()) return broken("no object");
  auto& answer = parsed.get_object();
  const auto status = textOf(answer, "status");
  if (status == "error") {
    return badRequest(textOf(answer, "errorType") + ": " + textOf(answer, "error"));
  }
  auto* data = answer.if_contains("data");
  if (status != "success" || !data) return broken("no data");
  return std::move(*data);
}

Result<SeriesLabels> labelsOf(const value& from) {
  if (!from.is_object()) return broken("labels");
  SeriesLabels out;
  for (const auto& [name, text] : from.get_object()) {
    if (!text.is_string()) return broken("a label's value");
    out.emplace(std::string(name), std::string(text.get_string()));
  }
  return out;
}

Result<int64_t> milliOf(const std::string& text) {
  double number = 0;
  std::string_view digits = text;
  if (digits.starts_with('+')) digits.remove_prefix(1);
  const auto* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, number);
  const bool range = error == std::errc::result_out_of_range;
  if ((error != std::errc() && !range) || stop != end || digits.empty()) return broken("a number");
  if (std::isnan(number) || range) return int64_t(0);
  constexpr double kMost = 9.2e18;
  return static_cast<int64_t>(std::clamp(number * 1000, -kMost, kMost));
}

/// [1700000000.123, "1.5"]
Status readPoint(const value& from, Sample& out) {
  if (!from.is_array() || from.get_array().size() != 2) return broken("a value");
  const auto& pair = from.get_array();
  if (!pair[0].is_number() || !pair[1].is_string()) return broken("a value");
  constexpr double kMost = 9e9;  // the year 2255
  const double seconds = pair[0].to_number<double>();
  if (!(seconds >= 0 && seconds <= kMost)) return broken("a time");
  out.when = WallTime(std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000)));
  TRY(out.milli, milliOf(std::string(pair[1].get_string())));
  return {};
}

}  // namespace

Result<std::vector<Sample>> parseQueryAnswer(std::string_view json) {
  TRY(const auto data, dataOf(json));
  if (!data.is_object()) return broken("data");
  const auto& members = data.get_object();
  const auto type = textOf(members, "resultType");
  const auto* result = members.if_contains("result");
  if (!result || !result->is_array()) return broken("result");
  std::vector<Sample> out;
  if (type == "scalar") {
    TRY_STATUS(readPoint(*result, out.emplace_back()));
    return out;
  }
  if (type != "vector") return broken("neither a vector nor a scalar");
  for (const auto& each : result->get_array()) {
    if (!each.is_object()) return broken("a sample");
    const auto* metric = each.get_object().if_contains("metric");
    const auto* point = each.get_object().if_contains("value");
    if (!metric || !point) return broken("a sample");
    Sample sample;
    TRY(sample.labels, labelsOf(*metric));
    TRY_STATUS(readPoint(*point, sample));
    out.push_back(std::move(sample));
  }
  return out;
}

Result<std::vector<SeriesLabels>> parseSeriesAnswer(std::string_view json) {
  TRY(const auto data, dataOf(json));
  if (!data.is_array()) return broken("data");
  std::vector<SeriesLabels> out;
  for (const auto& each : data.get_array()) {
    TRY(auto labels, labelsOf(each));
    out.push_back(std::move(labels));
  }
  return out;
}

}  // namespace coxswain::metrics_api
