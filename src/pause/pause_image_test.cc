#include "pause/pause_image.h"

#include <gtest/gtest.h>

namespace coxswain {
namespace {

TEST(PauseImage, IsATarFileWithAnOciLayout) {
  auto tar = pauseImageTar();
  ASSERT_GT(tar.size(), 1024U);
  EXPECT_EQ(tar.size() % 512, 0U);
  EXPECT_TRUE(tar.starts_with("oci-layout"));
  EXPECT_NE(tar.find(kPauseImageName), std::string_view::npos);
}

}  // namespace
}  // namespace coxswain
