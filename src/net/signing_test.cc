#include "net/signing.h"

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/rsa.h>

#include "net/certs.h"
#include "net/openssl.h"

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

std::string numberOf(EVP_PKEY* key, const char* name) {
  BIGNUM* number = nullptr;
  EVP_PKEY_get_bn_param(key, name, &number);
  std::string out(static_cast<size_t>(BN_num_bytes(number)), '\0');
  BN_bn2bin(number, reinterpret_cast<unsigned char*>(out.data()));
  BN_free(number);
  return out;
}

std::string signRsa(EVP_PKEY* key, const EVP_MD* digest, bool pss, std::string_view data) {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_PKEY_CTX* options = nullptr;
  EVP_DigestSignInit(context, &options, digest, nullptr, key);
  if (pss) EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING);
  if (pss) EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST);
  std::string out(1024, '\0');
  size_t size = out.size();
  EVP_DigestSign(context, reinterpret_cast<unsigned char*>(out.data()), &size,
                 reinterpret_cast<const unsigned char*>(data.data()), data.size());
  EVP_MD_CTX_free(context);
  out.resize(size);
  return out;
}

TEST(Signing, RsaKeysVerifyAllTheirAlgorithms) {
  openssl::Key key(EVP_RSA_gen(2048));
  auto known = PublicKey::fromRsa(numberOf(key.get(), OSSL_PKEY_PARAM_RSA_N),
                                  numberOf(key.get(), OSSL_PKEY_PARAM_RSA_E));
  ASSERT_TRUE(known.ok()) << known.status().toString();
  EXPECT_EQ(known->algorithm(), "RS256");
  struct Row {
    const char* name;
    const EVP_MD* digest;
    bool pss;
  };
  const Row rows[] = {{"RS256", EVP_sha256(), false}, {"RS384", EVP_sha384(), false},
                      {"RS512", EVP_sha512(), false}, {"PS256", EVP_sha256(), true},
                      {"PS384", EVP_sha384(), true},  {"PS512", EVP_sha512(), true}};
  for (const auto& row : rows) {
    auto signature = signRsa(key.get(), row.digest, row.pss, "text");
    for (const auto& other : rows) {
      EXPECT_EQ(known->verify(other.name, "text", signature), &row == &other)
          << row.name << " as " << other.name;
    }
    EXPECT_FALSE(known->verify(row.name, "test", signature)) << row.name;
  }
  EXPECT_FALSE(known->verify("none", "text", ""));
  EXPECT_FALSE(known->verify("ES256", "text", signRsa(key.get(), EVP_sha256(), false, "text")));
}

TEST(Signing, KeysOfNumbersThatAreNone) {
  EXPECT_FALSE(PublicKey::fromRsa("", "\x01").ok());
  EXPECT_FALSE(PublicKey::fromRsa(std::string(256, '\xff'), "").ok());
  EXPECT_FALSE(PublicKey::fromRsa(std::string(128, '\xff'), "\x01\x00\x01").ok());
  EXPECT_FALSE(PublicKey::fromRsa(std::string(5000, '\xff'), "\x03").ok());
  EXPECT_FALSE(PublicKey::fromEc("P-256", std::string(32, '\1'), std::string(32, '\2')).ok());
  EXPECT_FALSE(PublicKey::fromEc("P-256", "1", "2").ok());
  EXPECT_FALSE(PublicKey::fromEc("P-999", std::string(32, '\1'), std::string(32, '\2')).ok());
}

TEST(Signing, OtherTextIsRefused) {
  EXPECT_FALSE(PublicKey::parse("").ok());
  EXPECT_FALSE(
      PublicKey::parse("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n").ok());
  EXPECT_FALSE(SigningKey::parse("nothing").ok());
}

}  // namespace
}  // namespace coxswain::net
