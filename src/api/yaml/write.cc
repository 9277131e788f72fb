// JSON values as go-yaml writes them: one pass over the value, with the column kept for folding.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>

#include "api/codec/value.h"
#include "api/meta/base64.h"
#include "api/yaml/scalar.h"
#include "api/yaml/text_shape.h"
#include "api/yaml/yaml.h"

namespace coxswain::api {

namespace {

namespace json = boost::json;

constexpr int kIndent = 2;
constexpr int kWidth = 80;
constexpr size_t kSimpleKeyMax = 128;

class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  void document(const json::value& value) {
    if (isBlock(value))
      block(value, 0, true);
    else
      scalar(value, kIndent, false);
    if (out_.empty() || out_.back() != '\n') put('\n');
  }

 private:
  static bool isBlock(const json::value& value) {
    return (value.is_object() && !value.get_object().empty()) ||
           (value.is_array() && !value.get_array().empty());
  }

  void put(char c) {
    out_.push_back(c);
    column_ = c == '\n' ? 0 : column_ + 1;
  }
  /// No line feeds inside. Counts characters, not bytes.
  void put(std::string_view text) {
    out_.append(text);
    for (const char c : text) column_ += (static_cast<uint8_t>(c) & 0xc0) != 0x80 ? 1 : 0;
  }
  void newLine(int indent) {
    if (!out_.empty() && out_.back() != '\n') put('\n');
    out_.append(static_cast<size_t>(indent), ' ');
    column_ = indent;
  }

  /// `inlineFirst`: the first line continues the one that is there.
  void block(const json::value& value, int indent, bool inlineFirst) {
    if (value.is_array())
      list(value.get_array(), indent, inlineFirst);
    else
      map(value.get_object(), indent, inlineFirst);
  }

  void list(const json::array& array, int indent, bool inlineFirst) {
    for (const auto& element : array) {
      if (!inlineFirst) newLine(indent);
      inlineFirst = false;
      put('-');
      put(' ');
      if (isBlock(element))
        block(element, indent + kIndent, true);
      else
        scalar(element, indent + kIndent, false);
    }
  }

  void map(const json::object& object, int indent, bool inlineFirst) {
    std::vector<const json::key_value_pair*> entries;
    entries.reserve(object.size());
    for (const auto& entry : object) entries.push_back(&entry);
    // Stable, since it stays in bounds even where this order contradicts itself (huge numbers).
    std::stable_sort(entries.begin(), entries.end(), [](const auto* a, const auto* b) {
      return yamlKeyLess({a->key().data(), a->key().size()}, {b->key().data(), b->key().size()});
    });
    for (const auto* entry : entries) {
      if (!inlineFirst) newLine(indent);
      inlineFirst = false;
      const std::string_view key(entry->key().data(), entry->key().size());
      const json::value& value = entry->value();
      if (!isSimpleKey(key)) {
        explicitEntry(key, value, indent);
        continue;
      }
      text(key, indent + kIndent, true);
      put(':');
      if (!isBlock(value)) {
        put(' ');
        scalar(value, indent + kIndent, false);
      } else {
        block(value, value.is_array() ? indent : indent + kIndent, false);
      }
    }
  }

  static bool isSimpleKey(std::string_view key) {
    return key.size() <= kSimpleKeyMax && !shapeOf(key).multiline;
  }

  /// "? key" and ": value" on lines of their own, for keys too long to be seen as one.
  void explicitEntry(std::string_view key, const json::value& value, int indent) {
    put('?');
    put(' ');
    text(key, indent + kIndent, false);
    newLine(indent);
    put(':');
    put(' ');
    if (isBlock(value))
      block(value, indent + kIndent, true);
    else
      scalar(value, indent + kIndent, false);
  }

  void scalar(const json::value& value, int indent, bool isKey) {
    switch (value.kind()) {
      case json::kind::null:
        return put("null");
      case json::kind::bool_:
        return put(value.get_bool() ? "true" : "false");
      case json::kind::int64:
        return put(std::to_string(value.get_int64()));
      case json::kind::uint64:
        return put(std::to_string(value.get_uint64()));
      case json::kind::double_:
        return put(formatYamlFloat(value.get_double()));
      case json::kind::object:
        return put("{}");
      case json::kind::array:
        return put("[]");
      case json::kind::string:
        return text({value.get_string().data(), value.get_string().size()}, indent, isKey);
    }
  }

