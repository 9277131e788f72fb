#include "api/codec/json_writer.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

#include "api/codec/json_text.h"
#include "api/codec/utf8.h"
#include "api/meta/base64.h"

namespace coxswain::api {
namespace {

/// Bytes that cannot be copied as they are.
constexpr std::array<bool, 256> kSpecial = [] {
  std::array<bool, 256> table{};
  for (size_t i = 0; i < 0x20; ++i) table[i] = true;
  for (size_t i = 0x80; i < 0x100; ++i) table[i] = true;
  for (char c : {'"', '\\', '<', '>', '&'}) table[static_cast<uint8_t>(c)] = true;
  return table;
}();

/// How much of `text` can be copied as it is.
size_t plainPrefix(std::string_view text) {
  constexpr uint64_t kOnes = 0x0101010101010101ULL;
  constexpr uint64_t kHigh = 0x8080808080808080ULL;
  auto zeroIn = [](uint64_t v) { return (v - kOnes) & ~v & kHigh; };
  size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    uint64_t word = 0;
    std::memcpy(&word, text.data() + at, 8);
    // '<' and '>' differ in one bit.
    uint64_t special = zeroIn(word ^ (kOnes * '"')) | zeroIn(word ^ (kOnes * '\\')) |
                       zeroIn((word & (kOnes * 0xFD)) ^ (kOnes * '<')) |
                       zeroIn(word ^ (kOnes * '&')) | ((word - kOnes * 0x20) & ~word & kHigh) |
                       (word & kHigh);
    if (special != 0) break;
  }
  while (at < text.size() && !kSpecial[static_cast<uint8_t>(text[at])]) ++at;
  return at;
}

void appendEscape(std::string& out, uint32_t unit) {
  static constexpr char kHex[] = "0123456789abcdef";
  out.append("\\u");
  for (int shift = 12; shift >= 0; shift -= 4) out.push_back(kHex[unit >> shift & 15]);
}

/// Appends one byte or sequence that kSpecial names; returns its length.
size_t appendSpecial(std::string& out, const char* at, const char* end) {
  auto byte = static_cast<uint8_t>(*at);
  if (byte >= 0x80) {
    size_t length = utf8Length(at, end);
    if (length == 0) {
      out.append("\\ufffd");
      return 1;
    }
    if (length == 3 && byte == 0xE2 && at[1] == '\x80' && (at[2] == '\xA8' || at[2] == '\xA9')) {
      appendEscape(out, at[2] == '\xA8' ? 0x2028 : 0x2029);
      return 3;
    }
    out.append(at, length);
    return length;
  }
  switch (*at) {
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
    default:
      appendEscape(out, byte);
  }
  return 1;
}

template <typename T>
void appendReal(std::string& out, T value) {
  if (!std::isfinite(value)) {
    out.append("null");
    return;
  }
  T magnitude = std::abs(value);
  bool exponent = magnitude != 0 && (magnitude < T(1e-6) || magnitude >= T(1e21));
  char buffer[64];
  auto end = std::to_chars(buffer, buffer + sizeof(buffer), value,
                           exponent ? std::chars_format::scientific : std::chars_format::fixed)
                 .ptr;
  std::string_view text(buffer, static_cast<size_t>(end - buffer));
  // Go shortens e-09 to e-9.
  if (exponent && text.size() >= 4 && text[text.size() - 4] == 'e' &&
      text[text.size() - 3] == '-' && text[text.size() - 2] == '0') {
    out.append(text.substr(0, text.size() - 2));
    out.push_back(text.back());
    return;
  }
  out.append(text);
}

}  // namespace

void appendJsonString(std::string& out, std::string_view text) {
  out.push_back('"');
  const char* at = text.data();
  const char* end = at + text.size();
  const char* run = at;
  while (at < end) {
    at += plainPrefix({at, static_cast<size_t>(end - at)});
    if (at == end) break;
    out.append(run, at);
    at += appendSpecial(out, at, end);
    run = at;
  }
  out.append(run, end);
  out.push_back('"');
}

