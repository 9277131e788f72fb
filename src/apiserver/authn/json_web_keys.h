#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/signing.h"

namespace coxswain::apiserver {

/// A key by which somebody else signs.
struct JsonWebKey {
  std::string id;  ///< "kid"; may be empty
  net::PublicKey key;
};

/// The keys of a JSON Web Key Set (RFC 7517) that can verify a signature; others (of another kind,
/// for encryption, broken) are passed over. At most 100. BadRequest: no key set.
Result<std::vector<JsonWebKey>> parseKeySet(std::string_view text);

}  // namespace coxswain::apiserver
