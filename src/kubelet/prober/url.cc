#include "kubelet/prober/url.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "base/text.h"

namespace coxswain::kubelet {
namespace {

constexpr size_t kLocationMax = 8192;

bool isHex(char c) {
  return std::isxdigit(static_cast<unsigned char>(c)) != 0;
}

bool hasBadEscape(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') continue;
    if (i + 2 >= text.size() || !isHex(text[i + 1]) || !isHex(text[i + 2])) return true;
  }
  return false;
}

bool isPlain(char c) {
  const auto u = static_cast<unsigned char>(c);
  return u > 0x20 && u < 0x7f && std::string_view("\"<>\\^`{|}").find(c) == std::string_view::npos;
}

void appendEscaped(std::string& out, char c) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  const auto u = static_cast<unsigned char>(c);
  out += '%';
  out += kDigits[u >> 4];
  out += kDigits[u & 15];
}

std::optional<uint16_t> parsePort(std::string_view text) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

/// "host:port" behind a scheme.
bool parseAuthority(std::string_view text, WebAddress& address) {
  if (const size_t at = text.rfind('@'); at != std::string_view::npos) text.remove_prefix(at + 1);
  std::string_view port;
  if (text.starts_with('[')) {
    const size_t close = text.find(']');
    if (close == std::string_view::npos) return false;
    address.host = text.substr(1, close - 1);
    port = text.substr(close + 1);
  } else {
    const size_t colon = text.find(':');
    address.host = text.substr(0, colon);
    port = colon == std::string_view::npos ? "" : text.substr(colon);
  }
  if (address.host.empty()) return false;
  if (!std::all_of(address.host.begin(), address.host.end(), isPlain)) return false;
  address.port = address.scheme == "https" ? 443 : 80;
  if (port.empty() || port == ":") return true;
  if (port.front() != ':') return false;
  const auto number = parsePort(port.substr(1));
  if (!number) return false;
  address.port = *number;
  return true;
}

}  // namespace

std::string WebAddress::authority() const {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::string WebAddress::str() const {
  return scheme + "://" + authority() + target;
}

std::string encodeTarget(std::string_view path) {
  // A path that is no URL is a path all the same: then '%' and '?' are only letters.
  const bool literal = hasBadEscape(path);
  std::string out;
  if (!path.starts_with('/')) out += '/';
  for (const char c : path.substr(0, path.find('#'))) {
    if (!isPlain(c) || (literal && (c == '%' || c == '?'))) {
      appendEscaped(out, c);
    } else {
      out += c;
    }
  }
  return out;
}

std::optional<WebAddress> resolveLocation(const WebAddress& from, std::string_view location) {
  if (location.size() > kLocationMax) return std::nullopt;
  WebAddress to = from;
  const size_t colon = location.find(':');
  const size_t firstSlash = location.find_first_of("/?#");
  if (colon != std::string_view::npos &&
      (firstSlash == std::string_view::npos || colon < firstSlash)) {
    auto scheme = lowerCase(location.substr(0, colon));
    if (scheme != "http" && scheme != "https") return std::nullopt;
    to.scheme = std::move(scheme);
    location.remove_prefix(colon + 1);
    if (!location.starts_with("//")) return std::nullopt;
  }
  if (location.starts_with("//")) {
    location.remove_prefix(2);
    const size_t end = std::min(location.find_first_of("/?#"), location.size());
    if (!parseAuthority(location.substr(0, end), to)) return std::nullopt;
    to.target = encodeTarget(location.substr(end));
    return to;
  }
  if (location.starts_with('/')) {
    to.target = encodeTarget(location);
    return to;
  }
  const std::string path = from.target.substr(0, from.target.find('?'));
  if (location.empty() || location.starts_with('?')) {
    to.target = encodeTarget(path + std::string(location));
  } else {
    to.target = encodeTarget(path.substr(0, path.rfind('/') + 1) + std::string(location));
  }
  return to;
}

}  // namespace coxswain::kubelet
