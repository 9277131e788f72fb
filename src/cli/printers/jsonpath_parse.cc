#include <algorithm>
#include <charconv>

#include "cli/framework/errors.h"
#include "cli/printers/jsonpath_node.h"

namespace coxswain::cli {

using Node = JsonPath::Node;
using Kind = JsonPath::Node::Kind;

namespace {

constexpr int kDepthMax = 64;
constexpr size_t kTextMax = 64 << 10;

bool isBlank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
bool isWordChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool isDigit(char c) {
  return c >= '0' && c <= '9';
}

/// Ends a field's name.
bool isTerminator(char c) {
  return isBlank(c) || c == '.' || c == ',' || c == '[' || c == ']' || c == '$' || c == '@' ||
         c == '{' || c == '}';
}

std::string trimmed(std::string_view text) {
  while (!text.empty() && isBlank(text.front())) text.remove_prefix(1);
  while (!text.empty() && isBlank(text.back())) text.remove_suffix(1);
  return std::string(text);
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<JsonPath::Nodes> parse() {
    TRY(auto nodes, sequence(false, 0));
    return nodes;
  }

  /// The steps within an action or a bracket, without braces.
  static Result<Node> inner(std::string_view text, int depth) {
    Parser parser(text);
    Node action;
    action.kind = Kind::Action;
    TRY_STATUS(parser.steps(action.children, depth));
    return action;
  }

 private:
  [[nodiscard]] bool atEnd() const { return at_ >= text_.size(); }
  [[nodiscard]] char peek(size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }

  /// Text and actions, until the end of input or of a range.
  Result<JsonPath::Nodes> sequence(bool inRange, int depth) {
    if (depth > kDepthMax) return fault("jsonpath is nested too deep");
    JsonPath::Nodes out;
    while (!atEnd()) {
      if (peek() != '{') {
        Node node;
        auto end = text_.find('{', at_);
        node.text = text_.substr(at_, end == std::string_view::npos ? end : end - at_);
        at_ = end == std::string_view::npos ? text_.size() : end;
        out.push_back(std::move(node));
        continue;
      }
      TRY(auto body, actionText());
      auto content = trimmed(body);
      if (content == "end") {
        if (!inRange) return fault("not in range, nothing to end");
        return out;
      }
      if (content.starts_with("range") && (content.size() == 5 || !isWordChar(content[5]))) {
        Node range;
        range.kind = Kind::Range;
        TRY(auto path, inner(std::string_view(content).substr(5), depth + 1));
        range.children.push_back(std::move(path));
        TRY(auto nodes, sequence(true, depth + 1));
        for (auto& node : nodes) range.children.push_back(std::move(node));
        out.push_back(std::move(range));
        continue;
      }
      TRY(auto action, inner(body, depth + 1));
      out.push_back(std::move(action));
    }
    if (inRange) return fault("unclosed range, no {end}");
    return out;
  }

  /// What stands between { and its }; at_ is behind it then.
  Result<std::string_view> actionText() {
    const size_t begin = ++at_;
    char quote = 0;
    for (; !atEnd(); ++at_) {
      const char c = peek();
      if (quote) {
        if (c == '\\') {
          ++at_;
        } else if (c == quote) {
          quote = 0;
        }
      } else if (c == '"' || c == '\'') {
        quote = c;
      } else if (c == '{') {
        return fault("unexpected left bracket");
      } else if (c == '}') {
        return text_.substr(begin, at_++ - begin);
      }
    }
    return fault(quote ? "unterminated quoted string" : "unclosed action");
  }

  Status steps(JsonPath::Nodes& out, int depth) {
    if (depth > kDepthMax) return fault("jsonpath is nested too deep");
    while (!atEnd()) {
      const char c = peek();
      if (isBlank(c) || c == '@') {
        ++at_;
      } else if (c == '$') {
        ++at_;
        Node node;
        node.kind = Kind::Root;
        out.push_back(std::move(node));
      } else if (c == '[') {
        TRY_STATUS(bracket(out, depth));
      } else if (c == '"' || c == '\'') {
        TRY_STATUS(quoted(out));
      } else if (c == '.') {
        TRY_STATUS(field(out));
      } else if (c == '+' || c == '-' || isDigit(c)) {
        TRY_STATUS(number(out));
      } else if (isWordChar(c)) {
        TRY_STATUS(word(out));
      } else {
        return fault("unrecognized character in action: U+" + hex(c) + " '" + std::string(1, c) +
                     "'");
      }
    }
    return {};
  }

  static std::string hex(char c) {
    constexpr char kDigits[] = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(c);
    return {'0', '0', kDigits[byte >> 4], kDigits[byte & 15]};
  }

  Status field(JsonPath::Nodes& out) {
    ++at_;
    Node node;
    if (peek() == '.') {
      ++at_;
      node.kind = Kind::Recursive;
      out.push_back(std::move(node));
      if (peek() == '.') return fault("invalid multiple recursive descent");
      // "..name": the name stands right behind the dots.
      if (atEnd() || isTerminator(peek())) return {};
      node = Node();
    }
    while (!atEnd() && !isTerminator(peek())) {
      if (peek() == '\\') {
        ++at_;
        if (atEnd()) break;
      }
      node.text.push_back(text_[at_++]);
    }
    node.kind = node.text == "*" ? Kind::Wildcard : Kind::Field;
    out.push_back(std::move(node));
    return {};
  }

  Status word(JsonPath::Nodes& out) {
    const size_t begin = at_;
    while (!atEnd() && isWordChar(peek())) ++at_;
    auto name = text_.substr(begin, at_ - begin);
    Node node;
    node.kind = Kind::Literal;
    if (name == "true" || name == "false") {
      node.literal = name == "true";
      out.push_back(std::move(node));
      return {};
    }
    if (name == "end") return fault("not in range, nothing to end");
    return fault("unrecognized identifier " + std::string(name));
  }

  Status number(JsonPath::Nodes& out) {
    const size_t begin = at_;
    if (peek() == '+' || peek() == '-') ++at_;
    while (!atEnd() && (isDigit(peek()) || peek() == '.')) ++at_;
    auto digits = text_.substr(begin, at_ - begin);
    const char* from = digits.data() + (digits.starts_with('+') ? 1 : 0);
    const char* to = digits.data() + digits.size();
    Node node;
    node.kind = Kind::Literal;
    int64_t integer = 0;
    if (auto [end, error] = std::from_chars(from, to, integer); error == std::errc() && end == to) {
      node.literal = integer;
      out.push_back(std::move(node));
      return {};
    }
    double real = 0;
    if (auto [end, error] = std::from_chars(from, to, real); error == std::errc() && end == to) {
      node.literal = real;
      out.push_back(std::move(node));
      return {};
    }
    return fault("cannot parse number " + std::string(digits));
  }

  Result<std::string> quotedText() {
    const char quote = text_[at_++];
    std::string value;
    while (!atEnd() && peek() != quote) {
      char c = text_[at_++];
      if (c == '\\' && !atEnd()) {
        c = text_[at_++];
        switch (c) {
          case 'n':
            c = '\n';
            break;
          case 't':
            c = '\t';
            break;
          case 'r':
            c = '\r';
            break;
          default:
            break;
        }
      }
      value.push_back(c);
    }
    if (atEnd()) return fault("unterminated quoted string");
    ++at_;
    return value;
  }

  Status quoted(JsonPath::Nodes& out) {
    TRY(auto value, quotedText());
    Node node;
    node.kind = Kind::Literal;
    node.literal = value;
    out.push_back(std::move(node));
    return {};
  }

  /// [...]: an index, a slice, a wildcard, a quoted name, a union or a filter.
  Status bracket(JsonPath::Nodes& out, int depth) {
    const size_t begin = ++at_;
    char quote = 0;
    int open = 1;
    for (; !atEnd(); ++at_) {
      const char c = peek();
      if (quote) {
        if (c == '\\') {
          ++at_;
        } else if (c == quote) {
          quote = 0;
        }
      } else if (c == '"' || c == '\'') {
        quote = c;
      } else if (c == '[') {
        ++open;
      } else if (c == ']' && --open == 0) {
        break;
      }
    }
    if (atEnd()) return fault(quote ? "unterminated quoted string" : "unterminated array");
    auto content = trimmed(text_.substr(begin, at_ - begin));
    ++at_;
    if (content.starts_with("?")) return filter(out, content, depth);
    auto parts = splitOutsideQuotes(content);
    if (parts.size() > 1) {
      Node node;
      node.kind = Kind::Union;
      for (auto& part : parts) {
        JsonPath::Nodes steps;
        TRY_STATUS(element(steps, trimmed(part), depth));
        Node action;
        action.kind = Kind::Action;
        action.children = std::move(steps);
        node.children.push_back(std::move(action));
      }
      out.push_back(std::move(node));
      return {};
    }
    return element(out, content, depth);
  }

  static std::vector<std::string> splitOutsideQuotes(std::string_view text) {
    std::vector<std::string> parts(1);
    char quote = 0;
    int open = 0;
    for (size_t i = 0; i < text.size(); ++i) {
      const char c = text[i];
      if (quote) {
        if (c == '\\' && i + 1 < text.size()) {
          parts.back().push_back(c);
          parts.back().push_back(text[++i]);
          continue;
        }
        if (c == quote) quote = 0;
      } else if (c == '"' || c == '\'') {
        quote = c;
      } else if (c == '[' || c == '(') {
        ++open;
      } else if (c == ']' || c == ')') {
        --open;
      } else if (c == ',' && open == 0) {
        parts.emplace_back();
        continue;
      }
      parts.back().push_back(c);
    }
    return parts;
  }

  static Status bound(std::string_view text, Node::Bound& out, std::string_view whole) {
    auto digits = trimmed(text);
    if (digits.empty()) return {};
    const char* to = digits.data() + digits.size();
    auto [end, error] = std::from_chars(digits.data() + (digits[0] == '+' ? 1 : 0), to, out.value);
    if (error != std::errc() || end != to) {
      return fault("invalid array index " + std::string(whole));
    }
    out.known = true;
    return {};
  }

  /// One part of a bracket.
  static Status element(JsonPath::Nodes& out, const std::string& content, int depth) {
    Node node;
    if (content == "*") {
      node.kind = Kind::Wildcard;
      out.push_back(std::move(node));
      return {};
    }
    if (content.starts_with('\'') || content.starts_with('"')) {
      Parser parser(content);
      TRY(node.text, parser.quotedText());
      if (!parser.atEnd()) return fault("invalid array index " + content);
      node.kind = Kind::Field;
      out.push_back(std::move(node));
      return {};
    }
    if (content.starts_with('.') || content.starts_with('@') || content.starts_with('$')) {
      TRY(auto action, inner(content, depth + 1));
      for (auto& step : action.children) out.push_back(std::move(step));
      return {};
    }
    node.kind = Kind::Slice;
    auto parts = splitAt(content, ':');
    if (content.empty() || parts.size() > 3) return fault("invalid array index " + content);
    TRY_STATUS(bound(parts[0], node.from, content));
    if (parts.size() == 1) {
      node.single = true;
      if (!node.from.known) return fault("invalid array index " + content);
    } else {
      TRY_STATUS(bound(parts[1], node.to, content));
      if (parts.size() == 3) {
        TRY_STATUS(bound(parts[2], node.step, content));
      }
      if (node.step.known && node.step.value <= 0) return fault("step must be > 0");
    }
    out.push_back(std::move(node));
    return {};
  }

  /// "?(left op right)" or "?(left)".
  static Status filter(JsonPath::Nodes& out, const std::string& content, int depth) {
    auto body = trimmed(std::string_view(content).substr(1));
    if (!body.starts_with('(') || !body.ends_with(')') || body.size() < 2) {
      return fault("unterminated filter");
    }
    auto expression = std::string_view(body).substr(1, body.size() - 2);
    size_t operatorAt = std::string_view::npos;
    char quote = 0;
    for (size_t i = 0; i < expression.size(); ++i) {
      const char c = expression[i];
      if (quote) {
        if (c == '\\') {
          ++i;
        } else if (c == quote) {
          quote = 0;
        }
      } else if (c == '"' || c == '\'') {
        quote = c;
      } else if (c == '<' || c == '>' || c == '=' || c == '!') {
        operatorAt = i;
        break;
      }
    }
    Node node;
    node.kind = Kind::Filter;
    if (operatorAt == std::string_view::npos) {
      TRY(auto left, inner(expression, depth + 1));
      node.children.push_back(std::move(left));
      out.push_back(std::move(node));
      return {};
    }
    const size_t size =
        operatorAt + 1 < expression.size() && expression[operatorAt + 1] == '=' ? 2 : 1;
    node.text = expression.substr(operatorAt, size);
    if (node.text == "=") node.text = "==";
    if (node.text == "!") return fault("unrecognized filter operator !");
    TRY(auto left, inner(expression.substr(0, operatorAt), depth + 1));
    TRY(auto right, inner(expression.substr(operatorAt + size), depth + 1));
    node.children.push_back(std::move(left));
    node.children.push_back(std::move(right));
    out.push_back(std::move(node));
    return {};
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

Result<JsonPath> JsonPath::parse(std::string_view text) {
  if (text.size() > kTextMax) return fault("jsonpath is too long");
  TRY(auto nodes, Parser(text).parse());
  return JsonPath(std::move(nodes));
}

Result<std::string> relaxedJsonPath(std::string_view text) {
  if (text.empty()) return std::string();
  auto inside = text;
  if (inside.starts_with('{')) {
    if (!inside.ends_with('}')) {
      return fault(
          "unexpected path string, expected a 'name1.name2' or '.name1.name2' or "
          "'{name1.name2}' or '{.name1.name2}'");
    }
    inside = inside.substr(1, inside.size() - 2);
  }
  if (inside.starts_with('.')) inside.remove_prefix(1);
  if (inside.find_first_of("{}") != std::string_view::npos || inside.empty()) {
    return fault(
        "unexpected path string, expected a 'name1.name2' or '.name1.name2' or "
        "'{name1.name2}' or '{.name1.name2}'");
  }
  const bool bare = inside.starts_with('$') || inside.starts_with('[') || inside.starts_with('@');
  return "{" + std::string(bare ? "" : ".") + std::string(inside) + "}";
}

}  // namespace coxswain::cli
