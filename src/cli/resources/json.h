#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coxswain::cli {

namespace json = boost::json;

inline std::string_view view(const json::string& text) {
  return {text.data(), text.size()};
}
inline json::string_view key(std::string_view text) {
  return {text.data(), text.size()};
}

/// A member by names, each of an object; null: absent. `at(pod, {"spec", "nodeName"})`.
const json::value* at(const json::value& value, std::initializer_list<std::string_view> path);
/// The text there; empty where it is absent or no text.
std::string textAt(const json::value& value, std::initializer_list<std::string_view> path);
/// Whole numbers; `otherwise` where it is absent or no number.
int64_t integerAt(const json::value& value, std::initializer_list<std::string_view> path,
                  int64_t otherwise = 0);
bool boolAt(const json::value& value, std::initializer_list<std::string_view> path,
            bool otherwise = false);
/// The list there; an empty one where it is absent or none.
const json::array& arrayAt(const json::value& value, std::initializer_list<std::string_view> path);
/// The object there; an empty one where it is absent or none.
const json::object& objectAt(const json::value& value,
                             std::initializer_list<std::string_view> path);
/// Its members as text, in order of their names: labels, annotations.
std::vector<std::pair<std::string, std::string>> stringsAt(
    const json::value& value, std::initializer_list<std::string_view> path);

/// The object at `path` within `value`, made where it is missing or something else.
json::object& makeObject(json::value& value, std::initializer_list<std::string_view> path);

/// A scalar as people read it: text as it is, else its JSON.
std::string plainText(const json::value& value);

// Of any Kubernetes object.
std::string nameOf(const json::value& object);
std::string namespaceOf(const json::value& object);
std::string kindOf(const json::value& object);
std::string apiVersionOf(const json::value& object);
/// "apps/v1" -> {"apps", "v1"}; "v1" -> {"", "v1"}.
std::pair<std::string, std::string> splitApiVersion(std::string_view apiVersion);
/// Its kind ends in "List" and it has items.
bool isList(const json::value& object);

}  // namespace coxswain::cli
