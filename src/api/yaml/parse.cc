// YAML to JSON over libfyaml's events. The events come in one flat stream and values are built on a
// stack of our own, so that neither depth nor aliases of hostile input cost more than the options
// allow.
#include <fmt/format.h>
#include <libfyaml.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cmath>
#include <map>
#include <memory>

#include "api/codec/value.h"
#include "api/meta/base64.h"
#include "api/names/quote.h"
#include "api/yaml/scalar.h"
#include "api/yaml/yaml.h"

namespace coxswain::api {

namespace {

namespace json = boost::json;
using Kind = YamlScalar::Kind;

constexpr std::string_view kTagPrefix = "tag:yaml.org,2002:";

struct FyDeleter {
  void operator()(fy_parser* p) const { fy_parser_destroy(p); }
  void operator()(fy_diag* d) const { fy_diag_destroy(d); }
};

Status yamlError(size_t line, std::string_view message) {
  return badRequest(fmt::format("yaml: line {}: {}", line, message));
}

std::string_view tokenText(fy_token* token) {
  size_t length = 0;
  const char* text = token != nullptr ? fy_token_get_text(token, &length) : nullptr;
  return text != nullptr ? std::string_view(text, length) : std::string_view();
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

class Builder {
 public:
  explicit Builder(const YamlOptions& options) : options_(options) {}

  /// Takes one event. `done` is set at the end of the first document.
  Status take(fy_event* event, bool& done) {
    const fy_mark* mark = fy_event_start_mark(event);
    if (mark != nullptr && mark->line >= 0) line_ = static_cast<size_t>(mark->line) + 1;
    switch (event->type) {
      case FYET_MAPPING_START:
      case FYET_SEQUENCE_START:
        return open(event);
      case FYET_MAPPING_END:
      case FYET_SEQUENCE_END:
        return close();
      case FYET_SCALAR:
        return scalar(event);
      case FYET_ALIAS:
        return alias(tokenText(event->alias.anchor));
      case FYET_DOCUMENT_END:
      case FYET_STREAM_END:
        done = true;
        return {};
      default:
        return {};
    }
  }

  json::value takeRoot() { return std::move(root_); }
  std::vector<std::string> takeDuplicates() { return std::move(found_); }

 private:
  struct Frame {
    bool isMap = false;
    bool haveKey = false;
    bool merging = false;  ///< the key is "<<"
    json::value value;
    std::string key;
    std::vector<std::string> merged;  ///< keys that a merge brought
    std::string anchor;
    size_t weight = 1;
  };
  struct Anchor {
    json::value value;
    size_t weight = 0;
    bool open = false;  ///< its node has not ended
  };

  Status open(fy_event* event) {
    if (stack_.size() >= static_cast<size_t>(options_.depthMax))
      return yamlError(line_, "exceeded max depth");
    if (!stack_.empty() && stack_.back().isMap && !stack_.back().haveKey)
      return yamlError(line_, "invalid map key: a map or list");
    Frame frame;
    frame.isMap = event->type == FYET_MAPPING_START;
    frame.value = frame.isMap ? json::value(json::object()) : json::value(json::array());
    frame.anchor = std::string(tokenText(fy_event_get_anchor_token(event)));
    if (!frame.anchor.empty()) anchors_[frame.anchor].open = true;
    stack_.push_back(std::move(frame));
    return {};
  }

  Status close() {
    if (stack_.empty()) return yamlError(line_, "unexpected end of a map or list");
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
    if (copied_ > options_.aliasMax) return badRequest("yaml: document contains excessive aliasing");
    return {};
  }

  Status scalar(fy_event* event) {
    const std::string_view text = tokenText(event->scalar.value);
    const bool plain = event->scalar.value == nullptr ||
                       fy_token_scalar_style(event->scalar.value) == FYSS_PLAIN;
    std::string_view tag = tokenText(fy_event_get_tag_token(event));
    if (tag.starts_with(kTagPrefix)) tag.remove_prefix(kTagPrefix.size());
    if (tag.starts_with("!!")) tag.remove_prefix(2);

    YamlScalar resolved;
    const bool resolvable = tag == "int" || tag == "float" || tag == "bool" || tag == "null";
    if ((plain && tag.empty()) || resolvable || tag == "merge") resolved = resolveYamlScalar(text);
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
    const auto anchor = std::string(tokenText(fy_event_get_anchor_token(event)));
    TRY_STATUS(remember(anchor, *value, weight));
    return attach(std::move(*value), weight, resolved.kind);
  }

  Status alias(std::string_view name) {
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
    const bool wasMerged =
        std::find(frame.merged.begin(), frame.merged.end(), frame.key) != frame.merged.end();
    if (frame.value.get_object().contains(frame.key) && !wasMerged) {
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
    if (!allMaps) return badRequest("yaml: map merge requires map or sequence of maps as the value");
    // The first map of a list wins.
    json::array& list = value.get_array();
    for (size_t i = list.size(); i-- > 0;) mergeMap(frame, list[i].get_object());
    return {};
  }

  static void mergeMap(Frame& frame, json::object& from) {
    for (auto& entry : from) {
      frame.merged.emplace_back(entry.key());
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

Status parserError(fy_diag* diag) {
  void* at = nullptr;
  const fy_diag_error* error = fy_diag_errors_iterate(diag, &at);
  if (error == nullptr || error->msg == nullptr) return badRequest("yaml: cannot be read");
  return yamlError(error->line > 0 ? static_cast<size_t>(error->line) : 1, error->msg);
}

bool looksLikeJson(std::string_view text) {
  const size_t at = text.find_first_not_of(" \t\r\n");
  return at != std::string_view::npos && text[at] == '{';
}

/// YAML has no place for most control characters, and libfyaml cares little.
Status checkCharacters(std::string_view text) {
  size_t line = 1;
  for (const char c : text) {
    if (c == '\n') ++line;
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\n' && c != '\r' && c != '\t') || byte == 0x7f)
      return yamlError(line, "control characters are not allowed");
  }
  return {};
}

}  // namespace

Result<json::value> yamlToValue(std::string_view text, const YamlOptions& options,
                                std::vector<std::string>* duplicates) {
  if (text.size() > options.bytesMax) return badRequest("yaml: document is too large");
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  if (!options.strict && duplicates == nullptr && looksLikeJson(text)) {
    // Tabs between tokens are fine in JSON and not in YAML, so it gets its own reader first.
    JsonDecodeOptions jsonOptions;
    if (auto value = parseJsonValue(text, nullptr, jsonOptions); value.ok()) return value;
  }
  TRY_STATUS(checkCharacters(text));

  fy_diag_cfg diagConfig;
  fy_diag_cfg_default(&diagConfig);
  diagConfig.fp = nullptr;
  diagConfig.output_fn = [](fy_diag*, void*, const char*, size_t) {};
  diagConfig.colorize = false;
  const std::unique_ptr<fy_diag, FyDeleter> diag(fy_diag_create(&diagConfig));
  if (!diag) return internalError("no memory for the YAML reader");
  fy_diag_set_collect_errors(diag.get(), true);
  fy_parse_cfg config{};
  config.flags = static_cast<fy_parse_cfg_flags>(
      FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_DEFAULT_VERSION_1_1 | FYPCF_JSON_NONE |
      FYPCF_DISABLE_DEPTH_LIMIT | FYPCF_SLOPPY_FLOW_INDENTATION | FYPCF_ALLOW_DUPLICATE_KEYS);
  config.diag = diag.get();
  const std::unique_ptr<fy_parser, FyDeleter> parser(fy_parser_create(&config));
  if (!parser || fy_parser_set_string(parser.get(), text.data(), text.size()) != 0)
    return internalError("no memory for the YAML reader");

  Builder builder(options);
  bool done = false;
  while (!done) {
    fy_event* event = fy_parser_parse(parser.get());
    if (event == nullptr) {
      if (fy_parser_get_stream_error(parser.get())) return parserError(diag.get());
      break;
    }
    Status status = builder.take(event, done);
    fy_parser_event_free(parser.get(), event);
    TRY_STATUS(std::move(status));
  }
  auto found = builder.takeDuplicates();
  if (options.strict && !found.empty())
    return badRequest(fmt::format("yaml: unmarshal errors:\n  {}", fmt::join(found, "\n  ")));
  if (duplicates != nullptr) *duplicates = std::move(found);
  return builder.takeRoot();
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
