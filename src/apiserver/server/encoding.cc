#include "apiserver/server/encoding.h"

#include <algorithm>
#include <set>

#include "api/codec/json.h"
#include "api/codec/protobuf.h"
#include "api/gen/apps_v1.h"
#include "api/gen/meta_v1.h"
#include "api/names/quote.h"
#include "api/yaml/yaml.h"
#include "apiserver/discovery/served_resource.h"
#include "apiserver/generic/deflate_piece.h"
#include "apiserver/server/compression.h"
#include "apiserver/tables/table.h"

namespace coxswain::apiserver {

using api::meta::v1::ListMeta;
using api::meta::v1::PartialObjectMetadata;

namespace {

constexpr std::string_view kMetaVersion = "meta.k8s.io/v1";
/// An annotation that upstream makes when it writes a whole DaemonSet, so that other forms lack it.
constexpr std::string_view kTemplateGeneration = "deprecated.daemonset.template.generation";

void appendVarint(std::string& out, uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

void appendBytesField(std::string& out, int number, std::string_view bytes) {
  appendVarint(out, static_cast<uint64_t>(number) << 3 | 2);
  appendVarint(out, bytes.size());
  out.append(bytes);
}

ListMeta listMetaOf(const ListAnswer& answer) {
  ListMeta meta;
  if (answer.revision > 0) meta.resourceVersion = std::to_string(answer.revision);
  meta.continue_ = answer.continueToken;
  meta.remainingItemCount = answer.remainingItems;
  return meta;
}

/// JSON text in the media type that was asked for.
Result<std::string> finishJson(std::string json, const Accepted& accepted) {
  if (accepted.mediaType == MediaType::Yaml) return api::jsonToYaml(json);
  if (accepted.pretty) json = indentJson(json);
  json.push_back('\n');
  return json;
}

Result<std::string> protobufList(const Resource& resource, const ListAnswer& answer) {
  // Every list kind has its metadata at 1 and its items at 2.
  std::string raw;
  size_t size = 256;
  // A tag, a length and a resourceVersion more than is stored.
  for (const auto& each : answer.items) size += each.storedBytes() + 32;
  raw.reserve(size);
  appendBytesField(raw, 1, api::encodeProtobuf(listMetaOf(answer)));
  std::string item;
  for (const auto& each : answer.items) {
    item.clear();
    TRY_STATUS(each.appendProtobuf(item));
    appendBytesField(raw, 2, item);
  }
  std::string out;
  api::wrapEnvelope(groupVersionText(resource.group, resource.version),
                    std::string(resource.kind) + "List", raw, out);
  return out;
}

Result<std::string> jsonList(const Resource& resource, const ListAnswer& answer) {
  const auto apiVersion = groupVersionText(resource.group, resource.version);
  // What stands before the members of each item, which a list leaves out.
  const auto prefix =
      "{\"kind\":\"" + std::string(resource.kind) + "\",\"apiVersion\":\"" + apiVersion + "\",";
  std::vector<std::shared_ptr<const std::string>> texts;
  texts.reserve(answer.items.size());
  size_t size = 256;
  for (const auto& item : answer.items) {
    TRY(auto text, item.json());
    size += text->size() + 1;
    texts.push_back(std::move(text));
  }
  std::string out;
  out.reserve(size);
  out.append("{\"kind\":\"").append(resource.kind).append("List\",\"apiVersion\":\"");
  out.append(apiVersion).append("\",\"metadata\":").append(api::encodeJson(listMetaOf(answer)));
  out.append(",\"items\":[");
  for (size_t i = 0; i < texts.size(); ++i) {
    if (i > 0) out.push_back(',');
    std::string_view text = *texts[i];
    if (text.starts_with(prefix)) {
      out.push_back('{');
      text.remove_prefix(prefix.size());
    }
    out.append(text);
  }
  out.append("]}");
  return out;
}

api::ConstObject partialOf(const api::ConstObject& object) {
  PartialObjectMetadata partial;
  partial.metadata = *api::objectMeta(object);
  if (object.is<api::apps::v1::DaemonSet>())
    partial.metadata.annotations.erase(kTemplateGeneration);
  return api::ConstObject(api::Object(std::move(partial)));
}

Result<std::string> encodePartialList(const Resource& resource, const ListAnswer& answer,
                                      const Accepted& accepted) {
  std::string out;
  if (accepted.mediaType == MediaType::Protobuf) {
    std::string raw;
    appendBytesField(raw, 1, api::encodeProtobuf(listMetaOf(answer)));
    for (const auto& item : answer.items) {
      TRY(auto object, item.object());
      auto partial = partialOf(object);
      std::string bytes;
      api::encodeProtobuf(partial.info(), partial.data(), bytes);
      appendBytesField(raw, 2, bytes);
    }
    api::wrapEnvelope(kMetaVersion, "PartialObjectMetadataList", raw, out);
    return out;
  }
  out = "{\"kind\":\"PartialObjectMetadataList\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":";
  out += api::encodeJson(listMetaOf(answer));
  out += ",\"items\":[";
  for (size_t i = 0; i < answer.items.size(); ++i) {
    TRY(auto object, answer.items[i].object());
    if (i > 0) out.push_back(',');
    auto partial = partialOf(object);
    api::JsonEncodeOptions options;
    options.apiVersion = kMetaVersion;
    options.kind = "PartialObjectMetadata";
    api::encodeJson(partial.info(), partial.data(), out, options);
  }
  out += "]}";
  return finishJson(std::move(out), accepted);
}

Result<std::string> encodeTable(const api::MessageInfo& info, std::string_view apiVersion,
                                std::string_view kind, std::span<const api::ConstObject> objects,
                                const ListMeta& meta, const Encoding& encoding) {
  TableOptions options;
  options.now = encoding.now;
  options.columns = encoding.columns;
  TRY(options.includeObject, parseIncludeObject(encoding.includeObject));
  options.apiVersion = apiVersion;
  options.kind = kind;
  std::vector<const void*> pointers;
  pointers.reserve(objects.size());
  std::vector<api::Object> changed;
  for (const auto& object : objects) {
    pointers.push_back(object.data());
    const bool metadata = options.includeObject == IncludeObject::Metadata;
    if (!metadata || !object.is<api::apps::v1::DaemonSet>()) continue;
    changed.push_back(object.clone());
    api::objectMeta(changed.back())->annotations.erase(kTemplateGeneration);
    pointers.back() = changed.back().data();
  }
  auto table = toTable(info, pointers, &meta, options);
  auto text = api::encodeJson(table);
  // A list that is there, if empty; where a kind has no columns of its own, Go's nil.
  const bool own =
      table.columnDefinitions.size() != 2 || table.columnDefinitions[1].name != "Created At";
  if (constexpr std::string_view kNone = "\"rows\":null}"; own && text.ends_with(kNone)) {
    text.replace(text.size() - kNone.size(), kNone.size(), "\"rows\":[]}");
  }
  return finishJson(std::move(text), encoding.accepted);
}

std::string hexDump(std::string_view bytes) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (char c : bytes.substr(0, 50)) {
    out.push_back(kHex[static_cast<uint8_t>(c) >> 4]);
    out.push_back(kHex[static_cast<uint8_t>(c) & 15]);
  }
  return out;
}

/// As upstream shows the beginning of a body that it could not read.
std::string bodyExcerpt(std::string_view body) {
  if (body.empty()) return "<empty>";
  if (body.front() == '{') {
    return body.size() <= 30 ? std::string(body) : std::string(body.substr(0, 30)) + " ...";
  }
  return body.size() <= 30 ? hexDump(body) : hexDump(body.substr(0, 30)) + " ...";
}

Status unrecognized(std::string_view kind, std::string_view why, std::string_view body) {
  return badRequest("the object provided is unrecognized (must be of type " + std::string(kind) +
                    "): " + std::string(why) + " (" + bodyExcerpt(body) + ")");
}

/// UTF-8 that begins `text`, of at most `most` characters, and how many they are.
std::pair<std::string_view, size_t> firstCharacters(std::string_view text, size_t most) {
  size_t count = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<uint8_t>(text[i]) & 0xC0) == 0x80) continue;
    if (count == most) return {text.substr(0, i), count};
    ++count;
  }
  return {text, count};
}

}  // namespace

