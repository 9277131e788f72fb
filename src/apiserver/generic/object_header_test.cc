#include "apiserver/generic/object_header.h"

#include <gtest/gtest.h>

namespace coxswain::apiserver {
namespace {

constexpr std::string_view kNames[] = {"spec.nodeName", "status.phase", "status.podIP"};

TEST(ObjectHeader, HoldsTheTextsOfItsFields) {
  const api::FieldSet fields{{"status.podIP", ""}, {"status.phase", "Running"}};
  const ObjectHeader header("ns", "pod", {{"app", "web"}}, kNames, fields);
  EXPECT_EQ(header.field("metadata.name"), "pod");
  EXPECT_EQ(header.field("metadata.namespace"), "ns");
  EXPECT_EQ(header.field("spec.nodeName"), "");
  EXPECT_EQ(header.field("status.phase"), "Running");
  EXPECT_EQ(header.field("status.podIP"), "");
  EXPECT_EQ(header.field("spec.other"), "");
}

TEST(ObjectHeader, TextsMayHoldAnyByte) {
  const std::string odd("a\0b,=", 5);
  const ObjectHeader header("", "x", {}, kNames, {{"spec.nodeName", odd}, {"status.podIP", "1"}});
  EXPECT_EQ(header.field("spec.nodeName"), odd);
  EXPECT_EQ(header.field("status.podIP"), "1");
}

TEST(ObjectHeader, MatchesAsTheSelectorDoes) {
  const ObjectHeader header("ns", "pod", {}, kNames, {{"status.phase", "Running"}});
  auto matches = [&header](std::string_view text) {
    auto selector = api::FieldSelector::parse(text);
    return selector.ok() && header.matches(*selector);
  };
  EXPECT_TRUE(matches("status.phase=Running,metadata.name=pod"));
  EXPECT_TRUE(matches("status.phase!=Failed,spec.nodeName="));
  EXPECT_FALSE(matches("status.phase=Running,metadata.name!=pod"));
  EXPECT_FALSE(matches("metadata.namespace=other"));
  EXPECT_TRUE(matches("unknown="));
}

TEST(ObjectHeader, AKindMayHaveNoFields) {
  const ObjectHeader header("", "x", {}, {}, {});
  EXPECT_EQ(header.field("status.phase"), "");
  EXPECT_EQ(header.field("metadata.name"), "x");
}

}  // namespace
}  // namespace coxswain::apiserver
