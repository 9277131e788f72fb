#include "apiserver/server/own_groups.h"

#include <algorithm>

#include "apiserver/server/encoding.h"
#include "apiserver/server/exchange.h"
#include "apiserver/server/negotiation.h"
#include "apiserver/server/refusals.h"

namespace coxswain::apiserver {

OwnGroup* OwnGroups::find(const RequestInfo& info) const {
  for (const auto& each : groups_) {
    if (each->group() == info.group && each->version() == info.version) return each.get();
  }
  return nullptr;
}

uint64_t OwnGroups::edition() const {
  uint64_t sum = 0;
  for (const auto& each : groups_) sum += each->edition();
  return sum;
}

void OwnGroups::appendFixed(std::vector<ServedResource>& to) const {
  for (const auto& each : groups_) {
    if (each->edition() == 0) each->appendServed(to);
  }
}

void OwnGroups::appendChanging(std::vector<ServedResource>& to) const {
  for (const auto& group : groups_) {
    const bool theirs = std::ranges::any_of(to, [&group](const ServedResource& other) {
      return other.group == group->group() && other.version == group->version();
    });
    if (group->edition() > 0 && !theirs) group->appendServed(to);
  }
}

void OwnGroups::refresh() const {
  for (const auto& each : groups_) each->refresh();
}

Task<Status> answerOwn(Exchange& exchange, api::ConstObject object, std::string apiVersion,
                       std::string kind) {
  CO_TRY(exchange.accepted, negotiate(exchange.request.headers.get("Accept"), Offer::Resource));
  Encoding encoding;
  encoding.accepted = exchange.accepted;
  encoding.includeObject = exchange.query.get("includeObject");
  encoding.now = exchange.clock->wallNow();
  CO_TRY(auto body, encodeWhole(object, apiVersion, kind, encoding));
  exchange.code = 200;
  exchange.seats.release();
  net::Headers headers{{"Content-Type", std::string(contentTypeOf(exchange.accepted.mediaType))},
                       {"Cache-Control", "no-cache, private"}};
  co_return co_await exchange.response.respond(200, std::move(headers), std::move(body));
}

Status checkReads(const RequestInfo& info) {
  if (info.verb == "get" || info.verb == "list") return {};
  return notAllowed();
}

}  // namespace coxswain::apiserver
