#include "api/yaml/text_shape.h"

#include <algorithm>

#include "api/yaml/yaml.h"

namespace coxswain::api {

namespace {

bool isBreak(uint32_t rune) {
  return rune == '\n' || rune == '\r' || rune == 0x85 || rune == 0x2028 || rune == 0x2029;
}

/// What go-yaml writes as it is. It leaves out tabs and everything past the basic plane.
bool isPrintable(uint32_t rune) {
  if (rune == '\n' || (rune >= 0x20 && rune <= 0x7e)) return true;
  return rune >= 0xa0 && rune < 0x10000 && !(rune >= 0xd800 && rune < 0xe000) && rune != 0xfeff &&
         rune != 0xfffe && rune != 0xffff;
}

bool isBlankOrEnd(std::string_view text, size_t at) {
  if (at >= text.size()) return true;
  const Rune rune = decodeRune(text, at);
  return rune.value == ' ' || rune.value == '\t' || rune.value == 0 || isBreak(rune.value);
}

bool isIndicator(std::string_view text, size_t at, size_t length, bool afterBlank) {
  const char c = text[at];
  const bool beforeBlank = isBlankOrEnd(text, at + length);
  if (at == 0) {
    constexpr std::string_view kAlways = "#,[]{}&*!|>'\"%@`";
    if (kAlways.find(c) != std::string_view::npos) return true;
    return (c == '?' || c == ':' || c == '-') && beforeBlank;
  }
  return (c == ':' && beforeBlank) || (c == '#' && afterBlank);
}

bool isLetter(uint32_t rune) {
  if (rune < 0x80) return (rune | 0x20) >= 'a' && (rune | 0x20) <= 'z';
  // Close enough to Unicode's letters: everything but punctuation, symbols, private use, emoji.
  const auto within = [&](uint32_t first, uint32_t last) { return rune >= first && rune <= last; };
  return rune >= 0xc0 && rune != 0xd7 && rune != 0xf7 && !within(0x2000, 0x2bff) &&
         !within(0x3000, 0x3004) && !within(0xe000, 0xf8ff) && !within(0xfe00, 0xfe6f) &&
         !within(0xfeff, 0xff20) && !within(0xfff0, 0xffff) && !within(0x1f000, 0x1faff);
}

bool isDigit(uint32_t rune) {
  return rune >= '0' && rune <= '9';
}

}  // namespace

Rune decodeRune(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(at);
  if (first < 0x80) return {first, 1, true};
  size_t length = 0;
  uint32_t value = 0;
  uint32_t smallest = 0;
  if ((first & 0xe0) == 0xc0) {
    length = 2, value = first & 0x1fu, smallest = 0x80;
  } else if ((first & 0xf0) == 0xe0) {
    length = 3, value = first & 0x0fu, smallest = 0x800;
  } else if ((first & 0xf8) == 0xf0) {
    length = 4, value = first & 0x07u, smallest = 0x10000;
  } else {
    return {};
  }
  if (at + length > text.size()) return {};
  for (size_t i = at + 1; i < at + length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    value = value << 6 | (byte(i) & 0x3fu);
  }
  if (value < smallest || value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) return {};
  return {value, length, true};
}

bool needsEscape(uint32_t rune) {
  return !isPrintable(rune) || isBreak(rune) || rune == '"' || rune == '\\';
}

TextShape shapeOf(std::string_view text) {
  TextShape shape;
  if (text.empty()) {
    shape.blockAllowed = false;
    return shape;
  }
  bool indicators = text.starts_with("---") || text.starts_with("...");
  bool special = false;
  bool lineBreaks = false;
  bool leading = false;
  bool trailing = false;
  bool trailingSpace = false;
  bool breakSpace = false;
  bool spaceBreak = false;
  bool previousSpace = false;
  bool previousBreak = false;
  bool afterBlank = true;
  for (size_t at = 0; at < text.size();) {
    const Rune rune = decodeRune(text, at);
    if (!rune.valid) {
      shape.validUtf8 = false;
      return shape;
    }
    const bool last = at + rune.length == text.size();
    const bool isSpace = rune.value == ' ';
    const bool isLineBreak = isBreak(rune.value);
    if (isIndicator(text, at, rune.length, afterBlank)) indicators = true;
    if (!isPrintable(rune.value)) special = true;
    if (isLineBreak) lineBreaks = true;
    if (isSpace || isLineBreak) {
      if (at == 0) leading = true;
      if (last) trailing = true;
      if (last && isSpace) trailingSpace = true;
      if (isSpace && previousBreak) breakSpace = true;
      if (isLineBreak && previousSpace) spaceBreak = true;
    }
    previousSpace = isSpace;
    previousBreak = isLineBreak;
    afterBlank = isSpace || isLineBreak || rune.value == '\t' || rune.value == 0;
    at += rune.length;
  }
  if (leading || trailing || breakSpace || spaceBreak || special || lineBreaks || indicators)
    shape.plainAllowed = false;
  if (breakSpace || spaceBreak || special) shape.singleQuotedAllowed = false;
  if (trailingSpace || spaceBreak || special) shape.blockAllowed = false;
  shape.multiline = lineBreaks;
  return shape;
}

bool yamlKeyLess(std::string_view a, std::string_view b) {
  size_t i = 0;
  while (i < a.size() && i < b.size() && a[i] == b[i]) ++i;
  // To the start of a character.
  while (i > 0 && i < a.size() && (static_cast<uint8_t>(a[i]) & 0xc0) == 0x80) --i;
  if (i >= a.size() || i >= b.size()) return a.size() < b.size();
  const uint32_t x = decodeRune(a, i).value;
  const uint32_t y = decodeRune(b, i).value;
  const bool xLetter = isLetter(x);
  const bool yLetter = isLetter(y);
  if (xLetter && yLetter) return x < y;
  if (xLetter || yLetter) return yLetter;
  // Numbers by value. A zero behind other digits belongs to a number that began before.
  uint64_t xNumber = 0;
  uint64_t yNumber = 0;
  if (x == '0' || y == '0') {
    for (size_t j = i; j > 0 && isDigit(static_cast<uint8_t>(a[j - 1])); --j) {
      if (a[j - 1] != '0') {
        xNumber = yNumber = 1;
        break;
      }
    }
  }
  size_t xEnd = i;
  size_t yEnd = i;
  while (xEnd < a.size() && isDigit(static_cast<uint8_t>(a[xEnd])))
    xNumber = xNumber * 10 + static_cast<uint64_t>(a[xEnd++] - '0');
  while (yEnd < b.size() && isDigit(static_cast<uint8_t>(b[yEnd])))
    yNumber = yNumber * 10 + static_cast<uint64_t>(b[yEnd++] - '0');
  // Wraps where Go's wraps.
  if (xNumber != yNumber) return static_cast<int64_t>(xNumber) < static_cast<int64_t>(yNumber);
  if (xEnd != yEnd) return xEnd < yEnd;
  return x < y;
}

}  // namespace coxswain::api
