#include "apiserver/server/encoding.h"

#include <boost/json/value.hpp>

#include "api/codec/json.h"
#include "api/codec/protobuf.h"
#include "api/codec/value.h"
#include "api/gen/meta_v1.h"
#include "api/yaml/yaml.h"
#include "apiserver/discovery/served_resource.h"
#include "apiserver/tables/table.h"

namespace coxswain::apiserver {

using api::meta::v1::ListMeta;

namespace {

void appendVarint(std::string& out, uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

void appendBytesField(std::string& out, int number, std::string_view bytes) {
  appendVarint(out, static_cast<uint64_t>(number) << 3 | 2);
  appendVarint(out, bytes.size());
  out.append(bytes);
}

ListMeta listMetaOf(const ListAnswer& answer) {
  ListMeta meta;
  meta.resourceVersion = std::to_string(answer.revision);
  meta.continue_ = answer.continueToken;
  meta.remainingItemCount = answer.remainingItems;
  return meta;
}

std::string protobufList(const Resource& resource, const ListAnswer& answer) {
  // Every list kind has its metadata at 1 and its items at 2.
  std::string raw;
  appendBytesField(raw, 1, api::encodeProtobuf(listMetaOf(answer)));
  std::string item;
  for (const auto& object : answer.items) {
    item.clear();
    api::encodeProtobuf(object.info(), object.data(), item);
    appendBytesField(raw, 2, item);
  }
  std::string out;
  api::wrapEnvelope(groupVersionText(resource.group, resource.version),
                    std::string(resource.kind) + "List", raw, out);
  return out;
}

std::string jsonList(const Resource& resource, const ListAnswer& answer) {
  std::string out = "{\"kind\":\"" + std::string(resource.kind) + "List\",\"apiVersion\":\"" +
                    groupVersionText(resource.group, resource.version) + "\",\"metadata\":";
  out += api::encodeJson(listMetaOf(answer));
  out += ",\"items\":[";
  api::JsonEncodeOptions options;
  options.typeMeta = false;
  bool first = true;
  for (const auto& object : answer.items) {
    if (!first) out.push_back(',');
    first = false;
    api::encodeJson(object.info(), object.data(), out, options);
  }
  return out += "]}\n";
}

Result<std::string> asYaml(std::string json) {
  return api::jsonToYaml(json);
}

}  // namespace

std::string encodeStatus(const Status& status, MediaType type) {
  api::meta::v1::Status body;
  body.status = "Failure";
  body.message = status.message();
  body.reason = reasonName(status.reason());
  body.code = status.code();
  if (const auto* details = status.details()) {
    auto& out = body.details.emplace();
    out.name = details->name;
    out.group = details->group;
    out.kind = details->kind;
    out.uid = details->uid;
    out.retryAfterSeconds = details->retryAfterSeconds;
    for (const auto& cause : details->causes) {
      auto& added = out.causes.emplace_back();
      added.reason = cause.type;
      added.message = cause.message;
      added.field = cause.field;
    }
  }
  auto encoded = encodeObject(api::ConstObject(api::Object(std::move(body))), "", "", type);
  return encoded.ok() ? std::move(*encoded) : std::string();
}

Result<std::string> encodeObject(const api::ConstObject& object, std::string_view apiVersion,
                                 std::string_view kind, MediaType type) {
  std::string out;
  if (type == MediaType::Protobuf) {
    api::encodeEnvelope(object.info(), object.data(), out, apiVersion);
    return out;
  }
  api::JsonEncodeOptions options;
  options.apiVersion = apiVersion;
  options.kind = kind;
  options.newline = type == MediaType::Json;
  api::encodeJson(object.info(), object.data(), out, options);
  if (type == MediaType::Yaml) return asYaml(std::move(out));
  return out;
}

Result<std::string> encodeList(const Resource& resource, const ListAnswer& answer, MediaType type) {
  if (type == MediaType::Protobuf) return protobufList(resource, answer);
  auto json = jsonList(resource, answer);
  if (type == MediaType::Yaml) return asYaml(std::move(json));
  return json;
}

Result<std::string> encodeTable(const Resource& resource, std::span<const api::ConstObject> objects,
                                const ListAnswer* list, std::string_view includeObject,
                                WallTime now, bool columns) {
  TableOptions options;
  options.now = now;
  options.columns = columns;
  TRY(options.includeObject, parseIncludeObject(includeObject));
  auto apiVersion = groupVersionText(resource.group, resource.version);
  options.apiVersion = apiVersion;
  options.kind = resource.kind;
  std::vector<const void*> pointers;
  pointers.reserve(objects.size());
  for (const auto& object : objects) pointers.push_back(object.data());
  ListMeta meta;
  if (list) meta = listMetaOf(*list);
  if (!list && !objects.empty()) {
    meta.resourceVersion = api::objectMeta(objects.front())->resourceVersion;
  }
  auto table = toTable(*resource.info, pointers, &meta, options);
  return api::encodeJson(table) + "\n";
}

std::string watchFrame(std::string_view type, std::string_view object, MediaType mediaType) {
  if (mediaType == MediaType::Protobuf) {
    // WatchEvent{type = 1, object = 2 (RawExtension{raw = 1})}
    std::string extension;
    appendBytesField(extension, 1, object);
    std::string event;
    appendBytesField(event, 1, type);
    appendBytesField(event, 2, extension);
    std::string frame;
    for (int shift = 24; shift >= 0; shift -= 8) {
      frame.push_back(static_cast<char>(event.size() >> shift));
    }
    return frame += event;
  }
  if (object.ends_with('\n')) object.remove_suffix(1);
  return "{\"type\":\"" + std::string(type) + "\",\"object\":" + std::string(object) + "}\n";
}

Result<api::Object> decodeBody(const Resource& resource, std::string_view body, MediaType type,
                               std::vector<std::string>* strict) {
  auto wanted = groupVersionText(resource.group, resource.version);
  auto mismatch = [&](std::string_view apiVersion, std::string_view kind) {
    return badRequest(std::string(kind) + " in version \"" + std::string(apiVersion) +
                      "\" cannot be handled as a " + std::string(resource.kind) + ": converting (" +
                      std::string(apiVersion) + "." + std::string(kind) + ") to (" + wanted + "." +
                      std::string(resource.kind) + "): unknown conversion");
  };
  api::Object object(*resource.info);
  if (type == MediaType::Protobuf) {
    TRY(auto envelope, api::openEnvelope(body));
    if (envelope.apiVersion != wanted || envelope.kind != resource.kind) {
      return mismatch(envelope.apiVersion, envelope.kind);
    }
    TRY_STATUS(api::decodeProtobuf(*resource.info, envelope.raw, object.data()));
  } else {
    std::string converted;
    if (type == MediaType::Yaml) {
      TRY(converted, api::yamlToJson(body));
      body = converted;
    }
    api::JsonReport report;
    auto decoded = api::decodeJson(*resource.info, body, object.data(), &report);
    if (!decoded.ok()) {
      return badRequest(std::string(resource.kind) + " in version \"" +
                        std::string(resource.version) + "\" cannot be handled as a " +
                        std::string(resource.kind) + ": " + decoded.message());
    }
    // Upstream takes a body without either as the kind that the path names.
    if ((!report.apiVersion.empty() && report.apiVersion != wanted) ||
        (!report.kind.empty() && report.kind != resource.kind)) {
      return mismatch(report.apiVersion, report.kind);
    }
    if (strict) *strict = std::move(report.strict);
  }
  resource.strategy->setDefaults(object.data());
  return object;
}

}  // namespace coxswain::apiserver