  void text(std::string_view value, int indent, bool isKey) {
    const TextShape shape = shapeOf(value);
    if (!shape.validUtf8) {
      put("!!binary ");
      return text(base64Encode(value), indent, isKey);
    }
    const auto kind = resolveYamlScalar(value).kind;
    // As a value "<<" is text; as a key it would merge (go-yaml forgets the quotes there).
    const bool readsAsText = (kind == YamlScalar::Kind::String && !isYamlBase60(value)) ||
                             (kind == YamlScalar::Kind::Merge && !isKey);
    if (value.find('\n') != std::string_view::npos) {
      if (shape.blockAllowed && !isKey) return literal(value, indent);
      return doubleQuoted(value, indent, isKey);
    }
    if (!readsAsText) return doubleQuoted(value, indent, isKey);
    if (shape.plainAllowed) return plain(value, indent, isKey);
    if (shape.singleQuotedAllowed) return singleQuoted(value, indent, isKey);
    doubleQuoted(value, indent, isKey);
  }

  /// A line may end at the first single space past the width.
  [[nodiscard]] bool foldsHere(bool isKey, bool spaces) const {
    return !isKey && !spaces && column_ > kWidth;
  }

  void plain(std::string_view value, int indent, bool isKey) {
    bool spaces = false;
    for (size_t i = 0; i < value.size(); ++i) {
      if (value[i] != ' ') {
        put(value.substr(i, 1));
        spaces = false;
        continue;
      }
      const bool nextSpace = i + 1 < value.size() && value[i + 1] == ' ';
      if (foldsHere(isKey, spaces) && !nextSpace)
        newLine(indent);
      else
        put(' ');
      spaces = true;
    }
  }

  void singleQuoted(std::string_view value, int indent, bool isKey) {
    put('\'');
    bool spaces = false;
    for (size_t i = 0; i < value.size(); ++i) {
      if (value[i] == '\'') put('\'');
      if (value[i] != ' ') {
        put(value.substr(i, 1));
        spaces = false;
        continue;
      }
      const bool nextSpace = i + 1 < value.size() && value[i + 1] == ' ';
      if (foldsHere(isKey, spaces) && i > 0 && i + 1 < value.size() && !nextSpace)
        newLine(indent);
      else
        put(' ');
      spaces = true;
    }
    put('\'');
  }

  void doubleQuoted(std::string_view value, int indent, bool isKey) {
    put('"');
    bool spaces = false;
    for (size_t i = 0; i < value.size();) {
      const Rune rune = decodeRune(value, i);
      if (rune.value == ' ') {
        const bool nextSpace = i + 1 < value.size() && value[i + 1] == ' ';
        if (foldsHere(isKey, spaces) && i > 0 && i + 1 < value.size()) {
          newLine(indent);
          if (nextSpace) put('\\');
        } else {
          put(' ');
        }
        spaces = true;
        ++i;
        continue;
      }
      spaces = false;
      if (needsEscape(rune.value))
        escape(rune.value);
      else
        put(value.substr(i, rune.length));
      i += rune.length;
    }
    put('"');
  }

  void escape(uint32_t rune) {
    switch (rune) {
      case 0:
        return put("\\0");
      case 7:
        return put("\\a");
      case 8:
        return put("\\b");
      case 9:
        return put("\\t");
      case 10:
        return put("\\n");
      case 11:
        return put("\\v");
      case 12:
        return put("\\f");
      case 13:
        return put("\\r");
      case 0x1b:
        return put("\\e");
      case '"':
        return put("\\\"");
      case '\\':
        return put("\\\\");
      case 0x85:
        return put("\\N");
      case 0xa0:
        return put("\\_");
      case 0x2028:
        return put("\\L");
      case 0x2029:
        return put("\\P");
      default:
        break;
    }
    if (rune <= 0xff)
      put(fmt::format("\\x{:02X}", rune));
    else if (rune <= 0xffff)
      put(fmt::format("\\u{:04X}", rune));
    else
      put(fmt::format("\\U{:08X}", rune));
  }

  void literal(std::string_view value, int indent) {
    put('|');
    // Leading blanks hide the indentation, so it is told.
    if (value.front() == ' ' || value.front() == '\n') put(std::to_string(kIndent));
    if (value.back() != '\n')
      put('-');
    else if (value.size() == 1 || value[value.size() - 2] == '\n')
      put('+');
    put('\n');
    while (!value.empty()) {
      const size_t stop = std::min(value.find('\n'), value.size());
      if (stop > 0) {
        out_.append(static_cast<size_t>(indent), ' ');
        put(value.substr(0, stop));
      }
      value.remove_prefix(stop);
      if (value.empty()) return;
      put('\n');
      value.remove_prefix(1);
    }
  }

  std::string& out_;
  int column_ = 0;
};

}  // namespace

void valueToYaml(const json::value& value, std::string& out) {
  std::string document;
  Writer(document).document(value);
  out.append(document);
}

std::string valueToYaml(const json::value& value) {
  std::string out;
  Writer(out).document(value);
  return out;
}

Result<std::string> jsonToYaml(std::string_view text) {
  TRY(const json::value value, parseJsonValue(text));
  return valueToYaml(value);
}

}  // namespace coxswain::api
