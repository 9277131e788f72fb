#include <boost/json/value.hpp>
#include <charconv>

#include "api/codec/json.h"
#include "api/codec/protobuf.h"
#include "api/codec/value.h"
#include "api/gen/meta_v1.h"
#include "api/patch/json_patch.h"
#include "api/patch/strategic.h"
#include "apiserver/server/api_server.h"
#include "apiserver/server/encoding.h"
#include "apiserver/server/exchange.h"

namespace coxswain::apiserver {
namespace {

constexpr size_t kBodyBytesMax = 3145728;

Task<Result<std::string>> readBody(net::Request& request) {
  auto body = co_await request.body->readAll(kBodyBytesMax, request.stop);
  if (!body.ok() && body.status().reason() == Reason::RequestEntityTooLarge) {
    co_return requestEntityTooLarge("Request entity too large: limit is " +
                                    std::to_string(kBodyBytesMax));
  }
  co_return body;
}

Result<bool> wantsDryRun(std::string_view value, bool present) {
  if (!present) return false;
  if (value == "All") return true;
  return badRequest("dryRun: Unsupported value: \"" + std::string(value) +
                    "\": supported values: \"All\"");
}

/// ?fieldValidation=: Strict refuses what Warn (the default) tells and Ignore passes over.
Status applyFieldValidation(std::string_view mode, std::vector<std::string> found,
                            std::vector<std::string>& warnings) {
  if (mode != "" && mode != "Strict" && mode != "Warn" && mode != "Ignore") {
    return badRequest("fieldValidation: Unsupported value: \"" + std::string(mode) +
                      "\": supported values: \"Ignore\", \"Strict\", \"Warn\"");
  }
  if (found.empty() || mode == "Ignore") return {};
  if (mode == "Strict") {
    api::JsonReport report;
    report.strict = std::move(found);
    return badRequest(api::strictStatus(report).message());
  }
  for (auto& text : found) warnings.push_back(std::move(text));
  return {};
}

Status checkNames(const api::Object& object, const RequestInfo& info) {
  const auto& meta = *api::objectMeta(object);
  if (!info.name.empty() && !meta.name.empty() && meta.name != info.name) {
    return badRequest("the name of the object (" + meta.name +
                      ") does not match the name on the URL (" + info.name + ")");
  }
  if (!meta.namespace_.empty() && meta.namespace_ != info.ns) {
    return badRequest(
        "the namespace of the provided object does not match the namespace sent on "
        "the request");
  }
  return {};
}

Result<DeleteRequest> parseDelete(const Query& query, std::string_view body, MediaType type) {
  DeleteRequest request;
  api::meta::v1::DeleteOptions options;
  if (!body.empty()) {
    if (type == MediaType::Protobuf) {
      TRY(auto envelope, api::openEnvelope(body));
      TRY(options, api::decodeProtobuf<api::meta::v1::DeleteOptions>(envelope.raw));
    } else {
      TRY(options, api::decodeJson<api::meta::v1::DeleteOptions>(body));
    }
  }
  request.gracePeriodSeconds = options.gracePeriodSeconds;
  if (options.preconditions) {
    request.preconditions.uid = options.preconditions->uid.value_or("");
    request.preconditions.resourceVersion = options.preconditions->resourceVersion.value_or("");
  }
  request.propagationPolicy = options.propagationPolicy.value_or("");
  if (options.orphanDependents) {
    request.propagationPolicy = *options.orphanDependents ? "Orphan" : "Background";
  }
  if (query.has("propagationPolicy")) request.propagationPolicy = query.get("propagationPolicy");
  if (query.has("gracePeriodSeconds")) {
    auto text = query.get("gracePeriodSeconds");
    int64_t seconds = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error != std::errc() || end != text.data() + text.size()) {
      return badRequest("invalid gracePeriodSeconds \"" + std::string(text) + "\"");
    }
    request.gracePeriodSeconds = seconds;
  }
  const auto& policy = request.propagationPolicy;
  if (!policy.empty() && policy != "Orphan" && policy != "Foreground" && policy != "Background") {
    api::FieldErrors errors;
    errors.notSupported(api::FieldPath("propagationPolicy"), policy,
                        {"Foreground", "Background", "Orphan"});
    return errors.toStatus("DeleteOptions.meta.k8s.io", "");
  }
  TRY(auto dryRunQuery, wantsDryRun(query.get("dryRun"), query.has("dryRun")));
  TRY(auto dryRunBody,
      wantsDryRun(options.dryRun.empty() ? "" : options.dryRun.front(), !options.dryRun.empty()));
  request.dryRun = dryRunQuery || dryRunBody;
  return request;
}

Result<ListRequest> parseList(const Query& query, const RequestInfo& info,
                              const Resource& resource) {
  ListRequest request;
  request.ns = info.ns;
  TRY(request.labels, api::LabelSelector::parse(query.get("labelSelector")));
  TRY(request.fields, api::FieldSelector::parse(query.get("fieldSelector")));
  std::vector<std::string_view> known = {"metadata.name", "metadata.namespace"};
  for (auto field : resource.strategy->traits().fieldSelectors) known.push_back(field);
  TRY_STATUS(request.fields.checkKnown(known));
  if (!info.name.empty()) {
    request.fields.add({"metadata.name", true, info.name});
  }
  if (auto text = query.get("limit"); !text.empty()) {
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), request.limit);
    if (error != std::errc() || end != text.data() + text.size() || request.limit < 0) {
      return badRequest("invalid limit \"" + std::string(text) + "\"");
    }
  }
  request.continueToken = query.get("continue");
  request.resourceVersion = query.get("resourceVersion");
  request.resourceVersionMatch = query.get("resourceVersionMatch");
  return request;
}

