// Applying strategic merge patches. See strategic.h for what the directives mean.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <map>

#include "api/names/quote.h"
#include "api/patch/go_format.h"
#include "api/patch/json_patch.h"
#include "api/patch/strategic.h"
#include "api/patch/strategic_merge.h"

namespace coxswain::api {

namespace strategic {

namespace {

namespace json = boost::json;

json::string_view jsonView(std::string_view s) {
  return {s.data(), s.size()};
}

Status unknownPatch(std::string_view type, const json::value& element) {
  return failure(fmt::format("unknown patch type: {} in map: {}", type, goFormat(element)));
}

void discardNulls(json::value& value) {
  if (auto* object = value.if_object()) {
    for (auto at = object->begin(); at != object->end();) {
      if (at->value().is_null()) {
        at = object->erase(at);
      } else {
        discardNulls(at->value());
        ++at;
      }
    }
  } else if (auto* array = value.if_array()) {
    for (auto& element : *array) discardNulls(element);
  }
}

/// Takes directives off a part of a patch that meets nothing in the original. False: nothing of it
/// is left to add.
bool stripDirectives(json::value& value) {
  if (auto* object = value.if_object()) {
    if (const json::value* type = object->if_contains(jsonView(kPatch))) {
      if (type->is_string() && type->get_string() == "delete") return false;
      object->erase(jsonView(kPatch));
    }
    for (auto at = object->begin(); at != object->end();) {
      const auto key = view(at->key());
      const bool directive =
          key == kRetainKeys || key.starts_with(kOrderPrefix) || key.starts_with(kDeletePrefix);
      if (directive || !stripDirectives(at->value()))
        at = object->erase(at);
      else
        ++at;
    }
  } else if (auto* array = value.if_array()) {
    for (auto at = array->begin(); at != array->end();) {
      // An element that only says "replace" has served.
      const bool marker = at->is_object() && at->get_object().size() == 1 &&
                          at->get_object().contains(jsonView(kPatch));
      if (marker || !stripDirectives(*at))
        at = array->erase(at);
      else
        ++at;
    }
  }
  return true;
}

Status applyRetainKeys(json::object& original, json::object& patch, const MergeOptions& options) {
  const json::value* found = patch.if_contains(jsonView(kRetainKeys));
  if (found == nullptr) return {};
  const json::value retain = *found;
  patch.erase(jsonView(kRetainKeys));
  if (!options.applyDirectives) {
    const json::value* other = original.if_contains(jsonView(kRetainKeys));
    if (other != nullptr && *other != retain)
      return failure(fmt::format("{} and {} are not deep equal: retainKeys", goFormat(retain),
                                 goFormat(*other)));
    original.insert_or_assign(jsonView(kRetainKeys), retain);
    return {};
  }
  if (!retain.is_array()) return badRequest("invalid patch format of retainKeys");
  const auto& list = retain.get_array();
  const auto keeps = [&](json::string_view key) {
    return std::any_of(list.begin(), list.end(), [&](const auto& element) {
      return element.is_string() && element.get_string() == key;
    });
  };
  for (const auto& entry : patch) {
    const auto key = view(entry.key());
    if (entry.value().is_null() || key.starts_with(kDeletePrefix) || key.starts_with(kOrderPrefix))
      continue;
    if (!keeps(entry.key())) return badRequest("invalid patch format of retainKeys");
  }
  for (auto at = original.begin(); at != original.end();) {
    if (keeps(at->key()))
      ++at;
    else
      at = original.erase(at);
  }
  return {};
}

/// Deletions and `$patch` markers among list elements take effect and go.
Status applyElementDirectives(json::array& original, json::array& patch,
                              std::string_view mergeKey) {
  bool replace = false;
  for (auto at = patch.begin(); at != patch.end();) {
    const json::object* element = at->if_object();
    const json::value* type = element != nullptr ? element->if_contains(jsonView(kPatch)) : nullptr;
    if (type == nullptr) {
      ++at;
      continue;
    }
    const std::string_view name = type->is_string() ? view(type->get_string()) : "";
    if (name == "replace") {
      replace = true;
    } else if (name == "delete") {
      const json::value* key = element->if_contains(jsonView(mergeKey));
      if (key == nullptr) return noMergeKey(*at, mergeKey);
      for (auto old = original.begin(); old != original.end();) {
        const json::object* map = old->if_object();
        const json::value* other = map != nullptr ? map->if_contains(jsonView(mergeKey)) : nullptr;
        if (other != nullptr && *other == *key)
          old = original.erase(old);
        else
          ++old;
      }
    } else if (name == "merge") {
      return failure("merging lists cannot yet be specified in the patch");
    } else {
      return unknownPatch(name, *at);
    }
    at = patch.erase(at);
  }
  if (replace) original.clear();
  return {};
}

/// Adds and merges elements; the order is made afterwards.
Status mergeElements(json::array& original, json::array& patch, std::string_view mergeKey,
                     const PatchSchema& schema, const MergeOptions& options) {
  for (const auto& element : original)
    if (!element.is_object() || !element.get_object().contains(jsonView(mergeKey)))
      return noMergeKey(element, mergeKey);
  std::map<std::string, size_t> places;
  for (size_t i = 0; i < original.size(); ++i)
    places.emplace(Positions::keyOf(original[i], mergeKey), i);
  for (auto& element : patch) {
    if (!element.is_object()) return badType("map[string]interface {}", element);
    if (!element.get_object().contains(jsonView(mergeKey))) return noMergeKey(element, mergeKey);
    const auto [place, isNew] =
        places.try_emplace(Positions::keyOf(element, mergeKey), original.size());
    if (!isNew) {
      TRY_STATUS(
          mergeMap(original[place->second].get_object(), element.get_object(), schema, options));
      continue;
    }
    // Its key stays in the patch, which the order is taken from.
    json::value fresh = element;
    if (options.applyDirectives) stripDirectives(fresh);
    if (options.ignoreUnmatchedNulls) discardNulls(fresh);
    original.push_back(std::move(fresh));
  }
  return {};
}

Status mergeScalars(json::array& original, const json::array& patch) {
  const Positions before(original, {});
  for (size_t i = 0; i < patch.size(); ++i) {
    if (before.of(patch[i]) < 0) original.push_back(patch[i]);
  }
  // Each once.
  json::array out;
  const Positions all(original, {});
  for (size_t i = 0; i < original.size(); ++i)
    if (all.of(original[i]) == static_cast<int64_t>(i)) out.push_back(std::move(original[i]));
  original = std::move(out);
  return {};
}

void partition(json::array& merged, const json::array& byList, std::string_view mergeKey,
               json::array& inside, json::array& outside) {
  const Positions places(byList, mergeKey);
  for (auto& element : merged)
    (places.of(element) >= 0 ? inside : outside).push_back(std::move(element));
}

/// Contents only; `order` then weaves.
Status mergeListContents(json::array& original, json::array& patch, const PatchSchema::Field& field,
                         bool isDeletion, const MergeOptions& options) {
  TRY(const ElementKind kind, elementKind(original, &patch));
  if (kind == ElementKind::Scalar) {
    if (!isDeletion) return mergeScalars(original, patch);
    const Positions gone(patch, {});
    for (auto at = original.begin(); at != original.end();) {
      if (gone.of(*at) >= 0)
        at = original.erase(at);
      else
        ++at;
    }
    return {};
  }
  if (field.mergeKey.empty())
    return failure(fmt::format("cannot merge lists without merge key for {}", field.schema.name()));
  if (options.applyDirectives) TRY_STATUS(applyElementDirectives(original, patch, field.mergeKey));
  return mergeElements(original, patch, field.mergeKey, field.schema, options);
}

/// What tells elements apart, alone: merging moves the rest away.
json::array keysOf(const json::array& list, std::string_view mergeKey) {
  if (mergeKey.empty()) return list;
  json::array out;
  out.reserve(list.size());
  for (const auto& element : list) {
    const json::object* map = element.if_object();
    const json::value* key = map != nullptr ? map->if_contains(jsonView(mergeKey)) : nullptr;
    json::object alone;
    if (key != nullptr) alone.emplace(jsonView(mergeKey), *key);
    out.push_back(std::move(alone));
  }
  return out;
}

Status mergeList(json::array& original, json::array& patch, const PatchSchema::Field& field,
                 bool isDeletion, const MergeOptions& options) {
  const json::array serverOrder = keysOf(original, field.mergeKey);
  const json::array patchOrder = keysOf(patch, field.mergeKey);
  TRY_STATUS(mergeListContents(original, patch, field, isDeletion, options));
  if (isDeletion) return {};
  json::array inside;
  json::array outside;
  partition(original, patchOrder, field.mergeKey, inside, outside);
  original = weave(std::move(inside), std::move(outside), patchOrder, serverOrder, field.mergeKey);
  return {};
}

/// The elements of a patch's list must come in the order it asks for.
Status checkOrder(const json::array& patch, const json::array& order, std::string_view mergeKey) {
  if (patch.empty() || order.empty()) return {};
  const auto bad = [&] {
    return failure(
        fmt::format("The order in patch list:\n{}\n doesn't match $setElementOrder list:\n{}\n",
                    goFormat(patch), goFormat(order)));
  };
  const Positions places(order, mergeKey);
  int64_t last = -1;
  for (const auto& element : patch) {
    if (const json::object* map = element.if_object()) {
      if (map->contains(jsonView(kPatch))) continue;
      if (!mergeKey.empty() && !map->contains(jsonView(mergeKey)))
        return noMergeKey(element, mergeKey);
    }
    const int64_t place = places.of(element);
    if (place < 0 || place < last) return bad();
    last = place;
  }
  return {};
}

/// All `$setElementOrder/...` of a patch, with the lists they speak of.
Status applyOrders(json::object& original, json::object& patch, const PatchSchema& schema,
                   const MergeOptions& options) {
  std::vector<std::string> directives;
  for (const auto& entry : patch)
    if (view(entry.key()).starts_with(kOrderPrefix)) directives.emplace_back(entry.key());
  for (const auto& directive : directives) {
    const json::value order = patch.at(directive);
    patch.erase(directive);
    if (!order.is_array()) return badType("[]interface {}", order);
    if (!options.applyDirectives) {
      const json::value* other = original.if_contains(directive);
      if (other != nullptr && *other != order)
        return failure(
            fmt::format("{} and {} are not deep equal: order", goFormat(order), goFormat(*other)));
      original.insert_or_assign(directive, order);
    }
    const std::string name = directive.substr(kOrderPrefix.size());
    json::value* before = original.if_contains(name);
    json::value* change = patch.if_contains(name);
    if (before != nullptr && !before->is_array()) return badType("[]interface {}", *before);
    if (change != nullptr && !change->is_array()) return badType("[]interface {}", *change);
    const auto field = schema.field(name);
    if (!field.known)
      return failure(fmt::format("unable to find api field in struct {} for the json field {}",
                                 schema.name(), goQuote(name)));
    if (change != nullptr)
      TRY_STATUS(checkOrder(change->get_array(), order.get_array(), field.mergeKey));
    if (before == nullptr && change == nullptr) continue;

    json::array merged = before != nullptr ? before->get_array() : json::array();
    const size_t count = merged.size();
    if (change != nullptr) {
      if (before == nullptr) {
        if (options.applyDirectives) stripDirectives(*change);
        merged = change->get_array();
      } else {
        TRY_STATUS(mergeListContents(merged, change->get_array(), field, false, options));
      }
    }
    TRY(const ElementKind kind, elementKind(merged, &order.get_array()));
    if (kind == ElementKind::Map && field.mergeKey.empty())
      return failure(
          fmt::format("cannot merge lists without merge key for {}", field.schema.name()));
    // Additions take the places that deletions freed, as in upstream.
    json::array serverOrder = keysOf(merged, field.mergeKey);
    if (serverOrder.size() > count) serverOrder.resize(count);
    json::array inside;
    json::array outside;
    partition(merged, order.get_array(), field.mergeKey, inside, outside);
    original.insert_or_assign(name, weave(std::move(inside), std::move(outside), order.get_array(),
                                          serverOrder, field.mergeKey));
    patch.erase(name);
  }
  return {};
}

Status mergeMember(json::object& original, std::string_view key, json::value& value,
                   const PatchSchema& schema, const MergeOptions& options) {
  const bool isDeletion = key.starts_with(kDeletePrefix);
  if (isDeletion && !options.applyDirectives) {
    original.insert_or_assign(jsonView(key), value);
    return {};
  }
  if (isDeletion) key.remove_prefix(kDeletePrefix.size());
  if (value.is_null()) {
    original.erase(jsonView(key));
    if (options.ignoreUnmatchedNulls) return {};
  }
  json::value* before = original.if_contains(jsonView(key));
  const bool recurse = before != nullptr && ((before->is_object() && value.is_object()) ||
                                             (before->is_array() && value.is_array()));
  if (!recurse) {
    if (isDeletion) return {};
    if (options.ignoreUnmatchedNulls) discardNulls(value);
    if (!options.applyDirectives || stripDirectives(value))
      original.insert_or_assign(jsonView(key), std::move(value));
    else
      original.erase(jsonView(key));
    return {};
  }
  const auto field = schema.field(key);
  if (before->is_object()) {
    if (!field.replace)
      return mergeMap(before->get_object(), value.get_object(), field.schema, options);
  } else if (field.merge || isDeletion) {
    return mergeList(before->get_array(), value.get_array(), field, isDeletion, options);
  }
  *before = std::move(value);
  return {};
}

}  // namespace

Status mergeMap(json::object& original, json::object& patch, const PatchSchema& schema,
                const MergeOptions& options) {
  if (const json::value* type = patch.if_contains(jsonView(kPatch))) {
    if (!options.applyDirectives) {
      original = patch;
      return {};
    }
    const std::string name = type->is_string() ? std::string(view(type->get_string())) : "";
    if (name != "replace" && name != "delete") return unknownPatch(name, patch);
    original.clear();
    if (name == "delete") return {};
    patch.erase(jsonView(kPatch));
    original = std::move(patch);
    return {};
  }
  TRY_STATUS(applyRetainKeys(original, patch, options));
  TRY_STATUS(applyOrders(original, patch, schema, options));
  for (auto& entry : patch)
    TRY_STATUS(mergeMember(original, view(entry.key()), entry.value(), schema, options));
  return {};
}

}  // namespace strategic

Result<boost::json::value> applyStrategicMergePatch(boost::json::value original,
                                                    boost::json::value patch,
                                                    const MessageInfo& info) {
  if (!original.is_object()) original = boost::json::object();
  if (!patch.is_object())
    return badRequest(
        fmt::format("json: cannot unmarshal {} into Go value of type map[string]interface {{}}",
                    patch.is_array() ? "array" : "value"));
  if (!depthWithin(patch, kPatchDepthMax)) return badRequest("patch is nested too deeply");
  TRY_STATUS(
      strategic::mergeMap(original.get_object(), patch.get_object(), PatchSchema(&info), {}));
  return original;
}

}  // namespace coxswain::api
