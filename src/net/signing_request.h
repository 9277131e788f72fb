#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "net/certs.h"

namespace coxswain::net {

/// One block of a PEM text: what stands between -----BEGIN TYPE----- and its end.
struct PemBlock {
  std::string type;  ///< "CERTIFICATE"
  bool hasHeaders = false;
  std::string bytes;  ///< decoded
};
/// Takes the first block off `text`, with all before it. Nothing: there is none, or it is broken.
/// Any thread.
std::optional<PemBlock> takePemBlock(std::string_view& text);

/// A PKCS #10 request for a certificate, as its applicant signed it.
struct SigningRequest {
  std::string commonName;
  std::vector<std::string> organizations;
  std::vector<std::string> dnsNames;
  std::vector<std::string> ipAddresses;
  std::vector<std::string> emailAddresses;
  std::vector<std::string> uris;
};

/// Of PEM with one block CERTIFICATE REQUEST; what follows it is ignored. BadRequest (the message
/// says why, in Go's words where they are known): no such block, not PKCS #10, or not signed by its
/// own key. Any thread; checks a signature, some 100 us.
Result<SigningRequest> parseSigningRequest(std::string_view pem);

/// What a signer says of the certificates it makes.
struct SigningTerms {
  /// As certificates.k8s.io/v1 names them: "digital signature", "client auth".
  std::vector<std::string> usages;
  WallTime notBefore{};
  WallTime notAfter{};  ///< at most the CA's own
};
/// A certificate (PEM) with the subject, the alternative names and the key of the request. It is no
/// CA. BadRequest: a request that parseSigningRequest refuses, or usages that do not exist. Any
/// thread; some 100 us.
Result<std::string> signRequest(const KeyPair& ca, std::string_view requestPem,
                                const SigningTerms& terms);

}  // namespace coxswain::net
