#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace coxswain::api {

/// metav1.Time: a moment with whole seconds, "2024-01-31T10:00:00Z". The default is the zero time,
/// which is `null` (or absent) on the wire and is not the Unix epoch.
class Time {
 public:
  constexpr Time() = default;
  /// Fractions are cut off.
  explicit Time(WallTime when);
  static constexpr Time fromUnix(int64_t seconds) {
    Time t;
    t.seconds_ = seconds;
    return t;
  }
  /// RFC 3339 with any offset and fraction (dropped). BadRequest with Go's text otherwise.
  static Result<Time> parse(std::string_view text);

  [[nodiscard]] bool isZero() const { return seconds_ == kZero; }
  /// Seconds since 1970. That of the zero time is -62135596800 (year 1), as protobuf needs nothing.
  [[nodiscard]] int64_t unix() const { return seconds_; }
  /// Held to the range of WallTime (1678 to 2262).
  [[nodiscard]] WallTime wall() const;
  /// Empty for the zero time.
  [[nodiscard]] std::string str() const;

  auto operator<=>(const Time&) const = default;

 private:
  static constexpr int64_t kZero = -62135596800;  // 0001-01-01T00:00:00Z
  int64_t seconds_ = kZero;
};

/// metav1.MicroTime: six fractional digits always, "2024-01-31T10:00:00.000000Z".
class MicroTime {
 public:
  constexpr MicroTime() = default;
  explicit MicroTime(WallTime when);
  /// `micros` is 0..999999.
  static constexpr MicroTime fromUnix(int64_t seconds, int32_t micros) {
    MicroTime t;
    t.seconds_ = seconds;
    t.micros_ = micros;
    return t;
  }
  /// RFC 3339 with exactly six digits of fraction. BadRequest with Go's text otherwise.
  static Result<MicroTime> parse(std::string_view text);

  [[nodiscard]] bool isZero() const { return seconds_ == kZero && micros_ == 0; }
  [[nodiscard]] int64_t unix() const { return seconds_; }
  [[nodiscard]] int32_t micros() const { return micros_; }
  [[nodiscard]] WallTime wall() const;
  [[nodiscard]] std::string str() const;

  auto operator<=>(const MicroTime&) const = default;

 private:
  static constexpr int64_t kZero = -62135596800;
  int64_t seconds_ = kZero;
  int32_t micros_ = 0;
};

/// metav1.Duration: text such as "1h0m5s" or "300ms" in JSON, nanoseconds in protobuf.
struct GoDuration {
  int64_t nanos = 0;

  constexpr GoDuration() = default;
  constexpr explicit GoDuration(Duration d) : nanos(d.count()) {}
  /// "1.5h", "-2m", "1h15m30.918s", "0". BadRequest with Go's text otherwise.
  static Result<GoDuration> parse(std::string_view text);

  [[nodiscard]] Duration duration() const { return Duration(nanos); }
  /// As Go prints: "0s", "1m0s", "1.5s", "20ms".
  [[nodiscard]] std::string str() const;

  auto operator<=>(const GoDuration&) const = default;
};

/// "2024-01-31T10:00:00Z" with `digits` (0 to 9) of fraction. For log and file names too.
std::string formatRfc3339(int64_t unixSeconds, int32_t nanos, int digits);

/// RFC 3339 as Go reads it. False where it is not.
bool parseRfc3339(std::string_view text, int64_t& unixSeconds, int32_t& nanos);

}  // namespace coxswain::api
