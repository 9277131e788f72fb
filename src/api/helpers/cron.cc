#include "api/helpers/cron.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <span>
#include <string>
#include <vector>

#include "api/helpers/time_zone.h"
#include "api/meta/time.h"
#include "api/names/quote.h"
#include "base/text.h"

namespace coxswain::api {

struct CronSchedule::Bounds {
  int64_t min;
  int64_t max;
  std::span<const std::string_view> names;  ///< the first stands for `min`
};

namespace {

constexpr int64_t kHour = 3600;
constexpr int64_t kDay = 24 * kHour;
/// So many missed runs are told of.
constexpr int kMany = 100;
constexpr int64_t kHorizon = 5 * 366 * kDay;

constexpr std::string_view kMonths[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                        "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::string_view kWeekdays[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

/// What the short forms stand for.
constexpr std::pair<std::string_view, std::string_view> kMacros[] = {
    {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"},
    {"@weekly", "0 0 * * 0"}, {"@daily", "0 0 * * *"},    {"@midnight", "0 0 * * *"},
    {"@hourly", "0 * * * *"}};

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> out;
  for (;;) {
    const size_t at = text.find(separator);
    out.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return out;
    text.remove_prefix(at + 1);
  }
}

std::vector<std::string_view> words(std::string_view text) {
  constexpr std::string_view kSpace = " \t\n\v\f\r";
  std::vector<std::string_view> out;
  for (;;) {
    const size_t begin = text.find_first_not_of(kSpace);
    if (begin == std::string_view::npos) return out;
    text.remove_prefix(begin);
    const size_t end = std::min(text.find_first_of(kSpace), text.size());
    out.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

Result<int64_t> parseNumber(std::string_view text) {
  std::string_view digits = text;
  if (digits.starts_with('+')) digits.remove_prefix(1);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const bool whole = end == digits.data() + digits.size() && !digits.empty();
  if (!whole || error != std::errc() || (digits.size() != text.size() && digits[0] == '-')) {
    const bool large = whole && error == std::errc::result_out_of_range;
    return badRequest(fmt::format("failed to parse int from {}: strconv.Atoi: parsing {}: {}", text,
                                  goQuote(text), large ? "value out of range" : "invalid syntax"));
  }
  if (value < 0)
    return badRequest(fmt::format("negative number ({}) not allowed: {}", value, text));
  return value;
}

Result<int64_t> parseValue(std::string_view text, int64_t min,
                           std::span<const std::string_view> names) {
  const auto found = std::find(names.begin(), names.end(), lowerCase(text));
  if (found != names.end()) return min + (found - names.begin());
  return parseNumber(text);
}

int64_t floorDiv(int64_t a, int64_t b) {
  return a / b - (a % b < 0 ? 1 : 0);
}

bool hasZone(std::string_view text) {
  return text.starts_with("TZ=") || text.starts_with("CRON_TZ=");
}

}  // namespace

Result<CronSchedule::Field> CronSchedule::parseRange(std::string_view text, const Bounds& bounds) {
  const auto parts = split(text, '/');
  const auto limits = split(parts[0], '-');
  int64_t first = bounds.min;
  int64_t last = bounds.max;
  Field field;
  if (limits[0] == "*" || limits[0] == "?") {
    field.star = true;
  } else {
    TRY(first, parseValue(limits[0], bounds.min, bounds.names));
    last = first;
    if (limits.size() > 2) return badRequest(fmt::format("too many hyphens: {}", text));
    if (limits.size() == 2) {
      TRY(last, parseValue(limits[1], bounds.min, bounds.names));
    }
  }
  int64_t step = 1;
  if (parts.size() > 2) return badRequest(fmt::format("too many slashes: {}", text));
  if (parts.size() == 2) {
    TRY(step, parseNumber(parts[1]));
    if (limits.size() == 1) last = bounds.max;
    if (step > 1) field.star = false;
  }
  if (first < bounds.min) {
    return badRequest(
        fmt::format("beginning of range ({}) below minimum ({}): {}", first, bounds.min, text));
  }
  if (last > bounds.max) {
    return badRequest(
        fmt::format("end of range ({}) above maximum ({}): {}", last, bounds.max, text));
  }
  if (first > last) {
    return badRequest(
        fmt::format("beginning of range ({}) beyond end of range ({}): {}", first, last, text));
  }
  if (step == 0) {
    return badRequest(fmt::format("step of range should be a positive number: {}", text));
  }
  for (int64_t value = first; value <= last; value += std::min<int64_t>(step, 64)) {
    field.bits |= uint64_t{1} << value;
  }
  return field;
}

Result<CronSchedule::Field> CronSchedule::parseField(std::string_view text, const Bounds& bounds) {
  Field out;
  for (const auto part : split(text, ',')) {
    if (part.empty()) continue;
    TRY(const Field field, parseRange(part, bounds));
    out.bits |= field.bits;
    out.star = out.star || field.star;
  }
  return out;
}

std::string_view CronSchedule::zoneOf(std::string_view text) {
  if (!hasZone(text)) return {};
  text.remove_prefix(text.find('=') + 1);
  return text.substr(0, text.find(' '));
}

Result<CronSchedule> CronSchedule::parse(std::string_view text) {
  if (text.empty()) return badRequest("empty spec string");
  if (hasZone(text)) {
    const auto zone = zoneOf(text);
    const auto status = TimeZone::load(zone).status();
    if (!status.ok()) {
      return badRequest(fmt::format("provided bad location {}: {}", zone, status.message()));
    }
    text.remove_prefix(static_cast<size_t>(zone.data() + zone.size() - text.data()));
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  }
  CronSchedule out;
  if (text.starts_with('@')) {
    constexpr std::string_view kEvery = "@every ";
    if (text.starts_with(kEvery)) {
      const auto every = GoDuration::parse(text.substr(kEvery.size()));
      if (!every.ok()) {
        return badRequest(
            fmt::format("failed to parse duration {}: {}", text, every.status().message()));
      }
      out.everySeconds_ = std::max<int64_t>(every->nanos / 1'000'000'000, 1);
      return out;
    }
    const auto* macro = std::find_if(std::begin(kMacros), std::end(kMacros),
                                     [text](const auto& each) { return each.first == text; });
    if (macro == std::end(kMacros)) {
      return badRequest(fmt::format("unrecognized descriptor: {}", text));
    }
    text = macro->second;
  }
  const auto fields = words(text);
  if (fields.size() != 5) {
    return badRequest(fmt::format("expected exactly 5 fields, found {}: [{}]", fields.size(),
                                  fmt::join(fields, " ")));
  }
  TRY(out.minute_, parseField(fields[0], {0, 59, {}}));
  TRY(out.hour_, parseField(fields[1], {0, 23, {}}));
  TRY(out.day_, parseField(fields[2], {1, 31, {}}));
  TRY(out.month_, parseField(fields[3], {1, 12, kMonths}));
  TRY(out.weekday_, parseField(fields[4], {0, 6, kWeekdays}));
  return out;
}

bool CronSchedule::isDue(int64_t localDay) const {
  const std::chrono::sys_days when{std::chrono::days(localDay)};
  const std::chrono::year_month_day date(when);
  if (!month_.has(static_cast<unsigned>(date.month()))) return false;
  const bool day = day_.has(static_cast<unsigned>(date.day()));
  const bool weekday = weekday_.has(std::chrono::weekday(when).c_encoding());
  // Where both are given either will do.
  return day_.star || weekday_.star ? day && weekday : day || weekday;
}

std::optional<int64_t> CronSchedule::next(int64_t after, const Offset& offset) const {
  if (everySeconds_ != 0) return after + everySeconds_;
  int64_t at = (floorDiv(after, 60) + 1) * 60;
  while (at < after + kHorizon) {
    const int64_t local = at + offset(at);
    const int64_t day = floorDiv(local, kDay);
    const int64_t second = local - day * kDay;
    if (!isDue(day)) {
      const int64_t from = at;
      at += kDay - second;
      // Where the clocks went forward on the way, back to midnight.
      const int64_t landed = at + offset(at);
      const int64_t late = landed - floorDiv(landed, kDay) * kDay;
      if (floorDiv(landed, kDay) > day && late > 0 && late <= 3 * kHour && at - late > from &&
          floorDiv(at - late + offset(at - late), kDay) > day) {
        at -= late;
      }
    } else if (!hour_.has(second / kHour)) {
      at += kHour - second % kHour;
    } else if (!minute_.has(second % kHour / 60)) {
      at += 60;
    } else {
      return at;
    }
  }
  return std::nullopt;
}

std::optional<CronSchedule::Last> CronSchedule::last(int64_t after, int64_t until,
                                                     const Offset& offset) const {
  if (after >= until) return std::nullopt;
  if (everySeconds_ != 0) {
    const int64_t count = (until - after) / everySeconds_;
    if (count == 0) return std::nullopt;
    return Last{after + count * everySeconds_, count > kMany + 1};
  }
  auto found = next(after, offset);
  if (!found || *found > until) return std::nullopt;
  int count = 0;
  for (; count <= kMany; ++count) {
    const auto following = next(*found, offset);
    if (!following || *following > until) return Last{*found, count > kMany};
    found = following;
  }
  // Too many to go through: the last one is looked for from the end, further back each time.
  for (int64_t back = kHour;; back *= 16) {
    auto at = next(std::max(*found - 1, until - back), offset);
    if (!at || *at > until) continue;
    while (at && *at <= until) {
      found = at;
      at = next(*at, offset);
    }
    return Last{*found, true};
  }
}

}  // namespace coxswain::api
