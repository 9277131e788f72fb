#include "api/helpers/time_zone.h"

#include <gtest/gtest.h>

#include <string>

#include "api/meta/time.h"

namespace coxswain::api {
namespace {

std::string number(int64_t value, int width) {
  std::string out;
  for (int i = width - 1; i >= 0; --i) {
    out.push_back(static_cast<char>(static_cast<uint64_t>(value) >> (8 * i)));
  }
  return out;
}

/// A file with two offsets and one transition to the second, then a rule.
std::string file(int64_t before, int64_t at, int64_t after, const std::string& rule) {
  const auto header = [](int times, int types) {
    return "TZif2" + std::string(15, '\0') + number(0, 4) + number(0, 4) + number(0, 4) +
           number(times, 4) + number(types, 4) + number(1, 4);
  };
  return header(0, 1) + std::string(7, '\0') + header(1, 2) + number(at, 8) + "\1" +
         number(before, 4) + std::string(2, '\0') + number(after, 4) + std::string(3, '\0') + "\n" +
         rule + "\n";
}

/// Offsets at moments, in minutes.
std::string offsets(const TimeZone& zone, std::initializer_list<std::string_view> moments) {
  std::string out;
  for (const auto moment : moments) {
    const auto at = Time::parse(moment);
    EXPECT_TRUE(at.ok()) << moment;
    out += (out.empty() ? "" : " ") + std::to_string(zone.offset(at->unix()) / 60);
  }
  return out;
}

TimeZone zone(const std::string& rule) {
  auto parsed = TimeZone::parse(file(600, 0, 3600, rule));
  EXPECT_TRUE(parsed.ok()) << rule << ": " << parsed.status().message();
  return parsed.ok() ? *parsed : TimeZone();
}

TEST(TimeZone, TransitionsAndRules) {
  const auto paris = zone("CET-1CEST,M3.5.0,M10.5.0/3");
  EXPECT_EQ(
      offsets(paris, {"1969-12-31T23:59:59Z", "2026-01-01T00:00:00Z", "2026-03-29T00:59:59Z",
                      "2026-03-29T01:00:00Z", "2026-10-25T00:59:59Z", "2026-10-25T01:00:00Z"}),
      "10 60 60 120 120 60");
  // South of the equator summer goes over the end of the year.
  const auto sydney = zone("AEST-10AEDT,M10.1.0,M4.1.0/3");
  EXPECT_EQ(offsets(sydney, {"2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z", "2026-10-03T15:59:59Z",
                             "2026-10-03T16:00:00Z"}),
            "660 600 600 660");
  EXPECT_EQ(offsets(zone("<+0330>-3:30"), {"2026-06-01T00:00:00Z"}), "210");
  EXPECT_EQ(offsets(zone("EST5EDT,J60/0,J300/0"), {"2028-03-01T04:59:59Z", "2028-03-01T05:00:00Z"}),
            "-300 -240");
  EXPECT_EQ(offsets(zone(""), {"2026-06-01T00:00:00Z"}), "60");
}

TEST(TimeZone, RefusesWhatIsNoZone) {
  const auto good = file(0, 0, 3600, "UTC0");
  ASSERT_TRUE(TimeZone::parse(good).ok());
  for (size_t size = 0; size < good.size() - 6; ++size) {
    EXPECT_FALSE(TimeZone::parse(good.substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(TimeZone::parse(file(0, 0, 3600, "CET-1CEST")).ok());
  EXPECT_FALSE(TimeZone::parse(file(0, 0, 3600, "CET-1CEST,M13.1.0,M4.1.0")).ok());
  EXPECT_FALSE(TimeZone::parse(file(0, 0, 999999, "UTC0")).ok());
}

TEST(TimeZone, Loads) {
  EXPECT_TRUE(TimeZone::load("UTC").ok());
  EXPECT_EQ(TimeZone::load("Mars/X").status().message(), "unknown time zone Mars/X");
  EXPECT_EQ(TimeZone::load("../etc/passwd").status().message(), "time: invalid location name");
}

}  // namespace
}  // namespace coxswain::api
