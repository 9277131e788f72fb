#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

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

}  // namespace coxswain::net
