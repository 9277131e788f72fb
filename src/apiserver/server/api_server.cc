#include "apiserver/server/api_server.h"

#include <algorithm>
#include <deque>

#include "api/codec/json.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "apiserver/discovery/documents.h"
#include "apiserver/server/encoding.h"
#include "apiserver/server/exchange.h"
#include "base/log.h"

namespace coxswain::apiserver {
namespace {

const Logger kLog("apiserver");

constexpr std::string_view kSystemNamespaces[] = {"default", "kube-system", "kube-public",
                                                  "kube-node-lease"};

ServedResource describe(const Resource& resource, const Subresources& handlers) {
  ServedResource served;
  served.group = resource.group;
  served.version = resource.version;
  served.plural = resource.plural;
  served.singular = resource.singular;
  served.kind = resource.kind;
  served.namespaced = resource.namespaced;
  served.verbs.assign(resource.verbs.begin(), resource.verbs.end());
  served.shortNames.assign(resource.shortNames.begin(), resource.shortNames.end());
  served.categories.assign(resource.categories.begin(), resource.categories.end());
  served.storageVersionHash = resource.storageVersionHash;
  // Of the subresources, those that this server answers.
  for (const auto& below : resource.subresources) {
    if (below.name != "status" && !handlers.find(resource.qualifiedName(), below.name)) continue;
    served.subresources.push_back({std::string(below.name),
                                   std::string(below.kind),
                                   std::string(below.group),
                                   std::string(below.version),
                                   {below.verbs.begin(), below.verbs.end()}});
  }
  return served;
}

}  // namespace

ApiServer::ApiServer(Executor& executor, storage::Store& store, Authenticator& authenticator,
                     Random& random, ApiServerOptions options)
    : executor_(executor),
      store_(store),
      authenticator_(authenticator),
      options_(std::move(options)) {
  for (const auto& resource : resources()) {
    // A version whose stored form is another kind's needs its conversion on every path.
    if (resource.storageInfo != resource.info) continue;
    Collection collection{std::string(resource.keyPrefix) + "/", resource.qualifiedName(),
                          resource.qualifiedKind(),
                          groupVersionText(resource.group, resource.version), resource.namespaced};
    registries_.emplace(&resource, std::make_unique<GenericRegistry>(store_, std::move(collection),
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
  std::vector<ServedResource> served;
  for (const auto& resource : resources()) {
    if (registries_.contains(&resource)) served.push_back(describe(resource, subresources_));
  }
  return served;
}

Task<Status> ApiServer::bootstrap() {
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
  Status status = co_await handle(exchange);
  if (!status.ok() && !response.started()) {
    auto type = exchange.accepted.mediaType;
    net::Headers headers{{"Content-Type", std::string(contentTypeOf(type))},
                         {"Cache-Control", "no-cache, private"}};
    if (status.details() && status.details()->retryAfterSeconds > 0) {
      headers.add("Retry-After", std::to_string(status.details()->retryAfterSeconds));
    }
    auto body = encodeStatus(status, type);
    Status sent = co_await response.respond(status.code(), std::move(headers), std::move(body));
    if (!sent.ok()) kLog.debug("client left before its answer", {{"error", sent}});
  }
}

Task<Status> ApiServer::handle(Exchange& exchange) {
  CO_TRY(exchange.user, authenticator_.authenticate(exchange.request, executor_.wallNow()));
  CO_TRY(exchange.accepted, negotiate(exchange.request.headers.get("Accept")));
  CO_TRY(exchange.query, Query::parse(exchange.request.query));
  CO_TRY(exchange.info,
         parseRequestInfo(exchange.request.method, exchange.request.path, exchange.query));
  CO_TRY_STATUS(authorize(exchange, exchange.query.get("fieldSelector")));
  if (!exchange.info.isResource) co_return co_await handlePath(exchange);
  co_return co_await handleResource(exchange);
}

Status ApiServer::authorize(const RequestContext& request, std::string_view fieldSelector) const {
  Attributes attributes{request.user, request.info, fieldSelector};
  static const MastersAuthorizer kMasters;
  const Authorizer& authorizer = options_.authorizer ? *options_.authorizer : kMasters;
  auto verdict = authorizer.authorize(attributes);
  if (verdict.allowed()) return {};
  return forbiddenStatus(attributes, verdict.reason);
}

Task<Status> ApiServer::handlePath(Exchange& exchange) {
  const auto& path = exchange.info.path;
  if (exchange.request.method != "GET" && exchange.request.method != "HEAD") {
    co_return Status(Reason::MethodNotAllowed, 405,
                     "the server does not allow this method on the requested resource");
  }
  if (path == "/healthz" || path == "/livez" || path == "/readyz") {
    net::Headers headers{{"Content-Type", "text/plain; charset=utf-8"}};
    co_return co_await exchange.response.respond(200, std::move(headers), "ok");
  }
  if (path == "/version" || path == "/version/") {
    std::string body =
        "{\n  \"major\": \"1\",\n  \"minor\": \"36\",\n  \"gitVersion\": \"v1.36.2+coxswain" +
        options_.version + "\",\n  \"platform\": \"linux/amd64\"\n}";
    net::Headers headers{{"Content-Type", "application/json"}};
    co_return co_await exchange.response.respond(200, std::move(headers), std::move(body));
  }
  const auto served = this->served();
  const bool root = path == "/api" || path == "/apis";
  if (root && exchange.accepted.aggregatedDiscovery) {
    auto document = aggregatedDocument(served, path == "/api");
    net::Headers headers{
        {"Content-Type", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"}};
    co_return co_await exchange.response.respond(200, std::move(headers),
                                                 api::encodeJson(document) + "\n");
  }
  api::ConstObject document;
  if (path == "/api") {
    document = api::Object(apiVersionsDocument(options_.advertiseAddress));
  } else if (path == "/apis") {
    document = api::Object(groupListDocument(served));
  } else if (path == "/api/v1") {
    if (auto list = resourceListDocument(served, "", "v1"))
      document = api::Object(std::move(*list));
  } else if (path.starts_with("/apis/")) {
    auto rest = std::string_view(path).substr(6);
    auto slash = rest.find('/');
    if (slash == std::string_view::npos) {
      if (auto group = groupDocument(served, rest)) document = api::Object(std::move(*group));
    } else if (auto list =
                   resourceListDocument(served, rest.substr(0, slash), rest.substr(slash + 1))) {
      document = api::Object(std::move(*list));
    }
  }
  if (!document) {
    co_return Status(Reason::NotFound, 404, "the server could not find the requested resource")
        .withDetails({});
  }
  co_return co_await sendObject(exchange, 200, document);
}

Task<Status> ApiServer::handleResource(Exchange& exchange) {
  const auto& info = exchange.info;
  exchange.resource = findResource(info.group, info.version, info.resource);
  auto registry = registries_.find(exchange.resource);
  const Subresource* below = nullptr;
  SubresourceHandler* handler = nullptr;
  if (registry != registries_.end() && !info.subresource.empty()) {
    below = exchange.resource->findSubresource(info.subresource);
    handler = subresources_.find(exchange.resource->qualifiedName(), info.subresource);
  }
  const bool known =
      registry != registries_.end() &&
      (info.subresource.empty() || (below && (handler || below->name == "status"))) &&
      (exchange.resource->namespaced || info.ns.empty());
  if (!known) {
    co_return Status(Reason::NotFound, 404, "the server could not find the requested resource")
        .withDetails({});
  }
  exchange.registry = registry->second.get();
  const bool needsNamespace = exchange.resource->namespaced && !info.name.empty();
  if ((needsNamespace && info.ns.empty()) || info.verb.empty()) {
    co_return Status(Reason::MethodNotAllowed, 405,
                     "the server does not allow this method on the requested resource");
  }
  if (handler) {
    if (std::find(below->verbs.begin(), below->verbs.end(), info.verb) == below->verbs.end()) {
      co_return Status(Reason::MethodNotAllowed, 405,
                       "the server does not allow this method on the requested resource");
    }
    co_return co_await handler->serve(exchange);
  }
  if (info.verb == "get") co_return co_await handleGet(exchange);
  if (info.verb == "list") co_return co_await handleList(exchange);
  if (info.verb == "watch") co_return co_await handleWatch(exchange);
  if (info.verb == "update" && !info.name.empty()) co_return co_await handleUpdate(exchange);
  if (info.verb == "patch" && !info.name.empty()) co_return co_await handlePatch(exchange);
  if (info.subresource.empty()) {
    if (info.verb == "create" && info.name.empty()) co_return co_await handleCreate(exchange);
    if (info.verb == "delete") co_return co_await handleDelete(exchange);
    if (info.verb == "deletecollection") co_return co_await handleDeleteCollection(exchange);
  }
  co_return Status(Reason::MethodNotAllowed, 405,
                   "the server does not allow this method on the requested resource");
}

Status ApiServer::checkNamespace(const Exchange& exchange) const {
  if (!exchange.resource->namespaced) return {};
  const auto& registry = *registries_.at(findResource("", "v1", "namespaces"));
  TRY(auto object, registry.get("", exchange.info.ns));
  if (object.as<api::core::v1::Namespace>()->status.phase == "Terminating") {
    return forbidden(exchange.resource->qualifiedName(), exchange.info.name,
                     "unable to create new content in namespace " + exchange.info.ns +
                         " because it is being terminated");
  }
  return {};
}

Task<Status> ApiServer::sendObject(Exchange& exchange, int code, const api::ConstObject& object) {
  std::string apiVersion;
  std::string_view kind;
  const auto* resource = exchange.resource;
  const bool own = resource && &object.info() == resource->info;
  if (own) {
    apiVersion = groupVersionText(resource->group, resource->version);
    kind = resource->kind;
  }
  auto type = exchange.accepted.mediaType;
  Result<std::string> body =
      own && exchange.accepted.table
          ? encodeTable(*resource, std::span(&object, 1), nullptr,
                        exchange.query.get("includeObject"), executor_.wallNow(), true)
          : encodeObject(object, apiVersion, kind, type);
  if (!body.ok()) co_return body.status();
  net::Headers headers{{"Content-Type", std::string(contentTypeOf(type))},
                       {"Cache-Control", "no-cache, private"}};
  for (const auto& warning : exchange.warnings) {
    headers.add("Warning", "299 - " + api::goQuote(warning));
  }
  co_return co_await exchange.response.respond(code, std::move(headers), std::move(*body));
}

}  // namespace coxswain::apiserver
