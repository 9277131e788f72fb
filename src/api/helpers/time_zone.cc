#include "api/helpers/time_zone.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace coxswain::api {

namespace {

constexpr int64_t kDay = 86400;
constexpr size_t kHeader = 44;
constexpr size_t kMaxFile = size_t{1} << 20;
/// Local time is never further from UTC than this.
constexpr int64_t kMaxOffset = 26 * 3600;

/// A number of `width` bytes, the first the highest, with a sign.
int64_t bigEndian(std::string_view bytes, size_t width) {
  uint64_t value = 0;
  for (size_t i = 0; i < width; ++i) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return width == 4 ? static_cast<int32_t>(value) : static_cast<int64_t>(value);
}

struct Header {
  bool wide = false;  ///< a second block follows, with times of eight bytes
  size_t utc = 0, standard = 0, leaps = 0, times = 0, types = 0, chars = 0;
  [[nodiscard]] size_t bytes(size_t width) const {
    return times * (width + 1) + types * 6 + chars + leaps * (width + 4) + standard + utc;
  }
};

Result<Header> parseHeader(std::string_view bytes) {
  if (bytes.size() < kHeader || !bytes.starts_with("TZif")) return badRequest("not a zone file");
  Header header;
  header.wide = bytes[4] >= '2';
  size_t* const counts[] = {&header.utc,   &header.standard, &header.leaps,
                            &header.times, &header.types,    &header.chars};
  for (size_t i = 0; i < std::size(counts); ++i) {
    const int64_t count = bigEndian(bytes.substr(20 + 4 * i), 4);
    if (count < 0 || count > int64_t{kMaxFile}) return badRequest("zone file: too many entries");
    *counts[i] = static_cast<size_t>(count);
  }
  return header;
}

std::chrono::year_month_day dateOf(int64_t at) {
  const int64_t day = at / kDay - (at % kDay < 0 ? 1 : 0);
  return std::chrono::year_month_day(std::chrono::sys_days(std::chrono::days(day)));
}

}  // namespace

/// "CET-1CEST,M3.5.0,M10.5.0/3", the form of POSIX.
class TimeZone::RuleParser {
 public:
  explicit RuleParser(std::string_view text) : text_(text) {}

  Result<Rule> parse() {
    Rule rule;
    if (!name()) return bad();
    TRY(const int64_t west, time());
    rule.standard = -west;
    if (text_.empty()) return rule;
    if (!name()) return bad();
    rule.summer = rule.standard + 3600;
    if (!text_.empty() && text_.front() != ',') {
      TRY(const int64_t summerWest, time());
      rule.summer = -summerWest;
    }
    TRY(rule.begin, change());
    TRY(rule.end, change());
    if (!text_.empty()) return bad();
    return rule;
  }

 private:
  static Status bad() { return badRequest("zone file: no rule"); }

