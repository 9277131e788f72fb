#include <algorithm>

#include "api/names/ip.h"
#include "dns/zone.h"

namespace coxswain::dns {
namespace {

int hexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

std::optional<std::string> v4(const std::vector<std::string>& labels) {
  if (labels.size() != 4) return std::nullopt;
  auto text = labels[3] + "." + labels[2] + "." + labels[1] + "." + labels[0];
  auto address = api::parseIp(text);
  if (!address || address->v6) return std::nullopt;
  return address->str();
}

std::optional<std::string> v6(const std::vector<std::string>& labels) {
  if (labels.size() != 32) return std::nullopt;
  api::IpAddress address;
  address.v6 = true;
  for (size_t i = 0; i < 32; ++i) {
    const auto& label = labels[31 - i];
    const int digit = label.size() == 1 ? hexDigit(label[0]) : -1;
    if (digit < 0) return std::nullopt;
    auto& byte = address.bytes[i / 2];
    byte = static_cast<uint8_t>(byte << 4 | digit);
  }
  return address.str();
}

}  // namespace

std::optional<std::string> reverseAddress(const Name& name) {
  static const Name kV4 = *Name::parse("in-addr.arpa");
  static const Name kV6 = *Name::parse("ip6.arpa");
  if (name.endsWith(kV4)) return v4(name.below(kV4));
  if (name.endsWith(kV6)) return v6(name.below(kV6));
  return std::nullopt;
}

}  // namespace coxswain::dns
