#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "apiserver/server/api_server.h"
#include "apiserver/server/encoding.h"
#include "apiserver/server/exchange.h"
#include "apiserver/server/options.h"

namespace coxswain::apiserver {
namespace {

bool isSelected(const api::meta::v1::ObjectMeta& meta, const ListRequest& request) {
  api::FieldSet fields;
  fields.emplace_back("metadata.name", meta.name);
  fields.emplace_back("metadata.namespace", meta.namespace_);
  return request.labels.matches(meta.labels) && request.fields.matches(fields);
}

}  // namespace

Task<Status> ApiServer::handleComputed(Exchange& exchange, ObjectSource& source) {
  const auto& resource = *exchange.resource;
  const auto& name = exchange.info.name;
  Encoding encoding;
  encoding.accepted = exchange.accepted;
  encoding.includeObject = exchange.query.get("includeObject");
  std::string body;
  if (exchange.info.verb == "list") {
    CO_TRY(auto request, parseListOptions(exchange.query, exchange.info.ns, resource));
    ListAnswer answer;
    for (auto& object : co_await source.objects(exchange.request.stop)) {
      if (!isSelected(*api::objectMeta(object), request)) continue;
      answer.items.emplace_back(*exchange.registry, std::move(object));
    }
    encoding.now = executor_.wallNow();
    CO_TRY(body, encodeList(resource, answer, encoding));
  } else {
    api::ConstObject wanted;
    for (auto& object : co_await source.objects(exchange.request.stop)) {
      if (api::objectMeta(object)->name == name) wanted = std::move(object);
    }
    // These name the kind, as upstream does for what it computes.
    if (!wanted) co_return notFound(resource.singular, name);
    encoding.now = executor_.wallNow();
    CO_TRY(body, encodeItem(resource, Item(*exchange.registry, wanted), encoding));
  }
  co_return co_await send(exchange, 200, std::string(contentTypeOf(exchange.accepted.mediaType)),
                          std::move(body));
}

}  // namespace coxswain::apiserver
