#include "net/key_pair.h"

#include <algorithm>

#include "net/openssl.h"
#include "net/signing_request.h"

namespace coxswain::net {

using namespace openssl;  // NOLINT

namespace {

constexpr std::string_view kCertificate = "CERTIFICATE";
constexpr std::string_view kKeyEnding = "PRIVATE KEY";

/// "[A B]", as Go prints a list.
std::string shown(const std::vector<std::string>& types) {
  std::string out = "[";
  for (const auto& type : types) out += (out.size() > 1 ? " " : "") + type;
  return out + "]";
}

struct Found {
  std::optional<PemBlock> block;
  std::vector<std::string> skipped;  ///< types of what stood before it
};

template <typename Wanted>
Found find(std::string_view pem, Wanted wanted) {
  Found found;
  while (auto block = takePemBlock(pem)) {
    if (wanted(block->type)) {
      found.block = std::move(block);
      break;
    }
    found.skipped.push_back(std::move(block->type));
  }
  return found;
}

bool isKey(std::string_view type) {
  return type == kKeyEnding || type.ends_with(" " + std::string(kKeyEnding));
}

std::string certificateMissing(const std::vector<std::string>& skipped) {
  if (skipped.empty()) return "tls: failed to find any PEM data in certificate input";
  if (skipped.size() == 1 && skipped[0].ends_with(kKeyEnding)) {
    return "tls: failed to find certificate PEM data in certificate input, but did find a private "
           "key; PEM inputs may have been switched";
  }
  return "tls: failed to find \"CERTIFICATE\" PEM block in certificate input after skipping PEM "
         "blocks of the following types: " +
         shown(skipped);
}

std::string keyMissing(const std::vector<std::string>& skipped) {
  if (skipped.empty()) return "tls: failed to find any PEM data in key input";
  if (skipped.size() == 1 && skipped[0] == kCertificate) {
    return "tls: found a certificate rather than a key in the PEM for the private key";
  }
  return "tls: failed to find PEM block with type ending in \"PRIVATE KEY\" in key input after "
         "skipping PEM blocks of the following types: " +
         shown(skipped);
}

Key parseKey(const std::string& der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  Key key(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(der.size())));
  ERR_clear_error();
  return key;
}

}  // namespace

std::string keyPairFault(std::string_view certificatePem, std::string_view keyPem) {
  auto first = find(certificatePem, [](std::string_view type) { return type == kCertificate; });
  if (!first.block) return certificateMissing(first.skipped);
  auto second = find(keyPem, isKey);
  if (!second.block) return keyMissing(second.skipped);
  auto certificate = fromDer(first.block->bytes);
  if (!certificate.ok()) return "x509: malformed certificate";
  const auto key = parseKey(second.block->bytes);
  if (!key) return "tls: failed to parse private key";
  auto* publicKey = X509_get0_pubkey(certificate->get());
  if (!publicKey) return "tls: unknown public key algorithm";
  const bool sameKind = EVP_PKEY_get_base_id(publicKey) == EVP_PKEY_get_base_id(key.get());
  const bool same = sameKind && EVP_PKEY_eq(publicKey, key.get()) == 1;
  ERR_clear_error();
  if (!sameKind) return "tls: private key type does not match public key type";
  return same ? "" : "tls: private key does not match public key";
}

}  // namespace coxswain::net
