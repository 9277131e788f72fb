#include "api/gen/meta_v1.h"
#include "apiserver/generic/continue_token.h"
#include "apiserver/server/api_server.h"
#include "apiserver/server/auditing.h"
#include "apiserver/server/encoding.h"
#include "apiserver/server/exchange.h"
#include "apiserver/server/load.h"
#include "apiserver/server/options.h"
#include "apiserver/server/patching.h"
#include "apiserver/server/refusals.h"

namespace coxswain::apiserver {
namespace {

struct Body {
  api::Object object;
  WriteOptions options;
};

/// Options and body of a POST or PUT. `options`: "CreateOptions", "UpdateOptions".
Task<Result<Body>> readObject(Exchange& exchange, std::string_view optionsKind) {
  Body body;
  CO_TRY(auto type, bodyType(exchange.request.headers.get("Content-Type")));
  CO_TRY(auto bytes, co_await readBody(exchange));
  CO_TRY(body.options, parseWriteOptions(exchange.query, optionsKind));
  const auto kind = Endpoint::of(*exchange.resource, exchange.info.subresource).body;
  std::vector<std::string> strict;
  CO_TRY(body.object, decodeBody(kind, bytes, type, &strict));
  if (exchange.audit) auditRequestObject(exchange, body.object);
  CO_TRY_STATUS(applyFieldValidation(body.options.fieldValidation, kind.kind, kind.version,
                                     std::move(strict), exchange.warnings));
  exchange.dryRun = body.options.dryRun;
  exchange.fieldManager = body.options.fieldManager;
  co_return body;
}

Status auditList(Exchange& exchange, const ListAnswer& answer) {
  if (!exchange.audit || !exchange.audit->wantsResponse()) return {};
  TRY(auto json, encodeList(*exchange.resource, answer, Encoding()));
  auditResponse(exchange, json);
  return {};
}

bool wantsPretty(const Exchange& exchange) {
  if (exchange.query.has("pretty")) return exchange.query.flag("pretty");
  // For people at a terminal.
  return exchange.userAgent.starts_with("curl") || exchange.userAgent.starts_with("Wget");
}

/// As a segment of a path: "." and ".." would mean another object.
Status checkPathName(std::string_view name) {
  std::string_view why;
  if (name == ".") why = "may not be '.'";
  if (name == "..") why = "may not be '..'";
  if (name.find('/') != std::string_view::npos) why = "may not contain '/'";
  if (name.find('%') != std::string_view::npos) why = "may not contain '%'";
  if (why.empty()) return {};
  return badRequest("Name parameter invalid: \"" + std::string(name) + "\": " + std::string(why));
}

constexpr std::string_view kInconsistent =
    "The provided continue parameter is too old to display a consistent list result. You can start "
    "a new list without the continue parameter, or use the continue token in this response to "
    "retrieve the remainder of the results. Continuing with the provided token results in an "
    "inconsistent list - objects that were created, modified, or deleted between the time the "
    "first "
    "chunk was returned and now may show up in the list.";

}  // namespace

Task<Status> ApiServer::handleResource(Exchange& exchange) {
  const auto& info = exchange.info;
  if (auto routed = route(exchange); !routed.ok()) {
    if (isNotFound(routed) && !info.group.empty() && !ownsGroup(info.group)) {
      co_return co_await sendNoPage(exchange);
    }
    co_return routed;
  }
  // HEAD has the rights of GET, but no handler; nor has what is sent to the old paths of watches.
  const bool reads = info.verb == "get" || info.verb == "list" || info.verb == "watch";
  if (reads && exchange.request.method != "GET" && info.subresource != "proxy") {
    co_return notAllowed();
  }
  CO_TRY_STATUS(checkPathName(info.name));
  if (auto* handler = subresources_.find(exchange.resource->qualifiedName(), info.subresource)) {
    co_return co_await handler->serve(exchange);
  }
  const auto accept = exchange.request.headers.get("Accept");
  if (info.verb == "watch") {
    CO_TRY(exchange.accepted, negotiate(accept, Offer::Watch));
    co_return co_await handleWatch(exchange);
  }
  CO_TRY(exchange.accepted, negotiate(accept, Offer::Resource));
  exchange.accepted.pretty = exchange.accepted.pretty || wantsPretty(exchange);
  if (auto* source = computedResources_.find(exchange.resource->plural)) {
    co_return co_await handleComputed(exchange, *source);
  }
  if (info.verb == "get") co_return co_await handleGet(exchange);
  if (info.verb == "list") co_return co_await handleList(exchange);
  if (info.verb == "create") co_return co_await handleCreate(exchange);
  if (info.verb == "update") co_return co_await handleUpdate(exchange);
  if (info.verb == "patch") co_return co_await handlePatch(exchange);
  if (info.verb == "delete") co_return co_await handleDelete(exchange);
  co_return co_await handleDeleteCollection(exchange);
}

Task<Status> ApiServer::handleGet(Exchange& exchange) {
  const auto& info = exchange.info;
  std::string version(exchange.query.get("resourceVersion"));
  if (auto parsed = parseResourceVersion(version); !version.empty() && !parsed.ok()) {
    co_return Status(Reason::Unknown, 500, parsed.status().message());
  }
  CO_TRY_STATUS(co_await exchange.registry->waitFor(version, exchange.request.stop));
  if (info.subresource == "scale") {
    CO_TRY(auto scale, operations_.get(exchange));
    co_return co_await sendObject(exchange, 200, scale);
  }
  CO_TRY(auto item, exchange.registry->find(info.ns, info.name));
  if (exchange.audit && exchange.audit->wantsResponse()) {
    CO_TRY(auto json, item.json());
    auditResponse(exchange, *json);
  }
  Encoding encoding;
  encoding.accepted = exchange.accepted;
  encoding.includeObject = exchange.query.get("includeObject");
  encoding.now = executor_.wallNow();
  CO_TRY(auto body, encodeItem(*exchange.resource, item, encoding));
  co_return co_await send(exchange, 200, std::string(contentTypeOf(exchange.accepted.mediaType)),
                          std::move(body));
}

Task<Status> ApiServer::handleList(Exchange& exchange) {
  CO_TRY(auto request, parseListOptions(exchange.query, exchange.info.ns, *exchange.resource));
  if (request.continueToken.empty() && parseResourceVersion(request.resourceVersion).ok()) {
    CO_TRY_STATUS(
        co_await exchange.registry->waitFor(request.resourceVersion, exchange.request.stop));
  }
  auto answer = exchange.registry->list(request);
  if (!answer.ok() && isExpired(answer.status()) && !request.continueToken.empty()) {
    // The client may go on with what there is now.
    CO_TRY(auto token, decodeContinueToken(request.continueToken));
    token.revision = -1;
    exchange.continueToken = encodeContinueToken(token);
    co_return expired(std::string(kInconsistent));
  }
  if (!answer.ok()) co_return answer.status();
  CO_TRY_STATUS(claimList(exchange, *answer));
  CO_TRY_STATUS(auditList(exchange, *answer));
  Encoding encoding;
  encoding.accepted = exchange.accepted;
  encoding.includeObject = exchange.query.get("includeObject");
  encoding.now = executor_.wallNow();
  if (exchange.request.headers.hasToken("Accept-Encoding", "gzip")) {
    CO_TRY(exchange.gzipBody, encodeListGzip(*exchange.resource, *answer, encoding));
    if (!exchange.gzipBody.empty()) {
      settleList(exchange, exchange.gzipBody.size());
      co_return co_await send(exchange, 200, std::string(contentTypeOf(MediaType::Json)), "");
    }
  }
  CO_TRY(auto body, encodeList(*exchange.resource, *answer, encoding));
  settleList(exchange, body.size());
  co_return co_await send(exchange, 200, std::string(contentTypeOf(exchange.accepted.mediaType)),
                          std::move(body));
}

Task<Status> ApiServer::handleCreate(Exchange& exchange) {
  CO_TRY(auto body, co_await readObject(exchange, "CreateOptions"));
  CO_TRY(auto made, co_await operations_.create(exchange, std::move(body.object)));
  co_return co_await sendObject(exchange, 201, made.object);
}

Task<Status> ApiServer::handleUpdate(Exchange& exchange) {
  CO_TRY(auto body, co_await readObject(exchange, "UpdateOptions"));
  CO_TRY(auto updated, co_await operations_.update(exchange, std::move(body.object)));
  co_return co_await sendObject(exchange, updated.created ? 201 : 200, updated.object);
}

Task<Status> ApiServer::handlePatch(Exchange& exchange) {
  auto kind = patchKindOf(exchange.request.headers.get("Content-Type"));
  if (!kind) {
    co_return unsupportedMediaType("415: Unsupported Media Type").withDetails({});
  }
  CO_TRY(auto body, co_await readBody(exchange));
  CO_TRY(auto options, parsePatchOptions(exchange.query, *kind == PatchKind::Apply));
  exchange.dryRun = options.dryRun;
  exchange.fieldManager = options.fieldManager;
  Result<Operations::Written> written = Operations::Written();
  if (*kind == PatchKind::Apply) {
    written = co_await operations_.apply(exchange, std::move(body), options.force,
                                         options.fieldValidation);
  } else {
    Patch patch(*kind, std::move(body), options.fieldValidation);
    written = co_await operations_.patch(exchange, std::move(patch));
  }
  if (!written.ok()) co_return written.status();
  co_return co_await sendObject(exchange, written->created ? 201 : 200, written->object);
}

Task<Status> ApiServer::handleDelete(Exchange& exchange) {
  CO_TRY(auto body, co_await readBody(exchange));
  bool cascades = false;
  CO_TRY(auto request, parseDeleteOptions(exchange.query, body,
                                          exchange.request.headers.get("Content-Type"), &cascades));
  CO_TRY(auto deleted, co_await operations_.remove(exchange, std::move(request)));
  const auto& resource = *exchange.resource;
  if (!deleted.gone || resource.strategy->traits().returnsDeleted) {
    const int code = !deleted.gone && cascades ? 202 : 200;
    co_return co_await sendObject(exchange, code, deleted.object);
  }
  api::meta::v1::Status done;
  done.status = "Success";
  auto& details = done.details.emplace();
  details.name = exchange.info.name;
  details.group = resource.group;
  details.kind = resource.plural;
  details.uid = api::objectMeta(deleted.object)->uid;
  api::ConstObject answer{api::Object(std::move(done))};
  co_return co_await sendObject(exchange, 200, answer);
}

Task<Status> ApiServer::handleDeleteCollection(Exchange& exchange) {
  CO_TRY(auto body, co_await readBody(exchange));
  CO_TRY(auto selection, parseListOptions(exchange.query, exchange.info.ns, *exchange.resource));
  CO_TRY(auto request,
         parseDeleteOptions(exchange.query, body, exchange.request.headers.get("Content-Type")));
  CO_TRY(auto answer,
         co_await operations_.removeCollection(exchange, std::move(selection), std::move(request)));
  CO_TRY_STATUS(auditList(exchange, answer));
  Encoding encoding;
  encoding.accepted = exchange.accepted;
  encoding.now = executor_.wallNow();
  CO_TRY(auto encoded, encodeList(*exchange.resource, answer, encoding));
  co_return co_await send(exchange, 200, std::string(contentTypeOf(exchange.accepted.mediaType)),
                          std::move(encoded));
}

}  // namespace coxswain::apiserver
