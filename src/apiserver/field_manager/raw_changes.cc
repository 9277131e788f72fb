#include "apiserver/field_manager/raw_changes.h"

#include <set>
#include <string>
#include <vector>

#include "api/meta/raw.h"
#include "api/reflect/box.h"

namespace coxswain::apiserver {

namespace {

using api::FieldInfo;
using api::FieldType;
using api::ListType;
using api::MessageInfo;
using api::Shape;

/// Looks for raw JSON below a message; `path` holds the messages it is in already.
bool reachesRaw(const MessageInfo& info, std::set<const MessageInfo*>& path) {
  if (!path.insert(&info).second) return false;
  bool found = false;
  for (const auto& field : info.fields) {
    if (field.type == FieldType::RawExtension) found = true;
    if (field.type == FieldType::Message) found = found || reachesRaw(*field.message, path);
    if (found) break;
  }
  path.erase(&info);
  return found;
}
bool reachesRaw(const MessageInfo& info) {
  std::set<const MessageInfo*> path;
  return reachesRaw(info, path);
}

bool isAtomicList(const FieldInfo& field) {
  return field.shape == Shape::Vector && field.type == FieldType::Message &&
         (field.meta->listType == ListType::None || field.meta->listType == ListType::Atomic);
}

const void* boxed(const void* at) {
  return static_cast<const api::BoxBase*>(at)->pointer;
}

bool rawDiffers(const MessageInfo& info, const void* a, const void* b);

bool rawDiffers(const FieldInfo& field, const void* a, const void* b) {
  if (field.type == FieldType::RawExtension && field.shape == Shape::Value) {
    return static_cast<const api::RawExtension*>(a)->raw !=
           static_cast<const api::RawExtension*>(b)->raw;
  }
  if (field.type != FieldType::Message) return false;
  switch (field.shape) {
    case Shape::Value:
      return rawDiffers(*field.message, a, b);
    case Shape::Box:
      return boxed(a) && boxed(b) && rawDiffers(*field.message, boxed(a), boxed(b));
    case Shape::Vector:
    case Shape::Map: {
      // Of other sizes they differ by value already.
      const size_t count = field.container->size(a);
      if (count != field.container->size(b)) return false;
      for (size_t i = 0; i < count; ++i) {
        if (rawDiffers(*field.message, field.container->at(a, i), field.container->at(b, i))) {
          return true;
        }
      }
      return false;
    }
    case Shape::Optional:
      return false;
  }
  return false;
}

bool rawDiffers(const MessageInfo& info, const void* a, const void* b) {
  for (const auto& field : info.fields) {
    if (rawDiffers(field, field.in(a), field.in(b))) return true;
  }
  return false;
}

void collect(const MessageInfo& info, const void* a, const void* b, const std::string& path,
             std::vector<std::string>& out) {
  for (const auto& field : info.fields) {
    const bool inlined = field.has(api::kFieldInline);
    const std::string at = inlined ? path : path + "." + std::string(field.name);
    if (isAtomicList(field)) {
      if (rawDiffers(field, field.in(a), field.in(b))) out.push_back(at);
    } else if (field.type == FieldType::Message && field.shape == Shape::Value) {
      collect(*field.message, field.in(a), field.in(b), at, out);
    } else if (field.type == FieldType::Message && field.shape == Shape::Box) {
      const auto* x = boxed(field.in(a));
      const auto* y = boxed(field.in(b));
      if (x && y) collect(*field.message, x, y, at, out);
    }
  }
}

bool holds(const MessageInfo& info, std::set<const MessageInfo*>& path) {
  if (!path.insert(&info).second) return false;
  bool found = false;
  for (const auto& field : info.fields) {
    if (field.type != FieldType::Message) continue;
    if (isAtomicList(field)) {
      found = found || reachesRaw(*field.message);
    } else if (field.shape == Shape::Value || field.shape == Shape::Box) {
      found = found || holds(*field.message, path);
    }
    if (found) break;
  }
  path.erase(&info);
  return found;
}

}  // namespace

bool holdsRawLists(const MessageInfo& info) {
  std::set<const MessageInfo*> path;
  return holds(info, path);
}

FieldTree rawChanges(const MessageInfo& info, const void* before, const void* after) {
  std::vector<std::string> paths;
  collect(info, before, after, "", paths);
  const std::vector<std::string_view> views(paths.begin(), paths.end());
  return FieldTree::ofPaths(views);
}

}  // namespace coxswain::apiserver
