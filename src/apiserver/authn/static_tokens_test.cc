#include "apiserver/authn/static_tokens.h"

#include <gtest/gtest.h>

namespace coxswain::apiserver {
namespace {

TEST(StaticTokenFile, BadLines) {
  EXPECT_FALSE(StaticTokens::parse("token,user\n").ok());
  EXPECT_FALSE(StaticTokens::parse("token,user,\"uid\n").ok());
  EXPECT_TRUE(StaticTokens::parse("\n\r\n").ok());
}

}  // namespace
}  // namespace coxswain::apiserver
