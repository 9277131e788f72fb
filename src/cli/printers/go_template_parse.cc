#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "api/names/quote.h"
#include "cli/printers/go_template.h"
#include "cli/printers/go_template_lexer.h"
#include "cli/printers/go_template_node.h"

namespace coxswain::cli {

namespace go_template {

namespace {

constexpr int kDepthMax = 100;

/// The text of a Go string or character constant, quotes included. False: not one.
bool unquote(std::string_view quoted, std::string& out) {
  const char quote = quoted[0];
  quoted = quoted.substr(1, quoted.size() - 2);
  const auto put = [&](uint32_t c) {
    if (c < 0x80) {
      out += static_cast<char>(c);
    } else if (c < 0x800) {
      out += static_cast<char>(0xc0 | c >> 6U);
      out += static_cast<char>(0x80 | (c & 63U));
    } else if (c < 0x10000) {
      out += static_cast<char>(0xe0 | c >> 12U);
      out += static_cast<char>(0x80 | (c >> 6U & 63U));
      out += static_cast<char>(0x80 | (c & 63U));
    } else {
      out += static_cast<char>(0xf0 | c >> 18U);
      out += static_cast<char>(0x80 | (c >> 12U & 63U));
      out += static_cast<char>(0x80 | (c >> 6U & 63U));
      out += static_cast<char>(0x80 | (c & 63U));
    }
  };
  while (!quoted.empty()) {
    if (quoted[0] != '\\') {
      out += quoted[0];
      quoted.remove_prefix(1);
      continue;
    }
    if (quoted.size() < 2) return false;
    const char c = quoted[1];
    quoted.remove_prefix(2);
    constexpr std::string_view kNames = "abfnrtv";
    constexpr std::string_view kValues = "\a\b\f\n\r\t\v";
    if (const size_t at = kNames.find(c); at != std::string_view::npos) {
      out += kValues[at];
    } else if (c == '\\' || c == quote) {
      out += c;
    } else if (c == 'x' || c == 'u' || c == 'U') {
      const size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : 8;
      if (quoted.size() < digits) return false;
      uint32_t value = 0;
      const auto [end, error] = std::from_chars(quoted.data(), quoted.data() + digits, value, 16);
      if (error != std::errc() || end != quoted.data() + digits || value > 0x10ffff) return false;
      if (c == 'x') {
        out += static_cast<char>(value);
      } else {
        put(value);
      }
      quoted.remove_prefix(digits);
    } else {
      return false;
    }
  }
  return true;
}

bool parseNumber(std::string text, json::value& out) {
  std::erase(text, '_');
  const char* begin = text.c_str() + (text.starts_with('+') ? 1 : 0);
  const char* end = text.c_str() + text.size();
  const bool negative = *begin == '-';
  const std::string_view digits(begin + (negative ? 1 : 0), end);
  const auto whole = [&](std::string_view prefix, int base) {
    if (!digits.starts_with(prefix) || digits.size() == prefix.size()) return false;
    int64_t value = 0;
    const auto [last, error] =
        std::from_chars(digits.data() + prefix.size(), digits.data() + digits.size(), value, base);
    if (error != std::errc() || last != digits.data() + digits.size() || value < 0) return false;
    out = negative ? -value : value;
    return true;
  };
  if (whole("0x", 16) || whole("0b", 2) || whole("0o", 8) || whole("", 10)) return true;
  char* last = nullptr;
  const double value = std::strtod(begin, &last);
  if (last != end || last == begin || digits.find_first_of("xXnN") != std::string_view::npos) {
    return false;
  }
  out = value;
  return true;
}

}  // namespace

/// Recursive descent over the tokens; depth is bounded.
class Parser {
 public:
  using Parts = std::map<std::string, std::shared_ptr<const List>, std::less<>>;

  Parser(std::string_view text, std::vector<Token> tokens)
      : text_(text), tokens_(std::move(tokens)) {}

  Result<Parts> run() {
    TRY(auto whole, list(0));
    if (!ended_.empty()) return failed("unexpected {{" + ended_ + "}}");
    parts_["output"] = std::move(whole);
    return std::move(parts_);
  }

 private:
  using ListPointer = std::shared_ptr<List>;

