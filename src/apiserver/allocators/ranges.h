#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "api/names/ip.h"
#include "apiserver/allocators/number_pool.h"
#include "base/result.h"

namespace coxswain::apiserver {

/// The addresses of a service range ("10.96.0.0/16"): all but the first (the network) and, of IPv4,
/// the last. A value.
class AddressRange {
 public:
  /// BadRequest: no range, or of fewer than 4 addresses.
  static Result<AddressRange> create(std::string_view cidr);

  [[nodiscard]] bool v6() const { return prefix_.address.v6; }
  [[nodiscard]] std::string_view family() const { return v6() ? "IPv6" : "IPv4"; }
  /// The first that is handed out: that of service default/kubernetes.
  [[nodiscard]] std::string first() const { return at(0); }
  /// Of 0 to size() - 1.
  [[nodiscard]] std::string at(uint64_t number) const;
  [[nodiscard]] bool contains(const api::IpAddress& ip) const { return prefix_.contains(ip); }
  /// It is one that may be handed out.
  [[nodiscard]] bool has(const api::IpAddress& ip) const;
  /// Of ranges that are larger than 2^62: so many.
  [[nodiscard]] uint64_t size() const { return size_; }
  /// The lowest so many are left to those who ask for a certain one, as long as there are others.
  [[nodiscard]] uint64_t reserved() const { return reserved_; }
  [[nodiscard]] std::string str() const { return prefix_.str(); }

 private:
  AddressRange(api::IpPrefix prefix, uint64_t size, uint64_t reserved)
      : prefix_(std::move(prefix)), size_(size), reserved_(reserved) {}
  api::IpPrefix prefix_;
  uint64_t size_;
  uint64_t reserved_;
};

/// Node ports ("30000-32767").
class PortRange {
 public:
  /// "30000-32767" or "30000+100". BadRequest.
  static Result<PortRange> create(std::string_view text, Random& random);
  Status take(int32_t port, const std::string& owner);
  std::optional<int32_t> takeAny(const std::string& owner);
  void give(int32_t port, const std::string& owner);
  [[nodiscard]] int32_t first() const { return first_; }
  [[nodiscard]] bool isFree(int32_t port) const;
  /// A number whose bit N is set where port first() + N is taken, but for those of `except`, as
  /// big-endian bytes without leading zeros: the data of a RangeAllocation.
  [[nodiscard]] std::string bitmap(const std::set<int32_t>& except) const;
  [[nodiscard]] std::string str() const {
    return std::to_string(first_) + "-" + std::to_string(last_);
  }
  [[nodiscard]] uint64_t used() const { return pool_.used(); }

 private:
  PortRange(int32_t first, int32_t last, NumberPool pool)
      : first_(first), last_(last), pool_(std::move(pool)) {}
  int32_t first_;
  int32_t last_;
  NumberPool pool_;
};

}  // namespace coxswain::apiserver
