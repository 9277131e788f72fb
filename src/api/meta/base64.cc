#include "api/meta/base64.h"

#include <array>
#include <cstdint>

namespace coxswain::api {

namespace {

constexpr std::string_view kStandard =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrl =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr uint8_t kBad = 255;

constexpr std::array<uint8_t, 256> invert(std::string_view alphabet) {
  std::array<uint8_t, 256> table{};
  table.fill(kBad);
  for (size_t i = 0; i < alphabet.size(); ++i)
    table[static_cast<uint8_t>(alphabet[i])] = static_cast<uint8_t>(i);
  return table;
}
constexpr auto kStandardValues = invert(kStandard);
constexpr auto kUrlValues = invert(kUrl);

void encode(std::string& out, std::string_view bytes, std::string_view alphabet, bool pad) {
  const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(bytes[i])); };
  out.reserve(out.size() + (bytes.size() + 2) / 3 * 4);
  size_t i = 0;
  for (; i + 3 <= bytes.size(); i += 3) {
    const uint32_t v = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    out.push_back(alphabet[v >> 18]);
    out.push_back(alphabet[v >> 12 & 63]);
    out.push_back(alphabet[v >> 6 & 63]);
    out.push_back(alphabet[v & 63]);
  }
  const size_t left = bytes.size() - i;
  if (left == 0) return;
  const uint32_t v = byte(i) << 16 | (left == 2 ? byte(i + 1) << 8 : 0);
  out.push_back(alphabet[v >> 18]);
  out.push_back(alphabet[v >> 12 & 63]);
  if (left == 2) out.push_back(alphabet[v >> 6 & 63]);
  if (pad) out.append(3 - left, '=');
}

std::optional<std::string> decode(std::string_view text, const std::array<uint8_t, 256>& values,
                                  bool padded) {
  std::string out;
  out.reserve(text.size() / 4 * 3 + 2);
  uint32_t pending = 0;
  int count = 0;
  int pads = 0;
  for (const char c : text) {
    if (c == '\r' || c == '\n') continue;
    if (padded && c == '=') {
      // Padding may stand only where two or three characters of a group are there.
      if (count + pads < 2 || count + pads >= 4) return std::nullopt;
      ++pads;
      continue;
    }
    const uint8_t value = values[static_cast<uint8_t>(c)];
    if (value == kBad || pads > 0) return std::nullopt;
    pending = pending << 6 | value;
    if (++count == 4) {
      out.push_back(static_cast<char>(pending >> 16));
      out.push_back(static_cast<char>(pending >> 8));
      out.push_back(static_cast<char>(pending));
      pending = 0;
      count = 0;
    }
  }
  if (count == 1 || (padded && (count + pads) % 4 != 0)) return std::nullopt;
  if (count == 2) {
    out.push_back(static_cast<char>(pending >> 4));
  } else if (count == 3) {
    out.push_back(static_cast<char>(pending >> 10));
    out.push_back(static_cast<char>(pending >> 2));
  }
  return out;
}

}  // namespace

std::string base64Encode(std::string_view bytes) {
  std::string out;
  encode(out, bytes, kStandard, true);
  return out;
}

void base64Append(std::string& out, std::string_view bytes) {
  encode(out, bytes, kStandard, true);
}

std::optional<std::string> base64Decode(std::string_view text) {
  return decode(text, kStandardValues, true);
}

std::string base64UrlEncode(std::string_view bytes) {
  std::string out;
  encode(out, bytes, kUrl, false);
  return out;
}

std::optional<std::string> base64UrlDecode(std::string_view text) {
  return decode(text, kUrlValues, false);
}

}  // namespace coxswain::api
