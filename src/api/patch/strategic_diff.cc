// Making strategic merge patches, for kubectl apply and edit.
#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "api/patch/json_patch.h"
#include "api/patch/strategic.h"
#include "api/patch/strategic_merge.h"

namespace coxswain::api {

namespace {

namespace json = boost::json;
using strategic::ElementKind;
using strategic::Positions;

json::string_view jsonView(std::string_view s) {
  return {s.data(), s.size()};
}

struct DiffOptions {
  bool changes = true;  ///< additions and changes
  bool deletions = true;
  bool retainKeys = false;
};

struct ListDiff {
  json::array patch;
  json::array deletions;  ///< scalars
  json::array order;
};

bool sameOrder(const json::array& a, const json::array& b, std::string_view mergeKey) {
  // Of what is in both.
  const Positions inB(b, mergeKey);
  int64_t last = -1;
  size_t common = 0;
  for (const auto& element : a) {
    const int64_t place = inB.of(element);
    if (place < 0) continue;
    ++common;
    if (place < last) return false;
    last = place;
  }
  return common == b.size() && common == a.size();
}

Result<json::object> diffMaps(const json::object& original, const json::object& modified,
                              const PatchSchema& schema, const DiffOptions& options);

Result<ListDiff> diffMapLists(const json::array& original, const json::array& modified,
                              const PatchSchema::Field& field, const DiffOptions& options) {
  if (field.mergeKey.empty())
    return strategic::failure("cannot merge lists without merge key for " +
                              std::string(field.schema.name()));
  const auto mergeKey = jsonView(field.mergeKey);
  for (const json::array* list : {&original, &modified})
    for (const auto& element : *list)
      if (!element.get_object().contains(mergeKey))
        return strategic::noMergeKey(element, field.mergeKey);
  ListDiff out;
  const Positions before(original, field.mergeKey);
  for (const auto& element : modified) {
    const int64_t place = before.of(element);
    if (place < 0) {
      if (options.changes) out.patch.push_back(element);
      continue;
    }
    TRY(json::object inner, diffMaps(original[static_cast<size_t>(place)].get_object(),
                                     element.get_object(), field.schema, options));
    if (inner.empty()) continue;
    inner.insert_or_assign(mergeKey, element.get_object().at(mergeKey));
    out.patch.push_back(std::move(inner));
  }
  if (options.deletions) {
    const Positions after(modified, field.mergeKey);
    for (const auto& element : original) {
      if (after.of(element) >= 0) continue;
      json::object gone;
      gone.emplace(jsonView(strategic::kPatch), "delete");
      gone.emplace(mergeKey, element.get_object().at(mergeKey));
      out.patch.push_back(std::move(gone));
    }
  }
  const bool reordered = options.changes && !sameOrder(original, modified, field.mergeKey);
  if (!out.patch.empty() || reordered) {
    for (const auto& element : modified) {
      json::object key;
      key.emplace(mergeKey, element.get_object().at(mergeKey));
      out.order.push_back(std::move(key));
    }
  }
  return out;
}

ListDiff diffScalarLists(const json::array& original, const json::array& modified,
                         const DiffOptions& options) {
  ListDiff out;
  const Positions before(original, {});
  const Positions after(modified, {});
  if (options.changes)
    for (const auto& element : modified)
      if (before.of(element) < 0) out.patch.push_back(element);
  if (options.deletions)
    for (const auto& element : original)
      if (after.of(element) < 0) out.deletions.push_back(element);
  if (!out.deletions.empty() || (options.changes && original != modified)) out.order = modified;
  return out;
}

Status diffLists(const json::array& original, const json::array& modified, std::string_view key,
                 const PatchSchema::Field& field, const DiffOptions& options, json::object& patch) {
  if (!field.merge) {
    if (options.changes && original != modified) patch.insert_or_assign(jsonView(key), modified);
    return {};
  }
  if (original == modified) return {};
  TRY(const ElementKind kind, strategic::elementKind(original, &modified));
  ListDiff diff;
  if (kind == ElementKind::Map) {
    DiffOptions inner = options;
    inner.retainKeys = field.retainKeys;
    TRY(diff, diffMapLists(original, modified, field, inner));
  } else {
    diff = diffScalarLists(original, modified, options);
  }
  if (!diff.patch.empty()) patch.insert_or_assign(jsonView(key), std::move(diff.patch));
  if (!diff.deletions.empty())
    patch.insert_or_assign(std::string(strategic::kDeletePrefix) + std::string(key),
                           std::move(diff.deletions));
  if (!diff.order.empty())
    patch.insert_or_assign(std::string(strategic::kOrderPrefix) + std::string(key),
                           std::move(diff.order));
  return {};
}

Status diffMember(const json::value& before, const json::value& after, std::string_view key,
                  const PatchSchema& schema, const DiffOptions& options, json::object& patch) {
  if (before == after) return {};
  const auto field = schema.field(key);
  if (before.is_object() && after.is_object() && !field.replace) {
    DiffOptions inner = options;
    inner.retainKeys = field.retainKeys;
    TRY(json::object change,
        diffMaps(before.get_object(), after.get_object(), field.schema, inner));
    if (!change.empty()) patch.insert_or_assign(jsonView(key), std::move(change));
    return {};
  }
  if (before.is_array() && after.is_array())
    return diffLists(before.get_array(), after.get_array(), key, field, options, patch);
  if (options.changes) patch.insert_or_assign(jsonView(key), after);
  return {};
}

void addRetainKeys(const json::object& modified, json::object& patch) {
  std::vector<std::string> keys;
  for (const auto& entry : modified)
    if (!entry.value().is_null()) keys.emplace_back(entry.key());
  std::sort(keys.begin(), keys.end());
  json::array list;
  for (const auto& key : keys) list.emplace_back(key);
  patch.insert_or_assign(jsonView(strategic::kRetainKeys), std::move(list));
}

Result<json::object> diffMaps(const json::object& original, const json::object& modified,
                              const PatchSchema& schema, const DiffOptions& options) {
  json::object patch;
  for (const auto& entry : modified) {
    const json::value* before = original.if_contains(entry.key());
    if (before == nullptr) {
      if (options.changes) patch.insert_or_assign(entry.key(), entry.value());
      continue;
    }
    TRY_STATUS(
        diffMember(*before, entry.value(), strategic::view(entry.key()), schema, options, patch));
  }
  if (options.deletions)
    for (const auto& entry : original)
      if (!modified.contains(entry.key())) patch.insert_or_assign(entry.key(), nullptr);
  if (options.retainKeys && !patch.empty()) addRetainKeys(modified, patch);
  return patch;
}

Status checkMaps(std::initializer_list<const json::value*> values) {
  for (const json::value* value : values)
    if (!value->is_object()) return badRequest("a patch can be made between objects only");
  return {};
}

}  // namespace

Result<json::value> createTwoWayStrategicPatch(const json::value& original,
                                               const json::value& modified,
                                               const MessageInfo& info) {
  TRY_STATUS(checkMaps({&original, &modified}));
  TRY(json::object patch,
      diffMaps(original.get_object(), modified.get_object(), PatchSchema(&info), {}));
  return json::value(std::move(patch));
}

Result<json::value> createThreeWayStrategicPatch(const json::value& original,
                                                 const json::value& modified,
                                                 const json::value& current,
                                                 const MessageInfo& info, bool overwrite) {
  TRY_STATUS(checkMaps({&original, &modified, &current}));
  const PatchSchema schema(&info);
  TRY(json::object changes, diffMaps(current.get_object(), modified.get_object(), schema,
                                     {.changes = true, .deletions = false}));
  TRY(json::object patch, diffMaps(original.get_object(), modified.get_object(), schema,
                                   {.changes = false, .deletions = true}));
  TRY_STATUS(strategic::mergeMap(patch, changes, schema,
                                 {.applyDirectives = false, .ignoreUnmatchedNulls = false}));
  if (!overwrite) {
    TRY(const json::object others,
        diffMaps(original.get_object(), current.get_object(), schema, {}));
    if (patchesConflict(json::value(patch), json::value(others)))
      return Status(Reason::Conflict, 409,
                    "patch: conflicts with changes made from original to current");
  }
  return json::value(std::move(patch));
}

}  // namespace coxswain::api
