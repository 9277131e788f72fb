#include "net/signing.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>

#include <optional>

#include "net/openssl.h"

namespace coxswain::net {

using namespace openssl;  // NOLINT

namespace {

using Context = std::unique_ptr<EVP_MD_CTX, Deleter<EVP_MD_CTX_free>>;
using Signature = std::unique_ptr<ECDSA_SIG, Deleter<ECDSA_SIG_free>>;
using Number = std::unique_ptr<BIGNUM, Deleter<BN_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Deleter<EVP_PKEY_CTX_free>>;
using ParamBuilder = std::unique_ptr<OSSL_PARAM_BLD, Deleter<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Deleter<OSSL_PARAM_free>>;

constexpr int kRsaBitsMin = 2048;
constexpr int kRsaBitsMax = 8192;

const unsigned char* bytes(std::string_view s) {
  return reinterpret_cast<const unsigned char*>(s.data());
}

/// What JOSE calls the kinds of key it knows.
struct Kind {
  std::string_view algorithm;
  std::string_view type;
  std::string_view curve;
  std::string_view group;  ///< OpenSSL's name of the curve
  size_t numberSize;       ///< bytes of a coordinate
  const EVP_MD* (*digest)();
};
constexpr Kind kKinds[] = {
    {"ES256", "EC", "P-256", "prime256v1", 32, EVP_sha256},
    {"ES384", "EC", "P-384", "secp384r1", 48, EVP_sha384},
    {"ES512", "EC", "P-521", "secp521r1", 66, EVP_sha512},
    {"RS256", "RSA", "", "", 0, EVP_sha256},
};

/// What an RSA key may verify.
struct RsaAlgorithm {
  std::string_view name;
  bool pss;
  const EVP_MD* (*digest)();
};
constexpr RsaAlgorithm kRsaAlgorithms[] = {
    {"RS256", false, EVP_sha256}, {"RS384", false, EVP_sha384}, {"RS512", false, EVP_sha512},
    {"PS256", true, EVP_sha256},  {"PS384", true, EVP_sha384},  {"PS512", true, EVP_sha512},
};

const Kind* kindOf(EVP_PKEY* key) {
  if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA) {
    const int bits = EVP_PKEY_get_bits(key);
    return bits >= kRsaBitsMin && bits <= kRsaBitsMax ? &kKinds[3] : nullptr;
  }
  if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC) return nullptr;
  char group[64];
  size_t size = 0;
  if (EVP_PKEY_get_group_name(key, group, sizeof group, &size) != 1) return nullptr;
  for (const auto& kind : kKinds) {
    if (!kind.group.empty() && kind.group == std::string_view(group, size)) return &kind;
  }
  return nullptr;
}

std::string base64Url(std::string_view in) {
  constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string out;
  uint32_t held = 0;
  int bits = 0;
  for (unsigned char c : in) {
    held = held << 8 | c;
    for (bits += 8; bits >= 6; bits -= 6) out.push_back(kAlphabet[held >> (bits - 6) & 63]);
  }
  if (bits > 0) out.push_back(kAlphabet[held << (6 - bits) & 63]);
  return out;
}

std::string numberBytes(const BIGNUM* number, size_t size) {
  if (size == 0) size = static_cast<size_t>(BN_num_bytes(number));
  std::string out(size, '\0');
  BN_bn2binpad(number, reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(size));
  return out;
}

/// r and s side by side, as JOSE has them, from the DER that OpenSSL makes.
Result<std::string> joseFromDer(std::string_view der, size_t numberSize) {
  const auto* at = bytes(der);
  Signature signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  if (!signature) return internalError("ECDSA signature: " + lastError());
  return numberBytes(ECDSA_SIG_get0_r(signature.get()), numberSize) +
         numberBytes(ECDSA_SIG_get0_s(signature.get()), numberSize);
}

std::optional<std::string> derFromJose(std::string_view jose, size_t numberSize) {
  if (jose.size() != 2 * numberSize) return std::nullopt;
  Signature signature(ECDSA_SIG_new());
  auto size = static_cast<int>(numberSize);
  BIGNUM* r = BN_bin2bn(bytes(jose), size, nullptr);
  BIGNUM* s = BN_bin2bn(bytes(jose.substr(numberSize)), size, nullptr);
  ECDSA_SIG_set0(signature.get(), r, s);
  unsigned char* der = nullptr;
  int length = i2d_ECDSA_SIG(signature.get(), &der);
  if (length <= 0) return std::nullopt;
  std::string out(reinterpret_cast<char*>(der), static_cast<size_t>(length));
  OPENSSL_free(der);
  return out;
}

