#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace coxswain::api {

/// Reads protobuf records from bytes. Every method is false at the end or where the bytes are
/// broken; nothing is thrown or copied.
class WireReader {
 public:
  explicit WireReader(std::string_view bytes) : at_(bytes.data()), end_(at_ + bytes.size()) {}

  bool atEnd() const { return at_ == end_; }
  bool varint(uint64_t& value) {
    if (at_ < end_ && static_cast<uint8_t>(*at_) < 0x80) [[likely]] {
      value = static_cast<uint8_t>(*at_++);
      return true;
    }
    value = 0;
    for (int shift = 0; shift < 64 && at_ < end_; shift += 7) {
      auto byte = static_cast<uint8_t>(*at_++);
      value |= uint64_t{byte & 0x7fU} << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }
  /// Field numbers of 0 or beyond 2^29 are broken.
  bool tag(uint32_t& number, uint32_t& wireType) {
    uint64_t value = 0;
    if (!varint(value) || value > UINT32_MAX) return false;
    number = static_cast<uint32_t>(value >> 3);
    wireType = static_cast<uint32_t>(value & 7);
    return number != 0;
  }
  bool bytes(std::string_view& value) {
    uint64_t size = 0;
    if (!varint(size) || size > static_cast<uint64_t>(end_ - at_)) return false;
    value = {at_, static_cast<size_t>(size)};
    at_ += size;
    return true;
  }
  template <typename T>
  bool fixed(T& value) {
    if (static_cast<size_t>(end_ - at_) < sizeof(T)) return false;
    std::memcpy(&value, at_, sizeof(T));
    at_ += sizeof(T);
    return true;
  }
  /// Groups (wire types 3 and 4) are skipped with what they hold.
  bool skip(uint32_t wireType) {
    uint64_t varintValue = 0;
    std::string_view view;
    switch (wireType) {
      case 0:
        return varint(varintValue);
      case 1:
        return fixed(varintValue);
      case 2:
        return bytes(view);
      case 3:
        return skipGroup();
      case 5: {
        uint32_t value = 0;
        return fixed(value);
      }
      default:
        return false;
    }
  }

 private:
  bool skipGroup() {
    int open = 1;
    while (open > 0) {
      uint32_t number = 0;
      uint32_t wireType = 0;
      if (!tag(number, wireType)) return false;
      if (wireType == 3) {
        ++open;
      } else if (wireType == 4) {
        --open;
      } else if (!skip(wireType)) {
        return false;
      }
    }
    return true;
  }

  const char* at_;
  const char* end_;
};

}  // namespace coxswain::api
