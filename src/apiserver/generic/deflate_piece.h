#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace coxswain::apiserver {

/// A piece of text compressed by itself (RFC 1951, ending on a byte and with nothing to look back
/// to), so that pieces can be strung together: the large part of a list is compressed once for
/// everybody who asks for it.
struct DeflatePiece {
  std::string bytes;
  uint32_t crc = 0;    ///< CRC-32 of the text
  uint32_t shift = 0;  ///< what moves a CRC over the text's length (crc32_combine_gen)
  size_t length = 0;   ///< of the text
};

/// Thread-safe; keeps one compressor a thread.
Result<DeflatePiece> deflatePiece(std::string_view text);

/// RFC 1952: one gzip member made of pieces.
class GzipWriter {
 public:
  GzipWriter();
  void append(const DeflatePiece& piece);
  /// A short text as it is, in a stored block. At most 65535 bytes.
  void appendStored(std::string_view text);
  void reserve(size_t bytes) { out_.reserve(bytes); }
  /// Once, last.
  std::string finish();

 private:
  std::string out_;
  uint32_t crc_ = 0;
  uint64_t length_ = 0;
};

}  // namespace coxswain::apiserver
