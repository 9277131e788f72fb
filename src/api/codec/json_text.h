#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace coxswain::api {

enum class JsonType : uint8_t { Null, Bool, Number, String, Array, Object, Broken };

/// Reads JSON text from front to back. Accepts and refuses exactly what Go's encoding/json does
/// (invalid UTF-8 and lone surrogates become U+FFFD), and words errors like it. After a failure
/// status() says why and every method answers false or Broken.
class JsonTextReader {
  /// By the first byte of a value.
  static constexpr std::array<JsonType, 256> kTypes = [] {
    std::array<JsonType, 256> types{};
    types.fill(JsonType::Broken);
    types['{'] = JsonType::Object;
    types['['] = JsonType::Array;
    types['"'] = JsonType::String;
    types['t'] = types['f'] = JsonType::Bool;
    types['n'] = JsonType::Null;
    for (char c : {'-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9'}) {
      types[static_cast<size_t>(c)] = JsonType::Number;
    }
    return types;
  }();

 public:
  static constexpr int kDepthMax = 10000;  // Go's

  /// `text` must outlive the reader; needs no padding.
  explicit JsonTextReader(std::string_view text)
      : begin_(text.data()), at_(begin_), end_(begin_ + text.size()) {}

  [[nodiscard]] bool failed() const { return failed_; }
  /// Why; success while nothing failed.
  [[nodiscard]] Status status() const { return failed_ ? badRequest(error_) : Status(); }

  /// What comes next; takes nothing.
  JsonType peek() {
    space();
    if (at_ < end_) [[likely]] {
      JsonType type = kTypes[static_cast<uint8_t>(*at_)];
      if (type != JsonType::Broken) return type;
    }
    return peekFailed();
  }

  // Each takes one value and must match what peek said.
  bool null() { return literal("null"); }
  bool boolean(bool& value);
  /// The digits as they stand; valid as long as the text.
  bool number(std::string_view& text);
  /// Valid until the next call.
  bool string(std::string_view& value);
  /// Any value.
  bool skip();
  /// Any value, as it stands in the text.
  bool raw(std::string_view& text);

  bool beginArray();
  /// True: an element follows. False: the array has ended (or failed()).
  bool nextElement();
  bool beginObject();
  /// True: `key` (valid until the next call), its value follows. False: the object has ended.
  bool nextKey(std::string_view& key);

  /// Nothing but white space may follow.
  bool finish();

  /// Ends reading with an error of the caller's; the first one stays. False, always.
  bool fail(std::string error);

 private:
  bool invalid(std::string_view where);
  JsonType peekFailed();
  void space() {
    while (at_ < end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r')) ++at_;
  }
  bool literal(std::string_view word);
  bool stringSlow(const char* start, std::string_view& value);
  bool escape();

  const char* begin_;
  const char* at_;
  const char* end_;
  int depth_ = 0;
  bool first_ = false;  // just behind [ or {
  bool failed_ = false;
  std::string error_;
  std::string scratch_;
};

/// Checks a whole text.
Status validateJson(std::string_view text);

}  // namespace coxswain::api
