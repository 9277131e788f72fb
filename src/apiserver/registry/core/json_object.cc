#include "apiserver/registry/core/json_object.h"

#include <boost/json/value.hpp>
#include <cctype>

#include "api/codec/value.h"

namespace coxswain::apiserver {

namespace {

std::string shown(char c) {
  if (c == '\'') return R"('\'')";
  if (c == '"') return R"('"')";
  return std::string("'") + c + "'";
}

/// The message where a value begins but is none; empty where only a parser can tell.
std::string atValue(std::string_view text) {
  size_t i = 0;
  while (i < text.size() && std::isspace(static_cast<unsigned char>(text[i]))) ++i;
  if (i == text.size()) return "unexpected end of JSON input";
  for (const std::string_view literal : {"null", "true", "false"}) {
    if (text[i] != literal[0]) continue;
    for (size_t k = 1; k < literal.size(); ++k) {
      if (i + k == text.size()) return "unexpected end of JSON input";
      if (text[i + k] != literal[k]) {
        return "invalid character " + shown(text[i + k]) + " in literal " + std::string(literal) +
               " (expecting " + shown(literal[k]) + ")";
      }
    }
    return {};
  }
  const char c = text[i];
  if (c == '{' || c == '[' || c == '"' || c == '-' || (c >= '0' && c <= '9')) return {};
  return "invalid character " + shown(c) + " looking for beginning of value";
}

}  // namespace

std::string jsonObjectProblem(std::string_view text) {
  if (auto problem = atValue(text); !problem.empty()) return problem;
  const auto value = api::parseJsonValue(text);
  if (!value.ok()) return value.status().message();
  constexpr std::string_view kInto = " into Go value of type map[string]interface {}";
  const auto wrong = [&](std::string_view what) {
    return "json: cannot unmarshal " + std::string(what) + std::string(kInto);
  };
  if (value->is_object() || value->is_null()) return {};
  if (value->is_array()) return wrong("array");
  if (value->is_string()) return wrong("string");
  if (value->is_bool()) return wrong("bool");
  return wrong("number");
}

}  // namespace coxswain::apiserver
