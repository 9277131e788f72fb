#include "api/meta/int_or_string.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace coxswain::api {

namespace {

bool readInt(std::string_view text, int32_t& out) {
  if (!text.empty() && text.front() == '+') {
    text.remove_prefix(1);
    if (!text.empty() && text.front() == '-') return false;
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

}  // namespace

std::string IntOrString::str() const {
  return isString() ? strVal : std::to_string(intVal);
}

int32_t IntOrString::intValue() const {
  if (!isString()) return intVal;
  int32_t value = 0;
  return readInt(strVal, value) ? value : 0;
}

Result<int> parsePercent(std::string_view text) {
  if (text.empty() || text.back() != '%')
    return badRequest("invalid type: string is not a percentage");
  int32_t value = 0;
  if (!readInt(text.substr(0, text.size() - 1), value))
    return badRequest("invalid value \"" + std::string(text) + "\": not a percentage");
  return static_cast<int>(value);
}

Result<int> getScaledValueFromIntOrPercent(const IntOrString& value, int total, bool roundUp) {
  if (!value.isString()) return static_cast<int>(value.intVal);
  auto percent = parsePercent(value.strVal);
  if (!percent.ok())
    return badRequest("invalid value for IntOrString: " + percent.status().message());
  const int64_t scaled = static_cast<int64_t>(*percent) * total;
  int64_t share = scaled / 100;
  // Ceil and floor, which differ from C++'s truncation on the other side of zero.
  if (scaled % 100 != 0) {
    if (roundUp && scaled > 0) ++share;
    if (!roundUp && scaled < 0) --share;
  }
  return static_cast<int>(
      std::clamp<int64_t>(share, std::numeric_limits<int>::min(), std::numeric_limits<int>::max()));
}

}  // namespace coxswain::api
