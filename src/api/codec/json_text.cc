#include "api/codec/json_text.h"

#include <bit>
#include <cstring>

#include "api/codec/utf8.h"

namespace coxswain::api {
namespace {

constexpr std::string_view kEnd = "unexpected end of JSON input";

/// A byte as Go's quoteChar shows it.
std::string quoteByte(char c) {
  auto byte = static_cast<uint8_t>(c);
  if (c == '\'') return "'\\''";
  if (c == '"') return "'\"'";
  if (c == '\\') return "'\\\\'";
  static constexpr std::string_view kShort = "abtnvfr";
  if (byte >= 7 && byte <= 13) return std::string("'\\") + kShort[byte - 7] + "'";
  static constexpr char kHex[] = "0123456789abcdef";
  if (byte < 0x20 || byte == 0x7F) {
    return std::string("'\\x") + kHex[byte >> 4] + kHex[byte & 15] + "'";
  }
  if (byte < 0x7F) return std::string("'") + c + "'";
  if (byte < 0xA1 || byte == 0xAD) {
    return std::string("'\\u00") + kHex[byte >> 4] + kHex[byte & 15] + "'";
  }
  std::string text = "'";
  appendUtf8(text, byte);
  return text + "'";
}

/// 0x80 in each byte of `word` that ends a plain run of a string: quote, backslash, control
/// character, or not ASCII.
uint64_t specialBytes(uint64_t word) {
  constexpr uint64_t kOnes = 0x0101010101010101ULL;
  constexpr uint64_t kHigh = 0x8080808080808080ULL;
  auto zeroIn = [](uint64_t v) { return (v - kOnes) & ~v & kHigh; };
  uint64_t quote = zeroIn(word ^ (kOnes * '"'));
  uint64_t backslash = zeroIn(word ^ (kOnes * '\\'));
  uint64_t control = (word - kOnes * 0x20) & ~word & kHigh;
  return quote | backslash | control | (word & kHigh);
}

int hexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool isDigit(char c) {
  return c >= '0' && c <= '9';
}

}  // namespace

bool JsonTextReader::fail(std::string error) {
  if (!failed_) error_ = std::move(error);
  failed_ = true;
  at_ = end_;
  return false;
}

bool JsonTextReader::invalid(std::string_view where) {
  if (failed_) return false;
  if (at_ >= end_) return fail(std::string(kEnd));
  return fail("invalid character " + quoteByte(*at_) + " " + std::string(where));
}

JsonType JsonTextReader::peekFailed() {
  invalid("looking for beginning of value");
  return JsonType::Broken;
}

bool JsonTextReader::literal(std::string_view word) {
  if (failed_) return false;
  for (size_t i = 0; i < word.size(); ++i, ++at_) {
    if (at_ >= end_ || *at_ != word[i]) {
      return invalid("in literal " + std::string(word) + " (expecting " + quoteByte(word[i]) + ")");
    }
  }
  return true;
}

bool JsonTextReader::boolean(bool& value) {
  if (peek() != JsonType::Bool) return false;
  value = *at_ == 't';
  return literal(value ? "true" : "false");
}

bool JsonTextReader::number(std::string_view& text) {
  if (peek() != JsonType::Number) return false;
  const char* start = at_;
  if (*at_ == '-') ++at_;
  if (at_ >= end_ || !isDigit(*at_)) return invalid("in numeric literal");
  if (*at_ == '0') {
    ++at_;
  } else {
    while (at_ < end_ && isDigit(*at_)) ++at_;
  }
  if (at_ < end_ && *at_ == '.') {
    ++at_;
    if (at_ >= end_ || !isDigit(*at_)) return invalid("after decimal point in numeric literal");
    while (at_ < end_ && isDigit(*at_)) ++at_;
  }
  if (at_ < end_ && (*at_ == 'e' || *at_ == 'E')) {
    ++at_;
    if (at_ < end_ && (*at_ == '+' || *at_ == '-')) ++at_;
    if (at_ >= end_ || !isDigit(*at_)) return invalid("in exponent of numeric literal");
    while (at_ < end_ && isDigit(*at_)) ++at_;
  }
  text = {start, static_cast<size_t>(at_ - start)};
  return true;
}

bool JsonTextReader::string(std::string_view& value) {
  if (at_ >= end_ || *at_ != '"') {
    if (peek() != JsonType::String) return false;
  }
  const char* start = ++at_;
  while (end_ - at_ >= 8) {
    uint64_t word = 0;
    std::memcpy(&word, at_, 8);
    uint64_t special = specialBytes(word);
    if (special != 0) {
      at_ += std::countr_zero(special) / 8;
      break;
    }
    at_ += 8;
  }
  while (at_ < end_ && *at_ != '"' && *at_ != '\\' && static_cast<uint8_t>(*at_) >= 0x20 &&
         static_cast<uint8_t>(*at_) < 0x80) {
    ++at_;
  }
  if (at_ < end_ && *at_ == '"') [[likely]] {
    value = {start, static_cast<size_t>(at_ - start)};
    ++at_;
    return true;
  }
  return stringSlow(start, value);
}

/// The rest of a string from at_ on, which may hold anything.
bool JsonTextReader::stringSlow(const char* start, std::string_view& value) {
  scratch_.assign(start, at_);
  while (at_ < end_) {
    auto byte = static_cast<uint8_t>(*at_);
    if (byte == '"') {
      ++at_;
      value = scratch_;
      return true;
    }
    if (byte == '\\') {
      if (!escape()) return false;
    } else if (byte < 0x20) {
      return invalid("in string literal");
    } else if (size_t length = utf8Length(at_, end_)) {
      scratch_.append(at_, length);
      at_ += length;
    } else {
      appendUtf8(scratch_, 0xFFFD);
      ++at_;
    }
  }
  return fail(std::string(kEnd));
}

bool JsonTextReader::escape() {
  if (++at_ >= end_) return fail(std::string(kEnd));
  char c = *at_;
  switch (c) {
    case '"':
    case '\\':
    case '/':
      scratch_.push_back(c);
      break;
    case 'b':
      scratch_.push_back('\b');
      break;
    case 'f':
      scratch_.push_back('\f');
      break;
    case 'n':
      scratch_.push_back('\n');
      break;
    case 'r':
      scratch_.push_back('\r');
      break;
    case 't':
      scratch_.push_back('\t');
      break;
    case 'u': {
      auto unit = [this](const char* from, uint32_t& out) {
        out = 0;
        for (int i = 0; i < 4; ++i, ++from) {
          if (from >= end_ || hexDigit(*from) < 0) return from;
          out = out << 4 | static_cast<uint32_t>(hexDigit(*from));
        }
        return from;
      };
      uint32_t rune = 0;
      const char* stop = unit(at_ + 1, rune);
      if (stop != at_ + 5) {
        at_ = stop;
        return invalid("in \\u hexadecimal character escape");
      }
      at_ = stop;
      if (rune >= 0xD800 && rune < 0xE000) {
        uint32_t low = 0;
        bool paired = rune < 0xDC00 && end_ - at_ >= 6 && at_[0] == '\\' && at_[1] == 'u' &&
                      unit(at_ + 2, low) == at_ + 6 && low >= 0xDC00 && low < 0xE000;
        if (paired) {
          at_ += 6;
          rune = 0x10000 + ((rune - 0xD800) << 10) + (low - 0xDC00);
        } else {
          rune = 0xFFFD;
        }
      }
      appendUtf8(scratch_, rune);
      return true;
    }
    default:
      return invalid("in string escape code");
  }
  ++at_;
  return true;
}

bool JsonTextReader::beginArray() {
  if (peek() != JsonType::Array) return false;
  if (++depth_ > kDepthMax) return fail("exceeded max depth");
  ++at_;
  first_ = true;
  return true;
}

bool JsonTextReader::nextElement() {
  if (failed_) return false;
  space();
  if (at_ < end_ && *at_ == ']') {
    // "[1,]" is refused: behind a comma the caller's next peek sees the bracket.
    ++at_;
    --depth_;
    first_ = false;
    return false;
  }
  if (first_) {
    first_ = false;
    return peek() != JsonType::Broken;
  }
  if (at_ >= end_ || *at_ != ',') return invalid("after array element");
  ++at_;
  return peek() != JsonType::Broken;
}

bool JsonTextReader::beginObject() {
  if (peek() != JsonType::Object) return false;
  if (++depth_ > kDepthMax) return fail("exceeded max depth");
  ++at_;
  first_ = true;
  return true;
}

bool JsonTextReader::nextKey(std::string_view& key) {
  if (failed_) return false;
  space();
  if (at_ < end_ && *at_ == '}') {
    ++at_;
    --depth_;
    first_ = false;
    return false;
  }
  if (!first_) {
    if (at_ >= end_ || *at_ != ',') return invalid("after object key:value pair");
    ++at_;
    space();
  }
  first_ = false;
  if (at_ >= end_ || *at_ != '"') return invalid("looking for beginning of object key string");
  if (!string(key)) return false;
  space();
  if (at_ >= end_ || *at_ != ':') return invalid("after object key");
  ++at_;
  return true;
}

bool JsonTextReader::skip() {
  // One bit a level, so that depth costs no stack: true is an object.
  std::vector<bool> open;
  std::string_view text;
  bool flag = false;
  while (true) {
    switch (peek()) {
      case JsonType::Null:
        null();
        break;
      case JsonType::Bool:
        boolean(flag);
        break;
      case JsonType::Number:
        number(text);
        break;
      case JsonType::String:
        string(text);
        break;
      case JsonType::Array:
        beginArray();
        open.push_back(false);
        break;
      case JsonType::Object:
        beginObject();
        open.push_back(true);
        break;
      case JsonType::Broken:
        return false;
    }
    while (!open.empty() && !(open.back() ? nextKey(text) : nextElement())) {
      if (failed_) return false;
      open.pop_back();
    }
    if (failed_) return false;
    if (open.empty()) return true;
  }
}

bool JsonTextReader::raw(std::string_view& text) {
  if (peek() == JsonType::Broken) return false;
  const char* start = at_;
  if (!skip()) return false;
  text = {start, static_cast<size_t>(at_ - start)};
  return true;
}

bool JsonTextReader::finish() {
  if (failed_) return false;
  space();
  return at_ == end_ || invalid("after top-level value");
}

Status validateJson(std::string_view text) {
  JsonTextReader reader(text);
  if (reader.skip()) reader.finish();
  return reader.status();
}

}  // namespace coxswain::api
