#include "api/meta/time.h"

#include <fmt/format.h>

#include <algorithm>

namespace coxswain::api {

namespace {

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

}  // namespace

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

WallTime MicroTime::wall() const {
  return joinWall(seconds_, int64_t{micros_} * 1000);
}

std::string MicroTime::str() const {
  return isZero() ? std::string() : formatRfc3339(seconds_, micros_ * 1000, 6);
}

}  // namespace coxswain::api
