#include "apiserver/field_manager/typed.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <map>
#include <set>

#include "api/codec/value.h"

namespace coxswain::apiserver {

using boost::json::value;
using Kind = FieldSchema::Kind;

namespace {

/// Messages that are atomic wherever they stand, list items too (fields say so themselves).
constexpr std::string_view kAtomic[] = {"ObjectReference", "LocalObjectReference",
                                        "OwnerReference"};

std::string_view view(const boost::json::string_view& text) {
  return {text.data(), text.size()};
}

boost::json::string_view key(std::string_view text) {
  return {text.data(), text.size()};
}

const value* memberOf(const value* object, std::string_view name) {
  if (!object || !object->is_object()) return nullptr;
  return object->get_object().if_contains(key(name));
}

/// The value that a list item has for a key field where it does not say.
std::optional<value> keyDefault(const api::MessageInfo& item, std::string_view name) {
  const auto* member = item.findJson(name);
  if (!member || member->field->meta->defaultJson.empty()) return std::nullopt;
  auto parsed = api::parseJsonValue(member->field->meta->defaultJson);
  if (!parsed.ok()) return std::nullopt;
  return std::move(*parsed);
}

/// Items of a list by their path part, in order; of equal ones the last.
struct Items {
  std::vector<std::string> order;
  std::map<std::string, const value*, std::less<>> byPart;
};

Items itemsOf(const FieldSchema& schema, const value* list) {
  Items items;
  if (!list || !list->is_array()) return items;
  for (const auto& item : list->get_array()) {
    auto part = schema.itemPart(item);
    if (!part.ok()) continue;
    if (items.byPart.emplace(*part, &item).second) {
      items.order.push_back(std::move(*part));
    } else {
      items.byPart[*part] = &item;
    }
  }
  return items;
}

void attach(FieldTree& parent, std::string_view part, FieldTree child) {
  if (!child.empty()) parent.children.emplace(std::string(part), std::move(child));
}

void attach(FieldDiff& parent, std::string_view part, FieldDiff child) {
  attach(parent.added, part, std::move(child.added));
  attach(parent.modified, part, std::move(child.modified));
  attach(parent.removed, part, std::move(child.removed));
}

FieldSchema memberSchema(const FieldSchema& schema, std::string_view name) {
  if (schema.kind() == Kind::Map) return schema.element();
  return schema.member(name).value_or(FieldSchema());
}

}  // namespace

FieldSchema FieldSchema::ofMessage(const api::MessageInfo& info) {
  FieldSchema schema;
  const bool atomic =
      info.jsonForm != api::JsonForm::Object ||
      std::find(std::begin(kAtomic), std::end(kAtomic), info.name) != std::end(kAtomic);
  schema.kind_ = atomic ? Kind::Atomic : Kind::Struct;
  schema.message_ = &info;
  return schema;
}

FieldSchema FieldSchema::ofField(const api::FieldInfo& field) {
  FieldSchema schema;
  schema.field_ = &field;
  schema.message_ = field.message;
  const auto& meta = *field.meta;
  if (field.shape == api::Shape::Vector) {
    schema.kind_ = meta.listType == api::ListType::Map   ? Kind::ListMap
                   : meta.listType == api::ListType::Set ? Kind::ListSet
                                                         : Kind::Atomic;
    return schema;
  }
  if (field.shape == api::Shape::Map) {
    schema.kind_ = meta.structType == api::StructType::Atomic ? Kind::Atomic : Kind::Map;
    return schema;
  }
  switch (field.type) {
    case api::FieldType::Message:
      schema.kind_ = meta.structType == api::StructType::Atomic ||
                             field.message->jsonForm != api::JsonForm::Object
                         ? Kind::Atomic
                         : Kind::Struct;
      break;
    case api::FieldType::RawExtension:
    case api::FieldType::FieldsV1:
    case api::FieldType::RawJson:
    case api::FieldType::StringList:
      schema.kind_ = Kind::Atomic;
      break;
    default:
      schema.kind_ = Kind::Scalar;
  }
  return schema;
}

std::optional<FieldSchema> FieldSchema::member(std::string_view name) const {
  if (!message_) return std::nullopt;
  const auto* found = message_->findJson(name);
  if (!found) return std::nullopt;
  return ofField(*found->field);
}

FieldSchema FieldSchema::element() const {
  if (message_) return ofMessage(*message_);
  FieldSchema schema;
  schema.field_ = field_;
  if (field_ && (field_->type == api::FieldType::StringList ||
                 field_->type == api::FieldType::RawExtension)) {
    schema.kind_ = Kind::Atomic;
  }
  return schema;
}

Result<std::string> FieldSchema::itemPart(const value& item) const {
  if (kind_ == Kind::ListSet) return "v:" + api::writeJsonValue(item);
  boost::json::object keys;
  std::vector<std::string_view> names(field_->meta->listMapKeys.begin(),
                                      field_->meta->listMapKeys.end());
  std::sort(names.begin(), names.end());
  for (auto name : names) {
    if (const auto* given = memberOf(&item, name)) {
      keys[key(name)] = *given;
    } else if (auto standard = message_ ? keyDefault(*message_, name) : std::nullopt) {
      keys[key(name)] = std::move(*standard);
    }
  }
  if (keys.empty()) return badRequest("associative list with keys has an element that omits them");
  return "k:" + api::writeJsonValue(value(std::move(keys)));
}

FieldDiff compareFields(const FieldSchema& schema, const value* before, const value* after) {
  FieldDiff diff;
  if (!before && !after) return diff;
  // Most of an object stays as it is, and then nothing of it need be taken apart.
  if (before && after && *before == *after) return diff;
  if (schema.isLeaf()) {
    diff.added.member = !before;
    diff.removed.member = !after;
    diff.modified.member = before && after && *before != *after;
    return diff;
  }
  if (schema.isList()) {
    auto old = itemsOf(schema, before);
    auto now = itemsOf(schema, after);
    const auto element = schema.element();
    for (const auto& part : old.order) {
      auto found = now.byPart.find(part);
      attach(diff, part,
             compareFields(element, old.byPart[part],
                           found == now.byPart.end() ? nullptr : found->second));
    }
    for (const auto& part : now.order) {
      if (old.byPart.contains(part)) continue;
      attach(diff, part, compareFields(element, nullptr, now.byPart[part]));
    }
  } else {
    auto one = [&](std::string_view name) {
      auto child =
          compareFields(memberSchema(schema, name), memberOf(before, name), memberOf(after, name));
      if (!child.same()) attach(diff, "f:" + std::string(name), std::move(child));
    };
    if (before && before->is_object()) {
      for (const auto& member : before->get_object()) one(view(member.key()));
    }
    if (after && after->is_object()) {
      for (const auto& member : after->get_object()) {
        if (!memberOf(before, view(member.key()))) one(view(member.key()));
      }
    }
  }
  if (!before) diff.added.member = true;
  if (!after) diff.removed.member = true;
  return diff;
}

FieldTree fieldsOf(const FieldSchema& schema, const value& config) {
  FieldTree tree;
  if (schema.isLeaf()) {
    tree.member = true;
    return tree;
  }
  if (schema.isList()) {
    const auto element = schema.element();
    auto items = itemsOf(schema, &config);
    for (const auto& part : items.order) {
      auto child = fieldsOf(element, *items.byPart[part]);
      child.member = true;
      tree.children.emplace(part, std::move(child));
    }
    return tree;
  }
  if (!config.is_object()) return tree;
  for (const auto& [name, below] : config.get_object()) {
    auto child = fieldsOf(memberSchema(schema, view(name)), below);
    const bool none = below.is_null() || (below.is_object() && below.get_object().empty());
    if (none || schema.kind() == Kind::Map) child.member = true;
    if (!child.empty()) tree.children.emplace("f:" + std::string(view(name)), std::move(child));
  }
  return tree;
}

value mergeFields(const FieldSchema& schema, const value& live, const value& config) {
  if (schema.isLeaf() || live.is_null() || config.is_null()) return config;
  if (schema.isList()) {
    if (!live.is_array() || !config.is_array()) return config;
    const auto element = schema.element();
    auto old = itemsOf(schema, &live);
    auto now = itemsOf(schema, &config);
    boost::json::array out;
    std::set<std::string_view> done;
    size_t i = 0;
    size_t j = 0;
    while (i < old.order.size() || j < now.order.size()) {
      if (i < old.order.size()) {
        const auto& part = old.order[i];
        if (done.contains(part)) {
          ++i;
          continue;
        }
        if (!now.byPart.contains(part)) {
          out.push_back(*old.byPart[part]);
          ++i;
          continue;
        }
      }
      if (j == now.order.size()) {
        ++i;
        continue;
      }
      // What the configuration names stands in its order.
      const auto& part = now.order[j++];
      auto found = old.byPart.find(part);
      out.push_back(found == old.byPart.end()
                        ? *now.byPart[part]
                        : mergeFields(element, *found->second, *now.byPart[part]));
      done.insert(part);
    }
    return out;
  }
  if (!live.is_object() || !config.is_object()) return config;
  auto out = live.get_object();
  for (const auto& [name, below] : config.get_object()) {
    auto* mine = out.if_contains(name);
    if (mine) {
      *mine = mergeFields(memberSchema(schema, view(name)), *mine, below);
    } else {
      out[name] = below;
    }
  }
  return out;
}

void removeFields(const FieldSchema& schema, value& from, const FieldTree& fields) {
  if (schema.isLeaf()) return;
  if (schema.isList()) {
    if (!from.is_array()) return;
    const auto element = schema.element();
    boost::json::array kept;
    for (auto& item : from.get_array()) {
      auto part = schema.itemPart(item);
      const auto* below = part.ok() ? fields.child(*part) : nullptr;
      if (below && below->member) continue;
      if (below) removeFields(element, item, *below);
      kept.push_back(std::move(item));
    }
    from = std::move(kept);
    return;
  }
  if (!from.is_object()) return;
  auto& object = from.get_object();
  for (const auto& [part, below] : fields.children) {
    if (!part.starts_with("f:")) continue;
    const auto name = std::string_view(part).substr(2);
    auto found = object.find(key(name));
    if (found == object.end()) continue;
    if (below.member) {
      object.erase(found);
    } else {
      removeFields(memberSchema(schema, name), found->value(), below);
    }
  }
}

namespace {

std::string_view expectedType(const api::FieldInfo& field) {
  switch (field.type) {
    case api::FieldType::String:
    case api::FieldType::Bytes:
    case api::FieldType::Time:
    case api::FieldType::MicroTime:
    case api::FieldType::Duration:
      return "string";
    case api::FieldType::Bool:
      return "boolean";
    case api::FieldType::Int32:
    case api::FieldType::Int64:
    case api::FieldType::UInt32:
    case api::FieldType::UInt64:
    case api::FieldType::Double:
    case api::FieldType::Float:
      return "numeric (int or float)";
    default:
      return "";
  }
}

bool fits(std::string_view expected, const value& given) {
  if (expected.empty() || given.is_null()) return true;
  if (expected == "string") return given.is_string();
  if (expected == "boolean") return given.is_bool();
  return given.is_int64() || given.is_uint64() || given.is_double();
}

Status wrongType(const std::string& path, std::string_view expected, const value& given) {
  return badRequest(path + ": expected " + std::string(expected) +
                    ", got &value.valueUnstructured{Value:" + api::writeJsonValue(given) + "}");
}

Status checkAt(const FieldSchema& schema, const value& config, const std::string& path) {
  if (config.is_null()) return {};
  if (schema.kind() == Kind::Scalar) {
    const auto expected = schema.field() ? expectedType(*schema.field()) : std::string_view();
    return fits(expected, config) ? Status() : wrongType(path, expected, config);
  }
  const auto* field = schema.field();
  const bool list = field && field->shape == api::Shape::Vector;
  if (list) {
    if (!config.is_array()) return wrongType(path, "list", config);
    if (!schema.isList()) {
      const auto element =
          schema.message() ? FieldSchema::ofMessage(*schema.message()) : schema.element();
      for (size_t i = 0; i < config.get_array().size(); ++i) {
        TRY_STATUS(checkAt(element, config.get_array()[i], path + "[" + std::to_string(i) + "]"));
      }
      return {};
    }
    const auto element = schema.element();
    std::set<std::string> seen;
    for (const auto& item : config.get_array()) {
      auto part = schema.itemPart(item);
      if (!part.ok()) return badRequest(path + ": element 0: " + part.status().message());
      FieldTree one;
      one.children[*part].member = true;
      const auto at = one.paths().front();
      if (!seen.insert(*part).second) {
        return badRequest(path + ": duplicate entries for key " + at);
      }
      TRY_STATUS(checkAt(element, item, path + at));
    }
    return {};
  }
  const bool map = field && field->shape == api::Shape::Map;
  if (schema.kind() == Kind::Atomic && !map &&
      (!schema.message() || schema.message()->jsonForm != api::JsonForm::Object)) {
    return {};
  }
  if (!config.is_object()) return wrongType(path, "map", config);
  for (const auto& [name, below] : config.get_object()) {
    const auto at = path + "." + std::string(view(name));
    if (map) {
      TRY_STATUS(checkAt(schema.element(), below, at));
      continue;
    }
    auto member = schema.member(view(name));
    // Every object may say what it is.
    const bool typeMeta = view(name) == "kind" || view(name) == "apiVersion";
    if (!member && typeMeta && schema.message()->objectMeta >= 0) continue;
    if (!member) {
      return badRequest((path.empty() ? "." + std::string(view(name)) : at) +
                        ": field not declared in schema");
    }
    TRY_STATUS(checkAt(*member, below, at));
  }
  return {};
}

}  // namespace

Status checkFields(const FieldSchema& schema, const value& config) {
  return checkAt(schema, config, "");
}

}  // namespace coxswain::apiserver
