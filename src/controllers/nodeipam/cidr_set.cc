#include "controllers/nodeipam/cidr_set.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace coxswain::controllers::nodeipam {

namespace {

struct Prefix {
  std::vector<uint8_t> bytes;
  int mask = 0;
};

std::optional<Prefix> parse(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::string address(text.substr(0, slash));
  const auto digits = text.substr(slash + 1);
  Prefix prefix;
  const bool six = address.find(':') != std::string::npos;
  prefix.bytes.resize(six ? 16 : 4);
  if (inet_pton(six ? AF_INET6 : AF_INET, address.c_str(), prefix.bytes.data()) != 1) {
    return std::nullopt;
  }
  const char* end = digits.data() + digits.size();
  auto read = std::from_chars(digits.data(), end, prefix.mask);
  const int bits = static_cast<int>(prefix.bytes.size()) * 8;
  if (read.ec != std::errc() || read.ptr != end || prefix.mask < 0 || prefix.mask > bits) {
    return std::nullopt;
  }
  // Host bits do not count.
  for (int i = prefix.mask; i < bits; ++i) {
    prefix.bytes[static_cast<size_t>(i / 8)] &= static_cast<uint8_t>(~(0x80 >> (i % 8)));
  }
  return prefix;
}

bool bitOf(const std::vector<uint8_t>& bytes, int bit) {
  return (bytes[static_cast<size_t>(bit / 8)] & (0x80 >> (bit % 8))) != 0;
}

}  // namespace

Result<CidrSet> CidrSet::create(std::string_view cidr, int nodeMask) {
  auto prefix = parse(cidr);
  if (!prefix) return badRequest(fmt::format("invalid CIDR address: {}", cidr));
  CidrSet set;
  set.bytes_ = prefix->bytes.size();
  const int bits = static_cast<int>(set.bytes_) * 8;
  if (nodeMask < prefix->mask || nodeMask > bits) {
    return badRequest(fmt::format("node CIDR mask /{} does not fit into {}", nodeMask, cidr));
  }
  const int span = nodeMask - prefix->mask;
  if (span > (set.isV6() ? 16 : 24)) {
    return badRequest(fmt::format("{} has too many ranges of /{}: at most 2^{}", cidr, nodeMask,
                                  set.isV6() ? 16 : 24));
  }
  set.base_ = std::move(prefix->bytes);
  set.mask_ = prefix->mask;
  set.nodeMask_ = nodeMask;
  set.count_ = uint64_t{1} << span;
  return set;
}

std::optional<CidrSet::Span> CidrSet::spanOf(std::string_view cidr) const {
  auto prefix = parse(cidr);
  if (!prefix || prefix->bytes.size() != bytes_) return std::nullopt;
  const int common = std::min(prefix->mask, mask_);
  for (int bit = 0; bit < common; ++bit) {
    if (bitOf(prefix->bytes, bit) != bitOf(base_, bit)) return std::nullopt;
  }
  if (prefix->mask <= mask_) return Span{0, count_ - 1};
  uint64_t first = 0;
  for (int bit = mask_; bit < nodeMask_; ++bit) {
    first = first << 1 | (bit < prefix->mask && bitOf(prefix->bytes, bit) ? 1 : 0);
  }
  const int free = std::max(0, nodeMask_ - prefix->mask);
  return Span{first, first + (uint64_t{1} << free) - 1};
}

std::string CidrSet::format(uint64_t index) const {
  auto bytes = base_;
  for (int bit = nodeMask_ - 1; bit >= mask_; --bit, index >>= 1) {
    if ((index & 1) != 0)
      bytes[static_cast<size_t>(bit / 8)] |= static_cast<uint8_t>(0x80 >> (bit % 8));
  }
  char text[INET6_ADDRSTRLEN];
  inet_ntop(isV6() ? AF_INET6 : AF_INET, bytes.data(), text, sizeof text);
  return fmt::format("{}/{}", text, nodeMask_);
}

std::optional<std::string> CidrSet::take() {
  if (taken_.size() >= count_) return std::nullopt;
  auto at = taken_.lower_bound(next_);
  while (at != taken_.end() && *at == next_) {
    ++at;
    ++next_;
  }
  if (next_ >= count_) {
    next_ = 0;
    for (auto used : taken_) {
      if (used != next_) break;
      ++next_;
    }
  }
  taken_.insert(next_);
  auto text = format(next_);
  next_ = (next_ + 1) % count_;
  return text;
}

bool CidrSet::occupy(std::string_view cidr) {
  auto span = spanOf(cidr);
  if (!span) return false;
  for (uint64_t i = span->first; i <= span->last; ++i) taken_.insert(i);
  return true;
}

void CidrSet::release(std::string_view cidr) {
  auto span = spanOf(cidr);
  if (span) taken_.erase(taken_.lower_bound(span->first), taken_.upper_bound(span->last));
}

}  // namespace coxswain::controllers::nodeipam