/// One block of a PEM text.
struct Block {
  char* name = nullptr;
  char* header = nullptr;
  unsigned char* data = nullptr;
  long size = 0;
  ~Block() {
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(data);
  }
};

Key keyOf(const Block& block) {
  const unsigned char* at = block.data;
  std::string_view name = block.name;
  if (name == "PUBLIC KEY") return Key(d2i_PUBKEY(nullptr, &at, block.size));
  if (name == "RSA PUBLIC KEY") return Key(d2i_PublicKey(EVP_PKEY_RSA, nullptr, &at, block.size));
  if (name == "CERTIFICATE") {
    Certificate certificate(d2i_X509(nullptr, &at, block.size));
    return Key(certificate ? X509_get_pubkey(certificate.get()) : nullptr);
  }
  if (name.ends_with("PRIVATE KEY")) return Key(d2i_AutoPrivateKey(nullptr, &at, block.size));
  return nullptr;
}

}  // namespace

struct PublicKey::Impl {
  Key key;
  const Kind* kind = nullptr;
  std::string algorithm;
  std::string keyId;

  static Result<std::shared_ptr<const Impl>> create(Key key) {
    auto impl = std::make_shared<Impl>();
    impl->kind = kindOf(key.get());
    if (!impl->kind) return badRequest("key: neither RSA of 2048 bits or more nor P-256/384/521");
    unsigned char* der = nullptr;
    int size = i2d_PUBKEY(key.get(), &der);
    if (size <= 0) return internalError("i2d_PUBKEY: " + lastError());
    std::string_view view(reinterpret_cast<char*>(der), static_cast<size_t>(size));
    impl->keyId = base64Url(sha256(view));
    OPENSSL_free(der);
    impl->key = std::move(key);
    impl->algorithm = impl->kind->algorithm;
    return std::shared_ptr<const Impl>(std::move(impl));
  }
};

Result<std::vector<PublicKey>> PublicKey::parse(std::string_view pem) {
  Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  std::vector<PublicKey> keys;
  while (true) {
    Block block;
    if (PEM_read_bio(bio.get(), &block.name, &block.header, &block.data, &block.size) != 1) break;
    if (std::string_view(block.name) == "EC PARAMETERS") continue;
    auto key = keyOf(block);
    if (!key) return badRequest("key: block \"" + std::string(block.name) + "\": " + lastError());
    TRY(auto impl, Impl::create(std::move(key)));
    keys.push_back(PublicKey(std::move(impl)));
  }
  ERR_clear_error();
  if (keys.empty()) return badRequest("no key in PEM text");
  return keys;
}

const std::string& PublicKey::algorithm() const {
  return impl_->algorithm;
}
const std::string& PublicKey::keyId() const {
  return impl_->keyId;
}
std::string_view PublicKey::keyType() const {
  return impl_->kind->type;
}

namespace {

/// A public key of OpenSSL's from its parameters; null: they do not fit together.
Key keyFromParams(const char* type, OSSL_PARAM_BLD* builder) {
  Params params(OSSL_PARAM_BLD_to_param(builder));
  KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* made = nullptr;
  const bool fine = params && context && EVP_PKEY_fromdata_init(context.get()) == 1 &&
                    EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, params.get()) == 1;
  Key key(made);
  if (!fine) key.reset();
  if (key) {
    KeyContext check(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
    if (!check || EVP_PKEY_public_check_quick(check.get()) != 1) key.reset();
  }
  ERR_clear_error();
  return key;
}

Number numberOf(std::string_view big) {
  return Number(BN_bin2bn(bytes(big), static_cast<int>(big.size()), nullptr));
}

}  // namespace

Result<PublicKey> PublicKey::fromRsa(std::string_view modulus, std::string_view exponent) {
  // An exponent beyond 32 bits only makes verifying slow.
  if (modulus.size() > kRsaBitsMax / 8 + 1 || exponent.empty() || exponent.size() > 4) {
    return badRequest("key: RSA numbers are too large");
  }
  auto n = numberOf(modulus);
  auto e = numberOf(exponent);
  ParamBuilder builder(OSSL_PARAM_BLD_new());
  if (!n || !e || !builder ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) {
    return internalError("key: " + lastError());
  }
  auto key = keyFromParams("RSA", builder.get());
  if (!key) return badRequest("key: not an RSA key");
  TRY(auto impl, Impl::create(std::move(key)));
  return PublicKey(std::move(impl));
}