void addWarnings(net::Headers& headers, const std::vector<std::string>& warnings) {
  if (warnings.empty()) return;
  constexpr size_t kAllMax = 4096;
  constexpr size_t kEachMax = 256;
  std::set<std::string_view> seen;
  std::vector<std::string_view> told;
  size_t written = 0;
  bool cut = false;
  for (const auto& text : warnings) {
    if (cut && written >= kAllMax) break;
    if (text.empty() || !seen.insert(text).second) continue;
    told.push_back(text);
    written += firstCharacters(text, cut ? kEachMax : std::string::npos).second;
    if (cut || written <= kAllMax) continue;
    cut = true;
    written = 0;
    for (const auto each : told) written += firstCharacters(each, kEachMax).second;
  }
  for (const auto each : told) {
    headers.add("Warning",
                "299 - " + api::goQuote(cut ? firstCharacters(each, kEachMax).first : each));
  }
}

std::string indentJson(std::string_view json) {
  std::string out;
  out.reserve(json.size() * 3 / 2);
  size_t depth = 0;
  bool text = false;
  auto newLine = [&] {
    out.push_back('\n');
    out.append(depth * 2, ' ');
  };
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (text) {
      out.push_back(c);
      if (c == '\\' && i + 1 < json.size()) out.push_back(json[++i]);
      text = c != '"';
      continue;
    }
    if (c == '}' || c == ']') {
      if (depth > 0) --depth;
      newLine();
      out.push_back(c);
      continue;
    }
    out.push_back(c);
    if (c == '"') {
      text = true;
    } else if (c == ':') {
      out.push_back(' ');
    } else if (c == ',') {
      newLine();
    } else if (c == '{' || c == '[') {
      if (i + 1 < json.size() && (json[i + 1] == '}' || json[i + 1] == ']')) {
        out.push_back(json[++i]);
      } else {
        ++depth;
        newLine();
      }
    }
  }
  return out;
}

