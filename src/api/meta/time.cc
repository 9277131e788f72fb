#include "api/meta/time.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace coxswain::api {

namespace {

/// Days since 1970-01-01 of the proleptic Gregorian calendar.
int64_t daysFromCivil(int64_t year, int month, int day) {
  using namespace std::chrono;
  return sys_days(std::chrono::year(static_cast<int>(year)) /
                  std::chrono::month(static_cast<unsigned>(month)) /
                  std::chrono::day(static_cast<unsigned>(day)))
      .time_since_epoch()
      .count();
}

struct Split {
  int64_t seconds;
  int64_t nanos;
};

Split splitWall(WallTime when) {
  const int64_t total = when.time_since_epoch().count();
  int64_t seconds = total / 1'000'000'000;
  int64_t nanos = total % 1'000'000'000;
  if (nanos < 0) {
    nanos += 1'000'000'000;
    --seconds;
  }
  return {seconds, nanos};
}

WallTime joinWall(int64_t seconds, int64_t nanos) {
  constexpr int64_t kLimit = 9'223'372'035;
  seconds = std::clamp(seconds, -kLimit, kLimit);
  return WallTime(Duration(seconds * 1'000'000'000 + nanos));
}

/// Reads exactly `count` digits at `at`.
bool digits(std::string_view text, size_t at, size_t count, int& out) {
  if (at + count > text.size()) return false;
  out = 0;
  for (size_t i = at; i < at + count; ++i) {
    if (text[i] < '0' || text[i] > '9') return false;
    out = out * 10 + (text[i] - '0');
  }
  return true;
}

Status badTime(std::string_view text) {
  return badRequest(fmt::format(
      "parsing time \"{}\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"{}\" as a time", text,
      text));
}

}  // namespace

bool parseRfc3339(std::string_view text, int64_t& unixSeconds, int32_t& nanos) {
  int year = 0;
  int month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  if (text.size() < 20 || !digits(text, 0, 4, year) || text[4] != '-' ||
      !digits(text, 5, 2, month) || text[7] != '-' || !digits(text, 8, 2, day) || text[10] != 'T' ||
      !digits(text, 11, 2, hour) || text[13] != ':' || !digits(text, 14, 2, minute) ||
      text[16] != ':' || !digits(text, 17, 2, second))
    return false;
  if (hour > 23 || minute > 59 || second > 59) return false;
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return false;
  size_t at = 19;
  nanos = 0;
  if (text[at] == '.' || text[at] == ',') {
    const size_t start = ++at;
    int32_t unit = 100'000'000;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') {
      nanos += (text[at] - '0') * unit;
      unit /= 10;
      ++at;
    }
    if (at == start) return false;
  }
  if (at >= text.size()) return false;
  int64_t offset = 0;
  if (text[at] == 'Z') {
    ++at;
  } else if (text[at] == '+' || text[at] == '-') {
    int hours = 0;
    int minutes = 0;
    if (!digits(text, at + 1, 2, hours) || at + 3 >= text.size() || text[at + 3] != ':' ||
        !digits(text, at + 4, 2, minutes) || hours > 23 || minutes > 59)
      return false;
    offset = (hours * 60 + minutes) * 60;
    if (text[at] == '-') offset = -offset;
    at += 6;
  } else {
    return false;
  }
  if (at != text.size()) return false;
  unixSeconds =
      daysFromCivil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset;
  return true;
}

std::string formatRfc3339(int64_t unixSeconds, int32_t nanos, int digitCount) {
  int64_t days = unixSeconds / 86400;
  int64_t rest = unixSeconds % 86400;
  if (rest < 0) {
    rest += 86400;
    --days;
  }
  // Years 0 to 9999 are all that RFC 3339 can say.
  days = std::clamp<int64_t>(days, -719528, 2932896);
  const std::chrono::year_month_day date{
      std::chrono::sys_days(std::chrono::days(static_cast<int>(days)))};
  std::string out =
      fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  rest / 3600, rest / 60 % 60, rest % 60);
  if (digitCount > 0) {
    const std::string fraction = fmt::format("{:09}", nanos);
    out.push_back('.');
    out.append(fraction, 0, static_cast<size_t>(digitCount));
  }
  out.push_back('Z');
  return out;
}

Time::Time(WallTime when) : seconds_(splitWall(when).seconds) {}

Result<Time> Time::parse(std::string_view text) {
  int64_t seconds = 0;
  int32_t nanos = 0;
  if (!parseRfc3339(text, seconds, nanos)) return badTime(text);
  return fromUnix(seconds);
}

WallTime Time::wall() const {
  return joinWall(seconds_, 0);
}

std::string Time::str() const {
  return isZero() ? std::string() : formatRfc3339(seconds_, 0, 0);
}

MicroTime::MicroTime(WallTime when) {
  const Split split = splitWall(when);
  seconds_ = split.seconds;
  micros_ = static_cast<int32_t>(split.nanos / 1000);
}

Result<MicroTime> MicroTime::parse(std::string_view text) {
  int64_t seconds = 0;
  int32_t nanos = 0;
  if (!parseRfc3339(text, seconds, nanos)) return badTime(text);
  return fromUnix(seconds, nanos / 1000);
}

WallTime MicroTime::wall() const {
  return joinWall(seconds_, int64_t{micros_} * 1000);
}

std::string MicroTime::str() const {
  return isZero() ? std::string() : formatRfc3339(seconds_, micros_ * 1000, 6);
}

}  // namespace coxswain::api
