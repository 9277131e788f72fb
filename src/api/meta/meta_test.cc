// Time, durations, IntOrString, base64.
#include <gtest/gtest.h>

#include "api/meta/base64.h"
#include "api/meta/int_or_string.h"
#include "api/meta/raw.h"
#include "api/meta/time.h"

namespace coxswain::api {
namespace {

TEST(Time, ParseAndPrint) {
  const auto t = Time::parse("2024-02-29T12:34:56Z");
  ASSERT_TRUE(t.ok());
  EXPECT_EQ(t->unix(), 1709210096);
  EXPECT_EQ(t->str(), "2024-02-29T12:34:56Z");
  EXPECT_EQ(Time::parse("2024-02-29T14:34:56.789+02:00")->str(), "2024-02-29T12:34:56Z");
  EXPECT_EQ(Time::parse("1969-12-31T23:59:59Z")->unix(), -1);
  EXPECT_TRUE(Time::parse("0001-01-01T00:00:00Z")->isZero());
  EXPECT_TRUE(Time().isZero());
  EXPECT_EQ(Time().str(), "");
  EXPECT_FALSE(Time::fromUnix(0).isZero());
  EXPECT_EQ(Time(WallTime(Duration(-1))).str(), "1969-12-31T23:59:59Z");
  EXPECT_EQ(Time(t->wall()), *t);
  for (const char* bad :
       {"", "2024", "2023-02-29T12:34:56Z", "2024-02-29T12:34:56", "2024-02-29 12:34:56Z",
        "2024-02-29T24:34:56Z", "2024-02-29T12:34:56.Z", "2024-02-29T12:34:56+02",
        "2024-02-29T12:34:56Zx", "2024-13-01T00:00:00Z"})
    EXPECT_FALSE(Time::parse(bad).ok()) << bad;
}

TEST(Time, SaysInGosWordsWhatIsWrong) {
  const auto why = [](std::string_view text) { return Time::parse(text).status().message(); };
  const std::string layout = " as \"2006-01-02T15:04:05Z07:00\": cannot parse ";
  EXPECT_EQ(why("yesterday"), "parsing time \"yesterday\"" + layout + "\"yesterday\" as \"2006\"");
  EXPECT_EQ(why("2024-02-29 12:34:56Z"),
            "parsing time \"2024-02-29 12:34:56Z\"" + layout + "\" 12:34:56Z\" as \"T\"");
  EXPECT_EQ(why("2024-02-29T12:34:56"),
            "parsing time \"2024-02-29T12:34:56\"" + layout + "\"\" as \"Z07:00\"");
  EXPECT_EQ(why("2024-13-01T00:00:00Z"),
            "parsing time \"2024-13-01T00:00:00Z\": month out of range");
  EXPECT_EQ(why("2023-02-29T00:00:00Z"), "parsing time \"2023-02-29T00:00:00Z\": day out of range");
  EXPECT_EQ(why("2024-02-29T12:34:56Zx"),
            "parsing time \"2024-02-29T12:34:56Zx\": extra text: \"x\"");
}

TEST(MicroTime, ParseAndPrint) {
  const auto t = MicroTime::parse("2024-02-29T12:34:56.123456+00:00");
  ASSERT_TRUE(t.ok());
  EXPECT_EQ(t->str(), "2024-02-29T12:34:56.123456Z");
  EXPECT_EQ(MicroTime(t->wall()), *t);
  EXPECT_LT(*MicroTime::parse("2024-02-29T12:34:56.000000Z"), *t);
  EXPECT_TRUE(MicroTime().isZero());
  EXPECT_EQ(MicroTime::parse("2024-02-29T12:34:56Z").status().message(),
            "parsing time \"2024-02-29T12:34:56Z\" as \"2006-01-02T15:04:05.000000Z07:00\": "
            "cannot parse \"Z\" as \".000000\"");
  EXPECT_FALSE(MicroTime::parse("2024-02-29T12:34:56.1234567Z").ok());
}

TEST(GoDuration, ParseAndPrint) {
  struct Row {
    const char* in;
    const char* out;
  };
  const Row rows[] = {{"0", "0s"},
                      {"1m", "1m0s"},
                      {"1.5h", "1h30m0s"},
                      {"90s", "1m30s"},
                      {"300ms", "300ms"},
                      {"1.5s", "1.5s"},
                      {"-2m", "-2m0s"},
                      {"1h15m30.918s", "1h15m30.918s"},
                      {"5us", "5\xc2\xb5s"},
                      {"7ns", "7ns"},
                      {"+5s", "5s"},
                      {".5s", "500ms"},
                      {"24h", "24h0m0s"},
                      {"1500us", "1.5ms"},
                      {"", nullptr},
                      {"5", nullptr},
                      {"s", nullptr},
                      {"1x", nullptr},
                      {"1e3s", nullptr},
                      {"9999999h", nullptr},
                      {"-9223372036854775808ns", "-2562047h47m16.854775808s"},
                      {"9223372036854775808ns", nullptr}};
  for (const Row& row : rows) {
    const auto d = GoDuration::parse(row.in);
    ASSERT_EQ(d.ok(), row.out != nullptr) << row.in;
    if (d.ok()) EXPECT_EQ(d->str(), row.out) << row.in;
  }
  EXPECT_EQ(GoDuration::parse("5").status().message(), "time: missing unit in duration \"5\"");
  EXPECT_EQ(GoDuration::parse("1x").status().message(),
            "time: unknown unit \"x\" in duration \"1x\"");
}

TEST(IntOrString, Values) {
  EXPECT_EQ(IntOrString(8080).str(), "8080");
  EXPECT_EQ(IntOrString("http").str(), "http");
  EXPECT_EQ(IntOrString("81").intValue(), 81);
  EXPECT_NE(IntOrString(81), IntOrString("81"));
  EXPECT_EQ(*getScaledValueFromIntOrPercent("25%", 10, true), 3);
  EXPECT_EQ(*getScaledValueFromIntOrPercent("25%", 10, false), 2);
  EXPECT_EQ(*getScaledValueFromIntOrPercent(7, 10, false), 7);
  EXPECT_FALSE(getScaledValueFromIntOrPercent("25", 10, false).ok());
  EXPECT_FALSE(getScaledValueFromIntOrPercent("x%", 10, false).ok());
}

TEST(Base64, RoundTrip) {
  std::string bytes;
  for (int i = 0; i < 70; ++i) {
    EXPECT_EQ(base64Decode(base64Encode(bytes)), bytes);
    EXPECT_EQ(base64UrlDecode(base64UrlEncode(bytes)), bytes);
    bytes.push_back(static_cast<char>(i * 37));
  }
  EXPECT_EQ(base64Encode("hello"), "aGVsbG8=");
  EXPECT_EQ(base64Decode("aGVs\nbG8="), "hello");
  for (const char* bad : {"a", "ab", "abc", "ab=c", "=abc", "a===", "abc$", "abcd=", "ab==="})
    EXPECT_FALSE(base64Decode(bad).has_value()) << bad;
}

}  // namespace
}  // namespace coxswain::api
