#include "apiserver/generic/deflate_piece.h"

#include <zlib.h>

#include "base/assert.h"

namespace coxswain::apiserver {
namespace {

/// Objects are a few KiB: a small window and hash start faster.
constexpr int kWindowBits = -13;
constexpr int kMemoryLevel = 6;
constexpr size_t kStoredMax = 65535;
constexpr std::string_view kHeader{"\x1f\x8b\x08\0\0\0\0\0\x04\xff", 10};

class Compressor {
 public:
  Compressor() {
    ready_ = deflateInit2(&stream_, Z_BEST_SPEED, Z_DEFLATED, kWindowBits, kMemoryLevel,
                          Z_DEFAULT_STRATEGY) == Z_OK;
  }
  ~Compressor() {
    if (ready_) deflateEnd(&stream_);
  }
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;

  bool run(std::string_view text, std::string& out) {
    if (!ready_ || deflateReset(&stream_) != Z_OK) return false;
    // The flush adds an empty block.
    out.resize(deflateBound(&stream_, text.size()) + 16);
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream_.avail_in = static_cast<uInt>(text.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    const int result = deflate(&stream_, Z_FULL_FLUSH);
    out.resize(stream_.total_out);
    return result == Z_OK && stream_.avail_in == 0 && stream_.avail_out > 0;
  }

 private:
  z_stream stream_{};
  bool ready_ = false;
};

uint32_t crcOf(std::string_view text) {
  return static_cast<uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size())));
}

void appendLittleEndian(std::string& out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

}  // namespace

Result<DeflatePiece> deflatePiece(std::string_view text) {
  thread_local Compressor compressor;
  DeflatePiece piece;
  if (!compressor.run(text, piece.bytes)) return internalError("deflate failed");
  piece.bytes.shrink_to_fit();
  piece.crc = crcOf(text);
  piece.length = text.size();
  piece.shift = static_cast<uint32_t>(crc32_combine_gen(static_cast<z_off_t>(text.size())));
  return piece;
}

GzipWriter::GzipWriter() : out_(kHeader) {}

void GzipWriter::append(const DeflatePiece& piece) {
  out_.append(piece.bytes);
  crc_ = static_cast<uint32_t>(crc32_combine_op(crc_, piece.crc, piece.shift));
  length_ += piece.length;
}

void GzipWriter::appendStored(std::string_view text) {
  COXSWAIN_ASSERT(text.size() <= kStoredMax);
  out_.push_back('\0');  // not the last block, stored
  appendLittleEndian(out_, text.size(), 2);
  appendLittleEndian(out_, ~text.size(), 2);
  out_.append(text);
  crc_ = static_cast<uint32_t>(
      crc32(crc_, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size())));
  length_ += text.size();
}

std::string GzipWriter::finish() {
  out_.append("\x01\0\0\xff\xff", 5);  // the last block: stored, empty
  appendLittleEndian(out_, crc_, 4);
  appendLittleEndian(out_, length_, 4);
  return std::move(out_);
}

}  // namespace coxswain::apiserver
