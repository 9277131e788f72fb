#include "apiserver/server/api_server.h"

#include <algorithm>

#include "api/codec/json.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "apiserver/authn/impersonation.h"
#include "apiserver/server/auditing.h"
#include "apiserver/server/compression.h"
#include "apiserver/server/document_store.h"
#include "apiserver/server/encoding.h"
#include "apiserver/server/foreign_groups.h"
#include "apiserver/server/load.h"
#include "apiserver/server/metrics.h"
#include "apiserver/server/refusals.h"
#include "apiserver/server/response_tap.h"
#include "apiserver/server/watch_frames.h"
#include "base/log.h"

namespace coxswain::apiserver {
namespace {

const Logger kLog("apiserver");

constexpr std::string_view kSystemNamespaces[] = {"default", "kube-system", "kube-public",
                                                  "kube-node-lease"};
constexpr std::string_view kEventsPrefix = "/registry/events";

bool startsSession(const RequestInfo& info) {
  if (!info.group.empty() || info.resource != "pods") return false;
  return info.subresource == "exec" || info.subresource == "attach" ||
         info.subresource == "portforward";
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
      impersonation_(authorizer()),
      operations_(options_.admission),
      budget_(options_.formBytesMax),
      frames_(std::make_unique<WatchFrames>()),
      metrics_(std::make_unique<ServerMetrics>(options_.version)),
      budgets_(new Budgets{ByteBudget(options_.bodyBytesMax), ByteBudget(options_.listBytesMax),
                           options_.requestTimeout}),
      random_(random) {
  addHealthChecks();
  addMetrics([this](MetricSink& sink) { collect(sink); });
  // The versions that are stored first: others look at the same objects.
  for (const auto& resource : resources()) {
    if (resource.storageInfo != resource.info) continue;
    auto kind = storedKind(resource);
    kind.eventsKept = options_.watchEventsKept;
    kind.watcherEventsMax = options_.watcherEventsMax;
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

void ApiServer::addHealthChecks() {
  auto stored = [this] { return store_.get("/registry/health").ok(); };
  health_.add("ping", false, [] { return true; });
  health_.add("log", false, [] { return true; });
  health_.add("etcd", false, stored);
  health_.add("etcd-readiness", true, stored);
  health_.add("informer-sync", true, [this] { return started_.ok(); });
  health_.add("shutdown", true, [this] { return !shuttingDown_; });
}

void ApiServer::addMetrics(MetricSource source) {
  metrics_->addSource(std::move(source));
}

void ApiServer::countOwn(std::string_view group, std::string_view resource, std::string_view verb,
                         int code) {
  metrics_->countOwn(group, resource, verb, code);
}

ServerMetrics::Watching ApiServer::countOwnWatch(const Resource& resource) {
  return metrics_->beginWatch(resource, ServerMetrics::Scope::Own);
}

void ApiServer::collect(MetricSink& sink) const {
  for (const auto& [resource, registry] : registries_) {
    if (registry->converts()) continue;
    const auto name = resource->qualifiedName();
    const auto objects = static_cast<double>(registry->cache().watches().stats().entries);
    sink.gauge("apiserver_storage_objects", "Objects in the store", {{"resource", name}}, objects);
    sink.gauge(
        "apiserver_resource_objects", "Objects in the store",
        {{"group", std::string(resource->group)}, {"resource", std::string(resource->plural)}},
        objects);
    const auto& writes = registry->writeLatencies().all();
    for (size_t i = 0; i < writes.size(); ++i) {
      if (writes[i].count() == 0) continue;
      sink.histogram("etcd_request_duration_seconds", "Time of writes to the store",
                     {{"operation", std::string(WriteLatencies::kNames[i])}, {"type", name}},
                     writes[i]);
    }
  }
  auto budget = [&sink](const char* what, const ByteBudget& bytes) {
    const MetricLabels labels = {{"kind", what}};
    sink.gauge("coxswain_apiserver_budget_bytes", "Bytes that requests hold", labels,
               static_cast<double>(bytes.used()));
    sink.gauge("coxswain_apiserver_budget_max_bytes", "Bytes that requests may hold", labels,
               static_cast<double>(bytes.bytesMax()));
    sink.counter("coxswain_apiserver_budget_refused_total", "Requests refused for lack of it",
                 labels, static_cast<double>(bytes.refused()));
  };
  budget("bodies", budgets_->bodies);
  budget("lists", budgets_->lists);
}

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

void ApiServer::setForeignGroups(ForeignGroups* foreign) {
  foreign_ = foreign;
}

DocumentStore& ApiServer::documents() {
  if (!documents_) {
    auto all = served();
    ownGroups_.appendFixed(all);
    documents_ = std::make_unique<DocumentStore>(std::move(all), options_.advertiseAddress);
  }
  const auto edition = (foreign_ ? foreign_->edition() : 0) + ownGroups_.edition();
  if (edition != foreignEdition_) {
    ForeignDocuments others;
    if (foreign_) foreign_->appendServed(others.served);
    if (foreign_) foreign_->appendOpenApi(others.openApi);
    ownGroups_.appendChanging(others.served);
    documents_->setForeign(std::move(others));
    foreignEdition_ = edition;
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
  ResponseTap tap(response);
  Exchange exchange(request, tap);
  exchange.auditId = auditIdOf(request);
  exchange.budgets = budgets_.get();
  exchange.clock = &executor_;
  tap.attach(&exchange);
  if (options_.auditor) expectAudit(*options_.auditor, exchange);
  const auto start = executor_.now();
  Status status = co_await handle(exchange);
  if (exchange.lasting) {
    metrics_->countUser(exchange, tap.code());
    co_return;
  }
  if (!status.ok() && !response.started()) {
    Status sent = co_await refuse(exchange, status);
    if (!sent.ok()) kLog.debug("client left before its answer", {{"error", sent}});
  }
  if (exchange.audit) {
    endAudit(exchange, status, tap.code(), executor_.wallNow());
  } else if (exchange.trail && exchange.user.name.empty() &&
             status.reason() == Reason::Unauthorized) {
    auditUnauthenticated(exchange, status, executor_.wallNow());
  }
  const auto code = tap.code() != 0 ? tap.code() : status.code();
  metrics_->count(exchange, code, tap.bodyBytes(), start, executor_.now());
}

Task<Status> ApiServer::refuse(Exchange& exchange, const Status& status) {
  exchange.seats.release();
  auto type = exchange.accepted.mediaType;
  net::Headers headers{{"Content-Type", std::string(contentTypeOf(type))},
                       {"Cache-Control", "no-cache, private"}};
  if (status.details() && status.details()->retryAfterSeconds > 0) {
    headers.add("Retry-After", std::to_string(status.details()->retryAfterSeconds));
  }
  addWarnings(headers, exchange.warnings);
  auto body = encodeStatus(status, type, exchange.continueToken);
  co_return co_await exchange.response.respond(status.code(), std::move(headers), std::move(body));
}

Task<Status> ApiServer::authenticate(Exchange& exchange) {
  auto& request = exchange.request;
  const auto now = executor_.wallNow();
  auto known = authenticator_.authenticateNow(request, now);
  if (!known) known = co_await authenticator_.authenticate(request, now);
  CO_TRY(auto caller, std::move(*known));
  exchange.user = std::move(caller.user);
  for (auto& warning : caller.warnings) exchange.warnings.push_back(std::move(warning));
  for (const auto& [key, value] : caller.annotations) exchange.annotateAudit(key, value);
  co_return Status();
}

Task<Status> ApiServer::impersonate(Exchange& exchange) {
  const auto fieldSelector = exchange.query.get("fieldSelector");
  const auto labelSelector = exchange.query.get("labelSelector");
  const Attributes attributes{exchange.user, exchange.info, fieldSelector, labelSelector};
  CO_TRY(auto outcome, co_await impersonation_.impersonate(exchange.request.headers, attributes,
                                                           exchange.request.stop));
  if (!outcome.impersonated) co_return Status();
  exchange.impersonator = std::move(exchange.user);
  exchange.impersonationConstraint = std::move(outcome.constraint);
  exchange.user = std::move(outcome.user);
  co_return Status();
}

Task<Status> ApiServer::handle(Exchange& exchange) {
  const auto& request = exchange.request;
  exchange.accepted = negotiateError(request.headers.get("Accept"));
  CO_TRY_STATUS(co_await authenticate(exchange));
  CO_TRY(exchange.query, Query::parse(request.query));
  CO_TRY(exchange.info, parseRequestInfo(request.method, request.path, exchange.query));
  exchange.userAgent = request.headers.get("User-Agent");
  if (exchange.trail) beginAudit(exchange, executor_.wallNow());
  if (Impersonation::wanted(request.headers)) {
    CO_TRY_STATUS(co_await impersonate(exchange));
  }
  const bool seated = holdsSeats(exchange.info);
  if (seated) exchange.response.limitStalls(options_.stallMax);
  if (options_.flow && seated) {
    auto what = options_.flow->classify(digestOf(exchange));
    exchange.flowSchema = what.schema;
    const auto width = widthOf(exchange, what);
    auto seats = co_await options_.flow->admit(std::move(what), width, request.stop);
    if (isTooManyRequests(seats.status())) {
      co_return co_await refuseBusy(exchange, seats.status().details()->retryAfterSeconds);
    }
    CO_TRY(exchange.seats, std::move(seats));
  }
  co_return co_await dispatch(exchange);
}

Task<Status> ApiServer::serveOwn(Exchange& exchange) {
  exchange.budgets = budgets_.get();
  exchange.clock = &executor_;
  CO_TRY(exchange.query, Query::parse(exchange.request.query));
  CO_TRY(exchange.info,
         parseRequestInfo(exchange.request.method, exchange.request.path, exchange.query));
  co_return co_await dispatch(exchange);
}

Task<Status> ApiServer::dispatch(Exchange& exchange) {
  const auto& request = exchange.request;
  const auto fieldSelector = exchange.query.get("fieldSelector");
  const auto labelSelector = exchange.query.get("labelSelector");
  auto allowed = authorizeNow(exchange, fieldSelector, labelSelector);
  if (!allowed) {
    allowed = co_await authorizeLater(exchange, fieldSelector, labelSelector, request.stop);
  }
  CO_TRY_STATUS(std::move(*allowed));
  if (startsSession(exchange.info) && exchange.info.verb == "get") {
    // By a WebSocket sessions begin with GET, but the right to read is none to run things.
    exchange.info.verb = "create";
    allowed = authorizeNow(exchange, {}, {});
    if (!allowed) allowed = co_await authorizeLater(exchange, {}, {}, request.stop);
    exchange.info.verb = "get";
    CO_TRY_STATUS(std::move(*allowed));
  }
  if (foreign_) {
    if (auto* handler = foreign_->find(request.path)) co_return co_await handler->serve(exchange);
  }
  if (!exchange.info.isResource) co_return co_await handlePath(exchange);
  if (auto* group = ownGroups_.find(exchange.info)) co_return co_await group->serve(exchange);
  if (auto* handler = virtualResources_.find(exchange.info)) {
    if (exchange.info.verb != "create") co_return notAllowed();
    co_return co_await handler->serve(exchange);
  }
  co_return co_await handleResource(exchange);
}

uint32_t ApiServer::widthOf(const Exchange& exchange, const flow::Flow& what) const {
  const auto& info = exchange.info;
  if (!what.schema || what.schema->level->exempt() || !info.isResource || info.verb == "get") {
    return 1;
  }
  return seatsOf(exchange, registry(info.group, info.version, info.resource));
}

Task<Status> ApiServer::refuseBusy(Exchange& exchange, int32_t retryAfterSeconds) {
  exchange.code = 429;
  net::Headers headers{{"Content-Type", "text/plain; charset=utf-8"},
                       {"Cache-Control", "no-cache, private"},
                       {"X-Content-Type-Options", "nosniff"},
                       {"Retry-After", std::to_string(retryAfterSeconds)}};
  co_return co_await exchange.response.respond(429, std::move(headers),
                                               "Too many requests, please try again later.\n");
}

std::string ApiServer::auditIdOf(const net::Request& request) {
  constexpr size_t kLengthMax = 64;
  auto given = request.headers.get("Audit-Id");
  if (!given.empty() && given.size() <= kLengthMax) return std::string(given);
  // Only to tell requests apart: it need not be hard to guess.
  if (auditIds_ == 0) auditIds_ = random_.next() | 1;
  return makeAuditId(auditIds_);
}

const Authorizer& ApiServer::authorizer() const {
  static const MastersAuthorizer kMasters;
  return options_.authorizer ? *options_.authorizer : kMasters;
}

namespace {

Attributes attributesOf(const RequestContext& context, std::string_view fieldSelector,
                        std::string_view labelSelector) {
  const auto& verb = context.info.verb;
  const bool many = verb == "list" || verb == "watch" || verb == "deletecollection";
  Attributes attributes{context.user, context.info};
  if (many) attributes.fieldSelector = fieldSelector;
  if (many) attributes.labelSelector = labelSelector;
  attributes.explain = context.auditAnnotations != nullptr;
  return attributes;
}

Status decided(const RequestContext& context, const Attributes& attributes,
               const Verdict& verdict) {
  if (auto* audit = context.auditAnnotations) {
    audit->try_emplace("authorization.k8s.io/decision", verdict.allowed() ? "allow" : "forbid");
    audit->try_emplace("authorization.k8s.io/reason", verdict.reason);
  }
  return verdict.allowed() ? Status() : refusal(attributes, verdict);
}

}  // namespace

std::optional<Status> ApiServer::authorizeNow(const RequestContext& context,
                                              std::string_view fieldSelector,
                                              std::string_view labelSelector) const {
  const auto attributes = attributesOf(context, fieldSelector, labelSelector);
  auto verdict = authorizer().authorize(attributes);
  if (verdict.decision == Decision::Ask) return std::nullopt;
  return decided(context, attributes, verdict);
}

Task<Status> ApiServer::authorizeLater(const RequestContext& context,
                                       std::string_view fieldSelector,
                                       std::string_view labelSelector, std::stop_token stop) const {
  const auto attributes = attributesOf(context, fieldSelector, labelSelector);
  auto verdict = co_await authorizer().ask(attributes, stop);
  co_return decided(context, attributes, verdict);
}

Status ApiServer::route(RequestContext& context) const {
  const auto& info = context.info;
  const auto* resource = findResource(info.group, info.version, info.resource);
  auto found = registries_.find(resource);
  if (found == registries_.end() || (!resource->namespaced && !info.ns.empty())) {
    return nothingThere();
  }
  // No method has a path for one object of a namespace without that, or for what lies below
  // something that is not served by others.
  if (resource->namespaced && info.ns.empty() && !info.name.empty()) return nothingThere();
  if (!info.rest.empty() && info.subresource != "proxy") return nothingThere();
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
  if (resource->namespaced && info.ns.empty() && (one || post || info.verb == "deletecollection")) {
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
  if (exchange.audit && exchange.audit->wantsResponse()) {
    const bool own = resource && &object.info() == resource->info;
    api::JsonEncodeOptions form;
    const auto apiVersion = own ? groupVersionText(resource->group, resource->version) : "";
    form.apiVersion = apiVersion;
    if (own) form.kind = resource->kind;
    auditResponse(exchange, api::encodeJson(object, form));
  }
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
  exchange.seats.release();
  exchange.code = code;
  net::Headers headers{{"Content-Type", "text/plain; charset=utf-8"},
                       {"Cache-Control", "no-cache, private"},
                       {"X-Content-Type-Options", "nosniff"}};
  co_return co_await exchange.response.respond(code, std::move(headers), std::move(body));
}

Task<Status> ApiServer::send(Exchange& exchange, int code, std::string contentType,
                             std::string body) {
  exchange.code = code;
  // The answer is made: others need not wait until the client has taken it.
  exchange.seats.release();
  net::Headers headers{{"Content-Type", std::move(contentType)},
                       {"Cache-Control", "no-cache, private"}};
  addWarnings(headers, exchange.warnings);
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
