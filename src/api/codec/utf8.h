#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace coxswain::api {

/// Length of the valid UTF-8 sequence at `at`; 0 where it is not one.
inline size_t utf8Length(const char* at, const char* end) {
  auto byte = [&](size_t i) { return static_cast<uint8_t>(at[i]); };
  auto follows = [&](size_t i) { return at + i < end && (byte(i) & 0xC0U) == 0x80; };
  uint8_t b = byte(0);
  if (b < 0x80) return 1;
  if (b < 0xC2) return 0;
  if (b < 0xE0) return follows(1) ? 2 : 0;
  if (b < 0xF0) {
    if (!follows(1) || !follows(2)) return 0;
    if ((b == 0xE0 && byte(1) < 0xA0) || (b == 0xED && byte(1) >= 0xA0)) return 0;
    return 3;
  }
  if (b > 0xF4 || !follows(1) || !follows(2) || !follows(3)) return 0;
  if ((b == 0xF0 && byte(1) < 0x90) || (b == 0xF4 && byte(1) >= 0x90)) return 0;
  return 4;
}

/// `rune` is a valid code point.
inline void appendUtf8(std::string& out, uint32_t rune) {
  auto put = [&](uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (rune < 0x80) {
    put(rune);
  } else if (rune < 0x800) {
    put(0xC0 | rune >> 6);
    put(0x80 | (rune & 0x3F));
  } else if (rune < 0x10000) {
    put(0xE0 | rune >> 12);
    put(0x80 | (rune >> 6 & 0x3F));
    put(0x80 | (rune & 0x3F));
  } else {
    put(0xF0 | rune >> 18);
    put(0x80 | (rune >> 12 & 0x3F));
    put(0x80 | (rune >> 6 & 0x3F));
    put(0x80 | (rune & 0x3F));
  }
}

}  // namespace coxswain::api