Result<PublicKey> PublicKey::fromEc(std::string_view curve, std::string_view x,
                                    std::string_view y) {
  for (const auto& kind : kKinds) {
    if (kind.curve.empty() || kind.curve != curve) continue;
    if (x.size() != kind.numberSize || y.size() != kind.numberSize) break;
    std::string point = "\x04";
    point.append(x).append(y);
    ParamBuilder builder(OSSL_PARAM_BLD_new());
    if (!builder ||
        OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME,
                                        kind.group.data(), kind.group.size()) != 1 ||
        OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                         point.size()) != 1) {
      return internalError("key: " + lastError());
    }
    auto key = keyFromParams("EC", builder.get());
    if (!key) break;
    TRY(auto impl, Impl::create(std::move(key)));
    return PublicKey(std::move(impl));
  }
  return badRequest("key: not a point of a known curve");
}

bool PublicKey::verify(std::string_view algorithm, std::string_view data,
                       std::string_view signature) const {
  if (impl_->kind->numberSize > 0) {
    return algorithm == impl_->algorithm && verify(data, signature);
  }
  for (const auto& known : kRsaAlgorithms) {
    if (known.name != algorithm) continue;
    Context context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* options = nullptr;
    bool fine = EVP_DigestVerifyInit(context.get(), &options, known.digest(), nullptr,
                                     impl_->key.get()) == 1;
    if (fine && known.pss) {
      fine = EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1 &&
             EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_AUTO) == 1;
    }
    fine = fine && EVP_DigestVerify(context.get(), bytes(signature), signature.size(), bytes(data),
                                    data.size()) == 1;
    ERR_clear_error();
    return fine;
  }
  return false;
}

bool PublicKey::verify(std::string_view data, std::string_view signature) const {
  std::string der;
  if (impl_->kind->numberSize > 0) {
    auto converted = derFromJose(signature, impl_->kind->numberSize);
    if (!converted) return false;
    der = std::move(*converted);
    signature = der;
  }
  Context context(EVP_MD_CTX_new());
  const bool fine = EVP_DigestVerifyInit(context.get(), nullptr, impl_->kind->digest(), nullptr,
                                         impl_->key.get()) == 1 &&
                    EVP_DigestVerify(context.get(), bytes(signature), signature.size(), bytes(data),
                                     data.size()) == 1;
  ERR_clear_error();
  return fine;
}

std::vector<PublicKey::Parameter> PublicKey::parameters() const {
  auto number = [this](const char* name, size_t size) {
    BIGNUM* raw = nullptr;
    EVP_PKEY_get_bn_param(impl_->key.get(), name, &raw);
    Number owned(raw);
    return owned ? base64Url(numberBytes(owned.get(), size)) : std::string();
  };
  const auto& kind = *impl_->kind;
  if (kind.numberSize == 0) {
    return {{"n", number(OSSL_PKEY_PARAM_RSA_N, 0)}, {"e", number(OSSL_PKEY_PARAM_RSA_E, 0)}};
  }
  return {{"crv", std::string(kind.curve)},
          {"x", number(OSSL_PKEY_PARAM_EC_PUB_X, kind.numberSize)},
          {"y", number(OSSL_PKEY_PARAM_EC_PUB_Y, kind.numberSize)}};
}

Result<SigningKey> SigningKey::parse(std::string_view pem) {
  TRY(auto key, privateKeyFromPem(pem));
  TRY(auto impl, PublicKey::Impl::create(std::move(key)));
  return SigningKey(PublicKey(std::move(impl)));
}

Result<std::string> SigningKey::sign(std::string_view data) const {
  const auto& impl = *public_.impl_;
  Context context(EVP_MD_CTX_new());
  size_t size = 0;
  if (EVP_DigestSignInit(context.get(), nullptr, impl.kind->digest(), nullptr, impl.key.get()) !=
          1 ||
      EVP_DigestSign(context.get(), nullptr, &size, bytes(data), data.size()) != 1) {
    return internalError("sign: " + lastError());
  }
  std::string out(size, '\0');
  auto* to = reinterpret_cast<unsigned char*>(out.data());
  if (EVP_DigestSign(context.get(), to, &size, bytes(data), data.size()) != 1) {
    return internalError("sign: " + lastError());
  }
  out.resize(size);
  if (impl.kind->numberSize > 0) return joseFromDer(out, impl.kind->numberSize);
  return out;
}

std::string sha256(std::string_view data) {
  std::string out(SHA256_DIGEST_LENGTH, '\0');
  SHA256(bytes(data), data.size(), reinterpret_cast<unsigned char*>(out.data()));
  return out;
}

std::string hmacSha256(std::string_view key, std::string_view data) {
  std::string out(SHA256_DIGEST_LENGTH, '\0');
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes(data), data.size(),
       reinterpret_cast<unsigned char*>(out.data()), nullptr);
  return out;
}

bool equalSecrets(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace coxswain::net
