#include "client/http/decode.h"

#include "api/codec/json.h"
#include "api/codec/json_text.h"
#include "api/codec/protobuf.h"
#include "api/codec/wire.h"
#include "api/gen/meta_v1.h"
#include "client/http/wire_status.h"
#include "client/resources.h"

namespace coxswain::client {

using api::meta::v1::ListMeta;

namespace {

Result<const api::MessageInfo*> infoOf(const ResourceType& type, std::string_view apiVersion,
                                       std::string_view kind) {
  // Servers that do not answer with the metadata alone answer with the whole object.
  if (isMetadataOnly(type) && !(kind == "Status" && apiVersion == "v1")) return type.kind;
  if (kind.empty() || (kind == type.kind->kind->kind && apiVersion == apiVersionOf(type))) {
    return type.kind;
  }
  if (const auto* info = api::findKind(apiVersion, kind)) return info;
  return badRequest("no kind \"" + std::string(kind) + "\" is registered for version \"" +
                    std::string(apiVersion) + "\"");
}

Result<ListMeta> listMetaFromWire(std::string_view bytes) {
  return api::decodeProtobuf<ListMeta>(bytes);
}

void take(ObjectList& list, ListMeta meta) {
  list.resourceVersion = std::move(meta.resourceVersion);
  list.continueToken = std::move(meta.continue_);
}

/// Every list kind has its metadata at 1 and its items at 2.
Result<ObjectList> decodeProtobufList(const ResourceType& type, std::string_view raw) {
  ObjectList list;
  api::WireReader reader(raw);
  while (!reader.atEnd()) {
    uint32_t number = 0;
    uint32_t wireType = 0;
    std::string_view bytes;
    if (!reader.tag(number, wireType)) return badRequest("broken protobuf list");
    if (wireType != 2 || number > 2) {
      if (!reader.skip(wireType)) return badRequest("broken protobuf list");
      continue;
    }
    if (!reader.bytes(bytes)) return badRequest("broken protobuf list");
    if (number == 1) {
      TRY(auto meta, listMetaFromWire(bytes));
      take(list, std::move(meta));
    } else {
      api::Object item(*type.kind);
      TRY_STATUS(api::decodeProtobuf(*type.kind, bytes, item.data()));
      list.items.emplace_back(std::move(item));
    }
  }
  return list;
}

Result<ObjectList> decodeJsonList(const ResourceType& type, std::string_view text) {
  ObjectList list;
  api::JsonTextReader reader(text);
  if (reader.peek() != api::JsonType::Object) return badRequest("the answer is no list");
  reader.beginObject();
  std::string_view key;
  while (reader.nextKey(key)) {
    if (key == "metadata" && reader.peek() == api::JsonType::Object) {
      std::string_view raw;
      if (!reader.raw(raw)) break;
      TRY(auto meta, api::decodeJson<ListMeta>(raw));
      take(list, std::move(meta));
    } else if (key == "items" && reader.peek() == api::JsonType::Array) {
      reader.beginArray();
      while (reader.nextElement()) {
        std::string_view raw;
        if (!reader.raw(raw)) break;
        api::Object item(*type.kind);
        TRY_STATUS(api::decodeJson(*type.kind, raw, item.data()));
        list.items.emplace_back(std::move(item));
      }
    } else {
      reader.skip();
    }
  }
  reader.finish();
  TRY_STATUS(reader.status());
  return list;
}

}  // namespace

bool isMetadataOnly(const ResourceType& type) {
  return type.kind == &api::meta::v1::PartialObjectMetadata::kInfo;
}

std::string metadataAccept(std::string_view list) {
  return "application/json;as=PartialObjectMetadata" + std::string(list) +
         ";g=meta.k8s.io;v=v1,application/json";
}

Result<api::ConstObject> decodeAnswer(const ResourceType& type, std::string_view body) {
  if (api::hasProtobufMagic(body)) {
    TRY(auto envelope, api::openEnvelope(body));
    TRY(const auto* info, infoOf(type, envelope.apiVersion, envelope.kind));
    api::Object object(*info);
    TRY_STATUS(api::decodeProtobuf(*info, envelope.raw, object.data()));
    return api::ConstObject(std::move(object));
  }
  TRY(auto kind, api::peekJsonType(body));
  TRY(const auto* info, infoOf(type, kind.apiVersion, kind.kind));
  api::Object object(*info);
  TRY_STATUS(api::decodeJson(*info, body, object.data()));
  return api::ConstObject(std::move(object));
}

Result<WatchEvent> decodeWatchEvent(const ResourceType& type, const RawWatchEvent& raw) {
  WatchEvent event;
  TRY(event.object, decodeAnswer(type, raw.object));
  if (raw.type == "ERROR") {
    const auto* status = event.object.as<api::meta::v1::Status>();
    return status ? fromWire(*status) : internalError("a watch's error without a status");
  }
  if (raw.type == "ADDED") {
    event.type = WatchEventType::Added;
  } else if (raw.type == "MODIFIED") {
    event.type = WatchEventType::Modified;
  } else if (raw.type == "DELETED") {
    event.type = WatchEventType::Deleted;
  } else if (raw.type == "BOOKMARK") {
    event.type = WatchEventType::Bookmark;
  } else {
    return badRequest("unknown watch event \"" + raw.type + "\"");
  }
  return event;
}

Result<ObjectList> decodeList(const ResourceType& type, std::string_view body) {
  if (api::hasProtobufMagic(body)) {
    TRY(auto envelope, api::openEnvelope(body));
    return decodeProtobufList(type, envelope.raw);
  }
  return decodeJsonList(type, body);
}

}  // namespace coxswain::client
