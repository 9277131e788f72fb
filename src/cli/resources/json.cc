#include "cli/resources/json.h"

#include <algorithm>

#include "api/codec/value.h"

namespace coxswain::cli {

const json::value* at(const json::value& value, std::initializer_list<std::string_view> path) {
  const json::value* here = &value;
  for (auto name : path) {
    const auto* object = here->if_object();
    if (!object) return nullptr;
    here = object->if_contains(key(name));
    if (!here) return nullptr;
  }
  return here;
}

std::string textAt(const json::value& value, std::initializer_list<std::string_view> path) {
  const auto* found = at(value, path);
  const auto* text = found ? found->if_string() : nullptr;
  return text ? std::string(view(*text)) : std::string();
}

int64_t integerAt(const json::value& value, std::initializer_list<std::string_view> path,
                  int64_t otherwise) {
  const auto* found = at(value, path);
  if (!found) return otherwise;
  if (const auto* number = found->if_int64()) return *number;
  if (const auto* number = found->if_uint64()) return static_cast<int64_t>(*number);
  if (const auto* number = found->if_double()) {
    if (*number > -9e15 && *number < 9e15) return static_cast<int64_t>(*number);
  }
  return otherwise;
}

bool boolAt(const json::value& value, std::initializer_list<std::string_view> path,
            bool otherwise) {
  const auto* found = at(value, path);
  return found && found->is_bool() ? found->get_bool() : otherwise;
}

const json::array& arrayAt(const json::value& value, std::initializer_list<std::string_view> path) {
  static const json::array kNone;
  const auto* found = at(value, path);
  return found && found->is_array() ? found->get_array() : kNone;
}

const json::object& objectAt(const json::value& value,
                             std::initializer_list<std::string_view> path) {
  static const json::object kNone;
  const auto* found = at(value, path);
  return found && found->is_object() ? found->get_object() : kNone;
}

std::vector<std::pair<std::string, std::string>> stringsAt(
    const json::value& value, std::initializer_list<std::string_view> path) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& [name, member] : objectAt(value, path)) {
    out.emplace_back(std::string(name.data(), name.size()), plainText(member));
  }
  std::ranges::sort(out);
  return out;
}

json::object& makeObject(json::value& value, std::initializer_list<std::string_view> path) {
  if (!value.is_object()) value = json::object();
  json::object* here = &value.get_object();
  for (auto name : path) {
    auto& next = (*here)[key(name)];
    if (!next.is_object()) next = json::object();
    here = &next.get_object();
  }
  return *here;
}

std::string plainText(const json::value& value) {
  if (const auto* text = value.if_string()) return std::string(view(*text));
  return api::writeJsonValue(value);
}

std::string nameOf(const json::value& object) {
  return textAt(object, {"metadata", "name"});
}
std::string namespaceOf(const json::value& object) {
  return textAt(object, {"metadata", "namespace"});
}
std::string kindOf(const json::value& object) {
  return textAt(object, {"kind"});
}
std::string apiVersionOf(const json::value& object) {
  return textAt(object, {"apiVersion"});
}

std::pair<std::string, std::string> splitApiVersion(std::string_view apiVersion) {
  auto slash = apiVersion.find('/');
  if (slash == std::string_view::npos) return {"", std::string(apiVersion)};
  return {std::string(apiVersion.substr(0, slash)), std::string(apiVersion.substr(slash + 1))};
}

bool isList(const json::value& object) {
  const auto* items = at(object, {"items"});
  return kindOf(object).ends_with("List") && items && (items->is_array() || items->is_null());
}

}  // namespace coxswain::cli
