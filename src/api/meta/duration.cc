// GoDuration: reading and writing Go's time.Duration text.
#include <fmt/format.h>

#include <limits>

#include "api/meta/time.h"

namespace coxswain::api {

namespace {

constexpr uint64_t kLimit = uint64_t{1} << 63;  // the magnitude of the smallest int64

Status badDuration(std::string_view why, std::string_view text) {
  return badRequest(fmt::format("time: {} duration \"{}\"", why, text));
}

/// Nanoseconds of a unit; 0 where unknown.
uint64_t unitNanos(std::string_view unit) {
  if (unit == "ns") return 1;
  if (unit == "us" || unit == "\xc2\xb5s" || unit == "\xce\xbcs") return 1'000;
  if (unit == "ms") return 1'000'000;
  if (unit == "s") return 1'000'000'000;
  if (unit == "m") return 60'000'000'000;
  if (unit == "h") return 3'600'000'000'000;
  return 0;
}

bool isDigit(char c) {
  return c >= '0' && c <= '9';
}

/// `value` units of 10^-digits without trailing zeros: 1500, 3 -> "1.5".
std::string withFraction(uint64_t value, int digits) {
  uint64_t power = 1;
  for (int i = 0; i < digits; ++i) power *= 10;
  std::string out = fmt::format("{}", value / power);
  if (value % power == 0) return out;
  std::string fraction = fmt::format("{:0{}}", value % power, digits);
  while (fraction.back() == '0') fraction.pop_back();
  return out + "." + fraction;
}

}  // namespace

Result<GoDuration> GoDuration::parse(std::string_view text) {
  std::string_view rest = text;
  bool negative = false;
  if (!rest.empty() && (rest.front() == '-' || rest.front() == '+')) {
    negative = rest.front() == '-';
    rest.remove_prefix(1);
  }
  if (rest == "0") return GoDuration();
  if (rest.empty()) return badDuration("invalid", text);
  uint64_t total = 0;
  while (!rest.empty()) {
    size_t at = 0;
    uint64_t whole = 0;
    while (at < rest.size() && isDigit(rest[at])) {
      if (whole > kLimit / 10) return badDuration("invalid", text);
      whole = whole * 10 + static_cast<uint64_t>(rest[at++] - '0');
      if (whole > kLimit) return badDuration("invalid", text);
    }
    bool any = at > 0;
    uint64_t fraction = 0;
    double scale = 1;
    if (at < rest.size() && rest[at] == '.') {
      ++at;
      while (at < rest.size() && isDigit(rest[at])) {
        any = true;
        if (fraction < kLimit / 10 - 10) {  // digits past that cannot show
          fraction = fraction * 10 + static_cast<uint64_t>(rest[at] - '0');
          scale *= 10;
        }
        ++at;
      }
    }
    if (!any) return badDuration("invalid", text);
    size_t end = at;
    while (end < rest.size() && rest[end] != '.' && !isDigit(rest[end])) ++end;
    if (end == at) return badDuration("missing unit in", text);
    const std::string_view unitText = rest.substr(at, end - at);
    const uint64_t unit = unitNanos(unitText);
    if (unit == 0)
      return badRequest(
          fmt::format("time: unknown unit \"{}\" in duration \"{}\"", unitText, text));
    if (whole > kLimit / unit) return badDuration("invalid", text);
    uint64_t value = whole * unit;
    value +=
        static_cast<uint64_t>(static_cast<double>(fraction) * (static_cast<double>(unit) / scale));
    if (value > kLimit || total + value > kLimit) return badDuration("invalid", text);
    total += value;
    rest.remove_prefix(end);
  }
  GoDuration out;
  if (negative) {
    out.nanos = static_cast<int64_t>(~total + 1);
    return out;
  }
  if (total > kLimit - 1) return badDuration("invalid", text);
  out.nanos = static_cast<int64_t>(total);
  return out;
}

std::string GoDuration::str() const {
  if (nanos == 0) return "0s";
  const bool negative = nanos < 0;
  const uint64_t value =
      negative ? ~static_cast<uint64_t>(nanos) + 1 : static_cast<uint64_t>(nanos);
  std::string out = negative ? "-" : "";
  if (value < 1'000) return out + fmt::format("{}ns", value);
  if (value < 1'000'000) return out + withFraction(value, 3) + "\xc2\xb5s";
  if (value < 1'000'000'000) return out + withFraction(value, 6) + "ms";
  const uint64_t minutes = value / 60'000'000'000;
  const std::string seconds = withFraction(value % 60'000'000'000, 9) + "s";
  if (minutes == 0) return out + seconds;
  if (minutes < 60) return out + fmt::format("{}m{}", minutes, seconds);
  return out + fmt::format("{}h{}m{}", minutes / 60, minutes % 60, seconds);
}

}  // namespace coxswain::api
