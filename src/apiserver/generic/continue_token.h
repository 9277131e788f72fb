#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "storage/store.h"

namespace coxswain::apiserver {

/// Where a paged list goes on: the revision all pages show and the first key of the next page,
/// without the collection's prefix. Upstream's form: base64url of
/// {"v":"meta.k8s.io/v1","rv":N,"start":"ns/name\u0000"}.
struct ContinueToken {
  storage::Revision revision = 0;
  std::string start;
};

std::string encodeContinueToken(const ContinueToken& token);
/// BadRequest for anything a client made up.
Result<ContinueToken> decodeContinueToken(std::string_view text);

}  // namespace coxswain::apiserver
