#include "apiserver/server/compression.h"

#include <zlib.h>

namespace coxswain::apiserver {
namespace {

constexpr int kGzipWindow = 15 + 16;
constexpr int kMemoryLevel = 8;

Result<std::string> deflated(std::string_view text, int level) {
  z_stream stream{};
  if (deflateInit2(&stream, level, Z_DEFLATED, kGzipWindow, kMemoryLevel, Z_DEFAULT_STRATEGY) !=
      Z_OK) {
    return internalError("gzip: cannot start");
  }
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int result = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  if (result != Z_STREAM_END) return internalError("gzip: cannot finish");
  return out;
}

}  // namespace

Result<std::string> gzip(std::string_view text) {
  return deflated(text, Z_BEST_SPEED);
}

Result<std::string> gzipSmall(std::string_view text) {
  return deflated(text, Z_DEFAULT_COMPRESSION);
}

Result<std::string> gunzip(std::string_view packed, size_t size) {
  z_stream stream{};
  if (inflateInit2(&stream, kGzipWindow) != Z_OK) return internalError("gunzip: cannot start");
  std::string out(size, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int result = inflate(&stream, Z_FINISH);
  const bool whole = result == Z_STREAM_END && stream.total_out == size;
  inflateEnd(&stream);
  if (!whole) return internalError("gunzip: not what was packed");
  return out;
}

}  // namespace coxswain::apiserver
