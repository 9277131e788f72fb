#include "api/yaml/scalar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <limits>

namespace coxswain::api {

namespace {

using Kind = YamlScalar::Kind;

bool isDigit(char c) {
  return c >= '0' && c <= '9';
}

template <size_t N>
bool oneOf(std::string_view text, const std::array<std::string_view, N>& words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

constexpr std::array<std::string_view, 11> kTrue = {"y",    "Y",    "yes", "Yes", "YES", "true",
                                                    "True", "TRUE", "on",  "On",  "ON"};
constexpr std::array<std::string_view, 11> kFalse = {"n",     "N",     "no",  "No",  "NO", "false",
                                                     "False", "FALSE", "off", "Off", "OFF"};
constexpr std::array<std::string_view, 5> kNull = {"", "~", "null", "Null", "NULL"};
constexpr std::array<std::string_view, 3> kNan = {".nan", ".NaN", ".NAN"};
constexpr std::array<std::string_view, 3> kInf = {".inf", ".Inf", ".INF"};

/// Digits of `base` with an optional sign; false where it is not all of that or does not fit.
bool readInteger(std::string_view text, YamlScalar& out) {
  bool negative = false;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  int base = 10;
  if (text.size() > 1 && text[0] == '0') {
    const char mark = static_cast<char>(text[1] | 0x20);
    if (mark == 'x' || mark == 'o' || mark == 'b') {
      base = mark == 'x' ? 16 : (mark == 'o' ? 8 : 2);
      text.remove_prefix(2);
    } else {
      base = 8;
      text.remove_prefix(1);
    }
  }
  if (text.empty()) return false;
  uint64_t magnitude = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), magnitude, base);
  if (error != std::errc() || end != text.data() + text.size()) return false;
  constexpr uint64_t kLimit = uint64_t{1} << 63;
  if (magnitude < kLimit || (negative && magnitude == kLimit)) {
    out.kind = Kind::Int;
    out.integer = static_cast<int64_t>(negative ? ~magnitude + 1 : magnitude);
    return true;
  }
  if (negative) return false;
  out.kind = Kind::Unsigned;
  out.natural = magnitude;
  return true;
}

/// [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?
bool looksLikeFloat(std::string_view text) {
  size_t at = 0;
  const auto digits = [&] {
    const size_t start = at;
    while (at < text.size() && isDigit(text[at])) ++at;
    return at > start;
  };
  if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (!digits()) return false;
  } else {
    if (!digits()) return false;
    if (at < text.size() && text[at] == '.') {
      ++at;
      digits();
    }
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
    if (!digits()) return false;
  }
  return at == text.size();
}

bool readNumber(std::string_view text, YamlScalar& out) {
  if (oneOf(text.starts_with('+') || text.starts_with('-') ? text.substr(1) : text, kInf)) {
    out.kind = Kind::Float;
    out.number = text[0] == '-' ? -std::numeric_limits<double>::infinity()
                                : std::numeric_limits<double>::infinity();
    return true;
  }
  std::string plain(text);
  std::erase(plain, '_');
  if (readInteger(plain, out)) return true;
  if (!looksLikeFloat(plain)) return false;
  std::string_view digits = plain;
  if (digits.starts_with('+')) digits.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc()) return false;  // out of range: Go leaves it text
  out.kind = Kind::Float;
  out.number = value;
  return true;
}

/// A number of one or two digits at `at`, followed by one of `stops` or the end.
bool datePart(std::string_view text, size_t& at, int min, int max, int* out = nullptr) {
  const size_t start = at;
  int value = 0;
  while (at < text.size() && at - start < 2 && isDigit(text[at]))
    value = value * 10 + text[at++] - '0';
  if (out != nullptr) *out = value;
  return at > start && value >= min && value <= max;
}

bool skip(std::string_view text, size_t& at, char c) {
  if (at >= text.size() || text[at] != c) return false;
  ++at;
  return true;
}

