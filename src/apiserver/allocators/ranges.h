#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/names/ip.h"
#include "apiserver/allocators/number_pool.h"
#include "base/result.h"

namespace coxswain::apiserver {

/// The addresses of a service range ("10.96.0.0/16"), without the first (the network) and, for
/// IPv4, the last one. Of huge ranges the first 2^16 addresses.
class AddressRange {
 public:
  /// BadRequest: no range, or of fewer than 4 addresses.
  static Result<AddressRange> create(std::string_view cidr, Random& random);

  [[nodiscard]] bool v6() const { return prefix_.address.v6; }
  [[nodiscard]] std::string_view family() const { return v6() ? "IPv6" : "IPv4"; }
  /// The first that is handed out: that of service default/kubernetes.
  [[nodiscard]] std::string first() const { return at(0); }
  /// Failures are texts for people: not in the range, taken.
  Status take(std::string_view address, const std::string& owner);
  /// Nothing: the range is full.
  std::optional<std::string> takeAny(const std::string& owner);
  void give(std::string_view address, const std::string& owner);
  [[nodiscard]] uint64_t used() const { return pool_.used(); }
  [[nodiscard]] uint64_t size() const { return pool_.size(); }
  [[nodiscard]] std::string str() const { return prefix_.str(); }

 private:
  AddressRange(api::IpPrefix prefix, NumberPool pool)
      : prefix_(std::move(prefix)), pool_(std::move(pool)) {}
  [[nodiscard]] std::string at(uint64_t number) const;
  [[nodiscard]] std::optional<uint64_t> numberOf(std::string_view address) const;
  api::IpPrefix prefix_;
  NumberPool pool_;
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
  [[nodiscard]] uint64_t used() const { return pool_.used(); }

 private:
  PortRange(int32_t first, int32_t last, NumberPool pool)
      : first_(first), last_(last), pool_(std::move(pool)) {}
  int32_t first_;
  int32_t last_;
  NumberPool pool_;
};

}  // namespace coxswain::apiserver
