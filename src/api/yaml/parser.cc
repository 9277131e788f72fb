// A recursive descent over indentation. A node is read by where it begins: block collections are
// known by the column of their first "-" or key, flow collections and scalars by their first
// character. Whether a line begins with a key is found by looking ahead to its end (a key must be
// on one line), so that every character is seen at most a few times.
#include "api/yaml/parser.h"

#include "api/yaml/scanner.h"
#include "base/result.h"

namespace coxswain::api {

namespace {

class Parser : private YamlScanner {
 public:
  Parser(std::string_view text, int depthMax, YamlEvents& events)
      : YamlScanner(text), depthMax_(depthMax), events_(events) {}

  Status document() {
    TRY_STATUS(directives());
    bool sameLine = false;
    TRY_STATUS(skipToToken());
    if (atMarker("---")) {
      advance(3);
      skipBlanks();
      sameLine = !atLineEnd() && peek() != '#';
    }
    TRY_STATUS(skipToToken());
    if (atEnd() || atMarker("---") || atMarker("...")) return {};
    TRY_STATUS(node({.indent = -1, .sameLine = sameLine}));
    TRY_STATUS(skipToToken());
    if (atEnd() || atMarker("---") || atMarker("...")) return {};
    return error("did not find expected <document start>");
  }

 private:
  struct Context {
    int indent = -1;            ///< the node must be further right
    bool sameLine = false;      ///< behind "key:" on its line: no block collection may begin here
    bool listAtIndent = false;  ///< "- " may stand at `indent` itself (value of a key)
  };
  struct Depth {
    explicit Depth(int& d) : depth(d) { ++depth; }
    ~Depth() { --depth; }
    int& depth;
  };

  Status directives() {
    while (true) {
      TRY_STATUS(skipToToken());
      if (column() != 0 || peek() != '%') return {};
      skipLine();
    }
  }

  /// Properties ("&a !!str") ahead of a node. Stops behind the last one.
  Status properties(YamlToken& out, bool flow) {
    out.line = line();
    while (true) {
      if (peek() == '&' && out.anchor.empty()) {
        advance(1);
        out.anchor = std::string(takeName(flow));
        if (out.anchor.empty())
          return error("did not find expected alphabetic or numeric character");
      } else if (peek() == '!' && out.tag.empty()) {
        out.tag = normalTag(takeTag(flow));
      } else {
        return {};
      }
      if (!atLineEnd() && !isBlank(peek()) && !(flow && isFlowIndicator(peek())))
        return error("did not find expected whitespace or line break");
      skipBlanks();
    }
  }

  Status null(YamlToken properties) {
    properties.text.clear();
    properties.plain = true;
    return events_.scalar(std::move(properties));
  }

  /// At the first character of a node, or of what follows in its absence.
  Status node(const Context& context) {
    if (depth_ >= depthMax_) return error("exceeded max depth");
    const Depth guard(depth_);
    YamlToken properties;
    properties.line = line();
    if (isAbsent(context)) return null(std::move(properties));
    if (!context.sameLine && keyAhead()) return blockMap(column(), std::move(properties));
    TRY_STATUS(this->properties(properties, false));
    if (properties.anchor.empty() && properties.tag.empty())
      return content(context, std::move(properties));

    Context rest = context;
    if (atLineEnd() || peek() == '#') {
      TRY_STATUS(skipToToken());
      rest.sameLine = false;
      if (isAbsent(rest)) return null(std::move(properties));
      if (keyAhead()) return blockMap(column(), std::move(properties));
      // "&a" ahead of a line with an anchor of its own: belongs to what comes there.
      if (peek() == '&' || peek() == '!') return error("did not find expected node content");
    } else {
      rest.sameLine = true;
    }
    return content(rest, std::move(properties));
  }

  [[nodiscard]] bool isAbsent(const Context& context) const {
    if (atEnd() || atMarker("---") || atMarker("...")) return true;
    if (context.sameLine || column() > context.indent) return false;
    return !(context.listAtIndent && column() == context.indent && isEntry('-'));
  }

