#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "apiserver/authn/jwt.h"

/// Tokens come from anybody. Also as the two JSON parts alone, which base64 hides from the fuzzer.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace coxswain::apiserver;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto jwt = parseJwt(text);
  if (jwt.ok()) {
    auto again = jwtToSign(jwt->text.algorithm, jwt->text.keyId, jwt->claims) + ".";
    if (again.size() <= kJwtBytesMax && !parseJwt(again).ok()) std::abort();
    if (jwtIssuer(text) != jwt->claims.issuer) std::abort();
  }
  return 0;
}
