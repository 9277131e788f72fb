#include "apiserver/tables/printer.h"

#include <algorithm>

#include "api/codec/json_writer.h"
#include "api/gen/core_v1.h"
#include "api/select/labels.h"
#include "base/text.h"

namespace coxswain::apiserver::tables {

Row& Row::text(std::string_view cell) {
  std::string json;
  api::JsonTextWriter(json).string(cell);
  row_.cells.push_back({std::move(json)});
  return *this;
}

Row& Row::number(int64_t cell) {
  row_.cells.push_back({std::to_string(cell)});
  return *this;
}

Row& Row::flag(bool cell) {
  row_.cells.push_back({cell ? "true" : "false"});
  return *this;
}

void Row::completed(std::string_view reason, std::string_view message) {
  auto& condition = row_.conditions.emplace_back();
  condition.type = "Completed";
  condition.status = "True";
  condition.reason = reason;
  condition.message = message;
}

Row& Row::age(api::Time when) {
  return text(ageText(when, now_));
}

namespace {

/// "3h" or "3h5m": the second part only where it is not zero.
std::string twoUnits(int64_t large, char largeUnit, int64_t small, char smallUnit) {
  std::string out = std::to_string(large) + largeUnit;
  if (small != 0) out += std::to_string(small) + smallUnit;
  return out;
}

}  // namespace

std::string humanDuration(Duration duration) {
  const int64_t seconds = std::chrono::duration_cast<std::chrono::seconds>(duration).count();
  if (seconds < -1) return "<invalid>";
  if (seconds < 0) return "0s";
  if (seconds < 120) return std::to_string(seconds) + "s";
  const int64_t minutes = seconds / 60;
  if (minutes < 10) return twoUnits(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return std::to_string(minutes) + "m";
  const int64_t hours = minutes / 60;
  if (hours < 8) return twoUnits(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return std::to_string(hours) + "h";
  const int64_t days = hours / 24;
  if (days < 8) return twoUnits(days, 'd', hours % 24, 'h');
  if (days < 365 * 2) return std::to_string(days) + "d";
  if (days < 365 * 8) return twoUnits(days / 365, 'y', days % 365, 'd');
  return std::to_string(days / 365) + "y";
}

std::string ageText(api::Time when, WallTime now) {
  return when.isZero() ? "<unknown>" : humanDuration(now - when.wall());
}

std::string ageText(const api::MicroTime& when, WallTime now) {
  return when.isZero() ? "<unknown>" : humanDuration(now - when.wall());
}

std::string join(std::span<const std::string> parts, std::string_view separator) {
  std::string out;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i != 0) out += separator;
    out += parts[i];
  }
  return out;
}

std::string labelsText(const api::Map<std::string>& labels) {
  std::vector<std::string> parts;
  for (const auto& [key, value] : labels) parts.push_back(key + "=" + value);
  return parts.empty() ? "<none>" : join(parts, ",");
}

std::string selectorText(const api::meta::v1::LabelSelector* selector) {
  auto parsed = api::LabelSelector::from(selector);
  if (!parsed.ok()) return "<error>";
  std::string text = parsed->str();
  return text.empty() ? "<none>" : text;
}

std::string listText(std::span<const std::string> parts, size_t max, std::string_view absent) {
  if (parts.empty()) return std::string(absent);
  std::string out = join(parts.first(std::min(max, parts.size())), ",");
  if (parts.size() > max) out += cat(" + ", parts.size() - max, " more...");
  return out;
}

void podSpecCells(const api::core::v1::PodSpec& spec, Row& row) {
  std::vector<std::string> names;
  std::vector<std::string> images;
  for (const auto& container : spec.containers) {
    names.push_back(container.name);
    images.push_back(container.image);
  }
  row.text(join(names, ",")).text(join(images, ","));
}

}  // namespace coxswain::apiserver::tables
