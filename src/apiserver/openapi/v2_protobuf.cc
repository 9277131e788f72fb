#include "apiserver/openapi/v2_protobuf.h"

#include <boost/json.hpp>
#include <cstdint>
#include <string_view>

namespace coxswain::apiserver::openapi {
namespace {

namespace json = boost::json;

void varint(uint64_t value, std::string& out) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>((value & 0x7f) | 0x80);
  out += static_cast<char>(value);
}

/// Text, or a message that is encoded already.
void bytes(int number, std::string_view value, std::string& out) {
  varint(static_cast<uint64_t>(number) << 3 | 2, out);
  varint(value.size(), out);
  out += value;
}

void boolean(int number, std::string& out) {
  varint(static_cast<uint64_t>(number) << 3, out);
  varint(1, out);
}

/// The member's text, where it is there.
void text(int number, const json::object& object, std::string_view key, std::string& out) {
  const auto* value = object.if_contains(key);
  if (value && value->is_string()) bytes(number, value->as_string(), out);
}

void flag(int number, const json::object& object, std::string_view key, std::string& out) {
  const auto* value = object.if_contains(key);
  if (value && value->is_bool() && value->as_bool()) boolean(number, out);
}

void texts(int number, const json::object& object, std::string_view key, std::string& out) {
  const auto* value = object.if_contains(key);
  if (!value || !value->is_array()) return;
  for (const auto& one : value->as_array()) bytes(number, one.as_string(), out);
}

/// Any: a value as YAML, which JSON is.
std::string any(const json::value& value) {
  std::string out;
  bytes(2, json::serialize(value) + "\n", out);
  return out;
}

/// The many Named... messages: name = 1, value = 2.
std::string named(std::string_view name, std::string_view value) {
  std::string out;
  bytes(1, name, out);
  bytes(2, value, out);
  return out;
}

void extensions(int number, const json::object& object, std::string& out) {
  for (const auto& [key, value] : object) {
    if (std::string_view(key).starts_with("x-")) bytes(number, named(key, any(value)), out);
  }
}

std::string schema(const json::object& object);

/// A schema inside a message that has it as field 1.
std::string wrapped(const json::value& value) {
  std::string out;
  bytes(1, schema(value.as_object()), out);
  return out;
}

/// Nesting is that of our own models, a few levels.
std::string schema(const json::object& object) {
  std::string out;
  text(1, object, "$ref", out);
  text(2, object, "format", out);
  text(4, object, "description", out);
  if (const auto* value = object.if_contains("default")) bytes(5, any(*value), out);
  texts(19, object, "required", out);
  if (const auto* values = object.if_contains("enum")) {
    for (const auto& value : values->as_array()) bytes(20, any(value), out);
  }
  if (const auto* value = object.if_contains("additionalProperties")) {
    bytes(21, wrapped(*value), out);
  }
  if (const auto* value = object.if_contains("type")) {
    std::string type;
    bytes(1, value->as_string(), type);
    bytes(22, type, out);
  }
  if (const auto* value = object.if_contains("items")) bytes(23, wrapped(*value), out);
  if (const auto* value = object.if_contains("properties")) {
    std::string properties;
    for (const auto& [name, property] : value->as_object()) {
      bytes(1, named(name, schema(property.as_object())), properties);
    }
    bytes(25, properties, out);
  }
  extensions(31, object, out);
  return out;
}

std::string bodyParameter(const json::object& object) {
  std::string out;
  text(1, object, "description", out);
  text(2, object, "name", out);
  text(3, object, "in", out);
  flag(4, object, "required", out);
  if (const auto* value = object.if_contains("schema")) bytes(5, schema(value->as_object()), out);
  return out;
}

/// Query and path parameters differ in one member, which shifts the numbers after it.
std::string plainParameter(const json::object& object, bool query) {
  std::string out;
  flag(1, object, "required", out);
  text(2, object, "in", out);
  text(3, object, "description", out);
  text(4, object, "name", out);
  text(query ? 6 : 5, object, "type", out);
  flag(query ? 20 : 19, object, "uniqueItems", out);
  return out;
}

std::string parameter(const json::object& object) {
  const std::string_view in = object.at("in").as_string();
  std::string out;
  if (in == "body") {
    bytes(1, bodyParameter(object), out);
    return out;
  }
  std::string plain;
  bytes(in == "query" ? 3 : 4, plainParameter(object, in == "query"), plain);
  bytes(2, plain, out);
  return out;
}

std::string parameterItem(const json::object& object) {
  std::string out;
  if (object.contains("$ref")) {
    std::string reference;
    text(1, object, "$ref", reference);
    bytes(2, reference, out);
  } else {
    bytes(1, parameter(object), out);
  }
  return out;
}

void parameters(int number, const json::object& object, std::string& out) {
  const auto* value = object.if_contains("parameters");
  if (!value) return;
  for (const auto& one : value->as_array()) bytes(number, parameterItem(one.as_object()), out);
}

std::string responses(const json::object& object) {
  std::string out;
  for (const auto& [code, value] : object) {
    std::string response;
    text(1, value.as_object(), "description", response);
    if (const auto* model = value.as_object().if_contains("schema")) {
      bytes(2, wrapped(*model), response);
    }
    std::string item;
    bytes(1, response, item);
    bytes(1, named(code, item), out);
  }
  return out;
}

std::string operation(const json::object& object) {
  std::string out;
  texts(1, object, "tags", out);
  text(3, object, "description", out);
  text(5, object, "operationId", out);
  texts(6, object, "produces", out);
  texts(7, object, "consumes", out);
  parameters(8, object, out);
  bytes(9, responses(object.at("responses").as_object()), out);
  texts(10, object, "schemes", out);
  extensions(13, object, out);
  return out;
}

std::string pathItem(const json::object& object) {
  constexpr std::pair<std::string_view, int> kMethods[] = {
      {"get", 2},     {"put", 3},  {"post", 4}, {"delete", 5},
      {"options", 6}, {"head", 7}, {"patch", 8}};
  std::string out;
  for (const auto& [method, number] : kMethods) {
    if (const auto* value = object.if_contains(method)) {
      bytes(number, operation(value->as_object()), out);
    }
  }
  parameters(9, object, out);
  return out;
}

std::string securityDefinitions(const json::object& object) {
  std::string out;
  for (const auto& [name, value] : object) {
    std::string key;
    text(1, value.as_object(), "type", key);
    text(2, value.as_object(), "name", key);
    text(3, value.as_object(), "in", key);
    text(4, value.as_object(), "description", key);
    std::string item;
    bytes(2, key, item);
    bytes(1, named(name, item), out);
  }
  return out;
}

std::string securityRequirement(const json::object& object) {
  std::string out;
  for (const auto& [name, scopes] : object) {
    std::string list;
    for (const auto& scope : scopes.as_array()) bytes(1, scope.as_string(), list);
    bytes(1, named(name, list), out);
  }
  return out;
}

}  // namespace

std::string encodeV2Protobuf(const json::object& document) {
  std::string out;
  text(1, document, "swagger", out);
  std::string info;
  text(1, document.at("info").as_object(), "title", info);
  text(2, document.at("info").as_object(), "version", info);
  bytes(2, info, out);
  std::string paths;
  for (const auto& [path, item] : document.at("paths").as_object()) {
    bytes(2, named(path, pathItem(item.as_object())), paths);
  }
  bytes(8, paths, out);
  std::string definitions;
  for (const auto& [name, model] : document.at("definitions").as_object()) {
    bytes(1, named(name, schema(model.as_object())), definitions);
  }
  bytes(9, definitions, out);
  std::string shared;
  for (const auto& [name, one] : document.at("parameters").as_object()) {
    bytes(1, named(name, parameter(one.as_object())), shared);
  }
  bytes(10, shared, out);
  for (const auto& one : document.at("security").as_array()) {
    bytes(12, securityRequirement(one.as_object()), out);
  }
  bytes(13, securityDefinitions(document.at("securityDefinitions").as_object()), out);
  return out;
}

}  // namespace coxswain::apiserver::openapi
