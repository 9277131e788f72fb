#include <algorithm>
#include <array>

#include "api/meta/time.h"

namespace coxswain::api {
namespace {

constexpr std::string_view kLayout = "2006-01-02T15:04:05Z07:00";
constexpr std::string_view kMicroLayout = "2006-01-02T15:04:05.000000Z07:00";
constexpr size_t kMicroDigits = 6;

bool isDigit(std::string_view text, size_t at) {
  return at < text.size() && text[at] >= '0' && text[at] <= '9';
}

/// Text between quotes, with the bytes that Go's time package escapes.
std::string quoted(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80 || byte < ' ') {
      out += "\\x";
      out += kHex[byte >> 4U];
      out += kHex[byte & 0xFU];
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
  return out + "\"";
}

/// Reads a time element by element; the first that does not fit says why, in Go's words.
class TimeReader {
 public:
  /// `micro`: exactly six digits of fraction must be there; else any number of them may be.
  TimeReader(std::string_view text, bool micro) : text_(text), rest_(text), micro_(micro) {}

  bool read() {
    int year = 0;
    int month = 0;
    int day = 0;
    int hour = 0;
    int minute = 0;
    int second = 0;
    int64_t offset = 0;
    if (!readYear(year) || !literal("-") || !number("01", "month", true, 1, 12, month) ||
        !literal("-") || !number("02", "day", true, 0, 99, day) || !literal("T") ||
        !number("15", "hour", false, 0, 23, hour) || !literal(":") ||
        !number("04", "minute", true, 0, 59, minute) || !literal(":") ||
        !number("05", "second", true, 0, 59, second) || !fraction() || !zone(offset)) {
      return false;
    }
    if (!rest_.empty()) return fail(": extra text: " + quoted(rest_));
    const std::chrono::year_month_day date{std::chrono::year(year),
                                           std::chrono::month(static_cast<unsigned>(month)),
                                           std::chrono::day(static_cast<unsigned>(day))};
    if (!date.ok()) return fail(": day out of range");
    const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
    seconds = days * 86400 + hour * 3600 + minute * 60 + second - offset;
    return true;
  }

  int64_t seconds = 0;
  int32_t nanos = 0;
  std::string problem;

 private:
  bool fail(const std::string& why) {
    problem = "parsing time " + quoted(text_) + why;
    return false;
  }
  bool mismatch(std::string_view element, std::string_view at) {
    return fail(" as " + quoted(micro_ ? kMicroLayout : kLayout) + ": cannot parse " + quoted(at) +
                " as " + quoted(element));
  }

  bool literal(std::string_view wanted) {
    if (!rest_.starts_with(wanted)) return mismatch(wanted, rest_);
    rest_.remove_prefix(wanted.size());
    return true;
  }

  bool readYear(int& year) {
    for (size_t i = 0; i < 4; ++i) {
      if (!isDigit(rest_, i)) return mismatch("2006", rest_);
      year = year * 10 + (rest_[i] - '0');
    }
    rest_.remove_prefix(4);
    return true;
  }

  /// Two digits, or one where not `fixed`.
  bool number(std::string_view element, const char* name, bool fixed, int from, int to, int& out) {
    if (!isDigit(rest_, 0) || (fixed && !isDigit(rest_, 1))) return mismatch(element, rest_);
    const size_t count = isDigit(rest_, 1) ? 2 : 1;
    out = rest_[0] - '0';
    if (count == 2) out = out * 10 + (rest_[1] - '0');
    rest_.remove_prefix(count);
    return (out >= from && out <= to) || fail(": " + std::string(name) + " out of range");
  }

  bool fraction() {
    const bool point = !rest_.empty() && (rest_[0] == '.' || rest_[0] == ',');
    size_t count = 0;
    while (point && isDigit(rest_, count + 1) && !(micro_ && count == kMicroDigits)) ++count;
    if (micro_ && count < kMicroDigits) return mismatch(".000000", rest_);
    if (count == 0) return true;
    int32_t unit = 100'000'000;
    for (size_t i = 1; i <= count; ++i, unit /= 10) nanos += (rest_[i] - '0') * unit;
    rest_.remove_prefix(count + 1);
    return true;
  }

  bool zone(int64_t& offset) {
    constexpr std::string_view kElement = "Z07:00";
    if (rest_.starts_with('Z')) {
      rest_.remove_prefix(1);
      return true;
    }
    constexpr std::array<size_t, 4> kDigitsAt{1, 2, 4, 5};
    if (rest_.size() < 6 || (rest_[0] != '+' && rest_[0] != '-') || rest_[3] != ':' ||
        !std::ranges::all_of(kDigitsAt, [&](size_t i) { return isDigit(rest_, i); })) {
      return mismatch(kElement, rest_);
    }
    const int hours = (rest_[1] - '0') * 10 + (rest_[2] - '0');
    const int minutes = (rest_[4] - '0') * 10 + (rest_[5] - '0');
    if (hours > 24) return fail(": time zone offset hour out of range");
    if (minutes > 60) return fail(": time zone offset minute out of range");
    offset = (hours * 60 + minutes) * 60;
    if (rest_[0] == '-') offset = -offset;
    rest_.remove_prefix(6);
    return true;
  }

  std::string_view text_;
  std::string_view rest_;
  bool micro_;
};

}  // namespace

bool parseRfc3339(std::string_view text, int64_t& unixSeconds, int32_t& nanos) {
  TimeReader reader(text, false);
  if (!reader.read()) return false;
  unixSeconds = reader.seconds;
  nanos = reader.nanos;
  return true;
}

Result<Time> Time::parse(std::string_view text) {
  TimeReader reader(text, false);
  if (!reader.read()) return badRequest(std::move(reader.problem));
  return fromUnix(reader.seconds);
}

Result<MicroTime> MicroTime::parse(std::string_view text) {
  TimeReader reader(text, true);
  if (!reader.read()) return badRequest(std::move(reader.problem));
  return fromUnix(reader.seconds, reader.nanos / 1000);
}

}  // namespace coxswain::api
