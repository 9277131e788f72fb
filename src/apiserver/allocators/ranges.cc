#include "apiserver/allocators/ranges.h"

#include <algorithm>
#include <charconv>

namespace coxswain::apiserver {
namespace {

constexpr int kBitsMax = 62;

Status taken(std::string_view what) {
  return badRequest("provided " + std::string(what) + " is already allocated");
}

api::IpAddress plus(api::IpAddress ip, uint64_t count) {
  size_t i = ip.v6 ? 16 : 4;
  while (i > 0 && count > 0) {
    --i;
    count += ip.bytes[i];
    ip.bytes[i] = static_cast<uint8_t>(count & 0xff);
    count >>= 8;
  }
  return ip;
}

std::optional<int32_t> number(std::string_view text) {
  int32_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

}  // namespace

Result<AddressRange> AddressRange::create(std::string_view cidr) {
  auto prefix = api::parseCidr(cidr);
  if (!prefix) return badRequest("\"" + std::string(cidr) + "\" is not a range of addresses");
  const int bits = prefix->address.bits() - prefix->length;
  if (bits < 2) return badRequest("range " + std::string(cidr) + " has fewer than 4 addresses");
  prefix->address = prefix->network();
  uint64_t size = uint64_t{1} << std::min(bits, kBitsMax);
  size -= prefix->address.v6 ? 1 : 2;  // the network's own; the broadcast address
  // As upstream: a sixteenth, at least 16 and at most 256.
  const uint64_t reserved = size < 16 ? 0 : std::clamp<uint64_t>(size / 16, 16, 256);
  return AddressRange(*prefix, size, std::min(reserved, size));
}

std::string AddressRange::at(uint64_t number) const {
  return plus(prefix_.address, number + 1).str();
}

bool AddressRange::has(const api::IpAddress& ip) const {
  if (!prefix_.contains(ip) || ip == prefix_.address) return false;
  return v6() || ip != plus(prefix_.address, size_ + 1);
}

Result<PortRange> PortRange::create(std::string_view text, Random& random) {
  auto wrong =
      badRequest("\"" + std::string(text) + "\" is not a range of ports (want 30000-32767)");
  auto sign = text.find_first_of("-+");
  if (sign == std::string_view::npos) return wrong;
  auto first = number(text.substr(0, sign));
  auto second = number(text.substr(sign + 1));
  if (!first || !second) return wrong;
  const int64_t last = text[sign] == '+' ? int64_t{*first} + *second : *second;
  if (*first < 1 || last < *first || last > 65535) return wrong;
  const auto size = static_cast<uint64_t>(last - *first + 1);
  const uint64_t reserved = size < 16 ? 0 : std::clamp<uint64_t>(size / 32, 16, 128);
  return PortRange(*first, static_cast<int32_t>(last),
                   NumberPool(size, std::min(reserved, size), random));
}

Status PortRange::take(int32_t port, const std::string& owner) {
  if (port < first_ || port > last_) {
    return badRequest("provided port is not in the valid range. The range of valid ports is " +
                      std::to_string(first_) + "-" + std::to_string(last_));
  }
  return pool_.take(static_cast<uint64_t>(port - first_), owner) ? Status() : taken("port");
}

std::optional<int32_t> PortRange::takeAny(const std::string& owner) {
  auto number = pool_.takeAny(owner);
  if (!number) return std::nullopt;
  return first_ + static_cast<int32_t>(*number);
}

void PortRange::give(int32_t port, const std::string& owner) {
  if (port >= first_ && port <= last_) pool_.give(static_cast<uint64_t>(port - first_), owner);
}

std::string PortRange::bitmap(const std::set<int32_t>& except) const {
  std::string bytes(static_cast<size_t>(last_ - first_) / 8 + 1, '\0');
  pool_.each([&](uint64_t number) {
    if (except.contains(first_ + static_cast<int32_t>(number))) return;
    auto& byte = bytes[bytes.size() - 1 - number / 8];
    byte = static_cast<char>(byte | 1 << number % 8);
  });
  bytes.erase(0, std::min(bytes.find_first_not_of('\0'), bytes.size()));
  return bytes;
}

bool PortRange::isFree(int32_t port) const {
  return port >= first_ && port <= last_ &&
         pool_.ownerOf(static_cast<uint64_t>(port - first_)).empty();
}

}  // namespace coxswain::apiserver
