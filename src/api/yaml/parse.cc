// YAML's events to JSON values: tags, anchors, merge keys. Values are built on a stack of our own,
// and what aliases copy is counted.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cmath>
#include <map>
#include <memory>
#include <set>

#include "api/codec/value.h"
#include "api/meta/base64.h"
#include "api/names/quote.h"
#include "api/yaml/parser.h"
#include "api/yaml/scalar.h"
#include "api/yaml/text_shape.h"
#include "api/yaml/yaml.h"

namespace coxswain::api {

namespace {

namespace json = boost::json;
using Kind = YamlScalar::Kind;

Status yamlError(size_t line, std::string_view message) {
  return badRequest(fmt::format("yaml: line {}: {}", line, message));
}

/// Nothing: the value cannot be JSON.
std::optional<json::value> scalarToJson(const YamlScalar& scalar, std::string_view text) {
  switch (scalar.kind) {
    case Kind::Null:
      return json::value(nullptr);
    case Kind::Bool:
      return json::value(scalar.boolean);
    case Kind::Int:
      return json::value(scalar.integer);
    case Kind::Unsigned:
      return json::value(static_cast<double>(scalar.natural));
    case Kind::Float:
      if (!std::isfinite(scalar.number)) return std::nullopt;
      // go-yaml's float becomes JSON text, which shows whole numbers without a point.
      if (scalar.number == std::trunc(scalar.number) && std::abs(scalar.number) < 9e18)
        return json::value(static_cast<int64_t>(scalar.number));
      return json::value(scalar.number);
    default:
      return json::value(json::string_view(text.data(), text.size()));
  }
}

/// What a scalar is as the key of a JSON object. Nothing: it cannot be one.
std::optional<std::string> keyText(const json::value& value) {
  switch (value.kind()) {
    case json::kind::string:
      return std::string(value.get_string());
    case json::kind::bool_:
      return std::string(value.get_bool() ? "true" : "false");
    case json::kind::int64:
      return std::to_string(value.get_int64());
    case json::kind::double_:
      return formatYamlFloat(value.get_double());
    default:
      return std::nullopt;
  }
}

/// Whether a scalar with an explicit tag is one.
bool fits(std::string_view tag, Kind kind) {
  if (tag == "int") return kind == Kind::Int || kind == Kind::Unsigned;
  if (tag == "float") return kind == Kind::Int || kind == Kind::Unsigned || kind == Kind::Float;
  if (tag == "bool") return kind == Kind::Bool;
  if (tag == "null") return kind == Kind::Null;
  return true;
}

class Builder : public YamlEvents {
 public:
  explicit Builder(const YamlOptions& options) : options_(options) {}

  Status beginMap(YamlToken token) override { return open(std::move(token), true); }
  Status beginList(YamlToken token) override { return open(std::move(token), false); }
  Status end() override { return close(); }

  json::value takeRoot() { return std::move(root_); }
  std::vector<std::string> takeDuplicates() { return std::move(found_); }

 private:
  struct Frame {
    bool isMap = false;
    bool haveKey = false;
    bool merging = false;  ///< the key is "<<"
    json::value value;
    std::string key;
    std::set<std::string, std::less<>> merged;  ///< keys that a merge brought
    std::string anchor;
    size_t weight = 1;
  };
  struct Anchor {
    json::value value;
    size_t weight = 0;
    bool open = false;  ///< its node has not ended
  };

  Status open(YamlToken token, bool isMap) {
    line_ = token.line;
    if (!stack_.empty() && stack_.back().isMap && !stack_.back().haveKey)
      return yamlError(line_, "invalid map key: a map or list");
    Frame frame;
    frame.isMap = isMap;
    frame.value = isMap ? json::value(json::object()) : json::value(json::array());
    frame.anchor = std::move(token.anchor);
    if (!frame.anchor.empty()) anchors_[frame.anchor].open = true;
    stack_.push_back(std::move(frame));
    return {};
  }

  Status close() {
    Frame frame = std::move(stack_.back());
    stack_.pop_back();
    TRY_STATUS(remember(frame.anchor, frame.value, frame.weight));
    return attach(std::move(frame.value), frame.weight, Kind::String);
  }

