#include "api/meta/quantity.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace coxswain::api {

namespace {

__extension__ typedef __int128 Wide;  // NOLINT

constexpr Wide kNanosPerUnit = 1'000'000'000;
constexpr Wide kInt64Max = std::numeric_limits<int64_t>::max();
constexpr Wide kInt64Min = std::numeric_limits<int64_t>::min();
constexpr Wide kValueCap = kInt64Max * kNanosPerUnit;
constexpr int kDigitsMax = 38;  // of 128 bits, and the largest power
// What is kept beyond the cap: below 10^28 units.
constexpr int kParsedDigitsMax = 37;
constexpr size_t kTextMax = 4096;

constexpr std::string_view kFormatError =
    "quantities must match the regular expression "
    "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
constexpr std::string_view kSuffixError = "unable to parse quantity's suffix";

constexpr std::array<Wide, kDigitsMax + 1> makePowers() {
  std::array<Wide, kDigitsMax + 1> powers{};
  Wide power = 1;
  for (int i = 0; i <= kDigitsMax; ++i) {
    powers[static_cast<size_t>(i)] = power;
    if (i < kDigitsMax) power *= 10;
  }
  return powers;
}
constexpr auto kPowers = makePowers();

Wide power10(int exponent) {
  return kPowers[static_cast<size_t>(exponent)];
}

bool isDigit(char c) {
  return c >= '0' && c <= '9';
}

Wide divideAwayFromZero(Wide value, Wide divisor) {
  const Wide quotient = value / divisor;
  const Wide rest = value % divisor;
  if (rest == 0) return quotient;
  return quotient + (value < 0 ? -1 : 1);
}

/// Results of arithmetic stay within what can be parsed.
Wide saturate(Wide value, bool overflow, bool negative) {
  const Wide limit = kPowers[kParsedDigitsMax];
  if (overflow) return negative ? -limit : limit;
  return std::clamp(value, -limit, limit);
}

struct Suffix {
  bool ok = false;
  Quantity::Format format = Quantity::Format::DecimalSI;
  int base = 10;
  int64_t exponent = 0;
};

Suffix readSuffix(std::string_view text) {
  using Format = Quantity::Format;
  if (text.empty()) return {true, Format::DecimalSI, 10, 0};
  if (text.size() == 1) {
    switch (text[0]) {
      case 'n':
        return {true, Format::DecimalSI, 10, -9};
      case 'u':
        return {true, Format::DecimalSI, 10, -6};
      case 'm':
        return {true, Format::DecimalSI, 10, -3};
      case 'k':
        return {true, Format::DecimalSI, 10, 3};
      case 'M':
        return {true, Format::DecimalSI, 10, 6};
      case 'G':
        return {true, Format::DecimalSI, 10, 9};
      case 'T':
        return {true, Format::DecimalSI, 10, 12};
      case 'P':
        return {true, Format::DecimalSI, 10, 15};
      case 'E':
        return {true, Format::DecimalSI, 10, 18};
      default:
        return {};
    }
  }
  if (text.size() == 2 && text[1] == 'i') {
    const size_t at = std::string_view("KMGTPE").find(text[0]);
    if (at == std::string_view::npos) return {};
    return {true, Format::BinarySI, 2, 10 * (static_cast<int64_t>(at) + 1)};
  }
  if (text[0] != 'e' && text[0] != 'E') return {};
  std::string_view digits = text.substr(1);
  if (digits.front() == '+') {
    digits.remove_prefix(1);
    if (digits.empty() || !isDigit(digits.front())) return {};
  }
  Suffix suffix{true, Format::DecimalExponent, 10, 0};
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), suffix.exponent);
  if (end != digits.data() + digits.size() || error != std::errc()) return {};
  return suffix;
}

struct Pieces {
  bool negative = false;
  std::string_view whole;     ///< digits without leading zeros
  std::string_view fraction;  ///< digits after the point
  std::string_view suffix;
};

bool split(std::string_view text, Pieces& out) {
  size_t at = 0;
  if (text[at] == '+' || text[at] == '-') out.negative = text[at++] == '-';
  while (at < text.size() && text[at] == '0') ++at;
  size_t start = at;
  while (at < text.size() && isDigit(text[at])) ++at;
  out.whole = text.substr(start, at - start);
  if (at < text.size() && text[at] == '.') {
    start = ++at;
    while (at < text.size() && isDigit(text[at])) ++at;
    out.fraction = text.substr(start, at - start);
  }
  start = at;
  while (at < text.size() &&
         std::string_view("eEinumkKMGTP").find(text[at]) != std::string_view::npos)
    ++at;
  if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
  while (at < text.size() && isDigit(text[at])) ++at;
  out.suffix = text.substr(start);
  return at == text.size();
}

