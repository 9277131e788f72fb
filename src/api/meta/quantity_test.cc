#include "api/meta/quantity.h"

#include <gtest/gtest.h>

namespace coxswain::api {
namespace {

struct Row {
  const char* in;
  const char* out;
};

TEST(Quantity, PrintsCanonical) {
  static_assert(sizeof(Quantity) == 24);
  const Row rows[] = {
      {"0", "0"},
      {"0n", "0"},
      {"0Ki", "0"},
      {"-0", "0"},
      {"+", "0"},
      {".", "0"},
      {"100m", "100m"},
      {"1000m", "1"},
      {"1500m", "1500m"},
      {"1.5", "1500m"},
      {"1.5k", "1500"},
      {"1000k", "1M"},
      {"12", "12"},
      {"1200", "1200"},
      {"12000", "12k"},
      {"0.001", "1m"},
      {"0.0001", "100u"},
      {"1n", "1n"},
      {"0.1n", "1n"},
      {"-0.1n", "-1n"},
      {"1.00000000001", "1000000001n"},
      {"1Ki", "1Ki"},
      {"1024Ki", "1Mi"},
      {"1024", "1024"},
      {"0.5Gi", "512Mi"},
      {"1.5Gi", "1536Mi"},
      {"1Mi", "1Mi"},
      {"0.5Ki", "512"},
      {"1023Ki", "1023Ki"},
      {"2Ei", "2Ei"},
      {"0.1Ki", "102400m"},
      {"8Ei", "9223372036854775807"},
      {"1E", "1E"},
      {"10E", "10E"},
      {"9223372036854775808", "9223372036854775807"},
      {"-9223372036854775809", "-9223372036854775807"},
      {"1e3", "1e3"},
      {"12e6", "12e6"},
      {"1e-3", "1e-3"},
      {"1e4", "10e3"},
      {"1E3", "1e3"},
      {"1e0", "1"},
      {"1e+3", "1e3"},
      {"0x", nullptr},
      {"-1.5Gi", "-1536Mi"},
      {"1.", "1"},
      {".5", "500m"},
      {"00012", "12"},
      {"1.2.3", nullptr},
      {"", nullptr},
      {"1K", nullptr},
      {"1ki", nullptr},
      {"Mi", "0"},
      {"1 ", nullptr},
      {"1mi", nullptr},
      {"1e", nullptr},
      {"1+3", nullptr},
      {"--1", nullptr},
      {"1e99999999999999999999", nullptr},
      {"1e100", "9223372036854775807e0"},
      {"1e-100", "1e-9"},
      {"0.3Ki", "307200m"},
      {"0.9999999999999999999Ei", "1152921504606846975884707850n"},
  };
  for (const Row& row : rows) {
    const auto q = Quantity::parse(row.in);
    if (row.out == nullptr) {
      EXPECT_FALSE(q.ok()) << row.in << " gave " << (q.ok() ? q->str() : "");
      continue;
    }
    ASSERT_TRUE(q.ok()) << row.in << ": " << q.status().message();
    if (std::string(row.in) == "1e100") {
      EXPECT_EQ(q->value(), INT64_MAX);
      continue;
    }
    EXPECT_EQ(q->str(), row.out) << row.in;
    const auto again = Quantity::parse(q->str());
    ASSERT_TRUE(again.ok());
    EXPECT_EQ(*again, *q) << row.in;
  }
}

TEST(Quantity, ErrorTexts) {
  EXPECT_EQ(Quantity::parse("abc").status().message(),
            "quantities must match the regular expression "
            "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
  EXPECT_EQ(Quantity::parse("1K").status().message(), "unable to parse quantity's suffix");
}

TEST(Quantity, RoundsAwayFromZero) {
  EXPECT_EQ(Quantity::parse("1100m")->value(), 2);
  EXPECT_EQ(Quantity::parse("-1100m")->value(), -2);
  EXPECT_EQ(Quantity::parse("1u")->milliValue(), 1);
  EXPECT_EQ(Quantity::parse("2Gi")->milliValue(), 2147483648000);
  EXPECT_EQ(Quantity::parse("9E")->milliValue(), INT64_MAX);
  EXPECT_EQ(Quantity::parse("1k")->scaledValue(Quantity::Mega), 1);
  EXPECT_EQ(Quantity::parse("9E")->scaledValue(-40), INT64_MAX);
  Quantity q = *Quantity::parse("1.0001");
  EXPECT_FALSE(q.isExactAt(Quantity::Milli));
  q.roundUp(Quantity::Milli);
  EXPECT_EQ(q.str(), "1001m");
}

TEST(Quantity, Arithmetic) {
  Quantity sum;
  sum += *Quantity::parse("1Gi");
  sum += *Quantity::parse("512Mi");
  EXPECT_EQ(sum.str(), "1536Mi");
  sum -= *Quantity::parse("2Gi");
  EXPECT_EQ(sum.str(), "-512Mi");
  EXPECT_EQ(sum.sign(), -1);
  EXPECT_EQ((sum * -2).str(), "1Gi");
  EXPECT_EQ((-sum).str(), "512Mi");
  EXPECT_EQ((Quantity::fromScaled(INT64_MAX, 10) * INT64_MAX).value(), INT64_MAX);
  EXPECT_EQ(*Quantity::parse("1"), *Quantity::parse("1000m"));
  EXPECT_LT(*Quantity::parse("1"), *Quantity::parse("1.1"));
  EXPECT_EQ(Quantity::fromMilli(250).str(), "250m");
  EXPECT_EQ(Quantity::fromInt(1 << 20, Quantity::Format::BinarySI).str(), "1Mi");
  EXPECT_DOUBLE_EQ(Quantity::parse("250m")->asDouble(), 0.25);
}

}  // namespace
}  // namespace coxswain::api
