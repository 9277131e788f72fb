#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace coxswain::controllers::nodeipam {

/// The ranges of one size inside a larger one, IPv4 or IPv6, and which are taken. At most 2^16 of
/// an IPv6 range, as upstream, and 2^24 of an IPv4 one.
class CidrSet {
 public:
  /// "10.244.0.0/16", 24. BadRequest where that is no range, or holds none of that size.
  static Result<CidrSet> create(std::string_view cidr, int nodeMask);

  [[nodiscard]] bool isV6() const { return bytes_ == 16; }
  /// The next free one after the last that was given. Empty: all are taken.
  std::optional<std::string> take();
  /// Marks what overlaps `cidr` as taken. False: it is outside of this.
  bool occupy(std::string_view cidr);
  void release(std::string_view cidr);
  [[nodiscard]] size_t taken() const { return taken_.size(); }
  [[nodiscard]] uint64_t size() const { return count_; }

 private:
  struct Span {
    uint64_t first;
    uint64_t last;
  };
  [[nodiscard]] std::optional<Span> spanOf(std::string_view cidr) const;
  [[nodiscard]] std::string format(uint64_t index) const;

  std::vector<uint8_t> base_;
  size_t bytes_ = 4;
  int mask_ = 0;
  int nodeMask_ = 0;
  uint64_t count_ = 0;
  uint64_t next_ = 0;
  std::set<uint64_t> taken_;
};

}  // namespace coxswain::controllers::nodeipam