/// Decimal digits times 10^exponent in nanos; `overflow` where it does not fit.
Wide decimalNanos(const Pieces& pieces, int64_t exponent, bool& overflow) {
  std::string digits;
  digits.reserve(pieces.whole.size() + pieces.fraction.size());
  digits.append(pieces.whole).append(pieces.fraction);
  const size_t first = digits.find_first_not_of('0');
  if (first == std::string::npos) return 0;
  // Digits before the place of one nano.
  const int64_t keep = static_cast<int64_t>(pieces.whole.size()) + exponent + 9;
  const int64_t significant = keep - static_cast<int64_t>(first);
  if (significant > kParsedDigitsMax) {
    overflow = true;
    return 0;
  }
  Wide value = 0;
  bool rest = false;
  for (size_t i = first; i < digits.size(); ++i) {
    if (static_cast<int64_t>(i) < keep) {
      value = value * 10 + (digits[i] - '0');
    } else if (digits[i] != '0') {
      rest = true;
      break;
    }
  }
  for (auto i = static_cast<int64_t>(digits.size()); i < keep; ++i) value *= 10;
  return value + (rest ? 1 : 0);
}

/// Digits times 2^exponent (10..60) in nanos, rounded up.
Wide binaryNanos(const Pieces& pieces, int64_t exponent, bool& overflow) {
  // The whole part: capped far before it could overflow.
  Wide whole = 0;
  for (const char c : pieces.whole) {
    whole = whole * 10 + (c - '0');
    if (whole > kInt64Max) {
      overflow = true;
      return 0;
    }
  }
  if ((whole << exponent) > kInt64Max) {
    overflow = true;
    return 0;
  }
  const Wide wholeNanos = (whole << exponent) * kNanosPerUnit;
  // The fraction: 2^60 * 10^9 < 10^28, so ten digits at a time fit; what is left only rounds. Long
  // division from the last digit keeps it exact: value = (digit * unit + rest) / 10.
  Wide fraction = 0;  // in nanos, with a sticky remainder
  bool sticky = false;
  const Wide unit = (Wide{1} << exponent) * kNanosPerUnit;
  for (size_t i = pieces.fraction.size(); i-- > 0;) {
    const Wide sum = (pieces.fraction[i] - '0') * unit + fraction;
    fraction = sum / 10;
    sticky = sticky || sum % 10 != 0;
  }
  return wholeNanos + fraction + (sticky ? 1 : 0);
}

void appendNumber(std::string& out, Wide value) {
  std::array<char, 40> buffer;
  size_t at = buffer.size();
  const bool negative = value < 0;
  if (negative) value = -value;
  do {
    buffer[--at] = static_cast<char>('0' + static_cast<int>(value % 10));
    value /= 10;
  } while (value != 0);
  if (negative) out.push_back('-');
  out.append(buffer.data() + at, buffer.size() - at);
}

}  // namespace

Quantity Quantity::fromInt(int64_t value, Format format) {
  return fromScaled(value, 0, format);
}

Quantity Quantity::fromMilli(int64_t milli, Format format) {
  return fromScaled(milli, Milli, format);
}

Quantity Quantity::fromScaled(int64_t value, int scale, Format format) {
  Quantity q;
  q.format_ = format;
  if (value == 0) return q;
  if (scale < Nano) {
    const int drop = Nano - scale;
    q.nanos_ =
        drop > kDigitsMax ? Wide{value < 0 ? -1 : 1} : divideAwayFromZero(value, power10(drop));
    return q;
  }
  Wide product = 0;
  const bool overflow = scale - Nano > kDigitsMax ||
                        __builtin_mul_overflow(Wide{value}, power10(scale - Nano), &product);
  q.nanos_ = saturate(product, overflow, value < 0);
  return q;
}