  [[nodiscard]] const Token& here() const { return tokens_[at_]; }
  void next() {
    if (here().kind != Token::Kind::End) ++at_;
  }
  void skipSpace() {
    while (here().kind == Token::Kind::Space) next();
  }
  [[nodiscard]] bool isSign(std::string_view text) const {
    return here().kind == Token::Kind::Sign && here().text == text;
  }
  [[nodiscard]] bool isWord(std::string_view text) const {
    return here().kind == Token::Kind::Word && here().text == text;
  }
  [[nodiscard]] Status failed(std::string_view message) const {
    return badRequest(position(text_, here().at, false) + ": " + std::string(message));
  }
  [[nodiscard]] Status unexpected(std::string_view where) const {
    std::string what = "EOF";
    if (here().kind == Token::Kind::Close) {
      what = "\"}}\"";
    } else if (here().kind != Token::Kind::End) {
      what = api::goQuote(here().text);
    }
    return failed("unexpected " + what + " in " + std::string(where));
  }
  Status close(std::string_view where) {
    skipSpace();
    if (here().kind != Token::Kind::Close) return unexpected(where);
    next();
    return {};
  }

  /// Nodes up to the end, {{end}} or {{else}}; `ended_` says which ("" at the end). After "else"
  /// what follows the word is still to be read; "end" is closed.
  Result<ListPointer> list(int depth) {
    if (depth > kDepthMax) return failed("too deeply nested");
    auto out = std::make_shared<List>();
    while (true) {
      ended_.clear();
      const Token token = here();
      next();
      if (token.kind == Token::Kind::End) return out;
      if (token.kind == Token::Kind::Text) {
        Node text;
        text.text = token.text;
        text.at = token.at;
        out->nodes.push_back(std::move(text));
        continue;
      }
      skipSpace();
      if (isWord("end") || isWord("else")) {
        ended_ = here().text;
        next();
        if (ended_ == "end") TRY_STATUS(close("end"));
        return out;
      }
      TRY_STATUS(action(*out, depth));
    }
  }

  Status action(List& out, int depth) {
    Node node;
    node.at = here().at;
    if (isWord("if") || isWord("range") || isWord("with")) {
      const std::string word(here().text);
      node.kind = word == "if"      ? Node::Kind::If
                  : word == "range" ? Node::Kind::Range
                                    : Node::Kind::With;
      next();
      TRY_STATUS(control(node, word, depth));
    } else if (isWord("define") || isWord("block")) {
      return define(out, depth);
    } else if (isWord("template")) {
      next();
      node.kind = Node::Kind::Template;
      TRY(node.text, name("template clause"));
      skipSpace();
      if (here().kind != Token::Kind::Close) {
        TRY(node.pipe, pipeline("template clause", depth));
      }
      TRY_STATUS(close("template clause"));
    } else if (isWord("break") || isWord("continue")) {
      const std::string word(here().text);
      node.kind = word == "break" ? Node::Kind::Break : Node::Kind::Continue;
      if (loops_ == 0) return failed("{{" + word + "}} outside {{range}}");
      next();
      TRY_STATUS(close("{{" + word + "}}"));
    } else {
      node.kind = Node::Kind::Action;
      // What it declares lives on to the end of the enclosing block.
      TRY(node.pipe, pipeline("command", depth));
      TRY_STATUS(close("command"));
    }
    out.nodes.push_back(std::move(node));
    return {};
  }

  Status control(Node& node, const std::string& word, int depth) {
    const size_t scope = variables_.size();
    TRY(node.pipe, pipeline(word, depth));
    TRY_STATUS(close(word));
    const bool range = node.kind == Node::Kind::Range;
    loops_ += range ? 1 : 0;
    auto body = list(depth + 1);
    loops_ -= range ? 1 : 0;
    TRY(node.body, std::move(body));
    if (ended_ == "else") {
      skipSpace();
      const bool chained = (isWord("if") && node.kind == Node::Kind::If) ||
                           (isWord("with") && node.kind == Node::Kind::With);
      if (chained) {
        // {{else if}} is an {{if}} in the else; they share the {{end}}.
        auto otherwise = std::make_shared<List>();
        Node inner;
        inner.kind = node.kind;
        inner.at = here().at;
        next();
        if (depth > kDepthMax) return failed("too deeply nested");
        TRY_STATUS(control(inner, word, depth + 1));
        otherwise->nodes.push_back(std::move(inner));
        node.otherwise = std::move(otherwise);
        variables_.resize(scope);
        return {};
      }
      TRY_STATUS(close("else"));
      TRY(node.otherwise, list(depth + 1));
      if (ended_ == "else") return failed("expected end; found {{else}}");
    }
    if (ended_ != "end") return failed("unexpected EOF");
    ended_.clear();
    variables_.resize(scope);
    return {};
  }