/// The patched object. `current` is as the client sees it.
Result<api::Object> applyPatch(const Resource& resource, std::string_view contentType,
                               const boost::json::value& patch, const api::Object& current,
                               std::vector<std::string>* strict) {
  api::JsonEncodeOptions encode;
  auto apiVersion = groupVersionText(resource.group, resource.version);
  encode.apiVersion = apiVersion;
  encode.kind = resource.kind;
  auto document = api::encodeValue(*resource.info, current.data(), encode);
  boost::json::value patched;
  if (contentType == "application/json-patch+json") {
    auto applied = api::applyJsonPatch(std::move(document), patch);
    if (!applied.ok()) {
      return applied.status().code() == 422 ? api::refusedPatch() : applied.status();
    }
    patched = std::move(*applied);
  } else if (contentType == "application/merge-patch+json") {
    patched = api::applyMergePatch(std::move(document), patch);
  } else {
    TRY(patched, api::applyStrategicMergePatch(std::move(document), patch, *resource.info));
  }
  api::Object next(*resource.info);
  api::JsonReport report;
  TRY_STATUS(api::decodeValue(*resource.info, patched, next.data(), &report));
  *strict = std::move(report.strict);
  resource.strategy->setDefaults(next.data());
  return next;
}

}  // namespace

Task<Status> ApiServer::handleGet(Exchange& exchange) {
  CO_TRY(auto object, exchange.registry->get(exchange.info.ns, exchange.info.name));
  co_return co_await sendObject(exchange, 200, object);
}

Task<Status> ApiServer::handleList(Exchange& exchange) {
  CO_TRY(auto request, parseList(exchange.query, exchange.info, *exchange.resource));
  CO_TRY(auto answer, exchange.registry->list(request));
  auto type = exchange.accepted.mediaType;
  auto body = exchange.accepted.table
                  ? encodeTable(*exchange.resource, answer.items, &answer,
                                exchange.query.get("includeObject"), executor_.wallNow(), true)
                  : encodeList(*exchange.resource, answer, type);
  if (!body.ok()) co_return body.status();
  net::Headers headers{{"Content-Type", std::string(contentTypeOf(type))},
                       {"Cache-Control", "no-cache, private"}};
  co_return co_await exchange.response.respond(200, std::move(headers), std::move(*body));
}

Task<Status> ApiServer::handleCreate(Exchange& exchange) {
  CO_TRY(auto type, bodyType(exchange.request.headers.get("Content-Type")));
  CO_TRY(auto body, co_await readBody(exchange.request));
  CO_TRY(bool dryRun, wantsDryRun(exchange.query.get("dryRun"), exchange.query.has("dryRun")));
  std::vector<std::string> strict;
  CO_TRY(auto object, decodeBody(*exchange.resource, body, type, &strict));
  CO_TRY_STATUS(applyFieldValidation(exchange.query.get("fieldValidation"), std::move(strict),
                                     exchange.warnings));
  CO_TRY_STATUS(checkNames(object, exchange.info));
  CO_TRY_STATUS(checkNamespace(exchange));
  exchange.resource->strategy->warnings(object.data(), nullptr, exchange.warnings);
  exchange.dryRun = dryRun;
  WriteAdmission admission(options_.admission, exchange);
  CO_TRY(auto made, co_await exchange.registry->create(exchange.info.ns, std::move(object), dryRun,
                                                       &admission));
  co_return co_await sendObject(exchange, 201, made);
}

Task<Status> ApiServer::handleUpdate(Exchange& exchange) {
  CO_TRY(auto type, bodyType(exchange.request.headers.get("Content-Type")));
  CO_TRY(auto body, co_await readBody(exchange.request));
  GenericRegistry::UpdateRequest request;
  CO_TRY(request.dryRun, wantsDryRun(exchange.query.get("dryRun"), exchange.query.has("dryRun")));
  std::vector<std::string> strict;
  CO_TRY(auto object, decodeBody(*exchange.resource, body, type, &strict));
  CO_TRY_STATUS(applyFieldValidation(exchange.query.get("fieldValidation"), std::move(strict),
                                     exchange.warnings));
  CO_TRY_STATUS(checkNames(object, exchange.info));
  request.ns = exchange.info.ns;
  request.name = exchange.info.name;
  request.status = exchange.info.subresource == "status";
  if (api::objectMeta(object)->name.empty()) {
    co_return badRequest("name must be provided");
  }
  GenericRegistry::Transform replace = [&object](const api::Object*) -> Result<api::Object> {
    return object.clone();
  };
  exchange.dryRun = request.dryRun;
  WriteAdmission admission(options_.admission, exchange);
  CO_TRY(auto updated, co_await exchange.registry->update(std::move(request), replace, &admission));
  co_return co_await sendObject(exchange, updated.created ? 201 : 200, updated.object);
}

