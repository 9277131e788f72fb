#include "cli/cmd/deletion.h"

#include "runtime/spawn.h"

namespace coxswain::cli {

Task<Status> waitUntilGone(ObjectClient& client, const ApiResource& resource, std::string ns,
                           std::string name, std::string uid, Duration timeout) {
  Deadline deadline(timeout > Duration(0) ? timeout : Duration(24h * 365), {});
  while (true) {
    ObjectListOptions options;
    options.fieldSelector = "metadata.name=" + name;
    CO_TRY(auto list, co_await client.listPage(resource, ns, options));
    const auto& items = arrayAt(list, {"items"});
    if (items.empty()) co_return Status();
    if (!uid.empty() && textAt(items[0], {"metadata", "uid"}) != uid) co_return Status();
    ObjectListOptions from;
    from.resourceVersion = textAt(list, {"metadata", "resourceVersion"});
    auto watch = co_await client.watch(resource, ns, name, from, deadline.token());
    while (watch.ok()) {
      auto event = co_await (*watch)->next(deadline.token());
      if (!event.ok()) {
        if (deadline.expired()) break;
        if (!isEndOfStream(event.status()) && !isExpired(event.status()) &&
            !isUnreachable(event.status())) {
          co_return event.status();
        }
        break;
      }
      if (event->type == "DELETED") co_return Status();
    }
    if (deadline.expired()) {
      co_return Status(Reason::Timeout, 504,
                       "timed out waiting for the condition on " + resource.plural + "/" + name);
    }
    if (!watch.ok() && !isExpired(watch.status())) co_return watch.status();
  }
}

}  // namespace coxswain::cli
