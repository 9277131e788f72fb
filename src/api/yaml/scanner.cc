#include "api/yaml/scanner.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/result.h"

namespace coxswain::api {

namespace {

void appendUtf8(std::string& out, uint32_t rune) {
  if (rune < 0x80) {
    out.push_back(static_cast<char>(rune));
  } else if (rune < 0x800) {
    out.push_back(static_cast<char>(0xc0 | rune >> 6));
    out.push_back(static_cast<char>(0x80 | (rune & 0x3f)));
  } else if (rune < 0x10000) {
    out.push_back(static_cast<char>(0xe0 | rune >> 12));
    out.push_back(static_cast<char>(0x80 | (rune >> 6 & 0x3f)));
    out.push_back(static_cast<char>(0x80 | (rune & 0x3f)));
  } else {
    out.push_back(static_cast<char>(0xf0 | rune >> 18));
    out.push_back(static_cast<char>(0x80 | (rune >> 12 & 0x3f)));
    out.push_back(static_cast<char>(0x80 | (rune >> 6 & 0x3f)));
    out.push_back(static_cast<char>(0x80 | (rune & 0x3f)));
  }
}

}  // namespace

Status YamlScanner::errorAt(size_t line, std::string_view message) {
  return badRequest(fmt::format("yaml: line {}: {}", line, message));
}

void YamlScanner::skipBreak() {
  at_ += peek() == '\r' && peek(1) == '\n' ? 2 : 1;
  lineStart_ = at_;
  ++line_;
}

void YamlScanner::skipLine() {
  while (!atLineEnd()) ++at_;
  if (!atEnd()) skipBreak();
}

Status YamlScanner::skipToToken(bool flow) {
  // A comment needs a blank or the start of a line ahead of it.
  bool separated = column() == 0 || isBlank(text_[at_ - 1]);
  bool indenting = column() == 0;
  while (!atEnd()) {
    const char c = peek();
    if (c == ' ') {
      ++at_;
      separated = true;
    } else if (c == '\t') {
      const size_t start = at_;
      skipBlanks();
      if (indenting && !flow && !atLineEnd() && peek() != '#') {
        at_ = start;
        return error("found character that cannot start any token");
      }
      separated = true;
    } else if (isBreak(c)) {
      skipBreak();
      separated = indenting = true;
    } else if (c == '#' && separated) {
      while (!atLineEnd()) ++at_;
    } else {
      break;
    }
  }
  return {};
}

std::string_view YamlScanner::takeName(bool flow) {
  const size_t start = at_;
  while (!atLineEnd() && !isBlank(peek()) && !isFlowIndicator(peek()) &&
         !(peek() == ':' && isBlankOrBreak(peek(1))))
    ++at_;
  return text_.substr(start, at_ - start);
}

std::string_view YamlScanner::takeTag(bool flow) {
  const size_t start = at_;
  if (peek(1) == '<') {
    while (!atLineEnd() && peek() != '>') ++at_;
    if (peek() == '>') ++at_;
    return text_.substr(start, at_ - start);
  }
  while (!atLineEnd() && !isBlank(peek()) && !(flow && isFlowIndicator(peek()))) ++at_;
  return text_.substr(start, at_ - start);
}

std::string YamlScanner::normalTag(std::string_view tag) {
  constexpr std::string_view kLong = "!<tag:yaml.org,2002:";
  if (tag.starts_with(kLong) && tag.ends_with('>'))
    return std::string(tag.substr(kLong.size(), tag.size() - kLong.size() - 1));
  if (tag.starts_with("!!") && tag.size() > 2) return std::string(tag.substr(2));
  return std::string(tag);
}

/// Where a plain scalar that begins at `at` ends on its line, blanks at its end included.
size_t YamlScanner::plainEnd(size_t at, bool flow) const {
  const auto get = [&](size_t i) { return i < text_.size() ? text_[i] : '\0'; };
  const size_t start = at;
  while (at < text_.size() && !isBreak(text_[at])) {
    const char c = text_[at];
    if (c == ':' && (isBlankOrBreak(get(at + 1)) || (flow && isFlowIndicator(get(at + 1))))) break;
    if (c == '#' && at > start && isBlank(text_[at - 1])) break;
    if (flow && isFlowIndicator(c)) break;
    ++at;
  }
  return at;
}

bool YamlScanner::keyAhead() const {
  if (isEntry('?') || isEntry(':')) return true;
  if (isEntry('-')) return false;
  size_t at = at_;
  const auto get = [&](size_t i) { return i < text_.size() ? text_[i] : '\0'; };
  const auto word = [&] {
    while (!isBlankOrBreak(get(at))) ++at;
    while (isBlank(get(at))) ++at;
  };
  while (get(at) == '&' || get(at) == '!') word();
  const char first = get(at);
  if (first == '"' || first == '\'') {
    for (++at; at < text_.size() && text_[at] != first; ++at) {
      if (isBreak(text_[at])) return false;
      if (first == '"' && text_[at] == '\\') ++at;
    }
    // A doubled single quote only looks like an end; what follows it goes on.
    while (first == '\'' && get(at + 1) == '\'') {
      for (at += 2; at < text_.size() && text_[at] != first; ++at)
        if (isBreak(text_[at])) return false;
    }
    if (at >= text_.size()) return false;
    ++at;
  } else if (first == '*') {
    while (!isBlankOrBreak(get(at)) && !(get(at) == ':' && isBlankOrBreak(get(at + 1)))) ++at;
  } else {
    constexpr std::string_view kNoPlain = "[]{},#|>@`%";
    if (kNoPlain.find(first) != std::string_view::npos) return false;
    at = plainEnd(at, false);
  }
  while (isBlank(get(at))) ++at;
  return get(at) == ':' && isBlankOrBreak(get(at + 1));
}

Status YamlScanner::plain(int indent, bool flow, YamlToken& out, bool oneLine) {
  constexpr std::string_view kNoStart = "@`%|>\"'&*!#";
  if (atEnd() || isFlowIndicator(peek())) return error("did not find expected node content");
  if (kNoStart.find(peek()) != std::string_view::npos)
    return error("found character that cannot start any token");
  out.plain = true;
  out.text.clear();
  while (true) {
    const size_t end = plainEnd(at_, flow);
    std::string_view piece = text_.substr(at_, end - at_);
    while (!piece.empty() && isBlank(piece.back())) piece.remove_suffix(1);
    out.text.append(piece);
    // Left where the text ends, so that a caller sees the blanks ahead of a comment.
    const bool toLineEnd = end >= text_.size() || isBreak(text_[end]);
    at_ += piece.size();
    if (oneLine || !toLineEnd || end >= text_.size()) return {};

    // Does the next line with anything on it go on with this?
    const YamlScanner before = *this;
    size_t breaks = 0;
    while (true) {
      skipBlanks();
      if (atEnd() || !isBreak(peek())) break;
      skipBreak();
      ++breaks;
    }
    const bool ends =
        atEnd() || peek() == '#' || atMarker("---") || atMarker("...") ||
        (!flow && column() <= indent) ||
        (flow && (isFlowIndicator(peek()) || (peek() == ':' && plainEnd(at_, true) == at_))) ||
        (!flow && isEntry(':'));
    if (ends) {
      *this = before;
      return {};
    }
    if (breaks == 1)
      out.text.push_back(' ');
    else
      out.text.append(breaks - 1, '\n');
  }
}

Status YamlScanner::hex(size_t digits, uint32_t& out) {
  out = 0;
  for (size_t i = 0; i < digits; ++i) {
    const char c = peek(i);
    uint32_t value = 0;
    if (c >= '0' && c <= '9')
      value = static_cast<uint32_t>(c - '0');
    else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
      value = static_cast<uint32_t>((c | 0x20) - 'a' + 10);
    else
      return error("did not find expected hexdecimal number");
    out = out << 4 | value;
  }
  at_ += digits;
  return {};
}

/// Behind the backslash.
Status YamlScanner::escape(std::string& out) {
  const char c = peek();
  if (atEnd()) return error("found unexpected end of stream");
  ++at_;
  constexpr std::string_view kNames = "0abt\tnvfre \"/\\N_LP";
  constexpr uint32_t kRunes[] = {0,    7,   8,   9,   9,    10,   11,   12,     13,
                                 0x1b, ' ', '"', '/', '\\', 0x85, 0xa0, 0x2028, 0x2029};
  if (const size_t known = kNames.find(c); known != std::string_view::npos) {
    appendUtf8(out, kRunes[known]);
    return {};
  }
  const size_t digits = c == 'x' ? 2 : (c == 'u' ? 4 : (c == 'U' ? 8 : 0));
  if (digits == 0) return error("found unknown escape character");
  uint32_t rune = 0;
  TRY_STATUS(hex(digits, rune));
  if (digits == 4 && rune >= 0xd800 && rune < 0xdc00 && peek() == '\\' && peek(1) == 'u') {
    // JSON's pairs, which go-yaml refuses; here JSON is read by this parser too.
    at_ += 2;
    uint32_t low = 0;
    TRY_STATUS(hex(4, low));
    if (low < 0xdc00 || low > 0xdfff) return error("found invalid Unicode character escape code");
    rune = 0x10000 + ((rune - 0xd800) << 10) + (low - 0xdc00);
  }
  if (rune > 0x10ffff || (rune >= 0xd800 && rune < 0xe000))
    return error("found invalid Unicode character escape code");
  appendUtf8(out, rune);
  return {};
}

/// At a line break within quotes: blanks around it go, one becomes a space, further ones stay.
/// `skipFirst`: it was escaped and leaves nothing.
Status YamlScanner::foldQuoted(std::string& out, bool skipFirst) {
  size_t breaks = 0;
  while (true) {
    skipBlanks();
    if (atEnd() || !isBreak(peek())) break;
    skipBreak();
    ++breaks;
    if (atMarker("---") || atMarker("...")) return error("found unexpected document indicator");
  }
  if (skipFirst)
    out.append(breaks - 1, '\n');
  else if (breaks == 1)
    out.push_back(' ');
  else
    out.append(breaks - 1, '\n');
  return {};
}

Status YamlScanner::quoted(YamlToken& out) {
  const char quote = peek();
  const size_t start = line_;
  out.plain = false;
  out.text.clear();
  ++at_;
  size_t keep = 0;  // up to here the text is not blanks that folding may drop
  while (true) {
    if (atEnd()) return errorAt(start, "found unexpected end of stream");
    const char c = peek();
    if (c == quote) {
      if (quote == '\'' && peek(1) == '\'') {
        out.text.push_back('\'');
        at_ += 2;
        keep = out.text.size();
        continue;
      }
      ++at_;
      return {};
    }
    if (isBreak(c)) {
      size_t size = out.text.size();
      while (size > keep && isBlank(out.text[size - 1])) --size;
      out.text.resize(size);
      TRY_STATUS(foldQuoted(out.text, false));
      keep = out.text.size();
    } else if (quote == '"' && c == '\\') {
      ++at_;
      if (!atEnd() && isBreak(peek())) {
        TRY_STATUS(foldQuoted(out.text, true));
      } else {
        TRY_STATUS(escape(out.text));
      }
      keep = out.text.size();
    } else {
      out.text.push_back(c);
      ++at_;
    }
  }
}

Status YamlScanner::blockScalar(int parent, YamlToken& out) {
  const bool folded = peek() == '>';
  ++at_;
  out.plain = false;
  out.text.clear();
  char chomp = '\0';
  int increment = 0;
  while (peek() == '+' || peek() == '-' || (peek() >= '0' && peek() <= '9')) {
    if (peek() == '0') return error("found an indentation indicator equal to 0");
    const bool isSign = peek() == '+' || peek() == '-';
    if (isSign ? chomp != '\0' : increment != 0)
      return error("did not find expected comment or line break");
    if (isSign)
      chomp = peek();
    else
      increment = peek() - '0';
    ++at_;
  }
  const bool blank = isBlank(peek());
  skipBlanks();
  if (blank && peek() == '#')
    while (!atLineEnd()) ++at_;
  if (!atLineEnd()) return error("did not find expected comment or line break");
  if (atEnd()) return {};
  skipBreak();

  int indent = increment > 0 ? std::max(parent, 0) + increment : 0;
  std::string breaks;  // of empty lines not yet known to be inside
  if (indent == 0) {
    // The first line with text says how far in it is, and empty ones ahead of it at least as far.
    int widest = 0;
    while (true) {
      while (peek() == ' ') ++at_;
      widest = std::max(widest, column());
      if (atEnd() || !isBreak(peek())) break;
      skipBreak();
      breaks.push_back('\n');
    }
    if (peek() == '\t' && column() <= parent)
      return error("found a tab character where an indentation space is expected");
    indent = std::max({widest, parent + 1, 1});
    at_ = lineStart_;
  }
  std::string leadingBreak;
  bool previousBlank = false;
  while (true) {
    // At the start of a line.
    while (peek() == ' ' && column() < indent) ++at_;
    if (!atEnd() && isBreak(peek()) && column() <= indent) {
      skipBreak();
      breaks.push_back('\n');
      continue;
    }
    if (atEnd() || column() < indent) break;
    const bool startsBlank = isBlank(peek());
    if (folded && !leadingBreak.empty() && !previousBlank && !startsBlank) {
      if (breaks.empty()) out.text.push_back(' ');
    } else {
      out.text.append(leadingBreak);
    }
    out.text.append(breaks);
    breaks.clear();
    previousBlank = startsBlank;
    const size_t start = at_;
    while (!atLineEnd()) ++at_;
    out.text.append(text_.substr(start, at_ - start));
    leadingBreak.clear();
    if (atEnd()) {
      lineStart_ = at_;
      break;
    }
    leadingBreak = "\n";
    skipBreak();
  }
  if (chomp != '-') out.text.append(leadingBreak);
  if (chomp == '+') out.text.append(breaks);
  // Back to the start of the line that ended it: its indentation decides where it belongs.
  at_ = std::min(lineStart_, text_.size());
  return {};
}

}  // namespace coxswain::api
