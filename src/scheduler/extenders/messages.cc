#include "scheduler/extenders/messages.h"

#include <boost/json.hpp>

#include "api/codec/json.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"

namespace coxswain::scheduler {

namespace {

namespace json = boost::json;

/// Whole nodes come back in answers.
constexpr size_t kDepthMax = 64;

std::string quoted(const std::string& text) {
  return json::serialize(json::string(text));
}

template <typename List, typename F>
std::string listOf(const List& list, F&& each) {
  std::string out = "[";
  for (const auto& item : list) {
    if (out.size() > 1) out += ',';
    out += each(item);
  }
  return out + "]";
}

Result<json::value> parse(std::string_view text) {
  json::parse_options options;
  options.max_depth = kDepthMax;
  options.allow_invalid_utf8 = true;
  boost::system::error_code error;
  auto value = json::parse(json::string_view(text.data(), text.size()), error, {}, options);
  if (error) return badRequest("the answer is no JSON: " + error.message());
  return value;
}

bool sameName(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [&](char x, char y) { return lower(x) == lower(y); });
}

/// Null: absent, or null itself.
const json::value* find(const json::object& in, std::string_view name) {
  for (const auto& [key, value] : in)
    if (sameName(std::string_view(key.data(), key.size()), name) && !value.is_null()) return &value;
  return nullptr;
}

Status wrongType(std::string_view field) {
  return badRequest("the answer's " + std::string(field) + " has the wrong type");
}

Result<std::string> textOf(const json::object& in, std::string_view name) {
  const auto* found = find(in, name);
  if (!found) return std::string();
  if (!found->is_string()) return wrongType(name);
  return std::string(found->get_string().data(), found->get_string().size());
}

Result<int64_t> numberOf(const json::object& in, std::string_view name) {
  const auto* found = find(in, name);
  if (!found) return int64_t{0};
  if (!found->is_int64()) return wrongType(name);
  return found->get_int64();
}

Result<json::object> objectOf(std::string_view text) {
  TRY(auto value, parse(text));
  if (value.is_null()) return json::object();
  if (!value.is_object()) return badRequest("the answer is no JSON object");
  return std::move(value.get_object());
}

Status failureOf(const json::object& in) {
  TRY(const auto said, textOf(in, "Error"));
  return said.empty() ? Status() : internalError(said);
}

Status readTexts(const json::object& in, std::string_view name,
                 std::map<std::string, std::string>& out) {
  const auto* found = find(in, name);
  if (!found) return {};
  if (!found->is_object()) return wrongType(name);
  for (const auto& [key, value] : found->get_object()) {
    if (!value.is_string()) return wrongType(name);
    out[std::string(key.data(), key.size())] = value.get_string().c_str();
  }
  return {};
}

Status readNames(const json::value& names, std::vector<std::string>& out) {
  if (!names.is_array()) return wrongType("NodeNames");
  for (const auto& name : names.get_array()) {
    if (!name.is_string()) return wrongType("NodeNames");
    out.emplace_back(name.get_string().c_str());
  }
  return {};
}

Status readNodes(const json::value& nodes, std::vector<std::string>& out) {
  const auto* items = nodes.is_object() ? find(nodes.get_object(), "items") : nullptr;
  if (!items) return nodes.is_object() ? Status() : wrongType("Nodes");
  if (!items->is_array()) return wrongType("Nodes");
  for (const auto& item : items->get_array()) {
    const auto* meta = item.is_object() ? find(item.get_object(), "metadata") : nullptr;
    if (!meta || !meta->is_object()) return wrongType("Nodes");
    TRY(auto name, textOf(meta->get_object(), "name"));
    out.push_back(std::move(name));
  }
  return {};
}

Result<ExtenderVictims> readVictims(const json::value& from) {
  ExtenderVictims out;
  if (from.is_null()) return out;
  if (!from.is_object()) return wrongType("NodeNameToMetaVictims");
  TRY(out.violations, numberOf(from.get_object(), "NumPDBViolations"));
  const auto* pods = find(from.get_object(), "Pods");
  if (!pods) return out;
  if (!pods->is_array()) return wrongType("Pods");
  for (const auto& pod : pods->get_array()) {
    if (!pod.is_object()) return wrongType("Pods");
    TRY(auto uid, textOf(pod.get_object(), "UID"));
    out.pods.push_back({std::move(uid), nullptr});
  }
  return out;
}

}  // namespace

