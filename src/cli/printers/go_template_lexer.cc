#include "cli/printers/go_template_lexer.h"

#include <cctype>

#include "cli/printers/go_template_node.h"

namespace coxswain::cli::go_template {

namespace {

constexpr std::string_view kOpen = "{{";
constexpr std::string_view kClose = "}}";
constexpr std::string_view kSpaces = " \t\r\n";

bool isSpace(char c) {
  return kSpaces.find(c) != std::string_view::npos;
}
bool isNameChar(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  Result<std::vector<Token>> run() {
    while (at_ < text_.size()) TRY_STATUS(outside());
    add(Token::Kind::End, at_, at_);
    return std::move(tokens_);
  }

 private:
  Status failed(size_t at, std::string_view message) const {
    return badRequest(position(text_, at, false) + ": " + std::string(message));
  }

  void add(Token::Kind kind, size_t begin, size_t end) {
    tokens_.push_back({kind, text_.substr(begin, end - begin), begin});
  }

  [[nodiscard]] std::string_view rest() const { return text_.substr(at_); }
  [[nodiscard]] char here(size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }

  /// Text up to an action, and the action.
  Status outside() {
    const size_t open = text_.find(kOpen, at_);
    size_t end = open == std::string_view::npos ? text_.size() : open;
    const bool trims = open != std::string_view::npos && open + 3 < text_.size() &&
                       text_[open + 2] == '-' && isSpace(text_[open + 3]);
    if (trims) {
      while (end > at_ && isSpace(text_[end - 1])) --end;
    }
    if (end > at_) add(Token::Kind::Text, at_, end);
    if (open == std::string_view::npos) {
      at_ = text_.size();
      return {};
    }
    at_ = open + (trims ? 4 : 2);
    if (rest().starts_with("/*")) return comment(open);
    add(Token::Kind::Open, open, open + 2);
    return inside(open);
  }

  /// Space after "-}}" goes.
  void closed(bool trims) {
    if (!trims) return;
    while (at_ < text_.size() && isSpace(text_[at_])) ++at_;
  }

  Status comment(size_t open) {
    const size_t end = text_.find("*/", at_);
    if (end == std::string_view::npos) return failed(open, "unclosed comment");
    at_ = end + 2;
    const bool trims = isSpace(here()) && here(1) == '-' && rest().substr(2).starts_with(kClose);
    if (trims) at_ += 2;
    if (!rest().starts_with(kClose)) {
      return failed(open, "comment ends before closing delimiter");
    }
    at_ += 2;
    closed(trims);
    return {};
  }

  Status inside(size_t open) {
    int depth = 0;
    while (true) {
      const bool trims = isSpace(here()) && here(1) == '-' && rest().substr(2).starts_with(kClose);
      if (trims || rest().starts_with(kClose)) {
        if (depth > 0) return failed(open, "unclosed left paren");
        if (trims) at_ += 2;
        add(Token::Kind::Close, at_, at_ + 2);
        at_ += 2;
        closed(trims);
        return {};
      }
      if (at_ >= text_.size()) return failed(open, "unclosed action");
      TRY_STATUS(piece(depth));
    }
  }

  Status piece(int& depth) {
    const size_t begin = at_;
    const char c = here();
    if (isSpace(c)) {
      while (isSpace(here()) && !(here(1) == '-' && rest().substr(2).starts_with(kClose))) ++at_;
      if (at_ == begin) ++at_;
      add(Token::Kind::Space, begin, at_);
    } else if (c == '"' || c == '\'') {
      return quoted(c);
    } else if (c == '`') {
      const size_t end = text_.find('`', at_ + 1);
      if (end == std::string_view::npos) return failed(begin, "unterminated raw quoted string");
      at_ = end + 1;
      add(Token::Kind::RawString, begin, at_);
    } else if (c == '$') {
      ++at_;
      name(Token::Kind::Variable, begin);
    } else if (c == '.' && !std::isdigit(static_cast<unsigned char>(here(1)))) {
      ++at_;
      if (isNameChar(here())) {
        name(Token::Kind::Field, begin);
      } else {
        add(Token::Kind::Dot, begin, at_);
      }
    } else if (std::isdigit(static_cast<unsigned char>(c)) || c == '.' || c == '+' || c == '-') {
      ++at_;
      while (
          isNameChar(here()) || here() == '.' ||
          ((here() == '+' || here() == '-') && (text_[at_ - 1] == 'e' || text_[at_ - 1] == 'E'))) {
        ++at_;
      }
      add(Token::Kind::Number, begin, at_);
    } else if (isNameChar(c)) {
      name(Token::Kind::Word, begin);
    } else if (c == ':') {
      if (here(1) != '=') return failed(begin, "expected :=");
      at_ += 2;
      add(Token::Kind::Sign, begin, at_);
    } else if (c == '(' || c == ')' || c == '|' || c == ',' || c == '=') {
      depth += c == '(' ? 1 : c == ')' ? -1 : 0;
      if (depth < 0) return failed(begin, "unexpected right paren");
      ++at_;
      add(Token::Kind::Sign, begin, at_);
    } else {
      return failed(begin, "unexpected " + std::string(1, c) + " in action");
    }
    return {};
  }

  void name(Token::Kind kind, size_t begin) {
    while (isNameChar(here())) ++at_;
    add(kind, begin, at_);
  }

  Status quoted(char quote) {
    const size_t begin = at_++;
    while (here() != quote) {
      if (at_ >= text_.size() || here() == '\n') {
        return failed(
            begin, quote == '"' ? "unterminated quoted string" : "unterminated character constant");
      }
      at_ += here() == '\\' ? 2 : 1;
    }
    ++at_;
    if (at_ > text_.size()) return failed(begin, "unterminated quoted string");
    add(quote == '"' ? Token::Kind::String : Token::Kind::Character, begin, at_);
    return {};
  }

  std::string_view text_;
  size_t at_ = 0;
  std::vector<Token> tokens_;
};

}  // namespace

Result<std::vector<Token>> lex(std::string_view text) {
  return Lexer(text).run();
}

}  // namespace coxswain::cli::go_template
