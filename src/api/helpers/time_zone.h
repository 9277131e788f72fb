#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace coxswain::api {

/// A zone of the IANA database: how far local time is ahead of UTC. A value; any thread.
class TimeZone {
 public:
  /// UTC.
  TimeZone() = default;
  /// Reads the machine's database; "" and "UTC" need none. BadRequest "unknown time zone X" where
  /// there is no such zone.
  static Result<TimeZone> load(std::string_view name);
  /// The machine's own, as Go finds it: `variable` is what the environment has for TZ (null:
  /// nothing, then /etc/localtime counts). UTC where that is no zone.
  static TimeZone local(const char* variable);
  /// The content of a TZif file (RFC 9636). BadRequest where it is none.
  static Result<TimeZone> parse(std::string_view bytes);

  /// Seconds, at a moment in seconds since 1970.
  [[nodiscard]] int64_t offset(int64_t at) const;

 private:
  static Result<TimeZone> readFile(const std::string& path);
  /// A day of the year and a local time on it, when clocks change.
  struct Change {
    enum class Kind : uint8_t { Month, Julian, Day } kind = Kind::Day;
    int month = 0;
    int week = 0;
    int day = 0;
    int64_t second = 7200;
    [[nodiscard]] int64_t in(int year) const;  ///< local time, as if it were UTC
  };
  /// What holds after the last transition, for good.
  struct Rule {
    int64_t standard = 0;
    int64_t summer = 0;
    std::optional<Change> begin;  ///< of summer time; null: there is none
    Change end;
    [[nodiscard]] int64_t offset(int64_t at) const;
  };
  struct Transition {
    int64_t at;
    int64_t offset;
  };
  class RuleParser;

  Status readBlock(std::string_view block, size_t times, size_t types, size_t width);

  std::vector<Transition> transitions_;  ///< ascending
  int64_t first_ = 0;                    ///< before all of them
  std::optional<Rule> rule_;
};

}  // namespace coxswain::api
