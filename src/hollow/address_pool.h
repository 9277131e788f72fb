#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace coxswain::hollow {

/// IPv4 addresses of a range, each given to one holder. A freed address is used again last.
class AddressPool {
 public:
  /// "10.128.0.0/9"; the prefix is 8 to 30. BadRequest.
  static Result<AddressPool> create(std::string_view range);

  /// ServiceUnavailable: all are taken.
  Result<std::string> take();
  /// Others' addresses are left alone.
  void markTaken(std::string_view address) { set(address, true); }
  void release(std::string_view address) { set(address, false); }
  void releaseAll();
  [[nodiscard]] size_t taken() const { return taken_; }

  /// The n-th address of the range, counted around its end.
  [[nodiscard]] std::string at(uint32_t n) const;

 private:
  AddressPool(uint32_t base, uint32_t size);
  void set(std::string_view address, bool value);

  uint32_t base_;
  uint32_t size_;
  uint32_t next_ = 1;
  size_t taken_ = 0;
  std::vector<bool> used_;
};

}  // namespace coxswain::hollow