  bool take(char c) {
    if (!text_.starts_with(c)) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool name() {
    size_t end = 0;
    if (take('<')) {
      end = text_.find('>');
      if (end == std::string_view::npos) return false;
      text_.remove_prefix(end + 1);
      return true;
    }
    const auto isLetter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    while (end < text_.size() && isLetter(text_[end])) ++end;
    text_.remove_prefix(end);
    return end > 0;
  }
  Result<int> number() {
    size_t end = 0;
    int value = 0;
    for (; end < text_.size() && text_[end] >= '0' && text_[end] <= '9' && end < 4; ++end) {
      value = value * 10 + (text_[end] - '0');
    }
    if (end == 0) return bad();
    text_.remove_prefix(end);
    return value;
  }
  /// [+-]hh[:mm[:ss]], in seconds.
  Result<int64_t> time() {
    const bool negative = take('-');
    if (!negative) (void)take('+');
    int64_t value = 0;
    int64_t unit = 3600;
    do {
      TRY(const int part, number());
      value += part * unit;
      unit /= 60;
    } while (unit > 0 && take(':'));
    if (value > 7 * kDay) return bad();
    return negative ? -value : value;
  }
  Result<Change> change() {
    if (!take(',')) return bad();
    Change out;
    if (take('M')) {
      out.kind = Change::Kind::Month;
      TRY(out.month, number());
      if (!take('.')) return bad();
      TRY(out.week, number());
      if (!take('.')) return bad();
      TRY(out.day, number());
      if (out.month < 1 || out.month > 12 || out.week < 1 || out.week > 5 || out.day > 6) {
        return bad();
      }
    } else {
      out.kind = take('J') ? Change::Kind::Julian : Change::Kind::Day;
      TRY(out.day, number());
      if (out.day > 365) return bad();
    }
    if (take('/')) {
      TRY(out.second, time());
    }
    return out;
  }

  std::string_view text_;
};

int64_t TimeZone::Change::in(int year) const {
  using namespace std::chrono;  // NOLINT
  const std::chrono::year y(year);
  sys_days date = y / January / 1;
  if (kind == Kind::Month) {
    const std::chrono::month m(static_cast<unsigned>(month));
    const weekday wanted(static_cast<unsigned>(day));
    date = week == 5 ? sys_days(y / m / wanted[last])
                     : sys_days(y / m / wanted[static_cast<unsigned>(week)]);
  } else if (kind == Kind::Julian) {
    // February 29 is not counted.
    date += days(day - 1 + (y.is_leap() && day >= 60 ? 1 : 0));
  } else {
    date += days(day);
  }
  return date.time_since_epoch().count() * kDay + second;
}

int64_t TimeZone::Rule::offset(int64_t at) const {
  if (!begin) return standard;
  const int year = static_cast<int>(dateOf(at + standard).year());
  const int64_t from = begin->in(year)-standard;
  const int64_t until = end.in(year)-summer;
  const bool isSummer = from < until ? from <= at && at < until : !(until <= at && at < from);
  return isSummer ? summer : standard;
}

Status TimeZone::readBlock(std::string_view block, size_t times, size_t types, size_t width) {
  if (types == 0) return badRequest("zone file: no types");
  const auto indexes = block.substr(times * width);
  const auto infos = indexes.substr(times);
  const auto offsetOf = [infos](size_t type) { return bigEndian(infos.substr(6 * type), 4); };
  for (size_t i = 0; i < types; ++i) {
    if (std::abs(offsetOf(i)) > kMaxOffset) return badRequest("zone file: offset out of range");
  }
  first_ = offsetOf(0);
  for (size_t i = 0; i < times; ++i) {
    const auto type = static_cast<uint8_t>(indexes[i]);
    if (type >= types) return badRequest("zone file: no such type");
    transitions_.push_back({bigEndian(block.substr(i * width), width), offsetOf(type)});
  }
  if (!std::is_sorted(transitions_.begin(), transitions_.end(),
                      [](const auto& a, const auto& b) { return a.at < b.at; })) {
    return badRequest("zone file: transitions out of order");
  }
  return {};
}

Result<TimeZone> TimeZone::parse(std::string_view bytes) {
  TimeZone zone;
  TRY(auto header, parseHeader(bytes));
  size_t width = 4;
  if (header.wide) {
    if (bytes.size() < kHeader + header.bytes(4)) return badRequest("zone file: too short");
    bytes.remove_prefix(kHeader + header.bytes(4));
    TRY(header, parseHeader(bytes));
    width = 8;
  }
  const size_t size = header.bytes(width);
  bytes.remove_prefix(kHeader);
  if (bytes.size() < size) return badRequest("zone file: too short");
  TRY_STATUS(zone.readBlock(bytes.substr(0, size), header.times, header.types, width));
  bytes.remove_prefix(size);
  if (width == 8 && bytes.size() > 2 && bytes.front() == '\n') {
    const auto text = bytes.substr(1, bytes.find('\n', 1) - 1);
    TRY(zone.rule_, RuleParser(text).parse());
    if (std::abs(zone.rule_->standard) > kMaxOffset || std::abs(zone.rule_->summer) > kMaxOffset) {
      return badRequest("zone file: offset out of range");
    }
  }
  return zone;
}

Result<TimeZone> TimeZone::load(std::string_view name) {
  if (name.empty() || name == "UTC") return TimeZone();
  if (name.front() == '/' || name.front() == '\\' || name.find("..") != std::string_view::npos ||
      name.find('\0') != std::string_view::npos) {
    return badRequest("time: invalid location name");
  }
  for (const std::string_view folder : {"/usr/share/zoneinfo/", "/etc/zoneinfo/"}) {
    auto zone = readFile(std::string(folder) + std::string(name));
    if (zone.ok()) return zone;
  }
  return badRequest(fmt::format("unknown time zone {}", name));
}

Result<TimeZone> TimeZone::readFile(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return badRequest("no file " + path);
  std::ifstream file(path, std::ios::binary);
  std::string bytes(std::istreambuf_iterator<char>(file), {});
  if (bytes.size() > kMaxFile) return badRequest("too large: " + path);
  return parse(bytes);
}

TimeZone TimeZone::local(const char* variable) {
  if (variable == nullptr) return readFile("/etc/localtime").valueOr(TimeZone());
  std::string_view name = variable;
  if (name.starts_with(':')) name.remove_prefix(1);
  if (name.starts_with('/')) return readFile(std::string(name)).valueOr(TimeZone());
  return load(name).valueOr(TimeZone());
}

int64_t TimeZone::offset(int64_t at) const {
  if (transitions_.empty() || at < transitions_.front().at) {
    return transitions_.empty() && rule_ ? rule_->offset(at) : first_;
  }
  if (rule_ && at >= transitions_.back().at) return rule_->offset(at);
  const auto after =
      std::upper_bound(transitions_.begin(), transitions_.end(), at,
                       [](int64_t moment, const Transition& each) { return moment < each.at; });
  return std::prev(after)->offset;
}

}  // namespace coxswain::api