  Status define(List& out, int depth) {
    const bool block = isWord("block");
    const std::string where = block ? "block clause" : "define clause";
    if (!block && depth > 0) return unexpected("command");
    Node node;
    node.kind = Node::Kind::Template;
    node.at = here().at;
    next();
    TRY(node.text, name(where));
    if (block) {
      TRY(node.pipe, pipeline(where, depth));
    }
    TRY_STATUS(close(where));
    std::vector<std::string> own = {"$"};
    std::swap(own, variables_);
    const int loops = std::exchange(loops_, 0);
    TRY(auto body, list(depth + 1));
    loops_ = loops;
    std::swap(own, variables_);
    if (ended_ != "end") return failed("unexpected EOF");
    ended_.clear();
    parts_[node.text] = std::move(body);
    if (block) out.nodes.push_back(std::move(node));
    return {};
  }

  Result<std::string> name(std::string_view where) {
    skipSpace();
    std::string out;
    if (here().kind == Token::Kind::RawString) {
      out = here().text.substr(1, here().text.size() - 2);
    } else if (here().kind != Token::Kind::String || !unquote(here().text, out)) {
      return unexpected(where);
    }
    next();
    return out;
  }

  /// "$i, $e := ", "$x = ", or nothing.
  Status declarations(Pipe& pipe, bool range) {
    const size_t start = at_;
    std::vector<std::string> names;
    while (here().kind == Token::Kind::Variable) {
      names.emplace_back(here().text);
      next();
      skipSpace();
      if (isSign(":=") || isSign("=")) {
        pipe.assigns = here().text == "=";
        next();
        if (pipe.assigns) {
          for (const auto& one : names) {
            if (std::ranges::find(variables_, one) == variables_.end()) {
              return failed("undefined variable " + api::goQuote(one));
            }
          }
        }
        for (const auto& one : names) pipe.text += (pipe.text.empty() ? "" : ", ") + one;
        pipe.text += pipe.assigns ? " = " : " := ";
        pipe.declared = std::move(names);
        return {};
      }
      if (!isSign(",")) break;
      if (!range || names.size() > 1) return failed("too many declarations in command");
      next();
      skipSpace();
    }
    at_ = start;
    return {};
  }

  Result<std::shared_ptr<Pipe>> pipeline(std::string_view where, int depth) {
    if (depth > kDepthMax) return failed("too deeply nested");
    auto out = std::make_shared<Pipe>();
    skipSpace();
    out->at = here().at;
    TRY_STATUS(declarations(*out, where == "range"));
    while (true) {
      skipSpace();
      if (here().kind == Token::Kind::Close || isSign(")")) {
        if (out->commands.empty()) return failed("missing value for " + std::string(where));
        return failed("missing value after |");
      }
      TRY(auto one, command(depth));
      out->text += (out->commands.empty() ? "" : " | ") + one.text;
      out->commands.push_back(std::move(one));
      if (!isSign("|")) break;
      next();
    }
    for (size_t i = 1; i < out->commands.size(); ++i) {
      const auto kind = out->commands[i].operands[0].kind;
      if (kind == Operand::Kind::Constant || kind == Operand::Kind::Dot ||
          kind == Operand::Kind::Nil) {
        return failed("non executable command in pipeline stage " + std::to_string(i + 1));
      }
    }
    if (!out->assigns) {
      variables_.insert(variables_.end(), out->declared.begin(), out->declared.end());
    }
    return out;
  }

  Result<Command> command(int depth) {
    Command out;
    out.at = here().at;
    while (true) {
      skipSpace();
      if (here().kind == Token::Kind::Close || isSign(")") || isSign("|")) break;
      if (here().kind == Token::Kind::End) return failed("unclosed action");
      TRY(auto one, operand(depth));
      out.text += (out.operands.empty() ? "" : " ") + one.text;
      out.operands.push_back(std::move(one));
      const bool separated = here().kind == Token::Kind::Space ||
                             here().kind == Token::Kind::Close || isSign(")") || isSign("|");
      if (!separated) return unexpected("operand");
    }
    if (out.operands.empty()) return failed("empty command");
    return out;
  }

