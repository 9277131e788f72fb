#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace coxswain::api {

/// What an unquoted, untagged YAML 1.1 scalar means, as go-yaml reads it.
struct YamlScalar {
  enum class Kind : uint8_t { Null, Bool, Int, Unsigned, Float, Timestamp, Merge, String };

  Kind kind = Kind::String;
  bool boolean = false;
  int64_t integer = 0;   ///< Int
  uint64_t natural = 0;  ///< Unsigned: beyond int64
  double number = 0;     ///< Float; may be infinite or NaN
};

YamlScalar resolveYamlScalar(std::string_view text);

/// "1:30", which YAML 1.1 readers other than Go's take for a number.
bool isYamlBase60(std::string_view text);

/// The way kubectl -o yaml writes floats: whole numbers within 64 bits as such ("10000000"), others
/// in Go's 'g' form ("1.2345675e+06").
std::string formatYamlFloat(double value);

}  // namespace coxswain::api