std::string encodeStatus(const Status& status, MediaType type, std::string_view continueToken) {
  api::meta::v1::Status body;
  body.status = "Failure";
  body.message = status.message();
  body.reason = reasonName(status.reason());
  body.code = status.code();
  body.metadata.continue_ = continueToken;
  if (const auto* details = status.details()) {
    auto& out = body.details.emplace();
    out.name = details->name;
    out.group = details->group;
    out.kind = details->kind;
    out.uid = details->uid;
    out.retryAfterSeconds = details->retryAfterSeconds;
    for (const auto& cause : details->causes) {
      auto& added = out.causes.emplace_back();
      added.reason = cause.type;
      added.message = cause.message;
      added.field = cause.field;
    }
  }
  auto encoded = encodeObject(api::ConstObject(api::Object(std::move(body))), "", "",
                              Accepted{type, Form::Object, false});
  return encoded.ok() ? std::move(*encoded) : std::string();
}

Result<std::string> encodeObject(const api::ConstObject& object, std::string_view apiVersion,
                                 std::string_view kind, const Accepted& accepted) {
  std::string out;
  if (accepted.mediaType == MediaType::Protobuf) {
    api::encodeEnvelope(object.info(), object.data(), out, apiVersion, kind);
    return out;
  }
  api::JsonEncodeOptions options;
  options.apiVersion = apiVersion;
  options.kind = kind;
  api::encodeJson(object.info(), object.data(), out, options);
  return finishJson(std::move(out), accepted);
}

Result<std::string> encodeAs(const api::ConstObject& object, std::string_view apiVersion,
                             std::string_view kind, const Encoding& encoding) {
  switch (encoding.accepted.form) {
    case Form::Table: {
      ListMeta meta;
      if (const auto* own = api::objectMeta(object)) meta.resourceVersion = own->resourceVersion;
      return encodeTable(object.info(), apiVersion, kind, std::span(&object, 1), meta, encoding);
    }
    case Form::PartialMetadata:
      if (!api::objectMeta(object)) break;
      return encodeObject(partialOf(object), kMetaVersion, "PartialObjectMetadata",
                          encoding.accepted);
    case Form::PartialMetadataList:
      return notAcceptable(
          "you requested PartialObjectMetadataList, but the requested object is not a list "
          "(*core." +
          std::string(kind) + ")");
    case Form::Object:
    case Form::Discovery:
      break;
  }
  return encodeObject(object, apiVersion, kind, encoding.accepted);
}

Result<std::string> encodeWhole(const api::ConstObject& object, std::string_view apiVersion,
                                std::string_view kind, const Encoding& encoding) {
  const auto form = encoding.accepted.form;
  if (form == Form::PartialMetadata || form == Form::PartialMetadataList) {
    return notAcceptable("only whole objects and tables of them are served here");
  }
  if (form != Form::Table) return encodeObject(object, apiVersion, kind, encoding.accepted);
  TableOptions options;
  options.now = encoding.now;
  TRY(options.includeObject, parseIncludeObject(encoding.includeObject));
  options.apiVersion = apiVersion;
  // Rows show items.
  options.kind = kind.ends_with("List") ? kind.substr(0, kind.size() - 4) : kind;
  return finishJson(api::encodeJson(toTable(object.info(), object.data(), options)),
                    encoding.accepted);
}

