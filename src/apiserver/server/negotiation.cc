#include "apiserver/server/negotiation.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include "api/yaml/yaml.h"
#include "net/http.h"

namespace coxswain::apiserver {
namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kYaml = "application/yaml";
constexpr std::string_view kProtobuf = "application/vnd.kubernetes.protobuf";
/// Entries of an Accept header that are looked at.
constexpr size_t kEntriesMax = 64;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// Takes the part before `separator` off the front of `text`.
std::string_view take(std::string_view& text, char separator) {
  auto end = text.find(separator);
  auto part = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  return trimmed(part);
}

struct Entry {
  std::string_view type;
  std::string_view as;
  std::string_view group;
  std::string_view version;
  bool pretty = false;
  double weight = 1;
};

Entry parseEntry(std::string_view text) {
  Entry entry;
  entry.type = take(text, ';');
  while (!text.empty()) {
    auto value = take(text, ';');
    auto name = take(value, '=');
    if (name == "as") entry.as = value;
    if (name == "g") entry.group = value;
    if (name == "v") entry.version = value;
    if (name == "pretty") entry.pretty = value == "1" || value == "true";
    if (name == "q") {
      double weight = 0;
      auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), weight);
      if (error == std::errc()) entry.weight = weight;
    }
  }
  return entry;
}

std::vector<Entry> parseAccept(std::string_view accept) {
  std::vector<Entry> entries;
  while (!accept.empty() && entries.size() < kEntriesMax) {
    auto part = take(accept, ',');
    if (!part.empty()) entries.push_back(parseEntry(part));
  }
  std::stable_sort(entries.begin(), entries.end(),
                   [](const Entry& a, const Entry& b) { return a.weight > b.weight; });
  return entries;
}

std::optional<MediaType> mediaTypeOf(std::string_view type) {
  if (type == kJson || type == "*/*") return MediaType::Json;
  if (type == kYaml) return MediaType::Yaml;
  if (type == kProtobuf) return MediaType::Protobuf;
  return std::nullopt;
}

std::optional<Form> formOf(const Entry& entry, Offer offer, MediaType type) {
  if (entry.as.empty()) return Form::Object;
  if (offer == Offer::Discovery) {
    const bool known = entry.as == "APIGroupDiscoveryList" && entry.version == "v2" &&
                       entry.group == "apidiscovery.k8s.io" && type == MediaType::Json;
    return known ? std::optional(Form::Discovery) : std::nullopt;
  }
  if (offer == Offer::Document || entry.group != "meta.k8s.io" || entry.version != "v1") {
    return std::nullopt;
  }
  // Tables are answered as JSON or YAML; a client that lists protobuf tables first lists JSON ones.
  if (entry.as == "Table" && type != MediaType::Protobuf) return Form::Table;
  if (entry.as == "PartialObjectMetadata") return Form::PartialMetadata;
  if (entry.as == "PartialObjectMetadataList") return Form::PartialMetadataList;
  return std::nullopt;
}

std::string available(Offer offer) {
  std::string text;
  text.append(kJson).append(", ").append(kYaml).append(", ").append(kProtobuf);
  if (offer == Offer::Watch) {
    text.append(", application/json;stream=watch, ");
    text.append("application/vnd.kubernetes.protobuf;stream=watch");
  }
  return text;
}

}  // namespace

Result<Accepted> negotiate(std::string_view accept, Offer offer) {
  if (trimmed(accept).empty()) return Accepted();
  bool known = false;
  for (const auto& entry : parseAccept(accept)) {
    auto type = mediaTypeOf(entry.type);
    if (!type || (offer == Offer::Watch && *type == MediaType::Yaml)) continue;
    known = true;
    if (auto form = formOf(entry, offer, *type)) return Accepted{*type, *form, entry.pretty};
  }
  if (!known) {
    return notAcceptable("406: Not Acceptable\n\nAvailable representations: " + available(offer))
        .withDetails({});
  }
  return notAcceptable("only the following media types are accepted: " +
                       available(Offer::Resource));
}

Accepted negotiateError(std::string_view accept) {
  for (const auto& entry : parseAccept(accept)) {
    if (auto type = mediaTypeOf(entry.type)) return {*type, Form::Object, entry.pretty};
  }
  return {};
}

Result<MediaType> bodyType(std::string_view contentType) {
  auto type = take(contentType, ';');
  if (type.empty() || net::equalNoCase(type, kJson)) return MediaType::Json;
  if (net::equalNoCase(type, kYaml)) return MediaType::Yaml;
  if (net::equalNoCase(type, kProtobuf)) return MediaType::Protobuf;
  return unsupportedMediaType(
      "the body of the request was in an unknown format - accepted media types include: " +
      available(Offer::Resource));
}

Result<std::string> jsonBody(std::string_view body, MediaType type) {
  if (type != MediaType::Yaml) return std::string(body);
  return api::yamlToJson(body);
}

std::string_view contentTypeOf(MediaType type) {
  switch (type) {
    case MediaType::Yaml:
      return kYaml;
    case MediaType::Protobuf:
      return kProtobuf;
    case MediaType::Json:
      break;
  }
  return kJson;
}

std::string_view watchContentTypeOf(MediaType type) {
  return type == MediaType::Protobuf ? "application/vnd.kubernetes.protobuf;stream=watch" : kJson;
}

}  // namespace coxswain::apiserver