Result<Quantity> Quantity::parse(std::string_view text) {
  if (text.empty() || text.size() > kTextMax) return badRequest(std::string(kFormatError));
  Pieces pieces;
  if (!split(text, pieces)) return badRequest(std::string(kFormatError));
  const Suffix suffix = readSuffix(pieces.suffix);
  if (!suffix.ok) return badRequest(std::string(kSuffixError));

  Quantity q;
  q.format_ = suffix.format;
  bool overflow = false;
  Wide nanos = 0;
  if (suffix.base == 2) {
    nanos = binaryNanos(pieces, suffix.exponent, overflow);
    if (!overflow && nanos > 0 && nanos < kNanosPerUnit) q.format_ = Format::DecimalSI;
    if (nanos > kValueCap) overflow = true;
  } else {
    // Anything this far off is zero or capped already; keeps the sums below in range.
    const int64_t exponent = std::clamp<int64_t>(suffix.exponent, -10'000, 10'000);
    nanos = decimalNanos(pieces, exponent, overflow);
    const bool exactBeyondCap = pieces.whole.size() + pieces.fraction.size() <= 18;
    if (nanos > kValueCap && !exactBeyondCap) overflow = true;
  }
  if (overflow) nanos = kValueCap;
  q.nanos_ = pieces.negative ? -nanos : nanos;
  return q;
}

int64_t Quantity::scaledValue(int scale) const {
  Wide result = 0;
  if (scale >= Nano) {
    const int drop = scale - Nano;
    result = drop > kDigitsMax ? Wide{sign()} : divideAwayFromZero(nanos_, power10(drop));
  } else if (Nano - scale > kDigitsMax ||
             __builtin_mul_overflow(Wide{nanos_}, power10(Nano - scale), &result)) {
    result = nanos_ == 0 ? Wide{0} : (nanos_ < 0 ? kInt64Min : kInt64Max);
  }
  return static_cast<int64_t>(std::clamp(result, kInt64Min, kInt64Max));
}

double Quantity::asDouble() const {
  return static_cast<double>(nanos_) / 1e9;
}

bool Quantity::isExactAt(int scale) const {
  if (scale <= Nano) return true;
  const int drop = scale - Nano;
  return drop > kDigitsMax ? nanos_ == 0 : nanos_ % power10(drop) == 0;
}

void Quantity::roundUp(int scale) {
  if (scale <= Nano || scale > Exa) return;
  const Wide unit = power10(scale - Nano);
  nanos_ = divideAwayFromZero(nanos_, unit) * unit;
}

std::string Quantity::str() const {
  std::string out;
  appendTo(out);
  return out;
}

void Quantity::appendTo(std::string& out) const {
  if (nanos_ == 0) {
    out.push_back('0');
    return;
  }
  const Wide units = nanos_ / kNanosPerUnit;
  const bool whole = nanos_ % kNanosPerUnit == 0;
  // Small and broken numbers have no exact binary form.
  if (format_ == Format::BinarySI && whole && (units <= -1024 || units >= 1024)) {
    Wide mantissa = units;
    size_t steps = 0;
    while (steps < 6 && mantissa % 1024 == 0) {
      mantissa /= 1024;
      ++steps;
    }
    appendNumber(out, mantissa);
    if (steps > 0) out.append({"KMGTPE"[steps - 1], 'i'});
    return;
  }
  Wide mantissa = nanos_;
  int exponent = Nano;
  const int exponentMax = format_ == Format::DecimalExponent ? kDigitsMax : int{Exa};
  while (exponent + 3 <= exponentMax && mantissa % 1000 == 0) {
    mantissa /= 1000;
    exponent += 3;
  }
  appendNumber(out, mantissa);
  if (exponent == 0) return;
  if (format_ == Format::DecimalExponent) {
    out.push_back('e');
    appendNumber(out, exponent);
    return;
  }
  constexpr std::string_view kSuffixes = "num kMGTPE";
  out.push_back(kSuffixes[static_cast<size_t>((exponent - Nano) / 3)]);
}

Quantity& Quantity::operator+=(const Quantity& other) {
  if (nanos_ == 0) format_ = other.format_;
  Wide sum = 0;
  const bool overflow = __builtin_add_overflow(Wide{nanos_}, Wide{other.nanos_}, &sum);
  nanos_ = saturate(sum, overflow, other.nanos_ < 0);
  return *this;
}

Quantity& Quantity::operator-=(const Quantity& other) {
  if (nanos_ == 0) format_ = other.format_;
  Wide difference = 0;
  const bool overflow = __builtin_sub_overflow(Wide{nanos_}, Wide{other.nanos_}, &difference);
  nanos_ = saturate(difference, overflow, other.nanos_ > 0);
  return *this;
}

Quantity& Quantity::operator*=(int64_t factor) {
  Wide product = 0;
  const bool overflow = __builtin_mul_overflow(Wide{nanos_}, Wide{factor}, &product);
  nanos_ = saturate(product, overflow, (nanos_ < 0) != (factor < 0));
  return *this;
}

Quantity Quantity::operator-() const {
  Quantity q = *this;
  q.nanos_ = -q.nanos_;
  return q;
}

}  // namespace coxswain::api
