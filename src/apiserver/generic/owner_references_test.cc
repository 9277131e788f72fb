#include "apiserver/generic/owner_references.h"

#include <gtest/gtest.h>

#include "api/gen/meta_v1.h"

namespace coxswain::apiserver {
namespace {

using api::meta::v1::ObjectMeta;

void addOwner(ObjectMeta& meta, std::string uid, std::optional<bool> controller = std::nullopt) {
  auto& owner = meta.ownerReferences.emplace_back();
  owner.name = "n";
  owner.uid = std::move(uid);
  owner.controller = controller;
}

TEST(OwnerReferences, OnlyThoseThatAreTheSameWordForWordGo) {
  ObjectMeta meta;
  addOwner(meta, "1");
  addOwner(meta, "1", true);
  addOwner(meta, "2");
  addOwner(meta, "1");
  addOwner(meta, "2");
  addOwner(meta, "3");
  std::vector<std::string> warnings;
  dropRepeatedOwners(meta, OwnersSeen::BeforeAdmission, warnings);
  ASSERT_EQ(meta.ownerReferences.size(), 4);
  EXPECT_EQ(meta.ownerReferences[0].uid, "1");
  EXPECT_EQ(meta.ownerReferences[1].controller, true);
  EXPECT_EQ(meta.ownerReferences[2].uid, "2");
  EXPECT_EQ(meta.ownerReferences[3].uid, "3");
  ASSERT_EQ(warnings.size(), 1);
  EXPECT_TRUE(warnings[0].ends_with("observed: 1, 2")) << warnings[0];
}

TEST(OwnerReferences, VeryManyTakeNoMinutes) {
  ObjectMeta meta;
  constexpr size_t kMany = 200'000;
  for (size_t i = 0; i < kMany; ++i) addOwner(meta, std::to_string(i));
  std::vector<std::string> warnings;
  dropRepeatedOwners(meta, OwnersSeen::AfterAdmission, warnings);
  EXPECT_EQ(meta.ownerReferences.size(), kMany);
  EXPECT_TRUE(warnings.empty());
}

}  // namespace
}  // namespace coxswain::apiserver
