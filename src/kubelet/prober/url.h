#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace coxswain::kubelet {

/// A web address as probes and hooks use them.
struct WebAddress {
  std::string scheme = "http";
  std::string host;  ///< without brackets
  uint16_t port = 80;
  std::string target = "/";  ///< path and query, encoded

  /// "http://10.0.0.5:8080/healthz", as messages show it.
  [[nodiscard]] std::string str() const;
  /// "host:port", an IPv6 address in brackets.
  [[nodiscard]] std::string authority() const;
};

/// The path of an httpGet as it goes on the wire: starts with '/', bytes that have no place in a
/// target percent-encoded.
std::string encodeTarget(std::string_view path);

/// Where a Location header leads from `from`. Nothing: not http or https, or no address at all.
std::optional<WebAddress> resolveLocation(const WebAddress& from, std::string_view location);

}  // namespace coxswain::kubelet
