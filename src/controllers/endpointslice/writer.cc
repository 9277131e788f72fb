#include "controllers/endpointslice/writer.h"

#include "api/gen/meta_v1.h"
#include "client/resources.h"
#include "controllers/framework/pod_control.h"

namespace coxswain::controllers::endpointslice {

using api::discovery::v1::EndpointSlice;

Task<Status> writeSlices(client::Client& client, SliceTracker& tracker, std::string owner,
                         SliceChanges changes, std::stop_token stop) {
  for (auto& slice : changes.create) {
    auto made = co_await client::create(client, std::move(slice), stop);
    if (isNamespaceTerminating(made.status())) co_return Status();
    if (!made.ok()) co_return made.status();
    tracker.wrote(owner, **made);
  }
  for (auto& slice : changes.update) {
    auto written = co_await client::update(client, std::move(slice), "", stop);
    if (isNotFound(written.status())) continue;
    if (!written.ok()) co_return written.status();
    tracker.wrote(owner, **written);
  }
  for (const auto& slice : changes.remove) {
    const auto& meta = slice->metadata;
    client::DeleteOptions options;
    options.uid = meta.uid;
    Status gone = co_await client.remove(client::resourceOf<EndpointSlice>(), meta.namespace_,
                                         meta.name, std::move(options), stop);
    if (!gone.ok() && !isNotFound(gone)) co_return gone;
    if (gone.ok()) tracker.removed(owner, meta.uid);
  }
  co_return Status();
}

}  // namespace coxswain::controllers::endpointslice
