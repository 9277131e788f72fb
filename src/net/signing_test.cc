#include "net/signing.h"

#include <gtest/gtest.h>

#include "net/certs.h"

namespace coxswain::net {
namespace {

TEST(Signing, ASignatureOfOneKeyIsNotThatOfAnother) {
  auto first = SigningKey::parse(*createKeyPem());
  auto second = SigningKey::parse(*createKeyPem());
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(first->publicKey().algorithm(), "ES256");
  auto signature = first->sign("text");
  ASSERT_TRUE(signature.ok());
  EXPECT_EQ(signature->size(), 64U);
  EXPECT_TRUE(first->publicKey().verify("text", *signature));
  EXPECT_FALSE(first->publicKey().verify("test", *signature));
  EXPECT_FALSE(second->publicKey().verify("text", *signature));
  EXPECT_FALSE(first->publicKey().verify("text", ""));
  EXPECT_FALSE(first->publicKey().verify("text", std::string(64, '\0')));
}

TEST(Signing, ThePublicHalfIsTheSameFromEveryForm) {
  auto ca = createCa("ca", WallTime(std::chrono::seconds(0)), WallTime(std::chrono::hours(1)));
  ASSERT_TRUE(ca.ok());
  auto publicPem = publicKeyPem(ca->keyPem);
  ASSERT_TRUE(publicPem.ok());
  auto keys = PublicKey::parse(ca->keyPem + ca->certificatePem + *publicPem);
  ASSERT_TRUE(keys.ok());
  ASSERT_EQ(keys->size(), 3U);
  EXPECT_EQ((*keys)[0].keyId(), (*keys)[1].keyId());
  EXPECT_EQ((*keys)[1].keyId(), (*keys)[2].keyId());
  EXPECT_EQ((*keys)[0].keyId().size(), 43U);
}

TEST(Signing, JsonWebKeyOfACurve) {
  auto key = SigningKey::parse(*createKeyPem());
  ASSERT_TRUE(key.ok());
  EXPECT_EQ(key->publicKey().keyType(), "EC");
  auto parameters = key->publicKey().parameters();
  ASSERT_EQ(parameters.size(), 3U);
  EXPECT_EQ(parameters[0].value, "P-256");
  EXPECT_EQ(parameters[1].value.size(), 43U);
  EXPECT_EQ(parameters[2].value.size(), 43U);
}

TEST(Signing, OtherTextIsRefused) {
  EXPECT_FALSE(PublicKey::parse("").ok());
  EXPECT_FALSE(
      PublicKey::parse("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n").ok());
  EXPECT_FALSE(SigningKey::parse("nothing").ok());
}

}  // namespace
}  // namespace coxswain::net
