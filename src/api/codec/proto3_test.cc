// Interfaces other than Kubernetes' API (CRI, etcd, CSI) use the same generator and codec.
#include <gtest/gtest.h>

#include "api/codec/protobuf.h"
#include "api/testgen/sample.h"

namespace coxswain {
namespace {

using testproto::v1::Sample;

TEST(Proto3, EmptyIsEmpty) {
  EXPECT_EQ(api::encodeProtobuf(Sample()), "");
}

TEST(Proto3, RoundTrip) {
  Sample s;
  s.name = "n";
  s.state = testproto::v1::STATE_READY;
  s.ids = {1, -1, 300};
  s.info_ = {{"a", "b"}, {"c", ""}};
  s.parts["p"].partName = "x";
  s.mainPart.emplace();
  s.list.resize(2);
  s.list[1].weight = -5;
  s.device = 0;
  s.ratio = 0.5;
  s.share = 0.25F;
  s.mask = 0xffffffff;
  s.data = api::Bytes("\x01\x02");
  s.on = true;
  s.maybe = false;
  s.states = {0, 1};
  s.readings = {1.5};
  s.switches = {true, false};
  s.counts["z"] = INT64_MIN;
  std::string bytes = api::encodeProtobuf(s);
  auto again = api::decodeProtobuf<Sample>(bytes);
  ASSERT_TRUE(again.ok()) << again.status().toString();
  EXPECT_EQ(*again, s);
  EXPECT_EQ(again->device, 0U);  // set, though zero
  EXPECT_FALSE(again->file);
  EXPECT_EQ(api::encodeProtobuf(*again), bytes);
}

TEST(Proto3, PackedAndZeroesAsProtocWrites) {
  Sample s;
  s.ids = {1, 2};
  EXPECT_EQ(api::encodeProtobuf(s), std::string("\x1a\x02\x01\x02", 4));
  s = Sample();
  s.maybe = false;
  EXPECT_EQ(api::encodeProtobuf(s), std::string("\x80\x01\x00", 3));
  s = Sample();
  s.mainPart.emplace();
  EXPECT_EQ(api::encodeProtobuf(s), std::string("\x32\x00", 2));
}

}  // namespace
}  // namespace coxswain
