#include "cli/printers/kyaml.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>

#include "api/codec/value.h"
#include "base/text.h"

namespace coxswain::cli {

namespace {

constexpr std::string_view kFold = "\\\n";

/// A code point of valid UTF-8; `size` is how many bytes it takes.
char32_t decode(std::string_view text, size_t& size) {
  const auto lead = static_cast<unsigned char>(text[0]);
  size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  size = std::min(size, text.size());
  if (size == 1) return lead;
  char32_t point = lead & (0x7fU >> size);
  for (size_t i = 1; i < size; ++i) {
    point = point << 6U | (static_cast<unsigned char>(text[i]) & 0x3fU);
  }
  return point;
}

/// Printed as it is: no control, no space but ' ', no joiner, nothing for private use.
bool isPrintable(char32_t c) {
  if (c < 0x20 || (c >= 0x7f && c <= 0xa0) || c == 0xad) return false;
  if ((c >= 0x2000 && c <= 0x200f) || (c >= 0x2028 && c <= 0x202f) || c == 0x205f) return false;
  if ((c >= 0x2060 && c <= 0x206f) || c == 0x3000 || c == 0xfeff || c == 0x1680) return false;
  return !(c >= 0xd800 && c <= 0xf8ff) && c < 0xe0000;
}

bool isSpace(char32_t c) {
  return c == ' ' || (c >= '\t' && c <= '\r') || c == 0x85 || c == 0xa0 || c == 0x2028 ||
         c == 0x2029;
}

void appendEscape(char32_t c, std::string& out) {
  struct Named {
    char32_t point;
    char letter;
  };
  static constexpr Named kNamed[] = {{'\a', 'a'}, {'\b', 'b'},   {'\f', 'f'},  {'\r', 'r'},
                                     {'\v', 'v'}, {0, '0'},      {0x1b, 'e'},  {0x85, 'N'},
                                     {0xa0, '_'}, {0x2028, 'L'}, {0x2029, 'P'}};
  for (const auto& [point, letter] : kNamed) {
    if (c != point) continue;
    out += '\\';
    out += letter;
    return;
  }
  const int digits = c < 0x80 ? 2 : c < 0x10000 ? 4 : 8;
  out += digits == 2 ? "\\x" : digits == 4 ? "\\u" : "\\U";
  for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) {
    out += "0123456789abcdef"[c >> static_cast<unsigned>(shift) & 15U];
  }
}

/// In quotes; of several lines each is one of the output too, unless `compact`.
void appendText(std::string_view text, size_t indent, bool compact, std::string& out) {
  const bool lines = !compact && text.find('\n') != std::string_view::npos;
  const std::string margin(indent * 2, ' ');
  out += '"';
  if (lines) out += kFold;
  bool fresh = lines;
  for (size_t size = 0; !text.empty(); text.remove_prefix(size)) {
    const char32_t c = decode(text, size);
    if (fresh) {
      // Leading space would be lost, so it is escaped; the others line up with it.
      out += margin;
      out += isSpace(c) && c != '\n' ? '\\' : ' ';
      fresh = false;
    }
    if (c == '\n') {
      out += "\\n";
      if (lines) out += kFold;
      fresh = lines;
    } else if (c == '\t') {
      out += compact ? "\\t" : "\t";
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (isPrintable(c)) {
      out += text.substr(0, size);
    } else {
      appendEscape(c, out);
    }
  }
  if (lines) {
    if (!fresh) out += kFold;
    out += margin;
  }
  out += '"';
}

bool isDigit(char c) {
  return c >= '0' && c <= '9';
}

/// A number of any notation YAML readers know, once its underscores are taken out.
bool isNumber(std::string text) {
  std::erase(text, '_');
  if (text.empty()) return false;
  size_t at = text[0] == '+' || text[0] == '-' ? 1 : 0;
  const std::string_view rest = std::string_view(text).substr(at);
  for (const auto& [prefix, digits] :
       {std::pair("0b", "01"), std::pair("0o", "01234567"), std::pair("0x", "0123456789abcdef")}) {
    if (rest.size() > 2 && rest.starts_with(prefix) &&
        rest.substr(2).find_first_not_of(digits) == std::string_view::npos) {
      return true;
    }
  }
  if (rest == "inf" || rest == "infinity" || text == "nan") return true;
  if (rest.empty() || !(isDigit(rest[0]) || rest[0] == '.')) return false;
  char* end = nullptr;
  std::strtod(text.c_str(), &end);
  return end == text.c_str() + text.size();
}

/// "11:00", "1:2:3.5": base sixty, in YAML 1.1.
bool isSexagesimal(std::string_view text) {
  if (text.find(':') == std::string_view::npos) return false;
  return text.find_first_not_of("+-0123456789_:.") == std::string_view::npos;
}

/// "2026-1-31" and what begins so.
bool isDate(std::string_view text) {
  if (text.size() < 8 || text[4] != '-') return false;
  for (size_t i = 0; i < 4; ++i) {
    if (!isDigit(text[i])) return false;
  }
  return text.find_first_not_of("0123456789-:.tTzZ+ ") == std::string_view::npos &&
         std::ranges::count(text, '-') >= 2;
}

bool isAmbiguous(std::string_view text) {
  const auto lower = lowerCase(text);
  for (const std::string_view word : {"null", "~", "", "true", "t", "y", "yes", "on", "false", "f",
                                      "n", "no", "off", ".inf", "-.inf", "+.inf", ".nan"}) {
    if (lower == word) return true;
  }
  return isNumber(lower) || isSexagesimal(text) || isDate(text);
}

bool needsQuotes(std::string_view text) {
  if (isAmbiguous(text)) return true;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (std::isalnum(static_cast<unsigned char>(c)) || c == '_') continue;
    const bool inside = i > 0 && i + 1 < text.size();
    if (inside && (c == '-' || c == '.' || c == '/')) continue;
    return true;
  }
  return false;
}

void append(const json::value& value, size_t indent, std::string& out);

void appendMap(const json::object& map, size_t indent, std::string& out) {
  if (map.empty()) {
    out += "{}";
    return;
  }
  std::vector<const json::key_value_pair*> members;
  for (const auto& member : map) members.push_back(&member);
  std::ranges::sort(members, {}, [](const auto* m) { return std::string_view(m->key()); });
  out += "{\n";
  for (const auto* member : members) {
    out.append((indent + 1) * 2, ' ');
    const std::string_view name = member->key();
    if (needsQuotes(name)) {
      appendText(name, indent + 1, true, out);
    } else {
      out += name;
    }
    out += ": ";
    append(member->value(), indent + 1, out);
    out += ",\n";
  }
  out.append(indent * 2, ' ');
  out += '}';
}

void appendList(const json::array& list, size_t indent, std::string& out) {
  if (list.empty()) {
    out += "[]";
    return;
  }
  const bool cuddled = std::ranges::all_of(
      list, [](const json::value& item) { return item.is_object() || item.is_array(); });
  out += '[';
  for (size_t i = 0; i < list.size(); ++i) {
    if (cuddled) {
      if (i > 0) out += ", ";
      append(list[i], indent, out);
      continue;
    }
    out += '\n';
    out.append((indent + 1) * 2, ' ');
    append(list[i], indent + 1, out);
    out += ',';
  }
  if (!cuddled) {
    out += '\n';
    out.append(indent * 2, ' ');
  }
  out += ']';
}

/// Depth is that of JSON readers, which bound it.
void append(const json::value& value, size_t indent, std::string& out) {
  if (const auto* map = value.if_object()) return appendMap(*map, indent, out);
  if (const auto* list = value.if_array()) return appendList(*list, indent, out);
  if (const auto* text = value.if_string()) {
    return appendText({text->data(), text->size()}, indent + 1, false, out);
  }
  out += api::writeJsonValue(value);
}

}  // namespace

std::string toKyaml(const json::value& value) {
  std::string out = "---\n";
  append(value, 0, out);
  out += '\n';
  return out;
}

}  // namespace coxswain::cli
