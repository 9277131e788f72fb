// Checks of addresses and ranges given as text.
#include "api/names/ip.h"
#include "api/names/names.h"
#include "api/names/quote.h"

namespace coxswain::api {

namespace {

constexpr const char* kBadIp = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
constexpr const char* kBadCidr = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";

}  // namespace

Messages validateIp(std::string_view value) {
  const auto ip = parseIp(value);
  if (!ip) {
    if (parseIpSloppy(value)) return {"must not have leading 0s"};
    return {kBadIp};
  }
  if (ip->isMappedV4()) return {"must not be an IPv4-mapped IPv6 address"};
  if (ip->str() != value) return {"must be in canonical form (" + goQuote(ip->str()) + ")"};
  return {};
}

Messages validateIpForLegacyField(std::string_view value, bool unchanged) {
  const auto sloppy = parseIpSloppy(value);
  if (!sloppy) return {kBadIp};
  if (unchanged) return {};
  if (!parseIp(value)) return {"must not have leading 0s"};
  if (sloppy->isMappedV4()) return {"must not be an IPv4-mapped IPv6 address"};
  return {};
}

Messages validateIpv4Address(std::string_view value) {
  const auto ip = parseIpSloppy(value);
  if (!ip || ip->v6) return {"must be an IPv4 address"};
  return {};
}

Messages validateIpv6Address(std::string_view value) {
  const auto ip = parseIpSloppy(value);
  if (!ip || !ip->v6) return {"must be an IPv6 address"};
  return {};
}

Messages validateCidr(std::string_view value) {
  Messages out = validateCidrForLegacyField(value);
  if (!out.empty()) return out;
  const std::string canonical = parseCidr(value)->str();
  if (canonical != value) out.push_back("must be in canonical form (" + goQuote(canonical) + ")");
  return out;
}

Messages validateCidrForLegacyField(std::string_view value, bool unchanged) {
  const size_t slash = value.find('/');
  if (slash == std::string_view::npos) return {kBadCidr};
  const auto address = parseIpSloppy(value.substr(0, slash));
  std::string_view digits = value.substr(slash + 1);
  const bool leadingZero = digits.size() > 1 && digits.front() == '0';
  while (digits.size() > 1 && digits.front() == '0') digits.remove_prefix(1);
  if (!address) return {kBadCidr};
  const auto prefix = parseCidr(address->str() + "/" + std::string(digits));
  if (!prefix) return {kBadCidr};
  if (unchanged) return {};
  Messages out;
  if (!parseIp(value.substr(0, slash))) out.emplace_back("must not have leading 0s in IP");
  if (address->isMappedV4()) out.emplace_back("must not have an IPv4-mapped IPv6 address");
  if (leadingZero) out.emplace_back("must not have leading 0s in prefix length");
  if (prefix->hasHostBits()) out.emplace_back("must not have bits set beyond the prefix length");
  return out;
}

}  // namespace coxswain::api
