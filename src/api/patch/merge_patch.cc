// RFC 7396 patches: applying, and making them for kubectl.
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "api/patch/go_format.h"
#include "api/patch/json_patch.h"

namespace coxswain::api {

namespace {

namespace json = boost::json;

void mergeInto(json::value& target, const json::value& patch) {
  const json::object* changes = patch.if_object();
  if (changes == nullptr) {
    target = patch;
    return;
  }
  if (!target.is_object()) target = json::object();
  json::object& object = target.get_object();
  for (const auto& entry : *changes) {
    if (entry.value().is_null())
      object.erase(entry.key());
    else
      mergeInto(object[entry.key()], entry.value());
  }
}

/// Takes out the nulls, or everything but the nulls (and what holds them).
json::value filterNulls(const json::value& patch, bool keepNulls) {
  const json::object* object = patch.if_object();
  if (object == nullptr) return patch;
  json::object out;
  for (const auto& entry : *object) {
    const json::value& value = entry.value();
    if (value.is_null()) {
      if (keepNulls) out.emplace(entry.key(), value);
    } else if (value.is_object()) {
      json::value inner = filterNulls(value, keepNulls);
      // An empty object that was asked for is a change; one that filtering emptied is not.
      const bool wasEmpty = value.get_object().empty();
      if (!inner.get_object().empty() || (wasEmpty && !keepNulls))
        out.emplace(entry.key(), std::move(inner));
    } else if (!keepNulls) {
      out.emplace(entry.key(), value);
    }
  }
  return out;
}

/// Lays one patch over another: nulls stay as they are.
void layOver(json::object& base, const json::object& top) {
  for (const auto& entry : top) {
    json::value* under = base.if_contains(entry.key());
    if (under != nullptr && under->is_object() && entry.value().is_object())
      layOver(under->get_object(), entry.value().get_object());
    else
      base.insert_or_assign(entry.key(), entry.value());
  }
}

}  // namespace

json::value applyMergePatch(json::value target, const json::value& patch) {
  mergeInto(target, patch);
  return target;
}

json::value createMergePatch(const json::value& original, const json::value& modified) {
  const json::object* from = original.if_object();
  const json::object* to = modified.if_object();
  if (from == nullptr || to == nullptr) return modified;
  json::object patch;
  for (const auto& entry : *to) {
    const json::value* before = from->if_contains(entry.key());
    if (before == nullptr) {
      patch.emplace(entry.key(), entry.value());
    } else if (before->is_object() && entry.value().is_object()) {
      json::value inner = createMergePatch(*before, entry.value());
      if (!inner.get_object().empty()) patch.emplace(entry.key(), std::move(inner));
    } else if (*before != entry.value()) {
      patch.emplace(entry.key(), entry.value());
    }
  }
  for (const auto& entry : *from)
    if (!to->contains(entry.key())) patch.emplace(entry.key(), nullptr);
  return patch;
}

json::value createThreeWayMergePatch(const json::value& original, const json::value& modified,
                                     const json::value& current) {
  const json::value changes = filterNulls(createMergePatch(current, modified), false);
  json::value patch = filterNulls(createMergePatch(original, modified), true);
  if (!patch.is_object() || !changes.is_object()) return changes;
  layOver(patch.get_object(), changes.get_object());
  return patch;
}

bool patchesConflict(const json::value& left, const json::value& right) {
  if (left.is_object() && right.is_object()) {
    for (const auto& entry : left.get_object()) {
      const std::string_view key(entry.key().data(), entry.key().size());
      // Orders and deletions of parallel lists do not clash with contents.
      if (key.starts_with("$setElementOrder/") || key == "$retainKeys") continue;
      const json::value* other = right.get_object().if_contains(entry.key());
      if (other != nullptr && patchesConflict(entry.value(), *other)) return true;
    }
    return false;
  }
  return left != right;
}

}  // namespace coxswain::api
