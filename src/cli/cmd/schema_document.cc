#include "cli/cmd/schema_document.h"

namespace coxswain::cli {

namespace {

constexpr int kDepthMax = 40;

/// What a schema that is nothing but one allOf holds.
const json::value* onlyOf(const json::value& schema) {
  const auto& all = arrayAt(schema, {"allOf"});
  return all.size() == 1 && !at(schema, {"properties"}) ? &all[0] : nullptr;
}

}  // namespace

const json::object& SchemaDocument::schemas() const {
  return v2_ ? objectAt(document_, {"definitions"})
             : objectAt(document_, {"components", "schemas"});
}

const json::value* SchemaDocument::named(std::string_view name) const {
  return schemas().if_contains(key(name));
}

std::string SchemaDocument::referenceOf(const json::value& schema) const {
  const std::string_view prefix = v2_ ? "#/definitions/" : "#/components/schemas/";
  auto text = textAt(schema, {"$ref"});
  return text.starts_with(prefix) ? text.substr(prefix.size()) : std::string();
}

const json::value* SchemaDocument::ofKind(std::string_view group, std::string_view version,
                                          std::string_view kind) const {
  for (const auto& schema : schemas()) {
    for (const auto& one : arrayAt(schema.value(), {"x-kubernetes-group-version-kind"})) {
      if (textAt(one, {"group"}) == group && textAt(one, {"version"}) == version &&
          textAt(one, {"kind"}) == kind) {
        return &schema.value();
      }
    }
  }
  return nullptr;
}

const json::value* SchemaDocument::resolve(const json::value* schema) const {
  for (int i = 0; schema && i < kDepthMax; ++i) {
    if (const auto name = referenceOf(*schema); !name.empty()) {
      schema = named(name);
    } else if (const auto* only = onlyOf(*schema)) {
      schema = only;
    } else {
      return schema;
    }
  }
  return nullptr;
}

std::string SchemaDocument::typeOf(const json::value& schema, int depth) const {
  if (depth > kDepthMax) return "Object";
  if (const auto* items = at(schema, {"items"})) return "[]" + typeOf(*items, depth + 1);
  const auto* more = at(schema, {"additionalProperties"});
  if (more && more->is_object()) return "map[string]" + typeOf(*more, depth + 1);
  if (const auto* only = onlyOf(schema)) return typeOf(*only, depth + 1);
  if (const auto name = referenceOf(schema); !name.empty()) {
    const auto* target = named(name);
    auto type = target ? textAt(*target, {"type"}) : std::string();
    if (!type.empty() && type != "object") return type;
    return name.substr(name.rfind('.') + 1);
  }
  auto type = textAt(schema, {"type"});
  return type.empty() ? "Object" : type;
}

std::string SchemaDocument::plainTypeOf(const json::value& schema, int depth) const {
  if (depth > kDepthMax) return "Object";
  if (const auto* items = at(schema, {"items"})) return "[]" + plainTypeOf(*items, depth + 1);
  const auto* more = at(schema, {"additionalProperties"});
  if (more && more->is_object()) return "map[string]" + plainTypeOf(*more, depth + 1);
  if (const auto* target = resolve(&schema); target && target != &schema) {
    return plainTypeOf(*target, depth + 1);
  }
  const auto type = textAt(schema, {"type"});
  if (type == "object") return at(schema, {"properties"}) ? "Object" : "map[string]";
  return type.empty() ? "Object" : type;
}

const json::value* SchemaDocument::structOf(const json::value* schema) const {
  for (int i = 0; i < kDepthMax; ++i) {
    schema = resolve(schema);
    if (!schema || at(*schema, {"properties"})) return schema;
    const auto* inner = at(*schema, {"items"});
    if (!inner) inner = at(*schema, {"additionalProperties"});
    if (!inner || !inner->is_object()) return schema;
    schema = inner;
  }
  return nullptr;
}

}  // namespace coxswain::cli