bool isTimestamp(std::string_view text) {
  size_t at = 0;
  while (at < text.size() && isDigit(text[at])) ++at;
  int year = 0;
  std::from_chars(text.data(), text.data() + at, year);
  int month = 0;
  int day = 0;
  if (at != 4 || !skip(text, at, '-') || !datePart(text, at, 1, 12, &month) ||
      !skip(text, at, '-') || !datePart(text, at, 1, 31, &day))
    return false;
  using namespace std::chrono;
  if (!year_month_day(std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                      std::chrono::day(static_cast<unsigned>(day)))
           .ok())
    return false;
  if (at == text.size()) return true;
  const char separator = text[at++];
  if (separator != 'T' && separator != 't' && separator != ' ') return false;
  if (!datePart(text, at, 0, 23) || !skip(text, at, ':') || !datePart(text, at, 0, 59) ||
      !skip(text, at, ':') || !datePart(text, at, 0, 59))
    return false;
  if (at < text.size() && (text[at] == '.' || text[at] == ',')) {
    const size_t start = ++at;
    while (at < text.size() && isDigit(text[at])) ++at;
    if (at == start) return false;
  }
  if (separator == ' ') return at == text.size();
  if (skip(text, at, 'Z')) return at == text.size();
  if (at >= text.size() || (text[at] != '+' && text[at] != '-')) return false;
  ++at;
  return text.size() - at == 5 && datePart(text, at, 0, 23) && skip(text, at, ':') &&
         datePart(text, at, 0, 59) && at == text.size();
}

}  // namespace

YamlScalar resolveYamlScalar(std::string_view text) {
  YamlScalar out;
  const char first = text.empty() ? '\0' : text[0];
  if (isDigit(first) || first == '+' || first == '-' || first == '.') {
    if (oneOf(text, kNan)) {
      out.kind = Kind::Float;
      out.number = std::numeric_limits<double>::quiet_NaN();
      return out;
    }
    if (readNumber(text, out)) return out;
    if (isTimestamp(text)) out.kind = Kind::Timestamp;
    return out;
  }
  if (text == "<<") {
    out.kind = Kind::Merge;
  } else if (oneOf(text, kNull)) {
    out.kind = Kind::Null;
  } else if (oneOf(text, kTrue) || oneOf(text, kFalse)) {
    out.kind = Kind::Bool;
    out.boolean = oneOf(text, kTrue);
  }
  return out;
}

bool isYamlBase60(std::string_view text) {
  if (text.empty()) return false;
  size_t at = text[0] == '-' || text[0] == '+' ? 1 : 0;
  if (at >= text.size() || !isDigit(text[at])) return false;
  while (at < text.size() && (isDigit(text[at]) || text[at] == '_')) ++at;
  bool any = false;
  while (at < text.size() && text[at] == ':') {
    ++at;
    const size_t start = at;
    while (at < text.size() && at - start < 2 && isDigit(text[at])) ++at;
    if (at == start || (at - start == 2 && text[start] > '5')) return false;
    any = true;
  }
  if (!any) return false;
  if (at < text.size() && text[at] == '.') {
    ++at;
    while (at < text.size() && (isDigit(text[at]) || text[at] == '_')) ++at;
  }
  return at == text.size();
}

std::string formatYamlFloat(double value) {
  if (std::isnan(value)) return ".nan";
  if (std::isinf(value)) return value > 0 ? ".inf" : "-.inf";
  std::array<char, 400> buffer;
  const auto scientific = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                        std::chars_format::scientific);
  const std::string text(buffer.data(), scientific.ptr);
  const size_t e = text.find('e');
  int exponent = 0;
  std::string_view power = std::string_view(text).substr(e + 1);
  if (power.starts_with('+')) power.remove_prefix(1);
  std::from_chars(power.data(), power.data() + power.size(), exponent);
  std::string digits;
  for (size_t i = 0; i < e; ++i)
    if (isDigit(text[i])) digits.push_back(text[i]);
  if (digits == "0") return "0";
  // A whole number has passed through JSON, which writes it without exponent below 10^21.
  if (exponent >= 0 && exponent < 21 && digits.size() <= static_cast<size_t>(exponent) + 1) {
    std::string whole = (value < 0 ? "-" : "") + digits;
    whole.append(static_cast<size_t>(exponent) + 1 - digits.size(), '0');
    YamlScalar scalar;
    if (readInteger(whole, scalar)) return whole;
  }
  if (exponent < -4 || exponent >= 6) return text;
  const auto fixed =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed);
  return std::string(buffer.data(), fixed.ptr);
}

}  // namespace coxswain::api