  /// A node without properties ahead, which is no block map with a plain beginning.
  Status content(const Context& context, YamlToken token) {
    switch (peek()) {
      case '-':
        if (!isEntry('-')) break;
        if (context.sameLine)
          return error("block sequence entries are not allowed in this context");
        return blockList(column(), std::move(token));
      case '?':
        if (isEntry('?')) return error("mapping keys are not allowed in this context");
        break;
      case ':':
        if (isEntry(':')) return error("mapping values are not allowed in this context");
        break;
      case '|':
      case '>':
        TRY_STATUS(blockScalar(context.indent, token));
        return events_.scalar(std::move(token));
      case '[':
      case '{':
        TRY_STATUS(flowCollection(std::move(token)));
        return lineEnd();
      case '*':
        TRY_STATUS(alias(false));
        return lineEnd();
      case '"':
      case '\'':
        TRY_STATUS(quoted(token));
        TRY_STATUS(events_.scalar(std::move(token)));
        return lineEnd();
      default:
        break;
    }
    TRY_STATUS(plain(context.indent, false, token));
    TRY_STATUS(events_.scalar(std::move(token)));
    return lineEnd();
  }

  Status alias(bool flow) {
    const size_t at = line();
    advance(1);
    const auto name = takeName(flow);
    if (name.empty()) return error("did not find expected alphabetic or numeric character");
    return events_.alias(name, at);
  }

  /// Nothing but blanks and a comment may follow a node of a block.
  Status lineEnd() {
    const bool blank = isBlank(peek());
    skipBlanks();
    if (atLineEnd() || (blank && peek() == '#')) return {};
    if (peek() == ':') return error("mapping values are not allowed in this context");
    return error("did not find expected key");
  }

  Status blockList(int column, YamlToken token) {
    TRY_STATUS(events_.beginList(std::move(token)));
    while (true) {
      advance(1);
      TRY_STATUS(skipToToken());
      TRY_STATUS(node({.indent = column}));
      TRY_STATUS(skipToToken());
      if (atEnd() || this->column() < column || atMarker("---") || atMarker("...")) break;
      if (this->column() > column) return error("did not find expected '-' indicator");
      if (!isEntry('-')) break;
    }
    return events_.end();
  }

  Status blockMap(int column, YamlToken token) {
    TRY_STATUS(events_.beginMap(std::move(token)));
    while (true) {
      TRY_STATUS(isEntry('?') ? explicitEntry(column) : implicitEntry(column));
      TRY_STATUS(skipToToken());
      if (atEnd() || this->column() < column || atMarker("---") || atMarker("...")) break;
      if (this->column() > column) return error("did not find expected key");
      if (!keyAhead())
        return error(isEntry('-') ? "did not find expected key" : "could not find expected ':'");
    }
    return events_.end();
  }

  Status explicitEntry(int column) {
    advance(1);
    TRY_STATUS(skipToToken());
    TRY_STATUS(node({.indent = column}));
    TRY_STATUS(skipToToken());
    if (this->column() != column || !isEntry(':')) return null({.line = line()});
    advance(1);
    TRY_STATUS(skipToToken());
    return node({.indent = column, .listAtIndent = true});
  }

  Status implicitEntry(int column) {
    YamlToken key;
    TRY_STATUS(properties(key, false));
    if (peek() == '*') {
      TRY_STATUS(alias(false));
    } else if (isEntry(':')) {
      TRY_STATUS(null(std::move(key)));
    } else {
      if (peek() == '"' || peek() == '\'') {
        TRY_STATUS(quoted(key));
      } else {
        TRY_STATUS(plain(column, false, key, true));
      }
      TRY_STATUS(events_.scalar(std::move(key)));
    }
    skipBlanks();
    if (!isEntry(':')) return error("could not find expected ':'");
    advance(1);
    skipBlanks();
    const bool sameLine = !atLineEnd() && peek() != '#';
    TRY_STATUS(skipToToken());
    return node({.indent = column, .sameLine = sameLine, .listAtIndent = true});
  }

