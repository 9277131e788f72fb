#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace coxswain::api {

/// A number or a string, such as a port's number or name, or a percentage: intstr.IntOrString.
/// JSON: a number or a string. protobuf: all three fields are written.
struct IntOrString {
  enum Type : uint8_t { Int = 0, String = 1 };

  Type type = Int;
  int32_t intVal = 0;
  std::string strVal;

  IntOrString() = default;
  IntOrString(int32_t value) : intVal(value) {}                               // NOLINT
  IntOrString(std::string value) : type(String), strVal(std::move(value)) {}  // NOLINT
  IntOrString(std::string_view value) : type(String), strVal(value) {}        // NOLINT
  IntOrString(const char* value) : type(String), strVal(value) {}             // NOLINT

  [[nodiscard]] bool isString() const { return type == String; }
  /// The number's digits or the string.
  [[nodiscard]] std::string str() const;
  /// The number, or the string read as one; 0 where it is none.
  [[nodiscard]] int32_t intValue() const;

  bool operator==(const IntOrString&) const = default;
};

/// A number as it is; "25%" as that share of `total`, rounded up or down. BadRequest with
/// upstream's text for other strings.
Result<int> getScaledValueFromIntOrPercent(const IntOrString& value, int total, bool roundUp);

/// "25%" -> 25; nullopt-like failure where `text` is not digits and '%'.
Result<int> parsePercent(std::string_view text);

}  // namespace coxswain::api
