#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "api/yaml/parser.h"
#include "base/status.h"

namespace coxswain::api {

/// Characters, lines and scalars of YAML text: the lower half of the parser. `\r\n` and `\r` end
/// lines as `\n` does. Beyond the end peek() gives '\0', which valid text does not hold.
class YamlScanner {
 protected:
  explicit YamlScanner(std::string_view text) : text_(text) {}

  static bool isBlank(char c) { return c == ' ' || c == '\t'; }
  static bool isBreak(char c) { return c == '\n' || c == '\r'; }
  static bool isBlankOrBreak(char c) { return isBlank(c) || isBreak(c) || c == '\0'; }
  static bool isFlowIndicator(char c) {
    return c == ',' || c == '[' || c == ']' || c == '{' || c == '}';
  }

  [[nodiscard]] char peek(size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  [[nodiscard]] bool atEnd() const { return at_ >= text_.size(); }
  [[nodiscard]] bool atLineEnd() const { return atEnd() || isBreak(peek()); }
  [[nodiscard]] size_t line() const { return line_; }
  [[nodiscard]] int column() const { return static_cast<int>(at_ - lineStart_); }
  /// "---" or "..." at the start of a line.
  [[nodiscard]] bool atMarker(std::string_view marker) const {
    return column() == 0 && text_.substr(at_, 3) == marker && isBlankOrBreak(peek(3));
  }
  /// An indicator with a blank behind it: "- ", "? ", ": ".
  [[nodiscard]] bool isEntry(char indicator) const {
    return !atEnd() && peek() == indicator && isBlankOrBreak(peek(1));
  }
  /// A key of a block map begins here: "? ", or one line's scalar with ':' behind it.
  [[nodiscard]] bool keyAhead() const;

  /// Over characters that are no line breaks.
  void advance(size_t count) { at_ += count; }
  void skipBlanks() {
    while (isBlank(peek())) ++at_;
  }
  void skipBreak();
  void skipLine();
  /// Over blanks, comments and line breaks. Tabs may not indent a block.
  Status skipToToken(bool flow = false);

  std::string_view takeName(bool flow);
  std::string_view takeTag(bool flow);
  static std::string normalTag(std::string_view tag);

  /// Lines further right than `indent` continue it, unless `oneLine`.
  Status plain(int indent, bool flow, YamlToken& out, bool oneLine = false);
  Status quoted(YamlToken& out);
  Status blockScalar(int indent, YamlToken& out);

  [[nodiscard]] Status error(std::string_view message) const { return errorAt(line_, message); }
  static Status errorAt(size_t line, std::string_view message);

 private:
  [[nodiscard]] size_t plainEnd(size_t at, bool flow) const;
  Status escape(std::string& out);
  Status foldQuoted(std::string& out, bool skipFirst);
  Status hex(size_t digits, uint32_t& out);

  std::string_view text_;
  size_t at_ = 0;
  size_t lineStart_ = 0;
  size_t line_ = 1;
};

}  // namespace coxswain::api
