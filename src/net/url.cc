#include "net/url.h"

#include <algorithm>

namespace coxswain::net {
namespace {

int hexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.' || c == '~';
}

}  // namespace

Result<std::string> percentDecode(std::string_view text, bool plusIsSpace) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plusIsSpace) {
      out += ' ';
    } else if (text[i] == '%') {
      int high = i + 2 < text.size() ? hexDigit(text[i + 1]) : -1;
      int low = i + 2 < text.size() ? hexDigit(text[i + 2]) : -1;
      if (high < 0 || low < 0)
        return badRequest("invalid URL escape \"" + std::string(text.substr(i, 3)) + "\"");
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string percentEncode(std::string_view text) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (char c : text) {
    if (unreserved(c)) {
      out += c;
    } else {
      auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    }
  }
  return out;
}

Result<Query> Query::parse(std::string_view text) {
  Query out;
  while (!text.empty()) {
    auto part = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    if (part.empty()) continue;
    auto equals = part.find('=');
    TRY(auto name, percentDecode(part.substr(0, equals), true));
    std::string value;
    if (equals != std::string_view::npos) {
      TRY(value, percentDecode(part.substr(equals + 1), true));
    }
    out.add(std::move(name), std::move(value));
  }
  return out;
}

std::optional<std::string> Query::find(std::string_view name) const {
  for (const auto& [key, value] : fields_)
    if (key == name) return value;
  return std::nullopt;
}

std::vector<std::string> Query::all(std::string_view name) const {
  std::vector<std::string> out;
  for (const auto& [key, value] : fields_)
    if (key == name) out.push_back(value);
  return out;
}

std::string Query::encode() const {
  std::string out;
  for (const auto& [key, value] : fields_) {
    if (!out.empty()) out += '&';
    out += percentEncode(key) + "=" + percentEncode(value);
  }
  return out;
}

Result<std::vector<std::string>> pathSegments(std::string_view path) {
  std::vector<std::string> out;
  while (!path.empty()) {
    auto part = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(path.size(), part.size() + 1));
    if (part.empty()) continue;
    TRY(auto segment, percentDecode(part, false));
    out.push_back(std::move(segment));
  }
  return out;
}

Result<Url> parseUrl(std::string_view text) {
  auto colon = text.find("://");
  if (colon == std::string_view::npos || colon == 0)
    return badRequest("URL \"" + std::string(text) + "\" has no scheme");
  Url out;
  out.scheme = std::string(text.substr(0, colon));
  text.remove_prefix(colon + 3);
  auto end = text.find_first_of("/?");
  out.host = std::string(text.substr(0, end));
  if (out.host.empty()) return badRequest("URL has no host");
  if (end != std::string_view::npos) out.target = std::string(text.substr(end));
  if (out.target.empty() || out.target.front() != '/') out.target.insert(0, "/");
  return out;
}

}  // namespace coxswain::net
