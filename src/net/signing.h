#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace coxswain::net {

/// A public key as signatures of JOSE (RFC 7515, 7518) use it: ES256, ES384, ES512 by its curve;
/// RSA keys sign RS256 and may verify RS256..512 and PS256..512. Immutable, any thread, cheap to
/// copy.
class PublicKey {
 public:
  /// Every key of a PEM text: public keys, certificates, and private keys (their public half).
  /// BadRequest when there is none, or one of another kind.
  static Result<std::vector<PublicKey>> parse(std::string_view pem);

  /// Numbers of a JSON Web Key, as bytes. BadRequest: no key, too small, too large, off its curve.
  static Result<PublicKey> fromRsa(std::string_view modulus, std::string_view exponent);
  static Result<PublicKey> fromEc(std::string_view curve, std::string_view x, std::string_view y);

  /// "ES256", "RS256"...
  [[nodiscard]] const std::string& algorithm() const;
  /// Base64url of the SHA-256 of its SubjectPublicKeyInfo: what upstream names keys by.
  [[nodiscard]] const std::string& keyId() const;
  /// Is it the signature of `data`? `signature` in JOSE's form (r and s for elliptic curves).
  [[nodiscard]] bool verify(std::string_view data, std::string_view signature) const;
  /// The same by one of the algorithms its kind of key has; false for any other.
  [[nodiscard]] bool verify(std::string_view algorithm, std::string_view data,
                            std::string_view signature) const;

  /// Members of its JSON Web Key that hold numbers, base64url: "crv","x","y" or "n","e".
  struct Parameter {
    std::string_view name;
    std::string value;
  };
  [[nodiscard]] std::string_view keyType() const;  ///< "EC" or "RSA"
  [[nodiscard]] std::vector<Parameter> parameters() const;

 private:
  friend class SigningKey;
  struct Impl;
  explicit PublicKey(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

/// A private key that signs. Immutable, any thread; a P-256 signature takes some 30 us, an RSA one
/// a millisecond.
class SigningKey {
 public:
  /// The first private key of a PEM text. BadRequest.
  static Result<SigningKey> parse(std::string_view pem);
  [[nodiscard]] const PublicKey& publicKey() const { return public_; }
  /// In JOSE's form.
  [[nodiscard]] Result<std::string> sign(std::string_view data) const;

 private:
  explicit SigningKey(PublicKey key) : public_(std::move(key)) {}
  PublicKey public_;
};

/// The 32 bytes.
std::string sha256(std::string_view data);
std::string hmacSha256(std::string_view key, std::string_view data);
/// In a time that tells nothing but the sizes.
bool equalSecrets(std::string_view a, std::string_view b);

}  // namespace coxswain::net