Task<Status> ApiServer::handlePatch(Exchange& exchange) {
  auto header = exchange.request.headers.get("Content-Type");
  std::string contentType(header.substr(0, header.find(';')));
  if (contentType != "application/json-patch+json" &&
      contentType != "application/merge-patch+json" &&
      contentType != "application/strategic-merge-patch+json") {
    co_return unsupportedMediaType(
        "the body of the request was in an unknown format - accepted media types include: "
        "application/json-patch+json, application/merge-patch+json, "
        "application/strategic-merge-patch+json");
  }
  CO_TRY(auto body, co_await readBody(exchange.request));
  GenericRegistry::UpdateRequest request;
  CO_TRY(request.dryRun, wantsDryRun(exchange.query.get("dryRun"), exchange.query.has("dryRun")));
  auto parsed = api::parseJsonValue(body);
  if (!parsed.ok()) co_return badRequest(parsed.status().message());
  request.ns = exchange.info.ns;
  request.name = exchange.info.name;
  request.status = exchange.info.subresource == "status";
  std::vector<std::string> strict;
  GenericRegistry::Transform transform = [&](const api::Object* current) -> Result<api::Object> {
    if (!current) return notFound(exchange.resource->qualifiedName(), exchange.info.name);
    TRY(auto next, applyPatch(*exchange.resource, contentType, *parsed, *current, &strict));
    TRY_STATUS(checkNames(next, exchange.info));
    auto found = strict;
    exchange.warnings.clear();
    TRY_STATUS(applyFieldValidation(exchange.query.get("fieldValidation"), std::move(found),
                                    exchange.warnings));
    return next;
  };
  exchange.dryRun = request.dryRun;
  WriteAdmission admission(options_.admission, exchange);
  CO_TRY(auto updated,
         co_await exchange.registry->update(std::move(request), transform, &admission));
  co_return co_await sendObject(exchange, 200, updated.object);
}

Task<Status> ApiServer::handleDelete(Exchange& exchange) {
  CO_TRY(auto type, bodyType(exchange.request.headers.get("Content-Type")));
  CO_TRY(auto body, co_await readBody(exchange.request));
  CO_TRY(auto request, parseDelete(exchange.query, body, type));
  exchange.dryRun = request.dryRun;
  WriteAdmission admission(options_.admission, exchange);
  CO_TRY(auto deleted, co_await exchange.registry->remove(exchange.info.ns, exchange.info.name,
                                                          std::move(request), &admission));
  if (!deleted.gone || exchange.resource->plural == "pods") {
    co_return co_await sendObject(exchange, 200, deleted.object);
  }
  api::meta::v1::Status done;
  done.status = "Success";
  auto& details = done.details.emplace();
  details.name = exchange.info.name;
  details.group = exchange.resource->group;
  details.kind = exchange.resource->plural;
  details.uid = api::objectMeta(deleted.object)->uid;
  api::ConstObject answer{api::Object(std::move(done))};
  co_return co_await sendObject(exchange, 200, answer);
}

Task<Status> ApiServer::handleDeleteCollection(Exchange& exchange) {
  CO_TRY(auto type, bodyType(exchange.request.headers.get("Content-Type")));
  CO_TRY(auto body, co_await readBody(exchange.request));
  CO_TRY(auto request, parseDelete(exchange.query, body, type));
  CO_TRY(auto selection, parseList(exchange.query, exchange.info, *exchange.resource));
  CO_TRY(auto answer, exchange.registry->list(selection));
  exchange.dryRun = request.dryRun;
  WriteAdmission admission(options_.admission, exchange);
  for (const auto& item : answer.items) {
    const auto& meta = *api::objectMeta(item);
    auto one = request;
    auto deleted =
        co_await exchange.registry->remove(meta.namespace_, meta.name, std::move(one), &admission);
    if (!deleted.ok() && !isNotFound(deleted.status())) co_return deleted.status();
  }
  auto encoded = encodeList(*exchange.resource, answer, exchange.accepted.mediaType);
  if (!encoded.ok()) co_return encoded.status();
  net::Headers headers{{"Content-Type", std::string(contentTypeOf(exchange.accepted.mediaType))}};
  co_return co_await exchange.response.respond(200, std::move(headers), std::move(*encoded));
}

}  // namespace coxswain::apiserver
