#include "cli/printers/go_template_value.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "api/names/quote.h"
#include "cli/printers/go_template.h"

namespace coxswain::cli {

namespace go_template {

std::optional<int64_t> Datum::integer() const {
  if (value_ && value_->is_int64()) return value_->get_int64();
  return std::nullopt;
}

std::optional<double> Datum::number() const {
  if (!value_ || !value_->is_number() || integer()) return std::nullopt;
  return value_->to_number<double>();
}

std::string Datum::type() const {
  if (isNil()) return "nil";
  if (integer()) return isPart() || data_ ? "int64" : "int";
  if (value_->is_number()) return "float64";
  if (value_->is_bool()) return "bool";
  if (value_->is_string()) return "string";
  return value_->is_array() ? "[]interface {}" : "map[string]interface {}";
}

std::string Datum::print() const {
  if (missing()) return "<no value>";
  if (const auto whole = integer()) return std::to_string(*whole);
  return goValueText(*value_);
}

bool Datum::isTrue() const {
  if (isNil()) return false;
  if (value_->is_bool()) return value_->get_bool();
  if (value_->is_number()) return value_->to_number<double>() != 0;
  if (value_->is_string()) return !value_->get_string().empty();
  return value_->is_array() ? !value_->get_array().empty() : !value_->get_object().empty();
}

std::string floatText(double value) {
  char buffer[64];
  // Shortest digits in scientific form; written out unless the exponent is below -4 or above 5.
  const auto end =
      std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::scientific).ptr;
  std::string text(buffer, end);
  const size_t e = text.find('e');
  if (e == std::string::npos) return text;  // infinities are not in JSON
  const int exponent = std::atoi(text.c_str() + e + 1);
  if (exponent < -4 || exponent >= 6) return text;
  const auto fixed =
      std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::fixed).ptr;
  return {buffer, fixed};
}

std::string sprint(std::span<const Datum> arguments) {
  std::string out;
  for (size_t i = 0; i < arguments.size(); ++i) {
    // Blanks stand between operands of which neither is a text.
    if (i > 0 && !arguments[i].text() && !arguments[i - 1].text()) out += ' ';
    out += arguments[i].isNil() ? "<nil>" : arguments[i].print();
  }
  return out;
}

namespace {

struct Verb {
  bool minus = false;
  bool zero = false;
  bool plus = false;
  bool sharp = false;
  int width = 0;
  int precision = -1;
  char letter = 'v';
};

constexpr int kWidthMax = 1000;

int readNumber(std::string_view& text) {
  int value = 0;
  while (!text.empty() && text[0] >= '0' && text[0] <= '9') {
    value = std::min(value * 10 + (text[0] - '0'), kWidthMax);
    text.remove_prefix(1);
  }
  return value;
}

std::string formatFloat(double value, const Verb& verb) {
  char buffer[512];
  const int precision = std::min(verb.precision < 0 ? 6 : verb.precision, 100);
  const char format[] = {'%', '.', '*', verb.letter == 'F' ? 'f' : verb.letter, '\0'};
  const int size = std::snprintf(buffer, sizeof(buffer), format, precision, value);
  return {buffer, static_cast<size_t>(std::clamp(size, 0, static_cast<int>(sizeof(buffer)) - 1))};
}

std::string inBase(int64_t value, int base) {
  char buffer[80];
  return {buffer, std::to_chars(buffer, buffer + sizeof(buffer), value, base).ptr};
}

std::string hex(std::string_view text, bool upper) {
  const char* digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    out += digits[static_cast<unsigned char>(c) >> 4U];
    out += digits[static_cast<unsigned char>(c) & 15U];
  }
  return out;
}

/// Nothing: the verb is not for such a value.
std::optional<std::string> formatOne(const Datum& argument, const Verb& verb) {
  if (verb.letter == 'v') {
    if (const auto* text = argument.text(); text && verb.sharp) return api::goQuote(view(*text));
    if (const auto number = argument.number(); number && verb.precision >= 0) {
      Verb general = verb;
      general.letter = 'g';
      return formatFloat(*number, general);
    }
    return argument.isNil() ? "<nil>" : argument.print();
  }
  if (verb.letter == 'T') return argument.isNil() ? "<nil>" : argument.type();
  if (argument.isNil()) return std::nullopt;
  if (const auto* text = argument.text()) {
    std::string out(view(*text));
    if (verb.precision >= 0) out = out.substr(0, static_cast<size_t>(verb.precision));
    if (verb.letter == 's') return out;
    if (verb.letter == 'q') return api::goQuote(out);
    if (verb.letter == 'x' || verb.letter == 'X') return hex(out, verb.letter == 'X');
    return std::nullopt;
  }
  if (const auto whole = argument.integer()) {
    const std::string sign = verb.plus && *whole >= 0 ? "+" : "";
    switch (verb.letter) {
      case 'd':
        return sign + std::to_string(*whole);
      case 'b':
        return inBase(*whole, 2);
      case 'o':
        return inBase(*whole, 8);
      case 'x':
        return inBase(*whole, 16);
      case 'X': {
        std::string out = inBase(*whole, 16);
        for (char& c : out) c = c >= 'a' ? static_cast<char>(c - 32) : c;
        return out;
      }
      case 'c':
        return *whole > 0 && *whole < 0x80 ? std::string(1, static_cast<char>(*whole))
                                           : "\xef\xbf\xbd";
      default:
        return std::nullopt;
    }
  }
  if (const auto number = argument.number()) {
    if (std::string_view("fFeEgG").find(verb.letter) == std::string_view::npos) return std::nullopt;
    if (verb.letter == 'g' && verb.precision < 0) return floatText(*number);
    return (verb.plus && *number >= 0 ? "+" : "") + formatFloat(*number, verb);
  }
  if (argument.value().is_bool()) {
    return verb.letter == 't' ? std::optional(argument.print()) : std::nullopt;
  }
  if (verb.letter == 's') return argument.print();
  return std::nullopt;
}

