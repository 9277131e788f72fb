#include "api/helpers/cron.h"

#include <gtest/gtest.h>

#include "api/meta/time.h"

namespace coxswain::api {
namespace {

/// The next moments of a schedule, as texts.
std::string next(
    std::string_view schedule, std::string_view after,
    const CronSchedule::Offset& offset = [](int64_t) { return 0; }) {
  const auto parsed = CronSchedule::parse(schedule);
  if (!parsed.ok()) return parsed.status().message();
  const auto from = Time::parse(after);
  EXPECT_TRUE(from.ok()) << after;
  const auto found = parsed->next(from->unix(), offset);
  return found ? Time::fromUnix(*found).str() : "never";
}

TEST(Cron, Next) {
  EXPECT_EQ(next("*/15 * * * *", "2026-01-31T23:50:10Z"), "2026-02-01T00:00:00Z");
  EXPECT_EQ(next("0 * * * *", "2026-01-31T23:00:00Z"), "2026-02-01T00:00:00Z");
  EXPECT_EQ(next("30 4 1,15 * *", "2026-01-15T04:30:00Z"), "2026-02-01T04:30:00Z");
  EXPECT_EQ(next("0 0 29 feb *", "2026-01-01T00:00:00Z"), "2028-02-29T00:00:00Z");
  EXPECT_EQ(next("0 0 31 2 *", "2026-01-01T00:00:00Z"), "never");
  // 2026-01-02 is a Friday. Either of day and weekday will do, unless one is a star.
  EXPECT_EQ(next("0 0 13 * FRI", "2026-01-01T00:00:00Z"), "2026-01-02T00:00:00Z");
  EXPECT_EQ(next("0 0 */2 * *", "2026-01-01T00:00:00Z"), "2026-01-03T00:00:00Z");
  EXPECT_EQ(next("@weekly", "2026-01-01T00:00:00Z"), "2026-01-04T00:00:00Z");
  EXPECT_EQ(next("@every 90m", "2026-01-01T00:00:07Z"), "2026-01-01T01:30:07Z");
}

TEST(Cron, LocalTimes) {
  // Clocks go forward by an hour at 2026-03-29T01:00Z, and back at 2026-10-25T01:00Z.
  const auto paris = [](int64_t at) -> int64_t {
    return at >= 1774746000 && at < 1792890000 ? 7200 : 3600;
  };
  EXPECT_EQ(next("0 9 * * *", "2026-03-28T09:00:00Z", paris), "2026-03-29T07:00:00Z");
  // There is no 02:30 on that day.
  EXPECT_EQ(next("30 2 * * *", "2026-03-28T12:00:00Z", paris), "2026-03-30T00:30:00Z");
  EXPECT_EQ(next("0 0 30 3 *", "2026-03-28T12:00:00Z", paris), "2026-03-29T22:00:00Z");
  EXPECT_EQ(next("0 0 26 10 *", "2026-10-24T12:00:00Z", paris), "2026-10-25T23:00:00Z");
}

TEST(Cron, Refuses) {
  EXPECT_EQ(next("", "2026-01-01T00:00:00Z"), "empty spec string");
  EXPECT_EQ(next("@often", "2026-01-01T00:00:00Z"), "unrecognized descriptor: @often");
  EXPECT_EQ(next("60 * * * *", "2026-01-01T00:00:00Z"), "end of range (60) above maximum (59): 60");
  EXPECT_EQ(next("* * 0 * *", "2026-01-01T00:00:00Z"),
            "beginning of range (0) below minimum (1): 0");
  EXPECT_EQ(next("* 5-3 * * *", "2026-01-01T00:00:00Z"),
            "beginning of range (5) beyond end of range (3): 5-3");
  EXPECT_EQ(next("1-2-3 * * * *", "2026-01-01T00:00:00Z"), "too many hyphens: 1-2-3");
  EXPECT_EQ(next("*/0 * * * *", "2026-01-01T00:00:00Z"),
            "step of range should be a positive number: */0");
  EXPECT_EQ(next("x * * * *", "2026-01-01T00:00:00Z"),
            R"(failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax)");
  for (const auto* bad : {"TZ=", "TZ=UTC", "TZ=../x * * * * *", "CRON_TZ=Mars/X * * * * *",
                          "99999999999999999999 * * * *", "-1 * * * *", "*/9223372036854775807 "}) {
    EXPECT_FALSE(CronSchedule::parse(bad).ok()) << bad;
  }
  EXPECT_TRUE(CronSchedule::parse("*/9223372036854775807 * * * *").ok());
}

TEST(Cron, Last) {
  const auto last = [](std::string_view schedule, int64_t after, int64_t until) -> std::string {
    const auto parsed = CronSchedule::parse(schedule);
    if (!parsed.ok()) return parsed.status().message();
    const auto found = parsed->last(after, until, [](int64_t) { return 0; });
    if (!found) return "never";
    return std::to_string(found->at) + (found->many ? " many" : "");
  };
  EXPECT_EQ(last("* * * * *", 0, 59), "never");
  EXPECT_EQ(last("* * * * *", 0, 60), "60");
  EXPECT_EQ(last("* * * * *", 0, 6059), "6000");
  EXPECT_EQ(last("* * * * *", 0, 6200), "6180 many");
  EXPECT_EQ(last("* * * * *", 0, 100'000'000), "99999960 many");
  // The runs are in the first days of the span, more than a hundred of them.
  EXPECT_EQ(last("* * 1-2 1 *", 0, 300 * 86400), "172740 many");
  EXPECT_EQ(last("@every 1m", 7, 1000), "967");
  EXPECT_EQ(last("@every 1m", 7, 66), "never");
  EXPECT_EQ(last("@every 1s", 0, 1000), "1000 many");
}

}  // namespace
}  // namespace coxswain::api
