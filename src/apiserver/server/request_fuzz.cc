#include "apiserver/generic/continue_token.h"
#include "apiserver/registry/resources.h"
#include "apiserver/server/negotiation.h"
#include "apiserver/server/options.h"
#include "apiserver/server/request_info.h"

using namespace coxswain::apiserver;

// A line of path, a line of query, then the Accept header: what stands before the body of a
// request.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto take = [&text] {
    auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    return line;
  };
  auto path = take();
  auto query = Query::parse(take());
  (void)negotiate(text, Offer::Resource);
  (void)negotiateError(text);
  (void)bodyType(text);
  (void)decodeContinueToken(text);
  if (!query.ok()) return 0;
  auto info = parseRequestInfo("GET", path, *query);
  if (!info.ok()) return 0;
  const auto& resource = *findResource("", "v1", "pods");
  (void)parseListOptions(*query, info->ns, resource);
  (void)parseWatchOptions(*query, info->ns, info->name, resource);
  (void)parseWriteOptions(*query, "CreateOptions");
  (void)parseDeleteOptions(*query, text, "application/json");
  return 0;
}