namespace {

/// `text` is valid.
template <bool kEscapeHtml>
void compact(std::string& out, std::string_view text) {
  const char* at = text.data();
  const char* end = at + text.size();
  bool quoted = false;
  const char* run = at;
  auto flush = [&](const char* next) {
    out.append(run, at);
    run = next;
  };
  for (; at < end; ++at) {
    char c = *at;
    if (!quoted && (c == ' ' || c == '\n' || c == '\t' || c == '\r')) {
      flush(at + 1);
    } else if (c == '"') {
      quoted = !quoted;
    } else if (quoted && c == '\\') {
      ++at;  // valid, so there is a next one
    } else if (kEscapeHtml && (c == '<' || c == '>' || c == '&')) {
      flush(at + 1);
      appendEscape(out, static_cast<uint8_t>(c));
    } else if (kEscapeHtml && c == '\xE2' && end - at >= 3 && at[1] == '\x80' &&
               (at[2] == '\xA8' || at[2] == '\xA9')) {
      flush(at + 3);
      appendEscape(out, at[2] == '\xA8' ? 0x2028 : 0x2029);
      at += 2;
    }
  }
  flush(end);
}

}  // namespace

bool appendCompactJson(std::string& out, std::string_view text) {
  if (!validateJson(text).ok()) return false;
  compact<true>(out, text);
  return true;
}

void assignCompactJson(std::string& to, std::string_view text) {
  to.clear();
  compact<false>(to, text);
}

void JsonTextWriter::grow(size_t count) {
  out_.resize(std::max(used_ * 2, used_ + count + 1024));
}

void JsonTextWriter::string(std::string_view text) {
  size_t plainSize = plainPrefix(text);
  if (plainSize == text.size()) [[likely]] {
    room(text.size() + 3);
    if (comma_) put(',');
    put('"');
    put(text);
    put('"');
    comma_ = true;
    return;
  }
  append([&](std::string& out) { appendJsonString(out, text); });
}

void JsonTextWriter::integer(int64_t value) {
  char buffer[24];
  plain({buffer, static_cast<size_t>(std::to_chars(buffer, buffer + 24, value).ptr - buffer)});
}

void JsonTextWriter::unsignedInteger(uint64_t value) {
  char buffer[24];
  plain({buffer, static_cast<size_t>(std::to_chars(buffer, buffer + 24, value).ptr - buffer)});
}

void JsonTextWriter::real(double value) {
  append([&](std::string& out) { appendReal(out, value); });
}

void JsonTextWriter::real(float value) {
  append([&](std::string& out) { appendReal(out, value); });
}

void JsonTextWriter::bytes(std::string_view data) {
  append([&](std::string& out) {
    out.push_back('"');
    base64Append(out, data);
    out.push_back('"');
  });
}

void JsonTextWriter::raw(std::string_view text) {
  append([&](std::string& out) {
    if (text.empty() || !appendCompactJson(out, text)) out.append("null");
  });
}

std::string indentJson(std::string_view compact) {
  std::string out;
  out.reserve(compact.size() * 2);
  size_t depth = 0;
  auto line = [&] {
    out.push_back('\n');
    out.append(depth * 2, ' ');
  };
  bool quoted = false;
  bool opened = false;  // just behind [ or {: an empty one stays on its line
  for (size_t i = 0; i < compact.size(); ++i) {
    char c = compact[i];
    if (quoted) {
      out.push_back(c);
      if (c == '\\' && i + 1 < compact.size()) out.push_back(compact[++i]);
      if (c == '"') quoted = false;
      continue;
    }
    if (opened && c != ']' && c != '}') {
      ++depth;
      line();
    }
    switch (c) {
      case '{':
      case '[':
        out.push_back(c);
        opened = true;
        continue;
      case ',':
        out.push_back(c);
        line();
        break;
      case ':':
        out.append(": ");
        break;
      case '}':
      case ']':
        if (!opened && depth > 0) {
          --depth;
          line();
        }
        out.push_back(c);
        break;
      case '"':
        quoted = true;
        [[fallthrough]];
      default:
        out.push_back(c);
    }
    opened = false;
  }
  return out;
}

}  // namespace coxswain::api
