#include "apiserver/server/watch_frames.h"

#include "api/gen/meta_v1.h"
#include "apiserver/discovery/served_resource.h"
#include "apiserver/server/encoding.h"

namespace coxswain::apiserver {

using Type = storage::CacheEvent::Type;

std::string_view WatchFrames::typeOf(const ObjectEvent& event) {
  switch (event.type) {
    case Type::Added:
      return "ADDED";
    case Type::Modified:
      return "MODIFIED";
    case Type::Deleted:
      return "DELETED";
    case Type::Bookmark:
      break;
  }
  return "BOOKMARK";
}

Result<api::ConstObject> WatchFrames::objectOf(const GenericRegistry& registry,
                                               const ObjectEvent& event) {
  TRY(auto object, registry.decode(event.entry));
  if (event.type != Type::Deleted) return object;
  auto last = object.clone();
  api::objectMeta(last)->resourceVersion = std::to_string(event.revision);
  return api::ConstObject(std::move(last));
}

Status WatchFrames::append(std::string& out, const GenericRegistry& registry,
                           const Resource& resource, const ObjectEvent& event,
                           MediaType mediaType) {
  if (event.type != Type::Deleted && mediaType == MediaType::Json) {
    TRY(auto text, Item(registry, event.entry).json());
    appendWatchFrame(out, typeOf(event), *text, mediaType);
    return {};
  }
  auto& slot = slots_[std::hash<const void*>()(event.source.get()) / 64 % slots_.size()];
  if (slot.source != event.source || slot.type != event.type || slot.resource != &resource ||
      slot.mediaType != mediaType) {
    Item item(registry, event.entry);
    if (event.type == Type::Deleted) {
      TRY(auto object, objectOf(registry, event));
      item = Item(registry, std::move(object));
    }
    Encoding encoding;
    encoding.accepted.mediaType = mediaType;
    TRY(auto body, encodeItem(resource, item, encoding));
    std::string frame;
    appendWatchFrame(frame, typeOf(event), body, mediaType);
    slot = {event.source, event.type, &resource, mediaType,
            std::make_shared<const std::string>(std::move(frame))};
  }
  out.append(*slot.frame);
  return {};
}

}  // namespace coxswain::apiserver
