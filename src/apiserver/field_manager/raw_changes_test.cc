#include "apiserver/field_manager/raw_changes.h"

#include <gtest/gtest.h>

#include "api/gen/apps_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/gen/resource_v1.h"

namespace coxswain::apiserver {
namespace {

using api::resource::v1::DeviceClass;

DeviceClass classWith(const char* raw) {
  DeviceClass made;
  auto& opaque = made.spec.config.emplace_back().deviceConfiguration.opaque.emplace();
  opaque.driver = "d";
  opaque.parameters.raw = raw;
  return made;
}

TEST(RawChanges, OnlyKindsWithRawLists) {
  EXPECT_TRUE(holdsRawLists(DeviceClass::info()));
  EXPECT_TRUE(holdsRawLists(api::resource::v1::ResourceClaim::info()));
  EXPECT_FALSE(holdsRawLists(api::core::v1::Pod::info()));
  EXPECT_FALSE(holdsRawLists(api::apps::v1::ControllerRevision::info()));
}

TEST(RawChanges, WhiteSpaceCounts) {
  const auto spaced = classWith("{\"a\": 1}");
  const auto compact = classWith("{\"a\":1}");
  auto changed = rawChanges(DeviceClass::info(), &spaced, &compact);
  EXPECT_FALSE(changed.empty());
  changed.subtract(FieldTree::ofPaths({".spec.config"}));
  EXPECT_TRUE(changed.empty());
  EXPECT_TRUE(rawChanges(DeviceClass::info(), &spaced, &spaced).empty());
}

}  // namespace
}  // namespace coxswain::apiserver