std::string encodeExtenderArgs(const api::core::v1::Pod& pod, std::span<const ExtenderNode> nodes,
                               bool cached) {
  std::string out = R"({"Pod":)" + api::encodeJson(pod);
  if (cached) {
    out += R"(,"Nodes":null,"NodeNames":)";
    out += listOf(nodes, [](const ExtenderNode& node) { return quoted(node.name); });
  } else {
    out += R"(,"Nodes":{"metadata":{},"items":)";
    out += listOf(nodes, [](const ExtenderNode& node) { return api::encodeJson(*node.node); });
    out += R"(},"NodeNames":null)";
  }
  return out + "}";
}

Result<FilterAnswer> decodeFilterResult(std::string_view text, bool cached) {
  TRY(const auto object, objectOf(text));
  TRY_STATUS(failureOf(object));
  FilterAnswer out;
  TRY_STATUS(readTexts(object, "FailedNodes", out.failed));
  TRY_STATUS(readTexts(object, "FailedAndUnresolvableNodes", out.unresolvable));
  const auto* names = cached ? find(object, "NodeNames") : nullptr;
  const auto* nodes = find(object, "Nodes");
  if (names) {
    TRY_STATUS(readNames(*names, out.nodes));
  } else if (nodes) {
    TRY_STATUS(readNodes(*nodes, out.nodes));
  }
  return out;
}

Result<std::vector<std::pair<std::string, int64_t>>> decodePriorities(std::string_view text) {
  TRY(const auto value, parse(text));
  std::vector<std::pair<std::string, int64_t>> out;
  if (value.is_null()) return out;
  if (!value.is_array()) return badRequest("the answer is no JSON list");
  for (const auto& entry : value.get_array()) {
    if (!entry.is_object()) return badRequest("the answer's list has no JSON objects");
    TRY(auto host, textOf(entry.get_object(), "Host"));
    TRY(const int64_t score, numberOf(entry.get_object(), "Score"));
    out.emplace_back(std::move(host), score);
  }
  return out;
}

std::string encodeBindingArgs(const api::meta::v1::ObjectMeta& pod, const std::string& node) {
  return R"({"PodName":)" + quoted(pod.name) + R"(,"PodNamespace":)" + quoted(pod.namespace_) +
         R"(,"PodUID":)" + quoted(pod.uid) + R"(,"Node":)" + quoted(node) + "}";
}

Status decodeBindingResult(std::string_view text) {
  TRY(const auto object, objectOf(text));
  return failureOf(object);
}

std::string encodePreemptionArgs(const api::core::v1::Pod& pod, const VictimsByNode& victims,
                                 bool cached) {
  const std::string list = listOf(victims, [cached](const auto& entry) {
    const auto& [node, those] = entry;
    return quoted(node) + R"(:{"Pods":)" +
           listOf(those.pods,
                  [cached](const ExtenderVictim& one) {
                    return cached ? R"({"UID":)" + quoted(one.uid) + "}"
                                  : api::encodeJson(*one.pod);
                  }) +
           R"(,"NumPDBViolations":)" + std::to_string(those.violations) + "}";
  });
  const std::string map = "{" + list.substr(1, list.size() - 2) + "}";
  return R"({"Pod":)" + api::encodeJson(pod) + R"(,"NodeNameToVictims":)" +
         (cached ? "null" : map) + R"(,"NodeNameToMetaVictims":)" + (cached ? map : "null") + "}";
}

Result<VictimsByNode> decodePreemptionResult(std::string_view text) {
  TRY(const auto object, objectOf(text));
  VictimsByNode out;
  const auto* nodes = find(object, "NodeNameToMetaVictims");
  if (!nodes) return out;
  if (!nodes->is_object()) return wrongType("NodeNameToMetaVictims");
  for (const auto& [node, victims] : nodes->get_object()) {
    TRY(auto read, readVictims(victims));
    out[std::string(node.data(), node.size())] = std::move(read);
  }
  return out;
}

}  // namespace coxswain::scheduler
