#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "api/gen/meta_v1.h"
#include "api/reflect/info.h"
#include "base/time.h"

namespace coxswain::api::core::v1 {
struct PodSpec;
}

namespace coxswain::apiserver::tables {

struct Column {
  std::string_view name;
  std::string_view type = "string";
  std::string_view format = "";
  int32_t priority = 0;  ///< 1: shown by -o wide only
};

inline constexpr Column kName{"Name", "string", "name"};
inline constexpr Column kAge{"Age"};
constexpr Column integer(std::string_view name) {
  return {name, "integer"};
}
constexpr Column boolean(std::string_view name) {
  return {name, "boolean"};
}
constexpr Column wide(std::string_view name) {
  return {name, "string", "", 1};
}

/// Where a printer puts the cells of one object, left to right.
class Row {
 public:
  Row(api::meta::v1::TableRow& row, WallTime now) : row_(row), now_(now) {}

  [[nodiscard]] WallTime now() const { return now_; }
  Row& text(std::string_view cell);
  /// `absent` where the text is empty.
  Row& textOr(std::string_view cell, std::string_view absent) {
    return text(cell.empty() ? absent : cell);
  }
  Row& number(int64_t cell);
  Row& flag(bool cell);
  /// Human duration since `when`; "<unknown>" for the zero time.
  Row& age(api::Time when);
  Row& age(const api::meta::v1::ObjectMeta& metadata) { return age(metadata.creationTimestamp); }
  /// The row's object has ended its life's work: condition Completed.
  void completed(std::string_view reason, std::string_view message);

 private:
  api::meta::v1::TableRow& row_;
  WallTime now_;
};

/// The columns of a kind and how its rows are made.
struct Printer {
  const api::MessageInfo* info;
  std::span<const Column> columns;
  void (*print)(const void* object, Row& row);
};

template <auto Print, typename T>
void printErased(const void* object, Row& row) {
  Print(*static_cast<const T*>(object), row);
}
template <typename T, void (*Print)(const T&, Row&)>
Printer printer(std::span<const Column> columns) {
  return {&T::kInfo, columns, &printErased<Print, T>};
}

// One file a group. A kind is added by a function, its columns and a line in the file's list.
std::span<const Printer> corePrinters();
std::span<const Printer> podPrinters();
std::span<const Printer> appsPrinters();
std::span<const Printer> batchPrinters();
std::span<const Printer> networkPrinters();
std::span<const Printer> storagePrinters();
std::span<const Printer> autoscalingPrinters();
std::span<const Printer> policyPrinters();
std::span<const Printer> miscPrinters();
std::span<const Printer> metricsPrinters();

// Pieces of cells.

/// Texts and integers, one after the other.
template <typename... Parts>
std::string cat(const Parts&... parts) {
  std::string out;
  const auto add = [&out](const auto& part) {
    if constexpr (std::is_integral_v<std::decay_t<decltype(part)>>) {
      out += std::to_string(part);
    } else {
      out += part;
    }
  };
  (add(parts), ...);
  return out;
}

/// "5m30s", "3h", "8d", as kubectl shows ages.
std::string humanDuration(Duration duration);
/// Since `when` until `now`; "<unknown>" for the zero time.
std::string ageText(api::Time when, WallTime now);
std::string ageText(const api::MicroTime& when, WallTime now);
std::string join(std::span<const std::string> parts, std::string_view separator);
/// "a=1,b=2"; "<none>" where there are none.
std::string labelsText(const api::Map<std::string>& labels);
/// "a=1,b in (c,d)"; "<none>" where it is empty or null, "<error>" where it is not valid.
std::string selectorText(const api::meta::v1::LabelSelector* selector);
/// Up to `max` of `parts`, then " + N more..."; `absent` where there are none.
std::string listText(std::span<const std::string> parts, size_t max, std::string_view absent);
/// Containers and images, a cell each.
void podSpecCells(const api::core::v1::PodSpec& spec, Row& row);

}  // namespace coxswain::apiserver::tables
