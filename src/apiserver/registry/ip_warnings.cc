#include "apiserver/registry/ip_warnings.h"

#include <algorithm>
#include <charconv>

#include "api/names/ip.h"
#include "api/names/names.h"
#include "api/names/quote.h"

namespace coxswain::apiserver {
namespace {

using api::goQuote;
using api::IpAddress;

/// IPv4 for IPv4 within IPv6, as Go prints an address.
IpAddress plain(const IpAddress& ip) {
  if (!ip.isMappedV4()) return ip;
  IpAddress out;
  std::copy(ip.bytes.begin() + 12, ip.bytes.end(), out.bytes.begin());
  return out;
}

std::string start(const api::FieldPath& path, std::string_view what, std::string_view value) {
  return path.str() + ": " + std::string(what) + " " + goQuote(value);
}

constexpr std::string_view kFuture =
    " will be considered invalid in a future Kubernetes release: use ";
constexpr std::string_view kCanonical = " should be in RFC 5952 canonical format (";

}  // namespace

void warnOfIp(std::string_view value, const api::FieldPath& path, std::vector<std::string>& out) {
  const auto ip = api::parseIpSloppy(value);
  if (!ip) return;
  if (!api::parseIp(value) || ip->isMappedV4()) {
    out.push_back(start(path, "non-standard IP address", value) + std::string(kFuture) +
                  goQuote(plain(*ip).str()));
  } else if (ip->v6 && ip->str() != value) {
    out.push_back(start(path, "IPv6 address", value) + std::string(kCanonical) +
                  goQuote(ip->str()) + ")");
  }
}

void warnOfCidr(std::string_view value, const api::FieldPath& path, std::vector<std::string>& out) {
  const auto slash = value.find('/');
  if (slash == std::string_view::npos) return;
  const auto ip = api::parseIpSloppy(value.substr(0, slash));
  const auto digits = value.substr(slash + 1);
  int length = -1;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  const bool number = error == std::errc() && end == digits.data() + digits.size();
  if (!ip || !number || length < 0 || length > ip->bits()) return;
  // Go's networks of addresses within IPv6 are those of IPv4.
  api::IpPrefix prefix{plain(*ip), length};
  if (ip->isMappedV4()) prefix.length = std::max(length - 96, 0);
  const auto before = out.size();
  if (prefix.hasHostBits()) {
    const auto single = prefix.address.str() + "/" + std::to_string(prefix.address.bits());
    out.push_back(start(path, "CIDR value", value) + " is ambiguous in this context (should be " +
                  goQuote(prefix.str()) + " or " + goQuote(single) + "?)");
  }
  if (!api::parseCidr(value) || ip->isMappedV4()) {
    out.push_back(start(path, "non-standard CIDR value", value) + std::string(kFuture) +
                  goQuote(prefix.str()));
  }
  if (out.size() == before && ip->v6 && prefix.str() != value) {
    out.push_back(start(path, "IPv6 CIDR value", value) + std::string(kCanonical) +
                  goQuote(prefix.str()) + ")");
  }
}

void warnOfName(std::string_view name, std::string_view description,
                std::vector<std::string>& out) {
  const auto messages = api::validateDns1123Label(name);
  if (messages.empty()) return;
  std::string list;
  for (const auto& message : messages) list += (list.empty() ? "" : " ") + message;
  out.push_back(std::string(description) + "; a DNS label is recommended: [" + list + "]");
}

}  // namespace coxswain::apiserver
