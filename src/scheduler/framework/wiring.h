#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace coxswain::scheduler {

/// Where in the life of a pod plugins take part, in the order of that life.
enum class Point : uint8_t {
  PreEnqueue,
  QueueSort,
  PreFilter,
  Filter,
  PostFilter,
  PreScore,
  Score,
  Reserve,
  Permit,
  PreBind,
  Bind,
  PostBind,
};
inline constexpr size_t kPointCount = 12;

/// As configuration spells it: "preEnqueue".
std::string_view pointName(Point point);
/// As texts of errors name it: "PreEnqueue".
std::string_view pointTitle(Point point);

/// Points as a set.
using PointBits = uint16_t;
constexpr PointBits bitOf(Point point) {
  return static_cast<PointBits>(1U << static_cast<unsigned>(point));
}

/// A plugin that acts at a point. `weight` counts at Score only; zero: the plugin's own.
struct Enabled {
  std::string name;
  int64_t weight = 0;
  bool operator==(const Enabled&) const = default;
};

/// Which plugins act at each point, in which order.
struct Wiring {
  std::array<std::vector<Enabled>, kPointCount> points;

  [[nodiscard]] const std::vector<Enabled>& at(Point point) const {
    return points[static_cast<size_t>(point)];
  }
  std::vector<Enabled>& at(Point point) { return points[static_cast<size_t>(point)]; }
  bool operator==(const Wiring&) const = default;
};

}  // namespace coxswain::scheduler
