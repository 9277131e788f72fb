#include "controllers/framework/served.h"

#include "controllers/framework/collections.h"
#include "runtime/spawn.h"

namespace coxswain::controllers {

static Task<Result<bool>> isServed(client::Client& client, const client::ResourceType& type,
                                   std::stop_token stop) {
  while (true) {
    client::ListOptions one;
    one.limit = 1;
    auto listed = co_await client.list(type, "", std::move(one), stop);
    const Status status = listed.status();
    if (status.ok()) co_return true;
    if (isCanceled(status)) co_return status;
    if (isNotFound(status) || isForbidden(status) || status.reason() == Reason::MethodNotAllowed) {
      co_return false;
    }
    CO_TRY_STATUS(co_await sleepFor(1s, stop));
  }
}

Task<Result<std::vector<const client::ResourceType*>>> servedCollections(client::Client& client,
                                                                         std::stop_token stop) {
  std::vector<const client::ResourceType*> found;
  for (const auto* type : storedCollections()) {
    if (type->plural == "events") continue;
    CO_TRY(bool served, co_await isServed(client, *type, stop));
    if (served) found.push_back(type);
  }
  co_return found;
}

}  // namespace coxswain::controllers
