#include "api/names/quote.h"

#include <fmt/format.h>

#include <cstdint>
#include <iterator>

namespace coxswain::api {

namespace {

struct Decoded {
  uint32_t rune;
  size_t length;  ///< 0: the byte starts no valid UTF-8
};

Decoded decodeUtf8(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(0);
  if (first < 0x80) return {first, 1};
  size_t length = 0;
  uint32_t rune = 0;
  uint32_t smallest = 0;
  if ((first & 0xe0) == 0xc0) {
    length = 2, rune = first & 0x1fu, smallest = 0x80;
  } else if ((first & 0xf0) == 0xe0) {
    length = 3, rune = first & 0x0fu, smallest = 0x800;
  } else if ((first & 0xf8) == 0xf0) {
    length = 4, rune = first & 0x07u, smallest = 0x10000;
  } else {
    return {0, 0};
  }
  if (text.size() < length) return {0, 0};
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {0, 0};
    rune = rune << 6 | (byte(i) & 0x3fu);
  }
  if (rune < smallest || rune > 0x10ffff || (rune >= 0xd800 && rune < 0xe000)) return {0, 0};
  return {rune, length};
}

/// Spaces other than ' ', controls, joiners and private use are not printed as they are.
bool isPrintable(uint32_t rune) {
  if (rune < 0x20 || (rune >= 0x7f && rune <= 0xa0) || rune == 0xad) return false;
  if (rune >= 0x2000 && rune <= 0x200f) return false;
  if (rune >= 0x2028 && rune <= 0x202f) return false;
  if (rune >= 0x205f && rune <= 0x206f) return false;
  if (rune == 0x1680 || rune == 0x3000 || rune == 0xfeff) return false;
  if (rune >= 0xe000 && rune <= 0xf8ff) return false;
  return rune < 0xe0000;
}

}  // namespace

void appendGoQuoted(std::string& out, std::string_view text) {
  auto sink = std::back_inserter(out);
  out.push_back('"');
  while (!text.empty()) {
    const Decoded at = decodeUtf8(text);
    if (at.length == 0) {
      fmt::format_to(sink, "\\x{:02x}", static_cast<uint8_t>(text[0]));
      text.remove_prefix(1);
      continue;
    }
    switch (at.rune) {
      case '"':
        out.append("\\\"");
        break;
      case '\\':
        out.append("\\\\");
        break;
      case '\a':
        out.append("\\a");
        break;
      case '\b':
        out.append("\\b");
        break;
      case '\f':
        out.append("\\f");
        break;
      case '\n':
        out.append("\\n");
        break;
      case '\r':
        out.append("\\r");
        break;
      case '\t':
        out.append("\\t");
        break;
      case '\v':
        out.append("\\v");
        break;
      default:
        if (isPrintable(at.rune)) {
          out.append(text.substr(0, at.length));
        } else if (at.rune < 0x80) {
          fmt::format_to(sink, "\\x{:02x}", at.rune);
        } else if (at.rune < 0x10000) {
          fmt::format_to(sink, "\\u{:04x}", at.rune);
        } else {
          fmt::format_to(sink, "\\U{:08x}", at.rune);
        }
    }
    text.remove_prefix(at.length);
  }
  out.push_back('"');
}

std::string goQuote(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 2);
  appendGoQuoted(out, text);
  return out;
}

void appendJsonQuoted(std::string& out, std::string_view text) {
  auto sink = std::back_inserter(out);
  out.push_back('"');
  while (!text.empty()) {
    const Decoded at = decodeUtf8(text);
    if (at.length == 0) {
      out.append("\\ufffd");
      text.remove_prefix(1);
      continue;
    }
    switch (at.rune) {
      case '"':
        out.append("\\\"");
        break;
      case '\\':
        out.append("\\\\");
        break;
      case '\b':
        out.append("\\b");
        break;
      case '\f':
        out.append("\\f");
        break;
      case '\n':
        out.append("\\n");
        break;
      case '\r':
        out.append("\\r");
        break;
      case '\t':
        out.append("\\t");
        break;
      case '<':
      case '>':
      case '&':
      case 0x2028:
      case 0x2029:
        fmt::format_to(sink, "\\u{:04x}", at.rune);
        break;
      default:
        if (at.rune < 0x20)
          fmt::format_to(sink, "\\u{:04x}", at.rune);
        else
          out.append(text.substr(0, at.length));
    }
    text.remove_prefix(at.length);
  }
  out.push_back('"');
}

}  // namespace coxswain::api
