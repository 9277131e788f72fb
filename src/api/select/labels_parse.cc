// The text form of label selectors: "a=1,b!=2,c in (x,y),!d,e,f>3".
#include <fmt/format.h>

#include "api/names/field_error.h"
#include "api/names/names.h"
#include "api/select/labels.h"

namespace coxswain::api {

namespace {

using Op = LabelRequirement::Op;

constexpr size_t kSelectorMax = 1 << 20;
constexpr size_t kRequirementsMax = 10'000;

enum class Token : uint8_t {
  End,
  Error,
  Identifier,
  Open,
  Close,
  Comma,
  Bang,
  Equals,
  DoubleEquals,
  NotEquals,
  Less,
  Greater,
  In,
  NotIn,
};

struct Lexeme {
  Token token = Token::End;
  std::string_view text;
};

bool isSpace(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}
bool isSpecial(char c) {
  return std::string_view("=!(),><").find(c) != std::string_view::npos;
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  Lexeme next() {
    while (at_ < text_.size() && isSpace(text_[at_])) ++at_;
    if (at_ == text_.size()) return {};
    const size_t start = at_;
    if (!isSpecial(text_[at_])) {
      while (at_ < text_.size() && !isSpace(text_[at_]) && !isSpecial(text_[at_])) ++at_;
      const auto word = text_.substr(start, at_ - start);
      if (word == "in") return {Token::In, word};
      if (word == "notin") return {Token::NotIn, word};
      return {Token::Identifier, word};
    }
    const char first = text_[at_++];
    const bool equalsNext = at_ < text_.size() && text_[at_] == '=';
    switch (first) {
      case '=':
        if (equalsNext) ++at_;
        return {equalsNext ? Token::DoubleEquals : Token::Equals, text_.substr(start, at_ - start)};
      case '!':
        if (equalsNext) ++at_;
        return {equalsNext ? Token::NotEquals : Token::Bang, text_.substr(start, at_ - start)};
      case '(':
        return {Token::Open, text_.substr(start, 1)};
      case ')':
        return {Token::Close, text_.substr(start, 1)};
      case ',':
        return {Token::Comma, text_.substr(start, 1)};
      case '<':
        return {Token::Less, text_.substr(start, 1)};
      default:
        return {Token::Greater, text_.substr(start, 1)};
    }
  }

 private:
  std::string_view text_;
  size_t at_ = 0;
};

class Parser {
 public:
  explicit Parser(std::string_view text) : lexer_(text), ahead_(lexer_.next()) {}

  Result<LabelSelector> selector() {
    LabelSelector out;
    size_t count = 0;
    while (true) {
      const Lexeme start = peekValue();
      if (start.token == Token::End) return out;
      if (start.token != Token::Identifier && start.token != Token::Bang)
        return found(start, ", expected: !, identifier, or 'end of string'");
      auto requirement = this->requirement();
      if (!requirement.ok())
        return badRequest("unable to parse requirement: " + requirement.status().message());
      if (++count > kRequirementsMax) return badRequest("too many label selector requirements");
      out.add(std::move(requirement).value());
      const Lexeme after = takeValue();
      if (after.token == Token::End) return out;
      if (after.token != Token::Comma) return found(after, ", expected: ',' or 'end of string'");
      const Lexeme next = peekValue();
      if (next.token != Token::Identifier && next.token != Token::Bang)
        return found(next, ", expected: identifier after ','");
    }
  }

 private:
  static Status found(const Lexeme& lexeme, std::string_view expected) {
    return badRequest(fmt::format("found '{}'{}", lexeme.text, expected));
  }

  /// Where no operator may stand, "in" and "notin" are ordinary words.
  [[nodiscard]] Lexeme peekValue() const {
    Lexeme out = ahead_;
    if (out.token == Token::In || out.token == Token::NotIn) out.token = Token::Identifier;
    return out;
  }
  Lexeme takeValue() {
    const Lexeme out = peekValue();
    ahead_ = lexer_.next();
    return out;
  }
  Lexeme takeOperator() {
    const Lexeme out = ahead_;
    ahead_ = lexer_.next();
    return out;
  }

  Result<LabelRequirement> requirement() {
    Lexeme key = takeValue();
    const bool negated = key.token == Token::Bang;
    if (negated) key = takeValue();
    if (key.token != Token::Identifier) return found(key, ", expected: identifier");
    FieldErrors errors;
    errors.invalidEach(FieldPath(), key.text, validateLabelKey(key.text));
    if (!errors.empty()) return badRequest(errors.str());
    const Token next = peekValue().token;
    if (negated) return LabelRequirement::create(key.text, Op::DoesNotExist, {});
    if (next == Token::End || next == Token::Comma)
      return LabelRequirement::create(key.text, Op::Exists, {});

    const Lexeme op = takeOperator();
    switch (op.token) {
      case Token::In:
        return listed(key.text, Op::In);
      case Token::NotIn:
        return listed(key.text, Op::NotIn);
      case Token::Equals:
        return exact(key.text, Op::Equals);
      case Token::DoubleEquals:
        return exact(key.text, Op::DoubleEquals);
      case Token::NotEquals:
        return exact(key.text, Op::NotEquals);
      case Token::Greater:
        return exact(key.text, Op::GreaterThan);
      case Token::Less:
        return exact(key.text, Op::LessThan);
      default:
        return found(op, ", expected: in, notin, =, ==, !=, gt, lt");
    }
  }

  Result<LabelRequirement> exact(std::string_view key, Op op) {
    const Token next = peekValue().token;
    if (next == Token::End || next == Token::Comma)
      return LabelRequirement::create(key, op, {std::string()});
    const Lexeme value = takeValue();
    if (value.token != Token::Identifier) return found(value, ", expected: identifier");
    return LabelRequirement::create(key, op, {std::string(value.text)});
  }

  Result<LabelRequirement> listed(std::string_view key, Op op) {
    const Lexeme open = takeValue();
    if (open.token != Token::Open) return found(open, " expected: '('");
    std::vector<std::string> values;
    const Lexeme first = peekValue();
    if (first.token == Token::Close) {
      takeValue();
      return LabelRequirement::create(key, op, {std::string()});
    }
    if (first.token != Token::Identifier && first.token != Token::Comma)
      return found(first, ", expected: ',', ')' or identifier");
    // Nothing before, between or after commas is the empty value.
    bool needsValue = true;
    while (true) {
      const Lexeme lexeme = takeValue();
      if (lexeme.token == Token::Identifier && needsValue) {
        values.emplace_back(lexeme.text);
        needsValue = false;
      } else if (lexeme.token == Token::Comma) {
        if (needsValue) values.emplace_back();
        needsValue = true;
      } else if (lexeme.token == Token::Close) {
        if (needsValue) values.emplace_back();
        return LabelRequirement::create(key, op, std::move(values));
      } else {
        return found(lexeme,
                     needsValue ? ", expected: ',', or identifier" : ", expected: ',' or ')'");
      }
    }
  }

  Lexer lexer_;
  Lexeme ahead_;
};

}  // namespace

Result<LabelSelector> LabelSelector::parse(std::string_view text) {
  if (text.size() > kSelectorMax) return badRequest("label selector is too long");
  return Parser(text).selector();
}

}  // namespace coxswain::api