  Status remember(const std::string& anchor, const json::value& value, size_t weight) {
    if (anchor.empty()) return {};
    TRY_STATUS(spend(weight));
    anchors_[anchor] = Anchor{value, weight, false};
    return {};
  }

  Status spend(size_t weight) {
    copied_ += weight;
    if (copied_ > options_.aliasMax)
      return badRequest("yaml: document contains excessive aliasing");
    return {};
  }

  Status scalar(YamlToken token) override {
    line_ = token.line;
    const std::string_view text = token.text;
    const std::string_view tag = token.tag;
    YamlScalar resolved;
    const bool resolvable = tag == "int" || tag == "float" || tag == "bool" || tag == "null";
    if ((token.plain && tag.empty()) || resolvable || tag == "merge")
      resolved = resolveYamlScalar(text);
    if (tag == "float" && resolved.kind == Kind::Int) {
      resolved.kind = Kind::Float;
      resolved.number = static_cast<double>(resolved.integer);
    }
    if (!fits(tag, resolved.kind))
      return badRequest(fmt::format("yaml: cannot decode !!str `{}` as a !!{}", text, tag));
    std::string decoded;
    std::string_view content = text;
    if (tag == "binary") {
      auto bytes = base64Decode(text);
      if (!bytes) return yamlError(line_, "!!binary value contains invalid base64 data");
      decoded = std::move(*bytes);
      content = decoded;
    }
    auto value = scalarToJson(resolved, content);
    if (!value) return badRequest(fmt::format("json: unsupported value: {}", text));
    const size_t weight = 1 + content.size() / 16;
    TRY_STATUS(remember(token.anchor, *value, weight));
    return attach(std::move(*value), weight, resolved.kind);
  }

  Status alias(std::string_view name, size_t line) override {
    line_ = line;
    const auto found = anchors_.find(std::string(name));
    if (found == anchors_.end())
      return badRequest(fmt::format("yaml: unknown anchor '{}' referenced", name));
    if (found->second.open)
      return badRequest(fmt::format("yaml: anchor '{}' value contains itself", name));
    TRY_STATUS(spend(found->second.weight));
    return attach(found->second.value, found->second.weight, Kind::String);
  }

  /// Puts a finished node where it belongs. `kind` is of a plain scalar.
  Status attach(json::value value, size_t weight, Kind kind) {
    if (stack_.empty()) {
      root_ = std::move(value);
      return {};
    }
    Frame& frame = stack_.back();
    frame.weight += weight;
    if (!frame.isMap) {
      frame.value.get_array().push_back(std::move(value));
      return {};
    }
    if (!frame.haveKey) return key(frame, value, kind);
    frame.haveKey = false;
    if (frame.merging) return merge(frame, std::move(value));
    frame.value.get_object().insert_or_assign(frame.key, std::move(value));
    return {};
  }

  Status key(Frame& frame, const json::value& value, Kind kind) {
    frame.haveKey = true;
    frame.merging = kind == Kind::Merge;
    if (frame.merging) return {};
    auto text = keyText(value);
    if (!text) return yamlError(line_, "unsupported map key: null, map or list");
    frame.key = std::move(*text);
    if (frame.value.get_object().contains(frame.key) && !frame.merged.contains(frame.key)) {
      constexpr size_t kReportMax = 100;
      if (found_.size() < kReportMax)
        found_.push_back(
            fmt::format("line {}: key {} already set in map", line_, goQuote(frame.key)));
    }
    return {};
  }

  /// Later keys replace what a merge brought, and a merge replaces earlier ones, as in go-yaml v2.
  Status merge(Frame& frame, json::value value) {
    if (value.is_object()) {
      mergeMap(frame, value.get_object());
      return {};
    }
    bool allMaps = value.is_array();
    if (allMaps)
      for (const auto& element : value.get_array()) allMaps = allMaps && element.is_object();
    if (!allMaps)
      return badRequest("yaml: map merge requires map or sequence of maps as the value");
    // The first map of a list wins.
    json::array& list = value.get_array();
    for (size_t i = list.size(); i-- > 0;) mergeMap(frame, list[i].get_object());
    return {};
  }