size_t codePoints(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

std::string padded(std::string text, const Verb& verb) {
  const size_t width = static_cast<size_t>(verb.width);
  const size_t have = codePoints(text);
  if (have >= width) return text;
  if (verb.minus) return text + std::string(width - have, ' ');
  if (!verb.zero) return std::string(width - have, ' ') + text;
  const bool sign = text.starts_with('-') || text.starts_with('+');
  return text.substr(0, sign ? 1 : 0) + std::string(width - have, '0') + text.substr(sign ? 1 : 0);
}

Verb readVerb(std::string_view& format) {
  Verb verb;
  for (; !format.empty(); format.remove_prefix(1)) {
    const char c = format[0];
    if (c == '-') {
      verb.minus = true;
    } else if (c == '0') {
      verb.zero = true;
    } else if (c == '+') {
      verb.plus = true;
    } else if (c == '#') {
      verb.sharp = true;
    } else if (c != ' ') {
      break;
    }
  }
  verb.width = readNumber(format);
  if (format.starts_with('.')) {
    format.remove_prefix(1);
    verb.precision = readNumber(format);
  }
  verb.letter = format.empty() ? '\0' : format[0];
  if (!format.empty()) format.remove_prefix(1);
  return verb;
}

}  // namespace

std::string sprintf(std::string_view format, std::span<const Datum> arguments) {
  std::string out;
  size_t used = 0;
  while (!format.empty()) {
    const size_t percent = std::min(format.find('%'), format.size());
    out += format.substr(0, percent);
    format.remove_prefix(percent);
    if (format.empty()) break;
    format.remove_prefix(1);
    const Verb verb = readVerb(format);
    if (verb.letter == '\0') {
      out += "%!(NOVERB)";
    } else if (verb.letter == '%') {
      out += '%';
    } else if (used >= arguments.size()) {
      out += std::string("%!") + verb.letter + "(MISSING)";
    } else {
      const Datum& argument = arguments[used++];
      if (auto text = formatOne(argument, verb)) {
        out += padded(std::move(*text), verb);
      } else if (argument.isNil()) {
        out += std::string("%!") + verb.letter + "(<nil>)";
      } else {
        out +=
            std::string("%!") + verb.letter + "(" + argument.type() + "=" + argument.print() + ")";
      }
    }
  }
  if (used < arguments.size()) {
    out += "%!(EXTRA ";
    for (size_t i = used; i < arguments.size(); ++i) {
      if (i > used) out += ", ";
      out += arguments[i].isNil() ? "<nil>" : arguments[i].type() + "=" + arguments[i].print();
    }
    out += ")";
  }
  return out;
}

}  // namespace go_template

std::string goValueText(const json::value& value) {
  if (value.is_null()) return "<nil>";
  if (value.is_bool()) return value.get_bool() ? "true" : "false";
  if (value.is_int64()) return std::to_string(value.get_int64());
  if (value.is_number()) return go_template::floatText(value.to_number<double>());
  if (const auto* text = value.if_string()) return {text->data(), text->size()};
  std::string out;
  if (const auto* list = value.if_array()) {
    out = "[";
    for (const auto& item : *list) out += (out.size() > 1 ? " " : "") + goValueText(item);
    return out + "]";
  }
  std::vector<const json::key_value_pair*> members;
  for (const auto& member : value.get_object()) members.push_back(&member);
  std::ranges::sort(members, {}, [](const auto* m) { return std::string_view(m->key()); });
  out = "map[";
  for (const auto* member : members) {
    if (out.size() > 4) out += ' ';
    out.append(member->key()).append(":").append(goValueText(member->value()));
  }
  return out + "]";
}

}  // namespace coxswain::cli
