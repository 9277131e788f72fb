#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace coxswain::api {

/// When a CronJob is due: five fields, "@daily" and its like, or "@every 1h30m". A value; any
/// thread.
class CronSchedule {
 public:
  /// BadRequest with upstream's text for what is no schedule. A leading "TZ=Zone " is looked at and
  /// left out: see zoneOf.
  static Result<CronSchedule> parse(std::string_view text);
  /// "Zone" of a text that begins with "TZ=Zone " or "CRON_TZ=Zone "; empty: of others.
  static std::string_view zoneOf(std::string_view text);

  /// Seconds that local time is ahead of UTC at a moment (seconds since 1970).
  using Offset = std::function<int64_t(int64_t)>;
  /// The first moment due after `after`, both in seconds since 1970. Null: none within five years.
  /// Local times that a change of clocks leaves out are not made up for.
  [[nodiscard]] std::optional<int64_t> next(int64_t after, const Offset& offset) const;
  /// The last moment due after `after` and not after `until`.
  struct Last {
    int64_t at;
    bool many;  ///< more than a hundred before it were due as well
  };
  [[nodiscard]] std::optional<Last> last(int64_t after, int64_t until, const Offset& offset) const;

 private:
  /// One bit for each value that matches.
  struct Field {
    uint64_t bits = 0;
    bool star = false;
    [[nodiscard]] bool has(int64_t value) const { return (bits >> value & 1) != 0; }
  };
  struct Bounds;
  static Result<Field> parseField(std::string_view text, const Bounds& bounds);
  static Result<Field> parseRange(std::string_view text, const Bounds& bounds);
  [[nodiscard]] bool isDue(int64_t localDay) const;

  int64_t everySeconds_ = 0;  ///< not 0: nothing else counts
  Field minute_, hour_, day_, month_, weekday_;
};

}  // namespace coxswain::api