  // Flow style: columns no longer matter.

  Status flowCollection(YamlToken token) {
    if (depth_ >= depthMax_) return error("exceeded max depth");
    const Depth guard(depth_);
    const bool isMap = peek() == '{';
    const char close = isMap ? '}' : ']';
    const size_t start = line();
    advance(1);
    TRY_STATUS(isMap ? events_.beginMap(std::move(token)) : events_.beginList(std::move(token)));
    while (true) {
      TRY_STATUS(skipFlow());
      if (peek() == close && !atEnd()) break;
      TRY_STATUS(isMap ? flowPair() : flowEntry());
      TRY_STATUS(skipFlow());
      if (!atEnd() && peek() == ',') {
        advance(1);
        continue;
      }
      if (atEnd() || peek() != close)
        return errorAt(
            start, isMap ? "did not find expected ',' or '}'" : "did not find expected ',' or ']'");
    }
    advance(1);
    return events_.end();
  }

  Status skipFlow() {
    TRY_STATUS(skipToToken(true));
    if (atMarker("---") || atMarker("...")) return error("did not find expected node content");
    return {};
  }

  /// A scalar of a flow collection, not yet told to anyone.
  Status flowScalar(YamlToken& token) {
    if (peek() == '"' || peek() == '\'') return quoted(token);
    return plain(-1, true, token);
  }

  [[nodiscard]] bool flowValueAhead(bool adjacent) const {
    if (atEnd() || peek() != ':') return false;
    const char next = peek(1);
    return adjacent || isBlankOrBreak(next) || isFlowIndicator(next);
  }

  Status flowValue() {
    advance(1);
    TRY_STATUS(skipFlow());
    if (atEnd() || peek() == ',' || peek() == '}' || peek() == ']') return null({.line = line()});
    return flowNode();
  }

  Status flowNode() {
    YamlToken token;
    TRY_STATUS(properties(token, true));
    TRY_STATUS(skipFlow());
    if (atEnd() || peek() == ',' || peek() == '}' || peek() == ']') {
      if (token.anchor.empty() && token.tag.empty())
        return error("did not find expected node content");
      return null(std::move(token));
    }
    if (peek() == '[' || peek() == '{') return flowCollection(std::move(token));
    if (peek() == '*') return alias(true);
    TRY_STATUS(flowScalar(token));
    return events_.scalar(std::move(token));
  }

  Status flowPair() {
    if (isEntry('?')) {
      advance(1);
      TRY_STATUS(skipFlow());
    }
    if (flowValueAhead(false)) {
      TRY_STATUS(null({.line = line()}));
      return flowValue();
    }
    if (peek() == '[' || peek() == '{') return error("invalid map key: a map or list");
    const bool isQuoted = peek() == '"' || peek() == '\'';
    TRY_STATUS(flowNode());
    TRY_STATUS(skipFlow());
    if (flowValueAhead(isQuoted)) return flowValue();
    return null({.line = line()});
  }

  /// An entry of a list, which may be a single pair: [a: b].
  Status flowEntry() {
    const char first = peek();
    if (isEntry('?') || flowValueAhead(false)) {
      TRY_STATUS(events_.beginMap({.line = line()}));
      TRY_STATUS(flowPair());
      return events_.end();
    }
    if (first == '[' || first == '{' || first == '*' || first == '&' || first == '!')
      return flowNode();
    YamlToken token;
    token.line = line();
    TRY_STATUS(flowScalar(token));
    TRY_STATUS(skipFlow());
    if (!flowValueAhead(first == '"' || first == '\'')) return events_.scalar(std::move(token));
    TRY_STATUS(events_.beginMap({.line = token.line}));
    TRY_STATUS(events_.scalar(std::move(token)));
    TRY_STATUS(flowValue());
    return events_.end();
  }

  const int depthMax_;
  YamlEvents& events_;
  int depth_ = 0;
};

}  // namespace

Status parseYaml(std::string_view text, int depthMax, YamlEvents& events) {
  return Parser(text, depthMax, events).document();
}

}  // namespace coxswain::api
