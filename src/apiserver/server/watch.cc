#include "apiserver/server/api_server.h"
#include "apiserver/server/metrics.h"
#include "apiserver/server/options.h"
#include "apiserver/server/watch_stream.h"

namespace coxswain::apiserver {
namespace {

/// A watch without timeoutSeconds ends after this, so that clients spread over servers.
constexpr int64_t kTimeoutSeconds = 1800;

}  // namespace

Task<Status> ApiServer::handleWatch(Exchange& exchange) {
  const auto& info = exchange.info;
  const auto& resource = *exchange.resource;
  const auto& registry = *exchange.registry;
  CO_TRY(auto parameters, parseWatchOptions(exchange.query, info.ns, info.name, resource));
  const auto& selection = parameters.selection;
  storage::Revision after = 0;
  if (!selection.resourceVersion.empty()) {
    auto parsed = parseResourceVersion(selection.resourceVersion);
    if (!parsed.ok()) co_return Status(Reason::Unknown, 500, parsed.status().message());
    after = *parsed;
  }
  if (parameters.fromNow && after == 0) after = registry.cache().watches().revision();
  if (parameters.initialEvents) {
    CO_TRY_STATUS(co_await registry.waitFor(selection.resourceVersion, exchange.request.stop));
  }
  GenericRegistry::WatchRequest request;
  request.ns = info.ns;
  request.labels = selection.labels;
  request.fields = selection.fields;
  request.after = parameters.initialEvents ? 0 : after;
  request.initialEvents = parameters.initialEvents;
  const auto scope = ServerMetrics::scopeOf(info.ns, info.name);
  auto stream = std::make_shared<WatchStream>(WatchStream::Parts{
      executor_, *frames_, registry, resource, metrics_->beginWatch(resource, scope),
      exchange.accepted, std::string(exchange.query.get("includeObject")), after,
      parameters.initialEvents || after == 0, parameters.bookmarks,
      parameters.timeoutSeconds > 0 ? parameters.timeoutSeconds : kTimeoutSeconds,
      std::move(exchange.seats)});
  stream->watch(std::move(request));
  net::Headers headers{
      {"Content-Type", std::string(watchContentTypeOf(exchange.accepted.mediaType))},
      {"Cache-Control", "no-cache, private"}};
  addWarnings(headers, exchange.warnings);
  CO_TRY_STATUS(co_await exchange.response.start(200, std::move(headers)));
  if (exchange.audit) stream->audit(std::move(exchange.trail));
  exchange.audit = nullptr;
  // It goes on when all that led here is gone.
  exchange.lasting = true;
  exchange.response.goOnWith(std::move(stream));
  co_return Status();
}

}  // namespace coxswain::apiserver
