#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "apiserver/authn/bearer_token.h"
#include "apiserver/authn/bootstrap_tokens.h"
#include "apiserver/authn/impersonation.h"
#include "apiserver/authn/request_headers.h"

namespace {

using namespace coxswain;

/// "Name: value" a line.
net::Headers headersOf(std::string_view text) {
  net::Headers headers;
  while (!text.empty() && headers.size() < 100) {
    const auto end = text.find('\n');
    const auto line = text.substr(0, end);
    const auto colon = line.find(':');
    if (colon != std::string_view::npos) {
      headers.add(std::string(line.substr(0, colon)), std::string(line.substr(colon + 1)));
    }
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return headers;
}

}  // namespace

/// Headers that say who somebody is.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace coxswain::apiserver;
  auto headers = headersOf({reinterpret_cast<const char*>(data), size});
  RequestHeaderOptions options;
  options.usernameHeaders = {"X-Remote-User"};
  options.groupHeaders = {"X-Remote-Group"};
  options.extraHeadersPrefixes = {"X-Remote-Extra-"};
  const auto user = userOfHeaders(headers, options);
  if (user.name != headers.get("X-Remote-User")) std::abort();
  (void)Impersonation::wanted(headers);
  auto token = bearerToken(headers);
  if (!token.ok() || token->empty()) return 0;
  (void)BootstrapTokenText::parse(*token).empty();
  // What was believed is not handed on.
  removeBearerToken(headers);
  auto left = bearerToken(headers);
  if (left.ok() && *left == *token && !headers.has("Authorization")) std::abort();
  return 0;
}
