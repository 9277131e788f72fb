#include "apiserver/server/negotiation.h"

#include <optional>

namespace coxswain::apiserver {
namespace {

constexpr std::string_view kProtobuf = "application/vnd.kubernetes.protobuf";

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

std::optional<Accepted> parseEntry(std::string_view entry) {
  Accepted accepted;
  auto type = take(entry, ';');
  if (type == kProtobuf) {
    accepted.mediaType = MediaType::Protobuf;
  } else if (type == "application/yaml") {
    accepted.mediaType = MediaType::Yaml;
  } else if (type != "application/json" && type != "*/*" && type != "application/*") {
    return std::nullopt;
  }
  while (!entry.empty()) {
    auto parameter = take(entry, ';');
    if (parameter == "as=Table") accepted.table = true;
    if (parameter == "as=APIGroupDiscoveryList") accepted.aggregatedDiscovery = true;
    if (parameter.starts_with("as=Partial")) return std::nullopt;
    if (parameter.starts_with("v=v2beta1")) return std::nullopt;
  }
  // Tables are answered as JSON; a client that lists protobuf tables first lists JSON ones too.
  if (accepted.table && accepted.mediaType == MediaType::Protobuf) return std::nullopt;
  return accepted;
}

}  // namespace

Result<Accepted> negotiate(std::string_view accept) {
  if (trimmed(accept).empty()) return Accepted();
  while (!accept.empty()) {
    if (auto accepted = parseEntry(take(accept, ','))) return *accepted;
  }
  return notAcceptable(
      "only the following media types are accepted: application/json, application/yaml, "
      "application/vnd.kubernetes.protobuf");
}

Result<MediaType> bodyType(std::string_view contentType) {
  auto type = take(contentType, ';');
  if (type.empty() || type == "application/json") return MediaType::Json;
  if (type == "application/yaml") return MediaType::Yaml;
  if (type == kProtobuf) return MediaType::Protobuf;
  return unsupportedMediaType(
      "the body of the request was in an unknown format - accepted media types include: "
      "application/json, application/yaml, application/vnd.kubernetes.protobuf");
}

std::string_view contentTypeOf(MediaType type) {
  switch (type) {
    case MediaType::Yaml:
      return "application/yaml";
    case MediaType::Protobuf:
      return kProtobuf;
    case MediaType::Json:
      break;
  }
  return "application/json";
}

}  // namespace coxswain::apiserver