Result<std::string> encodeItem(const Resource& resource, const Item& item,
                               const Encoding& encoding) {
  const auto apiVersion = groupVersionText(resource.group, resource.version);
  if (encoding.accepted.form != Form::Object) {
    TRY(auto object, item.object());
    return encodeAs(object, apiVersion, resource.kind, encoding);
  }
  if (encoding.accepted.mediaType == MediaType::Protobuf) {
    std::string raw;
    TRY_STATUS(item.appendProtobuf(raw));
    std::string out;
    api::wrapEnvelope(apiVersion, resource.kind, raw, out);
    return out;
  }
  TRY(auto text, item.json());
  if (encoding.accepted.mediaType == MediaType::Json && !encoding.accepted.pretty) {
    std::string out;
    out.reserve(text->size() + 1);
    out.append(*text).push_back('\n');
    return out;
  }
  return finishJson(*text, encoding.accepted);
}

Result<std::string> encodeList(const Resource& resource, const ListAnswer& answer,
                               const Encoding& encoding) {
  switch (encoding.accepted.form) {
    case Form::Table: {
      std::vector<api::ConstObject> objects;
      objects.reserve(answer.items.size());
      for (const auto& item : answer.items) {
        TRY(auto object, item.object());
        objects.push_back(std::move(object));
      }
      return encodeTable(*resource.info, groupVersionText(resource.group, resource.version),
                         resource.kind, objects, listMetaOf(answer), encoding);
    }
    case Form::PartialMetadata:
      return notAcceptable(
          "you requested PartialObjectMetadata, but the requested object is a list (*core." +
          std::string(resource.kind) + "List)");
    case Form::PartialMetadataList:
      return encodePartialList(resource, answer, encoding.accepted);
    case Form::Object:
    case Form::Discovery:
      break;
  }
  if (encoding.accepted.mediaType == MediaType::Protobuf) return protobufList(resource, answer);
  TRY(auto json, jsonList(resource, answer));
  return finishJson(std::move(json), encoding.accepted);
}

Result<std::string> encodeListGzip(const Resource& resource, const ListAnswer& answer,
                                   const Encoding& encoding) {
  const auto& accepted = encoding.accepted;
  if (accepted.form != Form::Object || accepted.mediaType != MediaType::Json || accepted.pretty) {
    return std::string();
  }
  size_t bytes = 0;
  for (const auto& item : answer.items) bytes += item.storedBytes();
  // JSON is about twice as long.
  if (!worthCompressing(bytes * 2)) return std::string();
  GzipWriter writer;
  writer.reserve(bytes);
  std::string head = "{\"kind\":\"" + std::string(resource.kind) + "List\",\"apiVersion\":\"" +
                     groupVersionText(resource.group, resource.version) + "\",\"metadata\":";
  head += api::encodeJson(listMetaOf(answer)) + ",\"items\":[";
  writer.appendStored(head);
  for (size_t i = 0; i < answer.items.size(); ++i) {
    TRY(auto piece, answer.items[i].deflated());
    if (!piece) return std::string();
    if (i > 0) writer.appendStored(",");
    writer.append(*piece);
  }
  writer.appendStored("]}\n");
  return writer.finish();
}

void appendWatchFrame(std::string& out, std::string_view type, std::string_view object,
                      MediaType mediaType) {
  if (mediaType == MediaType::Protobuf) {
    // WatchEvent{type = 1, object = 2 (RawExtension{raw = 1})}
    std::string extension;
    appendBytesField(extension, 1, object);
    std::string event;
    appendBytesField(event, 1, type);
    appendBytesField(event, 2, extension);
    for (int shift = 24; shift >= 0; shift -= 8) {
      out.push_back(static_cast<char>(event.size() >> shift));
    }
    out.append(event);
    return;
  }
  if (object.ends_with('\n')) object.remove_suffix(1);
  out.reserve(out.size() + type.size() + object.size() + 32);
  out.append("{\"type\":\"").append(type).append("\",\"object\":").append(object).append("}\n");
}

