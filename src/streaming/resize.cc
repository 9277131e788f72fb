#include "streaming/resize.h"

#include <boost/json/value.hpp>

#include "api/codec/value.h"
#include "net/http.h"

namespace coxswain::streaming {
namespace {

constexpr size_t kObjectBytesMax = 1024;

std::optional<uint16_t> dimension(const boost::json::value& value) {
  const auto* whole = value.if_int64();
  if (!whole || *whole < 0 || *whole > 0xffff) return std::nullopt;
  return static_cast<uint16_t>(*whole);
}

}  // namespace

std::string encodeResize(TerminalSize size) {
  return "{\"Width\":" + std::to_string(size.width) + ",\"Height\":" + std::to_string(size.height) +
         "}\n";
}

bool ResizeDecoder::feed(std::string_view bytes) {
  for (char c : bytes) {
    if (broken_) return false;
    if (depth_ == 0 && (c == ' ' || c == '\n' || c == '\r' || c == '\t')) continue;
    if (depth_ == 0 && c != '{') {
      broken_ = true;
      break;
    }
    text_ += c;
    if (quoted_) {
      bool closes = c == '"' && !escaped_;
      escaped_ = c == '\\' && !escaped_;
      if (closes) quoted_ = false;
    } else if (c == '"') {
      quoted_ = true;
    } else if (c == '{') {
      ++depth_;
    } else if (c == '}' && --depth_ == 0) {
      broken_ = !object();
      text_.clear();
    }
    if (text_.size() > kObjectBytesMax) broken_ = true;
  }
  return !broken_;
}

bool ResizeDecoder::object() {
  auto parsed = api::parseJsonValue(text_);
  if (!parsed.ok() || !parsed->is_object()) return false;
  TerminalSize size;
  for (const auto& [name, value] : parsed->as_object()) {
    auto number = dimension(value);
    if (net::equalNoCase(name, "Width")) {
      if (!number) return false;
      size.width = *number;
    } else if (net::equalNoCase(name, "Height")) {
      if (!number) return false;
      size.height = *number;
    }
  }
  size_ = size;
  return true;
}

}  // namespace coxswain::streaming
