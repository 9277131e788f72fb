#include "cli/resources/object_client.h"

#include "api/codec/value.h"
#include "api/gen/meta_v1.h"
#include "cli/framework/errors.h"
#include "client/http/http_client.h"
#include "client/http/wire_status.h"

namespace coxswain::cli {

namespace {

using Query = std::vector<std::pair<std::string, std::string>>;

void add(Query& query, const char* name, std::string value) {
  if (!value.empty()) query.emplace_back(name, std::move(value));
}

void addList(Query& query, const ObjectListOptions& options) {
  add(query, "labelSelector", options.labelSelector);
  add(query, "fieldSelector", options.fieldSelector);
  if (options.limit > 0) query.emplace_back("limit", std::to_string(options.limit));
  add(query, "continue", options.continueToken);
  add(query, "resourceVersion", options.resourceVersion);
}

Result<json::value> parseAnswer(const std::string& body) {
  auto parsed = api::parseJsonValue(body);
  if (!parsed.ok()) return fault("the server's answer is no JSON: " + parsed.status().message());
  return parsed;
}

}  // namespace

Task<Result<ObjectEvent>> ObjectWatch::next(std::stop_token stop) {
  while (true) {
    CO_TRY(auto raw, decoder_.next());
    if (raw) {
      ObjectEvent event;
      event.type = std::move(raw->type);
      CO_TRY(event.object, parseAnswer(raw->object));
      if (event.type == "ERROR") {
        CO_TRY(auto wire, api::decodeJson<api::meta::v1::Status>(raw->object));
        co_return client::fromWire(wire);
      }
      co_return std::move(event);
    }
    CO_TRY(auto piece, co_await response_->body().read(stop));
    if (piece.empty()) {
      if (decoder_.inMiddle()) co_return unreachable("the watch ended in the middle of an event");
      co_return endOfStream();
    }
    decoder_.feed(piece);
  }
}

Task<Result<json::value>> ObjectClient::exchange(client::RestRequest request) {
  if (!request.headers.has("Accept")) request.headers.add("Accept", "application/json");
  CO_TRY(auto answer, co_await rest_.call(std::move(request), {}));
  co_return parseAnswer(answer.body);
}

Task<Result<json::value>> ObjectClient::getPath(std::string path) {
  client::RestRequest request;
  request.path = std::move(path);
  co_return co_await exchange(std::move(request));
}

Task<Result<json::value>> ObjectClient::get(const ApiResource& resource, std::string ns,
                                            std::string name, std::string subresource) {
  co_return co_await getPath(resource.path(ns, name, subresource));
}

Task<Result<json::value>> ObjectClient::listPage(const ApiResource& resource, std::string ns,
                                                 ObjectListOptions options, std::string accept,
                                                 std::string includeObject) {
  client::RestRequest request;
  request.path = resource.path(ns);
  addList(request.query, options);
  add(request.query, "includeObject", std::move(includeObject));
  if (!accept.empty()) request.headers.add("Accept", std::move(accept));
  co_return co_await exchange(std::move(request));
}

Task<Result<json::value>> ObjectClient::list(const ApiResource& resource, std::string ns,
                                             ObjectListOptions options) {
  CO_TRY(auto all, co_await listPage(resource, ns, options));
  while (true) {
    options.continueToken = textAt(all, {"metadata", "continue"});
    if (options.continueToken.empty()) break;
    CO_TRY(auto page, co_await listPage(resource, ns, options));
    auto& items = all.get_object()["items"];
    if (!items.is_array()) items = json::array();
    for (const auto& item : arrayAt(page, {"items"})) items.get_array().push_back(item);
    makeObject(all, {"metadata"}) = objectAt(page, {"metadata"});
  }
  co_return std::move(all);
}

client::RestRequest ObjectClient::writeRequest(std::string method, std::string path,
                                               const WriteOptions& options) {
  client::RestRequest request;
  request.method = std::move(method);
  request.path = std::move(path);
  if (options.dryRun) request.query.emplace_back("dryRun", "All");
  add(request.query, "fieldManager", options.fieldManager);
  add(request.query, "fieldValidation", options.fieldValidation);
  if (options.force) request.query.emplace_back("force", "true");
  return request;
}

Task<Result<json::value>> ObjectClient::create(const ApiResource& resource, std::string ns,
                                               std::string name, const json::value& object,
                                               WriteOptions options) {
  auto of = options.subresource.empty() ? std::string() : name;
  auto request = writeRequest("POST", resource.path(ns, of, options.subresource), options);
  request.headers.add("Content-Type", "application/json");
  request.body = api::writeJsonValue(object);
  co_return co_await exchange(std::move(request));
}

Task<Result<json::value>> ObjectClient::replace(const ApiResource& resource, std::string ns,
                                                std::string name, const json::value& object,
                                                WriteOptions options) {
  auto request = writeRequest("PUT", resource.path(ns, name, options.subresource), options);
  request.headers.add("Content-Type", "application/json");
  request.body = api::writeJsonValue(object);
  co_return co_await exchange(std::move(request));
}

Task<Result<json::value>> ObjectClient::patch(const ApiResource& resource, std::string ns,
                                              std::string name, client::PatchType type,
                                              std::string body, WriteOptions options) {
  auto request = writeRequest("PATCH", resource.path(ns, name, options.subresource), options);
  request.headers.add("Content-Type", std::string(client::patchMediaType(type)));
  request.body = std::move(body);
  co_return co_await exchange(std::move(request));
}

Task<Result<json::value>> ObjectClient::remove(const ApiResource& resource, std::string ns,
                                               std::string name, json::object body) {
  client::RestRequest request;
  request.method = "DELETE";
  request.path = resource.path(ns, name);
  request.headers.add("Content-Type", "application/json");
  body["kind"] = "DeleteOptions";
  body["apiVersion"] = "v1";
  request.body = api::writeJsonValue(body);
  co_return co_await exchange(std::move(request));
}

Task<Result<std::unique_ptr<ObjectWatch>>> ObjectClient::watch(
    const ApiResource& resource, std::string ns, std::string name, ObjectListOptions options,
    std::stop_token stop, std::string accept, std::string includeObject) {
  client::RestRequest request;
  request.path = resource.path(ns);
  request.headers.add("Accept", accept.empty() ? "application/json" : std::move(accept));
  if (!name.empty()) {
    options.fieldSelector += (options.fieldSelector.empty() ? "" : ",") + ("metadata.name=" + name);
  }
  addList(request.query, options);
  add(request.query, "includeObject", std::move(includeObject));
  request.query.emplace_back("watch", "true");
  CO_TRY(auto response, co_await rest_.stream(std::move(request), std::move(stop)));
  co_return std::make_unique<ObjectWatch>(std::move(response));
}

}  // namespace coxswain::cli
