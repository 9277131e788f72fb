#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dns/name.h"

namespace coxswain::dns {

/// Reads a message; after something that is not there, `ok` is false and everything reads as zero.
class WireReader {
 public:
  explicit WireReader(std::string_view bytes) : bytes_(bytes) {}

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] size_t offset() const { return at_; }
  void skip(size_t count);
  uint8_t u8();
  uint16_t u16();
  uint32_t u32();
  std::string_view bytes(size_t count);
  /// Compression pointers lead backwards only.
  Name name();

 private:
  std::string_view bytes_;
  size_t at_ = 0;
  bool ok_ = true;
};

/// Writes a message; names that were written before are pointed to.
class WireWriter {
 public:
  [[nodiscard]] size_t size() const { return out_.size(); }
  void u8(uint8_t value) { out_ += static_cast<char>(value); }
  void u16(uint16_t value);
  void u32(uint32_t value);
  void bytes(std::string_view text) { out_ += text; }
  void name(const Name& name, bool compress = true);
  void patchU16(size_t at, uint16_t value);
  /// Forgets what was written from `size` on.
  void cut(size_t size);
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
  std::map<std::string, uint16_t> suffixes_;
};

}  // namespace coxswain::dns