  static void mergeMap(Frame& frame, json::object& from) {
    for (auto& entry : from) {
      frame.merged.emplace(entry.key());
      frame.value.get_object().insert_or_assign(entry.key(), std::move(entry.value()));
    }
  }

  const YamlOptions& options_;
  std::vector<Frame> stack_;
  std::map<std::string, Anchor> anchors_;
  json::value root_;
  std::vector<std::string> found_;
  size_t copied_ = 0;
  size_t line_ = 1;
};

bool looksLikeJson(std::string_view text) {
  const size_t at = text.find_first_not_of(" \t\r\n");
  return at != std::string_view::npos && text[at] == '{';
}

Status checkCharacters(std::string_view text) {
  size_t line = 1;
  for (size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte == '\n') ++line;
    if (byte < 0x80) {
      if ((byte < 0x20 && byte != '\n' && byte != '\r' && byte != '\t') || byte == 0x7f)
        return yamlError(line, "control characters are not allowed");
      ++at;
      continue;
    }
    const Rune rune = decodeRune(text, at);
    if (!rune.valid) return yamlError(line, "invalid UTF-8");
    if (rune.value < 0xa0 && rune.value != 0x85)
      return yamlError(line, "control characters are not allowed");
    at += rune.length;
  }
  return {};
}

Result<json::value> readYaml(std::string_view text, const YamlOptions& options,
                             std::vector<std::string>* duplicates) {
  TRY_STATUS(checkCharacters(text));
  Builder builder(options);
  TRY_STATUS(parseYaml(text, options.depthMax, builder));
  auto found = builder.takeDuplicates();
  if (options.strict && !found.empty())
    return badRequest(fmt::format("yaml: unmarshal errors:\n  {}", fmt::join(found, "\n  ")));
  if (duplicates != nullptr) *duplicates = std::move(found);
  return builder.takeRoot();
}

}  // namespace

Result<json::value> yamlToValue(std::string_view text, const YamlOptions& options,
                                std::vector<std::string>* duplicates) {
  if (text.size() > options.bytesMax) return badRequest("yaml: document is too large");
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  if (!options.strict && looksLikeJson(text)) {
    // Much of JSON is none to readers of YAML (tabs, surrogates, long keys), so it gets its own
    // reader first. That of YAML knows in which lines keys are that are there twice.
    JsonReport report;
    auto value = parseJsonValue(text, duplicates ? &report : nullptr);
    if (value.ok()) {
      if (!report.strict.empty()) (void)readYaml(text, options, duplicates);
      return value;
    }
  }
  return readYaml(text, options, duplicates);
}

Result<std::string> yamlToJson(std::string_view text, const YamlOptions& options,
                               std::vector<std::string>* duplicates) {
  TRY(const json::value value, yamlToValue(text, options, duplicates));
  return writeJsonValue(value);
}

std::vector<YamlDocument> splitYamlDocuments(std::string_view text) {
  std::vector<YamlDocument> out;
  size_t start = 0;
  int startLine = 1;
  int line = 1;
  const auto add = [&](size_t end) {
    const std::string_view document = text.substr(start, end - start);
    // A document of comments and blanks says nothing.
    bool content = false;
    for (size_t at = 0; at < document.size() && !content;) {
      const size_t stop = std::min(document.find('\n', at), document.size());
      const size_t first = document.find_first_not_of(" \t\r", at);
      content = first != std::string_view::npos && first < stop && document[first] != '#';
      at = stop + 1;
    }
    if (content) out.push_back({document, startLine});
  };
  for (size_t at = 0; at < text.size();) {
    const size_t stop = std::min(text.find('\n', at), text.size());
    const std::string_view row = text.substr(at, stop - at);
    if (row.starts_with("---")) {
      const size_t rest = row.find_first_not_of(" \t\r", 3);
      if (rest == std::string_view::npos || (row[rest] == '#' && rest > 3)) {
        add(at);
        start = std::min(stop + 1, text.size());
        startLine = line + 1;
      }
    }
    at = stop + 1;
    ++line;
  }
  add(text.size());
  return out;
}

}  // namespace coxswain::api