  Result<Operand> operand(int depth) {
    Operand out;
    out.at = here().at;
    out.text = here().text;
    const Token token = here();
    switch (token.kind) {
      case Token::Kind::Dot:
        break;
      case Token::Kind::Field:
        out.kind = Operand::Kind::Field;
        out.fields.emplace_back(token.text.substr(1));
        break;
      case Token::Kind::Variable:
        out.kind = Operand::Kind::Variable;
        out.name = token.text;
        if (std::ranges::find(variables_, out.name) == variables_.end()) {
          return failed("undefined variable " + api::goQuote(out.name));
        }
        break;
      case Token::Kind::Number:
        out.kind = Operand::Kind::Constant;
        if (!parseNumber(std::string(token.text), out.constant)) {
          return failed("bad number syntax: " + api::goQuote(token.text));
        }
        break;
      case Token::Kind::String:
      case Token::Kind::Character: {
        std::string text;
        if (!unquote(token.text, text)) return failed("invalid syntax");
        out.kind = Operand::Kind::Constant;
        if (token.kind == Token::Kind::String) {
          out.constant = text;
        } else if (text.size() == 1) {
          out.constant = static_cast<int64_t>(static_cast<unsigned char>(text[0]));
        } else {
          return failed("malformed character constant: " + std::string(token.text));
        }
        break;
      }
      case Token::Kind::RawString:
        out.kind = Operand::Kind::Constant;
        out.constant = token.text.substr(1, token.text.size() - 2);
        break;
      case Token::Kind::Word:
        TRY_STATUS(word(out));
        break;
      case Token::Kind::Sign: {
        if (token.text != "(") return unexpected("command");
        next();
        out.kind = Operand::Kind::Parenthesis;
        TRY(out.pipe, pipeline("parenthesized pipeline", depth + 1));
        if (!isSign(")")) return unexpected("parenthesized pipeline");
        out.text = "(" + out.pipe->text + ")";
        break;
      }
      default:
        return unexpected("operand");
    }
    next();
    while (here().kind == Token::Kind::Field) {
      if (out.kind == Operand::Kind::Constant || out.kind == Operand::Kind::Nil) {
        return failed("unexpected . after term " + api::goQuote(out.text));
      }
      // Messages name the place of the second field.
      if (out.fields.size() == 1 && out.kind == Operand::Kind::Field) out.at = here().at;
      if (out.kind == Operand::Kind::Dot) out.kind = Operand::Kind::Field;
      out.fields.emplace_back(here().text.substr(1));
      out.text += here().text;
      next();
    }
    return out;
  }

  Status word(Operand& out) const {
    if (out.text == "true" || out.text == "false") {
      out.kind = Operand::Kind::Constant;
      out.constant = out.text == "true";
    } else if (out.text == "nil") {
      out.kind = Operand::Kind::Nil;
    } else if (isFunction(out.text)) {
      out.kind = Operand::Kind::Function;
      out.name = out.text;
    } else {
      return failed("function " + api::goQuote(out.text) + " not defined");
    }
    return {};
  }

  std::string_view text_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
  std::string ended_;
  int loops_ = 0;
  std::vector<std::string> variables_ = {"$"};
  Parts parts_;
};

std::string position(std::string_view text, size_t at, bool column) {
  const std::string_view before = text.substr(0, at);
  const size_t line = before.rfind('\n');
  std::string out = "template: output:" + std::to_string(1 + std::ranges::count(before, '\n'));
  if (column) out += ":" + std::to_string(line == std::string_view::npos ? at : at - line - 1);
  return out;
}

}  // namespace go_template

Result<GoTemplate> GoTemplate::parse(std::string_view text) {
  GoTemplate out;
  out.text_ = std::make_shared<const std::string>(text);
  TRY(auto tokens, go_template::lex(*out.text_));
  TRY(out.parts_, go_template::Parser(*out.text_, std::move(tokens)).run());
  return out;
}

}  // namespace coxswain::cli
