#include "apiserver/server/api_server.h"

#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "apiserver/authn/impersonation.h"
#include "apiserver/server/compression.h"
#include "apiserver/server/document_store.h"
#include "apiserver/server/encoding.h"
#include "apiserver/server/metrics.h"
#include "apiserver/server/watch_frames.h"
#include "base/log.h"

namespace coxswain::apiserver {
namespace {

const Logger kLog("apiserver");

constexpr std::string_view kSystemNamespaces[] = {"default", "kube-system", "kube-public",
                                                  "kube-node-lease"};
constexpr std::string_view kEventsPrefix = "/registry/events";

Status nothingThere() {
  return Status(Reason::NotFound, 404, "the server could not find the requested resource")
      .withDetails({});
}

Status notAllowed() {
  return Status(Reason::MethodNotAllowed, 405,
                "the server does not allow this method on the requested resource")
      .withDetails({});
}

ObjectCache::Kind storedKind(const Resource& resource) {
  ObjectCache::Kind kind;
  kind.prefix = std::string(resource.keyPrefix) + "/";
  kind.apiVersion = groupVersionText(resource.group, resource.version);
  kind.kind = resource.kind;
  kind.namespaced = resource.namespaced;
  kind.strategy = resource.strategy;
  if (resource.group.empty() && resource.plural == "pods") kind.triggerField = "spec.nodeName";
  return kind;
}

}  // namespace

ApiServer::ApiServer(Executor& executor, storage::Store& store, Authenticator& authenticator,
                     Random& random, ApiServerOptions options)
    : executor_(executor),
      store_(store),
      authenticator_(authenticator),
      options_(std::move(options)),
      operations_(options_.admission),
      budget_(options_.formBytesMax),
      frames_(std::make_unique<WatchFrames>()),
      metrics_(std::make_unique<ServerMetrics>(options_.version)) {
  // The versions that are stored first: others look at the same objects.
  for (const auto& resource : resources()) {
    if (resource.storageInfo != resource.info) continue;
    auto kind = storedKind(resource);
    auto prefix = kind.prefix;
    auto cache = ObjectCache::create(store_, budget_, std::move(kind));
    if (!cache.ok()) {
      started_ = cache.status().withContext("reading " + prefix);
      return;
    }
    caches_.emplace(prefix, std::move(*cache));
  }
  for (const auto& resource : resources()) {
    auto cache = caches_.find(std::string(resource.keyPrefix) + "/");
    if (cache == caches_.end()) continue;
    Collection collection;
    collection.resource = resource.qualifiedName();
    collection.kind = resource.qualifiedKind();
    collection.kindName = resource.kind;
    collection.apiVersion = groupVersionText(resource.group, resource.version);
    collection.namespaced = resource.namespaced;
    collection.toStorage = resource.toStorage;
    collection.fromStorage = resource.fromStorage;
    if (resource.keyPrefix == kEventsPrefix) collection.ttl = options_.eventTtl;
    registries_.emplace(
        &resource, std::make_unique<GenericRegistry>(store_, *cache->second, std::move(collection),
                                                     *resource.strategy, random));
  }
}

ApiServer::~ApiServer() = default;

GenericRegistry* ApiServer::registry(std::string_view group, std::string_view version,
                                     std::string_view plural) const {
  auto found = registries_.find(findResource(group, version, plural));
  return found == registries_.end() ? nullptr : found->second.get();
}

std::vector<ServedResource> ApiServer::served() const {
  std::vector<ServedResource> all;
  for (const auto& resource : resources()) {
    if (!registries_.contains(&resource)) continue;
    auto one = servedResource(resource);
    std::erase_if(one.subresources, [&](const ServedSubresource& below) {
      return !Endpoint::serves(resource, below.name) &&
             !subresources_.find(resource.qualifiedName(), below.name);
    });
    all.push_back(std::move(one));
  }
  virtualResources_.appendServed(all);
  return all;
}

DocumentStore& ApiServer::documents() {
  if (!documents_) {
    documents_ = std::make_unique<DocumentStore>(served(), options_.advertiseAddress);
  }
  return *documents_;
}

Task<Status> ApiServer::bootstrap() {
  if (!started_.ok()) co_return started_;
  const auto* resource = findResource("", "v1", "namespaces");
  auto& registry = *registries_.at(resource);
  for (auto name : kSystemNamespaces) {
    if (registry.get("", name).ok()) continue;
    api::core::v1::Namespace object;
    object.metadata.name = name;
    api::Object fresh(std::move(object));
    resource->strategy->setDefaults(fresh.data());
    auto made = co_await registry.create("", std::move(fresh), false);
    if (!made.ok() && !isAlreadyExists(made.status())) co_return made.status();
  }
  co_return Status();
}

Task<void> ApiServer::serve(net::Request& request, net::ResponseWriter& response) {
  Exchange exchange{request, response};
  auto measured = metrics_->begin(executor_.now());
  Status status = co_await handle(exchange);
  if (!status.ok() && !response.started()) {
    Status sent = co_await refuse(exchange, status);
    if (!sent.ok()) kLog.debug("client left before its answer", {{"error", sent}});
  }
  metrics_->end(measured, exchange, status.ok() ? exchange.code : status.code(), executor_.now());
}

Task<Status> ApiServer::refuse(Exchange& exchange, const Status& status) {
  auto type = exchange.accepted.mediaType;
  net::Headers headers{{"Content-Type", std::string(contentTypeOf(type))},
                       {"Cache-Control", "no-cache, private"}};
  if (status.details() && status.details()->retryAfterSeconds > 0) {
    headers.add("Retry-After", std::to_string(status.details()->retryAfterSeconds));
  }
  for (const auto& warning : exchange.warnings) {
    headers.add("Warning", warningHeader(warning));
  }
  auto body = encodeStatus(status, type, exchange.continueToken);
  co_return co_await exchange.response.respond(status.code(), std::move(headers), std::move(body));
}

Task<Status> ApiServer::handle(Exchange& exchange) {
  const auto& request = exchange.request;
  exchange.accepted = negotiateError(request.headers.get("Accept"));
  CO_TRY(exchange.user, authenticator_.authenticate(request, executor_.wallNow()));
  CO_TRY(exchange.query, Query::parse(request.query));
  CO_TRY(exchange.info, parseRequestInfo(request.method, request.path, exchange.query));
  exchange.userAgent = request.headers.get("User-Agent");
  CO_TRY(auto other, impersonatedUser(request.headers, exchange.user, authorizer()));
  if (other) exchange.user = std::move(*other);
  CO_TRY_STATUS(authorize(exchange, exchange.query.get("fieldSelector")));
  if (!exchange.info.isResource) co_return co_await handlePath(exchange);
  if (auto* handler = virtualResources_.find(exchange.info)) {
    if (exchange.info.verb != "create") co_return notAllowed();
    co_return co_await handler->serve(exchange);
  }
  co_return co_await handleResource(exchange);
}

const Authorizer& ApiServer::authorizer() const {
  static const MastersAuthorizer kMasters;
  return options_.authorizer ? *options_.authorizer : kMasters;
}

Status ApiServer::authorize(const RequestContext& context, std::string_view fieldSelector) const {
  Attributes attributes{context.user, context.info, fieldSelector};
  auto verdict = authorizer().authorize(attributes);
  if (verdict.allowed()) return {};
  return forbiddenStatus(attributes, verdict.reason);
}

Status ApiServer::route(RequestContext& context) const {
  const auto& info = context.info;
  const auto* resource = findResource(info.group, info.version, info.resource);
  auto found = registries_.find(resource);
  if (found == registries_.end() || (!resource->namespaced && !info.ns.empty())) {
    return nothingThere();
  }
  std::span<const std::string_view> verbs = resource->verbs;
  if (!info.subresource.empty()) {
    const auto* below = resource->findSubresource(info.subresource);
    const bool served = below && (Endpoint::serves(*resource, info.subresource) ||
                                  subresources_.find(resource->qualifiedName(), info.subresource));
    if (!served) return nothingThere();
    verbs = below->verbs;
  }
  if (std::find(verbs.begin(), verbs.end(), info.verb) == verbs.end()) return notAllowed();
  // Which verbs are about one object, and which about many.
  const bool one =
      info.verb == "get" || info.verb == "update" || info.verb == "patch" || info.verb == "delete";
  const bool many = info.verb == "list" || info.verb == "deletecollection";
  const bool post = info.verb == "create";
  const bool below = !info.subresource.empty();
  if ((one && info.name.empty()) || (many && !info.name.empty()) ||
      (post && info.name.empty() == below)) {
    return notAllowed();
  }
  if (resource->namespaced && info.ns.empty() && (one || post)) return notAllowed();
  if (resource->namespaced && info.ns.empty() && info.verb == "deletecollection") {
    return notAllowed();
  }
  context.resource = resource;
  context.registry = found->second.get();
  if (!resource->deprecation.empty()) context.warnings.emplace_back(resource->deprecation);
  return {};
}

Task<Status> ApiServer::sendObject(Exchange& exchange, int code, const api::ConstObject& object) {
  Encoding encoding;
  encoding.accepted = exchange.accepted;
  encoding.includeObject = exchange.query.get("includeObject");
  encoding.now = executor_.wallNow();
  const auto* resource = exchange.resource;
  Result<std::string> body = std::string();
  if (resource && &object.info() == resource->info) {
    body = encodeItem(*resource, exchange.registry->itemOf(object), encoding);
  } else if (object.is<api::meta::v1::Status>()) {
    body = encodeObject(object, "", "", exchange.accepted);
  } else {
    body = encodeAs(object, "", "", encoding);
  }
  if (!body.ok()) co_return body.status();
  co_return co_await send(exchange, code, std::string(contentTypeOf(exchange.accepted.mediaType)),
                          std::move(*body));
}

Task<Status> ApiServer::sendText(Exchange& exchange, int code, std::string body) {
  exchange.code = code;
  net::Headers headers{{"Content-Type", "text/plain; charset=utf-8"},
                       {"Cache-Control", "no-cache, private"},
                       {"X-Content-Type-Options", "nosniff"}};
  co_return co_await exchange.response.respond(code, std::move(headers), std::move(body));
}

Task<Status> ApiServer::send(Exchange& exchange, int code, std::string contentType,
                             std::string body) {
  exchange.code = code;
  net::Headers headers{{"Content-Type", std::move(contentType)},
                       {"Cache-Control", "no-cache, private"}};
  for (const auto& warning : exchange.warnings) {
    headers.add("Warning", warningHeader(warning));
  }
  const auto& request = exchange.request;
  if (!exchange.gzipBody.empty()) {
    body = std::move(exchange.gzipBody);
    headers.add("Content-Encoding", "gzip");
    headers.add("Vary", "Accept-Encoding");
  } else if (request.method == "GET" && worthCompressing(body.size()) &&
             request.headers.hasToken("Accept-Encoding", "gzip")) {
    CO_TRY(body, gzip(body));
    headers.add("Content-Encoding", "gzip");
    headers.add("Vary", "Accept-Encoding");
  }
  co_return co_await exchange.response.respond(code, std::move(headers), std::move(body));
}

}  // namespace coxswain::apiserver
