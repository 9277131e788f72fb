#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace coxswain::api {

/// A fixed-point number with a unit suffix, as in "100m", "1.5Gi", "2e3": resource.Quantity.
///
/// Kept exactly down to 1n (10^-9). Input finer than that rounds away from zero; input beyond
/// 2^63-1 is capped there unless it has at most 18 digits and a decimal suffix ("10E" is exact).
/// Compares by value only: "1" == "1000m". The format matters for printing alone. A value of 24
/// bytes without heap; free to copy. The default prints "0".
class Quantity {
 public:
  enum class Format : uint8_t {
    DecimalSI,        ///< "100m", "2", "5k"
    BinarySI,         ///< "64Mi"
    DecimalExponent,  ///< "12e6"
  };
  /// Powers of ten for scaledValue and roundUp.
  enum Scale : int8_t {
    Nano = -9,
    Micro = -6,
    Milli = -3,
    Unit = 0,
    Kilo = 3,
    Mega = 6,
    Giga = 9,
    Tera = 12,
    Peta = 15,
    Exa = 18,
  };

  constexpr Quantity() = default;
  static Quantity fromInt(int64_t value, Format format = Format::DecimalSI);
  static Quantity fromMilli(int64_t milli, Format format = Format::DecimalSI);
  /// value * 10^scale.
  static Quantity fromScaled(int64_t value, int scale, Format format = Format::DecimalSI);
  /// Reads the text of a JSON string or the digits of a JSON number (the caller trims). BadRequest
  /// with upstream's text otherwise.
  static Result<Quantity> parse(std::string_view text);

  /// Rounded away from zero; held to the range of int64.
  [[nodiscard]] int64_t value() const { return scaledValue(Unit); }
  [[nodiscard]] int64_t milliValue() const { return scaledValue(Milli); }
  /// The value in units of 10^scale, rounded away from zero, held to the range of int64.
  [[nodiscard]] int64_t scaledValue(int scale) const;
  [[nodiscard]] double asDouble() const;
  /// Nothing of the value is below `scale`.
  [[nodiscard]] bool isExactAt(int scale) const;
  [[nodiscard]] bool isZero() const { return nanos_ == 0; }
  /// -1, 0 or 1.
  [[nodiscard]] int sign() const { return nanos_ == 0 ? 0 : (nanos_ < 0 ? -1 : 1); }
  [[nodiscard]] Format format() const { return format_; }
  /// Rounds away from zero so that nothing is left below `scale`.
  void roundUp(int scale);

  /// Canonical form: the shortest mantissa without fraction and the largest suffix.
  [[nodiscard]] std::string str() const;
  void appendTo(std::string& out) const;

  /// A zero takes the other's format, as upstream. Results stop at 10^28, never wrap.
  Quantity& operator+=(const Quantity& other);
  Quantity& operator-=(const Quantity& other);
  Quantity& operator*=(int64_t factor);
  Quantity operator-() const;
  friend Quantity operator+(Quantity a, const Quantity& b) { return a += b; }
  friend Quantity operator-(Quantity a, const Quantity& b) { return a -= b; }
  friend Quantity operator*(Quantity a, int64_t factor) { return a *= factor; }

  friend bool operator==(const Quantity& a, const Quantity& b) { return a.nanos_ == b.nanos_; }
  friend std::strong_ordering operator<=>(const Quantity& a, const Quantity& b) {
    const Int128 x = a.nanos_;
    const Int128 y = b.nanos_;
    return x < y ? std::strong_ordering::less
                 : (x > y ? std::strong_ordering::greater : std::strong_ordering::equal);
  }

 private:
  __extension__ typedef __int128 Int128 __attribute__((aligned(8)));  // NOLINT: 24 bytes, not 32

  Int128 nanos_ = 0;
  Format format_ = Format::DecimalSI;
};

}  // namespace coxswain::api