namespace {

bool isServedKind(std::string_view apiVersion, std::string_view kind) {
  for (const auto& resource : resources()) {
    if (resource.kind == kind && groupVersionText(resource.group, resource.version) == apiVersion) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::string otherKindFailure(const BodyKind& wanted, std::string_view givenVersion,
                             std::string_view kind) {
  if (!isServedKind(givenVersion, kind)) {
    return "no kind " + api::goQuote(kind) + " is registered for version " +
           api::goQuote(givenVersion) + " in scheme \"pkg/api/legacyscheme/scheme.go:30\"";
  }
  // As Go names the types: by the last part of their package.
  const auto slash = givenVersion.find('/');
  const auto version =
      slash == std::string_view::npos ? givenVersion : givenVersion.substr(slash + 1);
  const auto group = wanted.group.empty() ? "core" : wanted.group.substr(0, wanted.group.find('.'));
  return "converting (" + std::string(version) + "." + std::string(kind) + ") to (" +
         std::string(group) + "." + std::string(wanted.kind) + "): unknown conversion";
}

std::string yamlFailure(const std::vector<std::string>& lines) {
  std::string text(kYamlFailure);
  for (const auto& line : lines) text.append("\n  ").append(line);
  return text;
}

Result<api::Object> decodeBody(const BodyKind& wanted, std::string_view body, MediaType type,
                               std::vector<std::string>* strict) {
  const auto apiVersion = groupVersionText(wanted.group, wanted.version);
  auto mismatch = [&](std::string_view givenVersion, std::string_view kind) {
    const auto slash = givenVersion.find('/');
    const auto group =
        slash == std::string_view::npos ? std::string_view() : givenVersion.substr(0, slash);
    const auto version =
        slash == std::string_view::npos ? givenVersion : givenVersion.substr(slash + 1);
    if (group == wanted.group && kind == wanted.kind && isServedKind(givenVersion, kind)) {
      return badRequest("the API version in the data (" + std::string(givenVersion) +
                        ") does not match the expected API version (" + apiVersion + ")");
    }
    return badRequest(std::string(kind) + " in version \"" + std::string(version) +
                      "\" cannot be handled as a " + std::string(wanted.kind) + ": " +
                      otherKindFailure(wanted, givenVersion, kind));
  };
  api::Object object(*wanted.info);
  if (type == MediaType::Protobuf) {
    auto envelope = api::openEnvelope(body);
    if (!envelope.ok()) return unrecognized(wanted.kind, envelope.status().message(), body);
    if (envelope->apiVersion != apiVersion || envelope->kind != wanted.kind) {
      return mismatch(envelope->apiVersion, envelope->kind);
    }
    auto decoded = api::decodeProtobuf(*wanted.info, envelope->raw, object.data());
    if (!decoded.ok()) return unrecognized(wanted.kind, decoded.message(), body);
    return object;
  }
  std::string converted;
  auto text = body;
  std::vector<std::string> doubled;
  if (type == MediaType::Yaml) {
    auto json = api::yamlToJson(body, {}, strict ? &doubled : nullptr);
    if (!json.ok()) return unrecognized(wanted.kind, json.status().message(), body);
    converted = std::move(*json);
    text = converted;
  }
  // A body without either is taken as the kind that the path names.
  auto isOther = [&](std::string_view givenVersion, std::string_view givenKind) {
    return (!givenVersion.empty() && givenVersion != apiVersion) ||
           (!givenKind.empty() && givenKind != wanted.kind);
  };
  auto other = [&](std::string_view givenVersion, std::string_view givenKind) {
    if (std::count(givenVersion.begin(), givenVersion.end(), '/') > 1) {
      return unrecognized(wanted.kind,
                          "unexpected GroupVersion string: " + std::string(givenVersion), body);
    }
    return mismatch(givenVersion.empty() ? apiVersion : givenVersion,
                    givenKind.empty() ? wanted.kind : givenKind);
  };
  api::JsonReport report;
  auto decoded = api::decodeJson(*wanted.info, text, object.data(), &report);
  if (!decoded.ok()) {
    auto peeked = api::peekJsonType(text);
    if (!peeked.ok()) {
      return unrecognized(
          wanted.kind, "couldn't get version/kind; json parse error: " + peeked.status().message(),
          body);
    }
    if (isOther(peeked->apiVersion, peeked->kind)) return other(peeked->apiVersion, peeked->kind);
    return badRequest(std::string(wanted.kind) + " in version \"" + std::string(wanted.version) +
                      "\" cannot be handled as a " + std::string(wanted.kind) + ": " +
                      decoded.message());
  }
  if (isOther(report.apiVersion, report.kind)) return other(report.apiVersion, report.kind);
  if (strict) {
    *strict = std::move(report.strict);
    if (!doubled.empty()) strict->insert(strict->begin(), yamlFailure(doubled));
  }
  return object;
}

}  // namespace coxswain::apiserver
