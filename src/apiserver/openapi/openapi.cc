#include "apiserver/openapi/openapi.h"

#include <algorithm>
#include <boost/json.hpp>
#include <map>

#include "apiserver/openapi/dialect.h"
#include "apiserver/openapi/operations.h"
#include "apiserver/openapi/schemas.h"
#include "apiserver/openapi/v2_protobuf.h"

namespace coxswain::apiserver {
namespace {

namespace json = boost::json;
using openapi::Dialect;
using openapi::Operation;
using openapi::Parameter;
using openapi::PathItem;

constexpr std::string_view kVersion = "v1.36.2";

struct SchemeGroup {
  std::string_view group;
  std::string_view versions;
};
/// Every group version whose objects there have ever been, served here or not: v2 lists them as
/// homes of the kinds that are in all groups.
constexpr SchemeGroup kScheme[] = {
    {"admission.k8s.io", "v1 v1beta1"},
    {"admissionregistration.k8s.io", "v1 v1alpha1 v1beta1"},
    {"apiextensions.k8s.io", "v1 v1beta1"},
    {"apiregistration.k8s.io", "v1 v1beta1"},
    {"apps", "v1 v1beta1 v1beta2"},
    {"authentication.k8s.io", "v1 v1alpha1 v1beta1"},
    {"authorization.k8s.io", "v1 v1beta1"},
    {"autoscaling", "v1 v2"},
    {"batch", "v1 v1beta1"},
    {"certificates.k8s.io", "v1 v1alpha1 v1beta1"},
    {"coordination.k8s.io", "v1 v1alpha2 v1beta1"},
    {"discovery.k8s.io", "v1 v1beta1"},
    {"events.k8s.io", "v1 v1beta1"},
    {"extensions", "v1beta1"},
    {"flowcontrol.apiserver.k8s.io", "v1 v1beta1 v1beta2 v1beta3"},
    {"imagepolicy.k8s.io", "v1alpha1"},
    {"internal.apiserver.k8s.io", "v1alpha1"},
    {"networking.k8s.io", "v1 v1beta1"},
    {"node.k8s.io", "v1 v1alpha1 v1beta1"},
    {"policy", "v1 v1beta1"},
    {"rbac.authorization.k8s.io", "v1 v1alpha1 v1beta1"},
    {"resource.k8s.io", "v1 v1alpha3 v1beta1 v1beta2"},
    {"scheduling.k8s.io", "v1 v1alpha2 v1beta1"},
    {"storage.k8s.io", "v1 v1alpha1 v1beta1"},
    {"storagemigration.k8s.io", "v1beta1"},
};

std::vector<std::pair<std::string, std::string>> schemeVersions() {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& [group, versions] : kScheme) {
    for (std::string_view rest = versions; !rest.empty();) {
      const size_t end = std::min(rest.find(' '), rest.size());
      out.emplace_back(group, rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  return out;
}

json::array strings(const std::vector<std::string>& texts) {
  return json::array(texts.begin(), texts.end());
}

json::object schemaOf(Dialect dialect, const std::string& model) {
  if (model.empty()) return {{"type", "string"}};
  return {{"$ref", openapi::modelRef(dialect, model)}};
}

/// Writes paths of one dialect; keeps what they refer to.
class Renderer {
 public:
  Renderer(Dialect dialect, std::vector<std::pair<std::string, std::string>> groupVersions)
      : dialect_(dialect), schemas_(dialect, std::move(groupVersions)) {}

  void add(const PathItem& item) {
    json::object out;
    for (const auto& operation : item.operations) out[operation.method] = render(operation);
    if (!item.parameters.empty()) {
      json::array parameters;
      for (const auto& one : item.parameters) parameters.push_back(render(one));
      out["parameters"] = std::move(parameters);
    }
    paths_[item.path] = std::move(out);
  }

  json::object takePaths() { return std::move(paths_); }
  json::object takeSchemas() { return schemas_.take(); }
  /// Of v2.
  json::object takeParameters() {
    json::object out;
    for (auto& [name, parameter] : shared_) out[name] = std::move(parameter);
    return out;
  }

 private:
  [[nodiscard]] bool v2() const { return dialect_ == Dialect::V2; }

  json::object share(const std::string& name, json::object parameter) {
    shared_.try_emplace(name, std::move(parameter));
    return {{"$ref", "#/parameters/" + name}};
  }

  json::object render(const Parameter& parameter) {
    json::object out{
        {"name", parameter.name}, {"in", parameter.in}, {"description", parameter.description}};
    if (parameter.in == "path") out["required"] = true;
    if (v2()) {
      out["type"] = parameter.type;
      out["uniqueItems"] = true;
      if (!parameter.shared.empty()) return share(parameter.shared, std::move(out));
    } else {
      out["schema"] = json::object{{"type", parameter.type}, {"uniqueItems", true}};
    }
    return out;
  }

  json::object body(const Operation& operation) {
    json::object out{
        {"name", "body"}, {"in", "body"}, {"schema", schemaOf(dialect_, operation.bodyModel)}};
    if (operation.bodyRequired) out["required"] = true;
    if (operation.bodyModel.ends_with(".DeleteOptions")) {
      return share("body-2Y1dVQaQ", std::move(out));
    }
    if (operation.bodyModel.ends_with(".Patch")) return share("body-78PwaGsr", std::move(out));
    return out;
  }

  json::object render(const Operation& operation) {
    json::object out;
    out["description"] = operation.description;
    out["operationId"] = operation.id;
    out["tags"] = json::array{json::string(operation.tag)};
    json::array parameters;
    for (const auto& one : operation.parameters) parameters.push_back(render(one));
    if (!operation.bodyModel.empty()) {
      schemas_.add(operation.bodyModel);
      if (v2()) {
        parameters.push_back(body(operation));
      } else {
        out["requestBody"] = requestBody(operation);
      }
    }
    if (!parameters.empty()) out["parameters"] = std::move(parameters);
    if (v2()) {
      out["consumes"] = strings(operation.consumes);
      out["produces"] = strings(operation.produces);
      out["schemes"] = json::array{"https"};
    }
    out["responses"] = responses(operation);
    if (!operation.action.empty()) {
      out["x-kubernetes-action"] = operation.action;
      out["x-kubernetes-group-version-kind"] = json::object{
          {"group", operation.group}, {"version", operation.version}, {"kind", operation.kind}};
    }
    return out;
  }

  json::object requestBody(const Operation& operation) const {
    json::object content;
    for (const auto& type : operation.consumes) {
      content[type] = json::object{{"schema", schemaOf(dialect_, operation.bodyModel)}};
    }
    json::object out{{"content", std::move(content)}};
    if (operation.bodyRequired) out["required"] = true;
    return out;
  }

  json::object responses(const Operation& operation) {
    if (!operation.resultModel.empty()) schemas_.add(operation.resultModel);
    json::object out;
    for (const int code : operation.codes) {
      json::object response{{"description", describe(code)}};
      const json::object schema = schemaOf(dialect_, operation.resultModel);
      if (v2()) {
        response["schema"] = schema;
      } else {
        json::object content;
        for (const auto& type : operation.produces)
          content[type] = json::object{{"schema", schema}};
        response["content"] = std::move(content);
      }
      out[std::to_string(code)] = std::move(response);
    }
    out["401"] = json::object{{"description", "Unauthorized"}};
    return out;
  }

  static std::string_view describe(int code) {
    return code == 201 ? "Created" : code == 202 ? "Accepted" : "OK";
  }

  Dialect dialect_;
  openapi::Schemas schemas_;
  json::object paths_;
  std::map<std::string, json::object> shared_;
};

json::object info() {
  return {{"title", "Kubernetes"}, {"version", kVersion}};
}

json::object bearerToken() {
  return {{"BearerToken", json::object{{"description", "Bearer Token authentication"},
                                       {"type", "apiKey"},
                                       {"name", "authorization"},
                                       {"in", "header"}}}};
}

std::string document3(Renderer& renderer) {
  json::object out{{"openapi", "3.0.0"}, {"info", info()}};
  out["paths"] = renderer.takePaths();
  out["components"] =
      json::object{{"schemas", renderer.takeSchemas()}, {"securitySchemes", bearerToken()}};
  return json::serialize(out);
}

/// "api/v1" and "apis/<group>/<version>" taken apart.
struct DocumentPath {
  std::string_view group;
  std::string_view version;
};
std::optional<DocumentPath> parsePath(std::string_view path) {
  if (path.starts_with("api/")) return DocumentPath{"", path.substr(4)};
  if (!path.starts_with("apis/")) return std::nullopt;
  path.remove_prefix(5);
  const size_t slash = path.find('/');
  if (slash == std::string_view::npos) return DocumentPath{path, ""};
  return DocumentPath{path.substr(0, slash), path.substr(slash + 1)};
}

/// FNV-1a: changes when the resources do, which is all the index needs of it.
uint64_t hash(uint64_t seed, std::string_view text) {
  for (const char c : text) seed = (seed ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return (seed ^ 0xff) * 0x100000001b3U;
}

/// What all documents have in common.
uint64_t hashOfProgram() {
  return hash(0xcbf29ce484222325U,
              std::string(kVersion) + std::to_string(api::Descriptions::checksum()));
}

uint64_t hashOf(const ServedResource& resource, uint64_t seed) {
  for (const auto& text : {resource.group, resource.version, resource.plural, resource.kind}) {
    seed = hash(seed, text);
  }
  for (const auto& verb : resource.verbs) seed = hash(seed, verb);
  for (const auto& subresource : resource.subresources) {
    seed = hash(seed, subresource.name);
    seed = hash(seed, subresource.kind);
    for (const auto& verb : subresource.verbs) seed = hash(seed, verb);
  }
  return seed;
}

/// As long as the hashes upstream names documents by, which some clients look for.
std::string longHex(uint64_t value) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (int part = 0; part < 8; ++part) {
    for (int shift = 60; shift >= 0; shift -= 4) {
      out += kDigits[value >> static_cast<unsigned>(shift) & 15U];
    }
    value = hash(value, "next");
  }
  return out;
}

constexpr std::string_view kOpenIdConfiguration = ".well-known/openid-configuration";
constexpr std::string_view kOpenIdKeys = "openid/v1/jwks";

/// Of documents that are about no group.
std::optional<PathItem> rootPath(std::string_view path) {
  if (path == "api") return openapi::corePath();
  if (path == "apis") return openapi::apisPath();
  if (path == "version") return openapi::versionPath();
  if (path == kOpenIdConfiguration) return openapi::openIdConfigurationPath();
  if (path == kOpenIdKeys) return openapi::openIdKeysPath();
  return std::nullopt;
}

}  // namespace

OpenApi::OpenApi(std::vector<ServedResource> resources) : resources_(std::move(resources)) {}

std::vector<std::string> OpenApi::v3Paths() const {
  std::vector<std::string> out = {"api", "apis", "version", std::string(kOpenIdConfiguration),
                                  std::string(kOpenIdKeys)};
  for (const auto& group : servedGroups(resources_)) {
    if (!group.name.empty()) out.push_back("apis/" + group.name);
    for (const auto& version : group.versions) {
      out.push_back((group.name.empty() ? "api/" : "apis/") +
                    groupVersionText(group.name, version));
    }
  }
  std::ranges::sort(out);
  return out;
}

std::string OpenApi::v3Hash(std::string_view path) const {
  const auto parsed = parsePath(path);
  const bool one = parsed && !parsed->version.empty();
  uint64_t value = hash(hashOfProgram(), one ? "" : path);
  for (const auto& resource : resources_) {
    if (one && (resource.group != parsed->group || resource.version != parsed->version)) continue;
    value = hashOf(resource, value);
  }
  return longHex(value);
}

std::string OpenApi::v3Index() const {
  json::object paths;
  for (const auto& path : v3Paths()) {
    paths[path] =
        json::object{{"serverRelativeURL", "/openapi/v3/" + path + "?hash=" + v3Hash(path)}};
  }
  return json::serialize(json::object{{"paths", std::move(paths)}});
}

std::optional<std::string> OpenApi::v3(std::string_view path) const {
  if (const auto item = rootPath(path)) {
    Renderer renderer(Dialect::V3, {});
    renderer.add(*item);
    return document3(renderer);
  }
  const auto parsed = parsePath(path);
  if (!parsed) return std::nullopt;
  for (const auto& group : servedGroups(resources_)) {
    if (group.name != parsed->group) continue;
    if (parsed->version.empty()) {
      if (group.name.empty()) return std::nullopt;
      Renderer renderer(Dialect::V3, {});
      renderer.add(openapi::groupPath(group.name));
      return document3(renderer);
    }
    if (std::ranges::find(group.versions, parsed->version) == group.versions.end()) break;
    Renderer renderer(Dialect::V3, {{std::string(parsed->group), std::string(parsed->version)}});
    for (const auto& item : openapi::groupVersionPaths(resources_, group.name, parsed->version)) {
      renderer.add(item);
    }
    return document3(renderer);
  }
  return std::nullopt;
}

namespace {

json::object document2(std::span<const ServedResource> resources) {
  const auto groups = servedGroups(resources);
  Renderer renderer(Dialect::V2, schemeVersions());
  renderer.add(openapi::corePath());
  renderer.add(openapi::apisPath());
  renderer.add(openapi::versionPath());
  renderer.add(openapi::openIdConfigurationPath());
  renderer.add(openapi::openIdKeysPath());
  for (const auto& group : groups) {
    if (!group.name.empty()) renderer.add(openapi::groupPath(group.name));
    for (const auto& version : group.versions) {
      for (const auto& item : openapi::groupVersionPaths(resources, group.name, version)) {
        renderer.add(item);
      }
    }
  }
  json::object out{{"swagger", "2.0"}, {"info", info()}};
  out["paths"] = renderer.takePaths();
  out["definitions"] = renderer.takeSchemas();
  out["parameters"] = renderer.takeParameters();
  out["securityDefinitions"] = bearerToken();
  out["security"] = json::array{json::object{{"BearerToken", json::array()}}};
  return out;
}

}  // namespace

std::string OpenApi::v2() const {
  return json::serialize(document2(resources_));
}

std::string OpenApi::v2Protobuf() const {
  return openapi::encodeV2Protobuf(document2(resources_));
}

}  // namespace coxswain::apiserver
