#include "api/patch/go_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <vector>

namespace coxswain::api {

namespace {

namespace json = boost::json;

void append(std::string& out, const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      out.append("<nil>");
      return;
    case json::kind::bool_:
      out.append(value.get_bool() ? "true" : "false");
      return;
    case json::kind::int64:
      out.append(std::to_string(value.get_int64()));
      return;
    case json::kind::uint64:
      out.append(std::to_string(value.get_uint64()));
      return;
    case json::kind::double_:
      fmt::format_to(std::back_inserter(out), "{}", value.get_double());
      return;
    case json::kind::string:
      out.append(value.get_string().data(), value.get_string().size());
      return;
    case json::kind::array: {
      out.push_back('[');
      bool first = true;
      for (const auto& element : value.get_array()) {
        if (!first) out.push_back(' ');
        first = false;
        append(out, element);
      }
      out.push_back(']');
      return;
    }
    case json::kind::object: {
      std::vector<const json::key_value_pair*> entries;
      for (const auto& entry : value.get_object()) entries.push_back(&entry);
      std::sort(entries.begin(), entries.end(),
                [](const auto* a, const auto* b) { return a->key() < b->key(); });
      out.append("map[");
      bool first = true;
      for (const auto* entry : entries) {
        if (!first) out.push_back(' ');
        first = false;
        out.append(entry->key().data(), entry->key().size());
        out.push_back(':');
        append(out, entry->value());
      }
      out.push_back(']');
      return;
    }
  }
}

}  // namespace

std::string goFormat(const json::value& value) {
  std::string out;
  append(out, value);
  return out;
}

std::string_view goTypeName(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return "nil";
    case json::kind::bool_:
      return "bool";
    case json::kind::int64:
    case json::kind::uint64:
      return "int64";
    case json::kind::double_:
      return "float64";
    case json::kind::string:
      return "string";
    case json::kind::array:
      return "[]interface {}";
    case json::kind::object:
      return "map[string]interface {}";
  }
  return "";
}

size_t jsonLength(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return 4;
    case json::kind::bool_:
      return value.get_bool() ? 4 : 5;
    case json::kind::int64:
      return std::to_string(value.get_int64()).size();
    case json::kind::uint64:
      return std::to_string(value.get_uint64()).size();
    case json::kind::double_:
      return fmt::formatted_size("{}", value.get_double());
    case json::kind::string:
      return value.get_string().size() + 2;
    case json::kind::array: {
      size_t length = 2 + (value.get_array().empty() ? 0 : value.get_array().size() - 1);
      for (const auto& element : value.get_array()) length += jsonLength(element);
      return length;
    }
    case json::kind::object: {
      size_t length = 2 + (value.get_object().empty() ? 0 : value.get_object().size() - 1);
      for (const auto& entry : value.get_object())
        length += entry.key().size() + 3 + jsonLength(entry.value());
      return length;
    }
  }
  return 0;
}

bool depthWithin(const json::value& value, int max) {
  if (const auto* array = value.if_array()) {
    if (max == 0) return false;
    return std::all_of(array->begin(), array->end(),
                       [&](const auto& element) { return depthWithin(element, max - 1); });
  }
  if (const auto* object = value.if_object()) {
    if (max == 0) return false;
    return std::all_of(object->begin(), object->end(),
                       [&](const auto& entry) { return depthWithin(entry.value(), max - 1); });
  }
  return true;
}

}  // namespace coxswain::api
