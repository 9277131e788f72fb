#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace coxswain::api {

/// An IPv4 or IPv6 address. An IPv4-mapped IPv6 address stays IPv6.
struct IpAddress {
  bool v6 = false;
  std::array<uint8_t, 16> bytes{};  ///< IPv4 uses the first four

  /// RFC 5952 form.
  [[nodiscard]] std::string str() const;
  [[nodiscard]] bool isUnspecified() const;
  [[nodiscard]] bool isLoopback() const;
  /// 224.0.0.0/24 and ff02::/16.
  [[nodiscard]] bool isLinkLocalMulticast() const;
  /// 169.254.0.0/16 and fe80::/10.
  [[nodiscard]] bool isLinkLocalUnicast() const;
  [[nodiscard]] bool isMappedV4() const;
  [[nodiscard]] int bits() const { return v6 ? 128 : 32; }
  auto operator<=>(const IpAddress&) const = default;
};

struct IpPrefix {
  IpAddress address;  ///< as written, host bits kept
  int length = 0;

  [[nodiscard]] IpAddress network() const;
  [[nodiscard]] bool contains(const IpAddress& ip) const;
  [[nodiscard]] bool hasHostBits() const { return network() != address; }
  /// The network's form: "10.0.0.0/8".
  [[nodiscard]] std::string str() const;
  auto operator<=>(const IpPrefix&) const = default;
};

/// Strict: no leading zeros, no zone.
std::optional<IpAddress> parseIp(std::string_view text);
/// IPv4 parts may have leading zeros (read as decimal), as older objects may.
std::optional<IpAddress> parseIpSloppy(std::string_view text);
std::optional<IpPrefix> parseCidr(std::string_view text);

}  // namespace coxswain::api
