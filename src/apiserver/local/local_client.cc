#include "apiserver/local/local_client.h"

#include "api/codec/json.h"
#include "api/gen/meta_v1.h"
#include "apiserver/local/in_process.h"
#include "apiserver/local/local_watch.h"
#include "apiserver/server/options.h"
#include "apiserver/subresources/poster.h"
#include "client/http/decode.h"
#include "client/http/http_client.h"
#include "net/url.h"
#include "runtime/spawn.h"

namespace coxswain::apiserver {

using client::DeleteOptions;
using client::ListOptions;
using client::ObjectList;
using client::PatchType;
using client::ResourceType;
using client::WatchOptions;

struct LocalClient::Shared {
  Executor& executor;
  ApiServer& server;
  UserInfo user;
  std::string fieldManager;
};

namespace {

using SharedObject = Result<api::ConstObject>;

int codeOf(const Status& status) {
  return status.code();
}
template <typename T>
int codeOf(const Result<T>& result) {
  return result.ok() ? 200 : result.status().code();
}

/// Counts how it ended.
template <typename Shared, typename T>
Task<T> counted(std::shared_ptr<const Shared> shared, const ResourceType& type,
                std::string_view verb, Task<T> task) {
  auto result = co_await std::move(task);
  shared->server.countOwn(type.group, type.plural, verb, codeOf(result));
  co_return result;
}

/// Here, or on the server's executor and back.
template <typename Shared, typename T>
Task<T> onServer(std::shared_ptr<const Shared> shared, const ResourceType& type,
                 std::string_view verb, Task<T> task) {
  auto& executor = shared->executor;
  if (Executor::current() == &executor) {
    auto result = co_await std::move(task);
    shared->server.countOwn(type.group, type.plural, verb, codeOf(result));
    co_return result;
  }
  co_return co_await runOn(executor, counted(std::move(shared), type, verb, std::move(task)));
}

/// A request as the server's pipeline knows it.
template <typename Shared>
void describe(const Shared& shared, RequestContext& context, const ResourceType& type,
              std::string_view verb, std::string ns, std::string name, std::string subresource) {
  auto& info = context.info;
  info.isResource = true;
  info.verb = verb;
  info.group = type.group;
  info.version = type.version;
  info.resource = type.plural;
  info.ns = std::move(ns);
  // A namespace is itself what its name says, in paths and for whom who may do what.
  if (info.group.empty() && info.resource == "namespaces") info.ns.clear();
  info.name = std::move(name);
  info.subresource = std::move(subresource);
  context.user = shared.user;
  context.userAgent = "coxswain";
  context.fieldManager = shared.fieldManager;
}

// Whether its user may make the request; goes on without a coroutine where that is known at once.
#define COXSWAIN_AUTHORIZE(shared, context, ...)                                              \
  do {                                                                                        \
    auto allowed_ = (shared).server.authorizeNow(context __VA_OPT__(, ) __VA_ARGS__);         \
    if (!allowed_) {                                                                          \
      allowed_ = co_await (shared).server.authorizeLater(context __VA_OPT__(, ) __VA_ARGS__); \
    }                                                                                         \
    CO_TRY_STATUS(std::move(*allowed_));                                                      \
  } while (false)

/// What a POST goes to where it is not the collection itself; null: no such poster.
ObjectPoster* posterOf(SubresourceHandler* handler) {
  auto* post = dynamic_cast<PostHandler*>(handler);
  return post ? &post->poster() : nullptr;
}

Result<ListRequest> listRequest(const ListOptions& options, const std::string& ns,
                                const Resource& resource) {
  net::Query query;
  if (!options.labelSelector.empty()) query.add("labelSelector", options.labelSelector);
  if (!options.fieldSelector.empty()) query.add("fieldSelector", options.fieldSelector);
  if (options.limit > 0) query.add("limit", std::to_string(options.limit));
  if (!options.continueToken.empty()) query.add("continue", options.continueToken);
  if (!options.resourceVersion.empty()) query.add("resourceVersion", options.resourceVersion);
  if (!options.resourceVersionMatch.empty()) {
    query.add("resourceVersionMatch", options.resourceVersionMatch);
  }
  TRY(auto parsed, Query::parse(query.encode()));
  return parseListOptions(parsed, ns, resource);
}

template <typename Shared>
Task<SharedObject> getOn(std::shared_ptr<const Shared> shared, const ResourceType& type,
                         std::string ns, std::string name, std::string subresource) {
  RequestContext context;
  describe(*shared, context, type, "get", std::move(ns), std::move(name), std::move(subresource));
  COXSWAIN_AUTHORIZE(*shared, context);
  CO_TRY_STATUS(shared->server.route(context));
  co_return shared->server.operations().get(context);
}

template <typename Shared>
Task<Result<ObjectList>> listOn(std::shared_ptr<const Shared> shared, const ResourceType& type,
                                std::string ns, ListOptions options, std::stop_token stop) {
  RequestContext context;
  describe(*shared, context, type, "list", ns, "", "");
  COXSWAIN_AUTHORIZE(*shared, context, options.fieldSelector, options.labelSelector);
  CO_TRY_STATUS(shared->server.route(context));
  CO_TRY(auto request, listRequest(options, context.info.ns, *context.resource));
  if (request.continueToken.empty()) {
    CO_TRY_STATUS(co_await context.registry->waitFor(request.resourceVersion, stop));
  }
  CO_TRY(auto answer, context.registry->list(request));
  ObjectList list;
  list.resourceVersion = std::to_string(answer.revision);
  list.continueToken = std::move(answer.continueToken);
  list.items.reserve(answer.items.size());
  for (const auto& item : answer.items) {
    CO_TRY(auto object, item.object());
    list.items.push_back(std::move(object));
  }
  co_return list;
}

template <typename Shared>
Task<Result<std::unique_ptr<client::Watch>>> watchOn(std::shared_ptr<const Shared> shared,
                                                     const ResourceType& type, std::string ns,
                                                     WatchOptions options) {
  RequestContext context;
  describe(*shared, context, type, "watch", ns, "", "");
  COXSWAIN_AUTHORIZE(*shared, context, options.fieldSelector, options.labelSelector);
  CO_TRY_STATUS(shared->server.route(context));
  ListOptions selection;
  selection.labelSelector = std::move(options.labelSelector);
  selection.fieldSelector = std::move(options.fieldSelector);
  CO_TRY(auto request, listRequest(selection, context.info.ns, *context.resource));
  storage::Revision after = 0;
  if (!options.resourceVersion.empty()) {
    CO_TRY(after, parseResourceVersion(options.resourceVersion));
  }
  co_return openLocalWatch(shared->executor, *context.registry, std::move(request), after,
                           options.allowBookmarks, shared->server.countOwnWatch(*context.resource));
}

template <typename Shared>
Task<SharedObject> createOn(std::shared_ptr<const Shared> shared, const ResourceType& type,
                            std::string ns, std::string name, std::string subresource,
                            api::ConstObject object) {
  RequestContext context;
  describe(*shared, context, type, "create", std::move(ns), std::move(name), subresource);
  COXSWAIN_AUTHORIZE(*shared, context);
  if (auto* poster = posterOf(shared->server.virtualResources().find(context.info))) {
    co_return co_await poster->post(context, object.clone());
  }
  CO_TRY_STATUS(shared->server.route(context));
  if (!subresource.empty()) {
    const auto resource = context.resource->qualifiedName();
    auto* poster = posterOf(shared->server.subresources().find(resource, subresource));
    if (!poster) co_return methodNotAllowed(resource, "create");
    co_return co_await poster->post(context, object.clone());
  }
  if (&object.info() != context.resource->info) {
    co_return badRequest("an object of another kind than " + context.resource->qualifiedName());
  }
  CO_TRY(auto made, co_await shared->server.operations().create(context, object.clone()));
  co_return std::move(made.object);
}

template <typename Shared>
Task<SharedObject> updateOn(std::shared_ptr<const Shared> shared, const ResourceType& type,
                            std::string subresource, api::ConstObject object) {
  RequestContext context;
  const auto* meta = api::objectMeta(object);
  if (!meta) co_return badRequest("an object without metadata cannot be updated");
  describe(*shared, context, type, "update", meta->namespace_, meta->name, std::move(subresource));
  COXSWAIN_AUTHORIZE(*shared, context);
  CO_TRY_STATUS(shared->server.route(context));
  auto endpoint = Endpoint::of(*context.resource, context.info.subresource);
  if (&object.info() != endpoint.body.info) {
    co_return badRequest("an object of another kind than " + context.resource->qualifiedName());
  }
  CO_TRY(auto written, co_await shared->server.operations().update(context, object.clone()));
  co_return std::move(written.object);
}

template <typename Shared>
Task<SharedObject> patchOn(std::shared_ptr<const Shared> shared, const ResourceType& type,
                           std::string ns, std::string name, std::string subresource,
                           PatchType patchType, std::string body) {
  RequestContext context;
  describe(*shared, context, type, "patch", std::move(ns), std::move(name), std::move(subresource));
  COXSWAIN_AUTHORIZE(*shared, context);
  CO_TRY_STATUS(shared->server.route(context));
  const auto& operations = shared->server.operations();
  if (patchType == PatchType::Apply) {
    CO_TRY(auto applied, co_await operations.apply(context, std::move(body), true));
    co_return std::move(applied.object);
  }
  auto kind = PatchKind::StrategicMerge;
  if (patchType == PatchType::Json) kind = PatchKind::Json;
  if (patchType == PatchType::Merge) kind = PatchKind::Merge;
  Patch patch(kind, std::move(body), FieldValidation::Warn);
  CO_TRY(auto written, co_await operations.patch(context, std::move(patch)));
  co_return std::move(written.object);
}

template <typename Shared>
Task<Status> removeOn(std::shared_ptr<const Shared> shared, const ResourceType& type,
                      std::string ns, std::string name, DeleteOptions options) {
  RequestContext context;
  describe(*shared, context, type, "delete", std::move(ns), std::move(name), "");
  COXSWAIN_AUTHORIZE(*shared, context);
  CO_TRY_STATUS(shared->server.route(context));
  DeleteRequest request;
  request.gracePeriodSeconds = options.gracePeriodSeconds;
  request.propagationPolicy = std::move(options.propagationPolicy);
  request.preconditions.uid = std::move(options.uid);
  request.preconditions.resourceVersion = std::move(options.resourceVersion);
  auto deleted = co_await shared->server.operations().remove(context, std::move(request));
  co_return deleted.status();
}

// Kinds that are read by their metadata only may be other servers': requests for them go the way
// of those over HTTP.

InProcessRequest requestFor(const ResourceType& type, const std::string& ns,
                            const std::string& name, std::string_view list = "") {
  InProcessRequest request;
  request.path = client::resourcePath(type.group, type.version, type.plural, ns, name);
  request.accept = client::metadataAccept(list);
  return request;
}

template <typename Options>
void select(InProcessRequest& request, const Options& options) {
  auto add = [&request](const char* name, const std::string& value) {
    if (!value.empty()) request.query.emplace_back(name, value);
  };
  add("labelSelector", options.labelSelector);
  add("fieldSelector", options.fieldSelector);
  add("resourceVersion", options.resourceVersion);
}

template <typename Shared>
Task<SharedObject> askForObject(std::shared_ptr<const Shared> shared, const ResourceType& type,
                                InProcessRequest request, std::stop_token stop) {
  CO_TRY(auto body,
         co_await ask(shared->server, shared->user, std::move(request), std::move(stop)));
  co_return client::decodeAnswer(type, body);
}

template <typename Shared>
Task<Result<ObjectList>> askForList(std::shared_ptr<const Shared> shared, const ResourceType& type,
                                    InProcessRequest request, std::stop_token stop) {
  CO_TRY(auto body,
         co_await ask(shared->server, shared->user, std::move(request), std::move(stop)));
  co_return client::decodeList(type, body);
}

template <typename Shared>
Task<Status> askToRemove(std::shared_ptr<const Shared> shared, InProcessRequest request,
                         DeleteOptions options, std::stop_token stop) {
  request.method = "DELETE";
  request.contentType = "application/json";
  request.body = api::encodeJson(client::deleteOptionsOf(std::move(options)));
  auto answer = co_await ask(shared->server, shared->user, std::move(request), std::move(stop));
  co_return answer.status();
}

template <typename Shared>
Task<Result<std::unique_ptr<client::Watch>>> startWatch(std::shared_ptr<const Shared> shared,
                                                        const ResourceType& type,
                                                        InProcessRequest request) {
  request.query.emplace_back("watch", "true");
  request.query.emplace_back("allowWatchBookmarks", "true");
  co_return askToWatch(shared->executor, shared->server, shared->user, type, std::move(request));
}

std::string managerOf(const std::string& user) {
  if (user == "system:apiserver") return "kube-apiserver";
  if (user.starts_with("system:node:")) return "kubelet";
  return user.substr(user.rfind(':') + 1);
}

}  // namespace

LocalClient::LocalClient(Executor& executor, ApiServer& server, UserInfo user,
                         std::string fieldManager) {
  constexpr const char* kAuthenticated = "system:authenticated";
  if (!user.inGroup(kAuthenticated)) user.groups.emplace_back(kAuthenticated);
  if (fieldManager.empty()) fieldManager = managerOf(user.name);
  shared_ = std::make_shared<const Shared>(
      Shared{executor, server, std::move(user), std::move(fieldManager)});
}

Task<Result<api::ConstObject>> LocalClient::get(const ResourceType& type, std::string ns,
                                                std::string name, std::stop_token stop) {
  return getSubresource(type, std::move(ns), std::move(name), "", std::move(stop));
}

Task<Result<api::ConstObject>> LocalClient::getSubresource(const ResourceType& type, std::string ns,
                                                           std::string name,
                                                           std::string subresource,
                                                           std::stop_token stop) {
  auto shared = shared_;
  if (client::isMetadataOnly(type) && subresource.empty()) {
    auto asked = askForObject(shared, type, requestFor(type, ns, name), std::move(stop));
    co_return co_await onServer(shared, type, "get", std::move(asked));
  }
  auto task = getOn(shared, type, std::move(ns), std::move(name), std::move(subresource));
  co_return co_await onServer(shared, type, "get", std::move(task));
}

Task<Result<ObjectList>> LocalClient::list(const ResourceType& type, std::string ns,
                                           ListOptions options, std::stop_token stop) {
  auto shared = shared_;
  if (client::isMetadataOnly(type)) {
    auto request = requestFor(type, ns, "", "List");
    select(request, options);
    auto asked = askForList(shared, type, std::move(request), std::move(stop));
    co_return co_await onServer(shared, type, "list", std::move(asked));
  }
  auto task = listOn(shared, type, std::move(ns), std::move(options), stop);
  co_return co_await onServer(shared, type, "list", std::move(task));
}

Task<Result<std::unique_ptr<client::Watch>>> LocalClient::watch(const ResourceType& type,
                                                                std::string ns,
                                                                WatchOptions options,
                                                                std::stop_token stop) {
  auto shared = shared_;
  if (client::isMetadataOnly(type)) {
    auto request = requestFor(type, ns, "");
    select(request, options);
    auto asked = startWatch(shared, type, std::move(request));
    co_return co_await onServer(shared, type, "watch", std::move(asked));
  }
  auto task = watchOn(shared, type, std::move(ns), std::move(options));
  co_return co_await onServer(shared, type, "watch", std::move(task));
}

Task<Result<api::ConstObject>> LocalClient::create(const ResourceType& type, std::string ns,
                                                   std::string name, std::string subresource,
                                                   api::ConstObject object, std::stop_token stop) {
  auto shared = shared_;
  auto task = createOn(shared, type, std::move(ns), std::move(name), std::move(subresource),
                       std::move(object));
  co_return co_await onServer(shared, type, "create", std::move(task));
}

Task<Result<api::ConstObject>> LocalClient::update(const ResourceType& type,
                                                   std::string subresource, api::ConstObject object,
                                                   std::stop_token stop) {
  auto shared = shared_;
  auto task = updateOn(shared, type, std::move(subresource), std::move(object));
  co_return co_await onServer(shared, type, "update", std::move(task));
}

Task<Result<api::ConstObject>> LocalClient::patch(const ResourceType& type, std::string ns,
                                                  std::string name, std::string subresource,
                                                  PatchType patchType, std::string body,
                                                  std::stop_token stop) {
  auto shared = shared_;
  if (client::isMetadataOnly(type) && subresource.empty()) {
    auto request = requestFor(type, ns, name);
    request.method = "PATCH";
    request.query.emplace_back("fieldManager", shared->fieldManager);
    request.contentType = client::patchMediaType(patchType);
    request.body = std::move(body);
    auto asked = askForObject(shared, type, std::move(request), std::move(stop));
    co_return co_await onServer(shared, type, "patch", std::move(asked));
  }
  auto task = patchOn(shared, type, std::move(ns), std::move(name), std::move(subresource),
                      patchType, std::move(body));
  co_return co_await onServer(shared, type, "patch", std::move(task));
}

Task<Result<std::string>> LocalClient::readPath(std::string path, client::PathQuery query,
                                                std::stop_token stop) {
  InProcessRequest request;
  request.path = std::move(path);
  request.query = std::move(query);
  auto task = ask(shared_->server, shared_->user, std::move(request), std::move(stop));
  if (Executor::current() == &shared_->executor) co_return co_await std::move(task);
  co_return co_await runOn(shared_->executor, std::move(task));
}

Task<Status> LocalClient::remove(const ResourceType& type, std::string ns, std::string name,
                                 DeleteOptions options, std::stop_token stop) {
  auto shared = shared_;
  if (client::isMetadataOnly(type)) {
    auto asked =
        askToRemove(shared, requestFor(type, ns, name), std::move(options), std::move(stop));
    co_return co_await onServer(shared, type, "delete", std::move(asked));
  }
  auto task = removeOn(shared, type, std::move(ns), std::move(name), std::move(options));
  co_return co_await onServer(shared, type, "delete", std::move(task));
}

}  // namespace coxswain::apiserver
