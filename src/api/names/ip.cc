#include "api/names/ip.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>

namespace coxswain::api {

namespace {

std::optional<IpAddress> parseV4(std::string_view text, bool leadingZeros) {
  IpAddress ip;
  size_t at = 0;
  for (size_t part = 0; part < 4; ++part) {
    if (part > 0) {
      if (at >= text.size() || text[at] != '.') return std::nullopt;
      ++at;
    }
    const size_t start = at;
    int value = 0;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') {
      value = value * 10 + (text[at++] - '0');
      if (value > 255) return std::nullopt;
    }
    if (at == start || (!leadingZeros && text[start] == '0' && at - start > 1)) return std::nullopt;
    ip.bytes[part] = static_cast<uint8_t>(value);
  }
  if (at != text.size()) return std::nullopt;
  return ip;
}

std::optional<IpAddress> parseAny(std::string_view text, bool leadingZeros) {
  if (text.find(':') == std::string_view::npos) return parseV4(text, leadingZeros);
  if (text.size() > 45) return std::nullopt;
  IpAddress ip;
  ip.v6 = true;
  if (inet_pton(AF_INET6, std::string(text).c_str(), ip.bytes.data()) != 1) return std::nullopt;
  return ip;
}

std::string printV6(const std::array<uint8_t, 16>& bytes) {
  std::array<unsigned, 8> words;
  for (size_t i = 0; i < 8; ++i)
    words[i] = static_cast<unsigned>(bytes[2 * i]) << 8 | bytes[2 * i + 1];
  // The first of the longest runs of two or more zero words becomes "::".
  size_t bestStart = 8;
  size_t bestLength = 1;
  for (size_t i = 0; i < 8;) {
    size_t end = i;
    while (end < 8 && words[end] == 0) ++end;
    if (end - i > bestLength) bestStart = i, bestLength = end - i;
    i = end + 1;
  }
  std::string out;
  for (size_t i = 0; i < 8; ++i) {
    if (i == bestStart) {
      out.append("::");
      i += bestLength - 1;
      continue;
    }
    if (!out.empty() && out.back() != ':') out.push_back(':');
    out.append(fmt::format("{:x}", words[i]));
  }
  return out;
}

}  // namespace

std::optional<IpAddress> parseIp(std::string_view text) {
  return parseAny(text, false);
}
std::optional<IpAddress> parseIpSloppy(std::string_view text) {
  return parseAny(text, true);
}

std::optional<IpPrefix> parseCidr(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto ip = parseIp(text.substr(0, slash));
  const std::string_view digits = text.substr(slash + 1);
  if (!ip || digits.empty() || digits.size() > 3 || (digits.size() > 1 && digits[0] == '0'))
    return std::nullopt;
  int length = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return std::nullopt;
    length = length * 10 + (c - '0');
  }
  if (length > ip->bits()) return std::nullopt;
  return IpPrefix{*ip, length};
}

bool IpAddress::isMappedV4() const {
  return v6 && std::all_of(bytes.begin(), bytes.begin() + 10, [](uint8_t b) { return b == 0; }) &&
         bytes[10] == 0xff && bytes[11] == 0xff;
}

std::string IpAddress::str() const {
  if (!v6) return fmt::format("{}.{}.{}.{}", bytes[0], bytes[1], bytes[2], bytes[3]);
  if (isMappedV4())
    return fmt::format("::ffff:{}.{}.{}.{}", bytes[12], bytes[13], bytes[14], bytes[15]);
  return printV6(bytes);
}

bool IpAddress::isUnspecified() const {
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t b) { return b == 0; });
}

bool IpAddress::isLoopback() const {
  if (!v6) return bytes[0] == 127;
  return std::all_of(bytes.begin(), bytes.end() - 1, [](uint8_t b) { return b == 0; }) &&
         bytes[15] == 1;
}

bool IpAddress::isLinkLocalMulticast() const {
  if (!v6) return bytes[0] == 224 && bytes[1] == 0 && bytes[2] == 0;
  return bytes[0] == 0xff && (bytes[1] & 0x0f) == 0x02;
}

bool IpAddress::isLinkLocalUnicast() const {
  if (!v6) return bytes[0] == 169 && bytes[1] == 254;
  return bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
}

IpAddress IpPrefix::network() const {
  IpAddress out = address;
  for (int bit = length; bit < address.bits(); ++bit)
    out.bytes[static_cast<size_t>(bit / 8)] &= static_cast<uint8_t>(~(0x80 >> (bit % 8)));
  return out;
}

bool IpPrefix::contains(const IpAddress& ip) const {
  return ip.v6 == address.v6 && IpPrefix{ip, length}.network() == network();
}

std::string IpPrefix::str() const {
  return fmt::format("{}/{}", network().str(), length);
}

}  // namespace coxswain::api
