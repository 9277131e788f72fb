#include "apiserver/generic/deflate_piece.h"

#include <gtest/gtest.h>
#include <zlib.h>

namespace coxswain::apiserver {
namespace {

std::string gunzip(const std::string& bytes, size_t sizeMax) {
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  std::string out(sizeMax, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  // Z_STREAM_END: length and checksum are right.
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  EXPECT_EQ(stream.avail_in, 0u);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

TEST(GzipWriter, PiecesInAnyOrderMakeOneMember) {
  std::string text;
  for (int i = 0; i < 300; ++i) text += "{\"name\":\"pod-" + std::to_string(i) + "\"},";
  auto large = deflatePiece(text);
  auto small = deflatePiece("x");
  auto nothing = deflatePiece("");
  ASSERT_TRUE(large.ok() && small.ok() && nothing.ok());
  EXPECT_LT(large->bytes.size(), text.size() / 4);
  GzipWriter writer;
  writer.appendStored("[");
  writer.append(*large);
  writer.append(*small);
  writer.appendStored(",");
  writer.append(*nothing);
  writer.append(*large);
  writer.appendStored("]\n");
  EXPECT_EQ(gunzip(writer.finish(), 1 << 20), "[" + text + "x," + text + "]\n");
}

TEST(GzipWriter, EmptyIsValid) {
  GzipWriter writer;
  EXPECT_EQ(gunzip(writer.finish(), 16), "");
}

}  // namespace
}  // namespace coxswain::apiserver
