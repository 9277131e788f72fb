#include "apiserver/server/patch_report.h"

#include <algorithm>
#include <boost/json.hpp>
#include <set>
#include <vector>

#include "api/codec/json_writer.h"

namespace coxswain::apiserver {
namespace {

namespace json = boost::json;
using api::FieldType;
using api::Shape;

std::string_view view(json::string_view text) {
  return {text.data(), text.size()};
}

/// Rebuilds `object` with its entries in that order.
template <typename Less>
void reorder(json::object& object, Less less) {
  std::vector<std::pair<std::string, json::value>> entries;
  entries.reserve(object.size());
  for (auto& entry : object) entries.emplace_back(entry.key(), std::move(entry.value()));
  std::stable_sort(entries.begin(), entries.end(), less);
  object.clear();
  for (auto& [key, value] : entries) object.emplace(key, std::move(value));
}

void writeInOrder(const json::value& value, api::JsonTextWriter& out) {
  switch (value.kind()) {
    case json::kind::null:
      return out.null();
    case json::kind::bool_:
      return out.boolean(value.get_bool());
    case json::kind::int64:
      return out.integer(value.get_int64());
    case json::kind::uint64:
      return out.unsignedInteger(value.get_uint64());
    case json::kind::double_:
      return out.real(value.get_double());
    case json::kind::string:
      return out.string(view(value.get_string()));
    case json::kind::array:
      out.beginArray();
      for (const auto& item : value.get_array()) writeInOrder(item, out);
      return out.endArray();
    case json::kind::object:
      out.beginObject();
      for (const auto& entry : value.get_object()) {
        out.key(view(entry.key()));
        writeInOrder(entry.value(), out);
      }
      return out.endObject();
  }
}

/// As Go's reflect.Kind names what JSON was read into.
std::string_view goKind(const json::value& value) {
  switch (value.kind()) {
    case json::kind::string:
      return "string";
    case json::kind::bool_:
      return "bool";
    case json::kind::double_:
      return "float64";
    case json::kind::array:
      return "slice";
    case json::kind::object:
      return "map";
    default:
      return "int64";
  }
}

/// Go's type of a scalar; empty: not one that is looked at here.
std::string_view scalarName(FieldType type) {
  switch (type) {
    case FieldType::String:
      return "string";
    case FieldType::Bool:
      return "bool";
    case FieldType::Int32:
      return "int32";
    case FieldType::Int64:
      return "int64";
    case FieldType::UInt32:
      return "uint32";
    case FieldType::UInt64:
      return "uint64";
    case FieldType::Double:
      return "float64";
    case FieldType::Float:
      return "float32";
    default:
      return "";
  }
}

std::string scalarFailure(FieldType type, const json::value& value) {
  const auto wanted = scalarName(type);
  if (wanted.empty()) return "";
  if (wanted == "string" || wanted == "bool") {
    if (goKind(value) == wanted) return "";
    // Go would make a character of a number; the converter does not.
    if (wanted == "string" && value.is_int64()) return "cannot convert int64 to string";
  } else if (value.is_int64() || value.is_uint64() || value.is_double()) {
    return "";
  }
  return "unrecognized type: " + std::string(wanted);
}

std::string oneFailure(const api::FieldInfo& field, const json::value& value) {
  if (value.is_null()) return "";
  if (field.type == FieldType::Message) return restoreFailure(*field.message, value);
  return scalarFailure(field.type, value);
}

std::string fieldFailure(const api::FieldInfo& field, const json::value& value) {
  if (value.is_null()) return "";
  if (field.shape == Shape::Vector) {
    if (!value.is_array()) return "cannot restore slice from " + std::string(goKind(value));
    for (const auto& item : value.get_array()) {
      if (auto why = oneFailure(field, item); !why.empty()) return why;
    }
    return "";
  }
  if (field.shape == Shape::Map) {
    if (!value.is_object()) return "cannot restore map from " + std::string(goKind(value));
    for (const auto& entry : value.get_object()) {
      if (auto why = oneFailure(field, entry.value()); !why.empty()) return why;
    }
    return "";
  }
  return oneFailure(field, value);
}

}  // namespace

void sortTouched(json::value& patched, const json::value& original) {
  if (patched == original) return;
  if (auto* object = patched.if_object()) {
    reorder(*object, [](const auto& a, const auto& b) { return a.first < b.first; });
    const auto* before = original.if_object();
    if (!before) return;
    for (auto& entry : *object) {
      if (const auto* old = before->if_contains(entry.key())) sortTouched(entry.value(), *old);
    }
  } else if (auto* array = patched.if_array()) {
    const auto* before = original.if_array();
    for (size_t i = 0; before && i < array->size() && i < before->size(); ++i) {
      sortTouched((*array)[i], (*before)[i]);
    }
  }
}

void sortVisited(json::value& patched, const json::value& operations) {
  const auto byName = [](const auto& a, const auto& b) { return a.first < b.first; };
  std::set<std::string, std::less<>> seen;  // each once, however many operations go there
  for (const auto& operation : operations.get_array()) {
    if (!operation.is_object()) continue;
    for (const char* name : {"path", "from"}) {
      const auto* pointer = operation.get_object().if_contains(name);
      if (!pointer || !pointer->is_string()) continue;
      const auto whole = view(pointer->get_string());
      auto rest = whole;
      // The last part names a member of the last container.
      for (auto* at = &patched; at && !rest.empty();) {
        const auto here = whole.substr(0, whole.size() - rest.size());
        auto* object = at->if_object();
        if (object && seen.emplace(here).second) reorder(*object, byName);
        rest.remove_prefix(1);
        const auto token = rest.substr(0, rest.find('/'));
        rest.remove_prefix(token.size());
        boost::system::error_code error;
        at = rest.empty() ? nullptr : at->find_pointer("/" + std::string(token), error);
      }
    }
  }
}

void unknownFirst(const api::MessageInfo& info, json::value& patched) {
  auto* object = patched.if_object();
  if (!object) return;
  reorder(*object, [&](const auto& a, const auto& b) {
    const bool known = info.findJson(a.first) != nullptr;
    const bool otherKnown = info.findJson(b.first) != nullptr;
    if (known != otherKnown) return otherKnown;
    return !known && a.first < b.first;
  });
  for (auto& entry : *object) {
    const auto* member = info.findJson(view(entry.key()));
    if (!member || member->field->type != FieldType::Message) continue;
    const auto& message = *member->field->message;
    if (auto* array = entry.value().if_array(); array && member->field->shape == Shape::Vector) {
      for (auto& item : *array) unknownFirst(message, item);
    } else if (auto* map = entry.value().if_object(); map && member->field->shape == Shape::Map) {
      for (auto& each : *map) unknownFirst(message, each.value());
    } else {
      unknownFirst(message, entry.value());
    }
  }
}

std::string textInOrder(const json::value& value) {
  std::string out;
  {
    api::JsonTextWriter writer(out);
    writeInOrder(value, writer);
  }
  return out;
}

std::string restoreFailure(const api::MessageInfo& info, const json::value& value) {
  // Kinds with readers of their own are left to them.
  if (info.jsonForm != api::JsonForm::Object) return "";
  if (!value.is_object()) return "cannot restore struct from: " + std::string(goKind(value));
  for (const auto& member : info.jsonMembers) {
    const auto name = member.field->name;
    const auto* found = value.get_object().if_contains({name.data(), name.size()});
    if (!found) continue;
    if (auto why = fieldFailure(*member.field, *found); !why.empty()) return why;
  }
  return "";
}

}  // namespace coxswain::apiserver
