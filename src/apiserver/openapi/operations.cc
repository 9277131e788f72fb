#include "apiserver/openapi/operations.h"

#include <algorithm>
#include <map>

#include "api/reflect/object.h"
#include "apiserver/openapi/parameters.h"
#include "apiserver/openapi/schemas.h"

namespace coxswain::apiserver::openapi {
namespace {

constexpr std::string_view kMeta = "io.k8s.apimachinery.pkg.apis.meta.v1.";

const std::vector<std::string> kMedia = {"application/json", "application/yaml",
                                         "application/vnd.kubernetes.protobuf"};
const std::vector<std::string> kWatchMedia = {
    "application/json", "application/yaml", "application/vnd.kubernetes.protobuf",
    "application/json;stream=watch", "application/vnd.kubernetes.protobuf;stream=watch"};
const std::vector<std::string> kPatchMedia = {
    "application/json-patch+json", "application/merge-patch+json",
    "application/strategic-merge-patch+json", "application/apply-patch+yaml"};

/// A delete of these answers with the object instead of a Status.
constexpr std::string_view kDeletedReturned[] = {"persistentvolumeclaims",
                                                 "pods",
                                                 "podtemplates",
                                                 "resourcequotas",
                                                 "serviceaccounts",
                                                 "services",
                                                 "persistentvolumes",
                                                 "deviceclasses",
                                                 "resourceclaims",
                                                 "resourceclaimtemplates",
                                                 "resourceslices",
                                                 "csidrivers",
                                                 "csinodes",
                                                 "storageclasses",
                                                 "volumeattachments",
                                                 "volumeattributesclasses"};

std::string capitalized(std::string_view text) {
  std::string out(text);
  if (!out.empty() && out[0] >= 'a' && out[0] <= 'z') out[0] = static_cast<char>(out[0] - 32);
  return out;
}

/// "RbacAuthorization" of "rbac.authorization.k8s.io"; "Core" of the core group.
std::string groupWord(std::string_view group) {
  if (group.empty()) return "Core";
  constexpr std::string_view kSuffix = ".k8s.io";
  if (group.ends_with(kSuffix)) group.remove_suffix(kSuffix.size());
  std::string out;
  while (!group.empty()) {
    const size_t dot = std::min(group.find('.'), group.size());
    out += capitalized(group.substr(0, dot));
    group.remove_prefix(std::min(dot + 1, group.size()));
  }
  return out;
}

std::string tagOf(std::string_view group, std::string_view version = {}) {
  std::string word = groupWord(group);
  word[0] = static_cast<char>(word[0] | 32);
  return version.empty() ? word : word + "_" + std::string(version);
}

std::string modelOf(std::string_view group, std::string_view version, std::string_view kind) {
  const api::MessageInfo* info = api::findKind(group, version, kind);
  return info ? modelName(*info) : "";
}

bool has(const std::vector<std::string>& verbs, std::string_view verb) {
  return std::ranges::find(verbs, verb) != verbs.end();
}

/// A read-only document under /api or /apis.
PathItem documentPath(std::string path, std::string id, std::string tag, std::string model,
                      std::string description) {
  Operation operation;
  operation.method = "get";
  operation.id = std::move(id);
  operation.tag = std::move(tag);
  operation.description = std::move(description);
  operation.consumes = kMedia;
  operation.produces = kMedia;
  operation.codes = {200};
  operation.resultModel = std::move(model);
  PathItem out;
  out.path = std::move(path);
  out.operations.push_back(std::move(operation));
  return out;
}

/// Writes the operations of one resource.
class ResourceWriter {
 public:
  ResourceWriter(const ServedResource& resource, std::map<std::string, PathItem>& paths)
      : resource_(resource),
        paths_(paths),
        base_((resource.group.empty() ? "/api/" : "/apis/") +
              groupVersionText(resource.group, resource.version)),
        word_(groupWord(resource.group) + capitalized(resource.version)),
        scoped_(resource.namespaced ? "Namespaced" : ""),
        model_(modelOf(resource.group, resource.version, resource.kind)),
        listModel_(modelOf(resource.group, resource.version, resource.kind + "List")) {}

  void write() {
    const std::string collection = base_ + scope() + resource_.plural;
    const std::string one = collection + "/{name}";
    writeCollection(collection);
    writeObject(one);
    writeWatch();
    for (const auto& subresource : resource_.subresources) {
      writeSubresource(one + "/" + subresource.name, subresource);
    }
  }

 private:
  [[nodiscard]] std::string scope() const {
    return resource_.namespaced ? "/namespaces/{namespace}/" : "/";
  }

  Operation start(std::string method, std::string id, std::string action) const {
    Operation out;
    out.method = std::move(method);
    out.id = std::move(id);
    out.tag = tagOf(resource_.group, resource_.version);
    out.action = std::move(action);
    out.group = resource_.group;
    out.version = resource_.version;
    out.kind = resource_.kind;
    out.consumes = {"*/*"};
    out.produces = kMedia;
    out.codes = {200};
    out.resultModel = model_;
    return out;
  }

  /// Completes the operation with what its path and every method take.
  void put(const std::string& path, Operation operation, bool pretty = true) {
    if (path.find("{namespace}") != std::string::npos) {
      operation.parameters.push_back(namespaceParameter());
    }
    if (path.find("{name}") != std::string::npos) {
      operation.parameters.push_back(nameParameter(operation.kind));
    }
    if (path.ends_with("{path}")) operation.parameters.push_back(pathParameter());
    if (pretty) operation.parameters.push_back(prettyParameter());
    if (operation.description.empty()) operation.description = describe(operation);
    PathItem& item = paths_[path];
    item.path = path;
    item.operations.push_back(std::move(operation));
  }

  static std::string describe(const Operation& operation) {
    return operation.action + " of kind " + operation.kind;
  }

  void writeCollection(const std::string& path) {
    if (has(resource_.verbs, "list")) {
      Operation list = start("get", "list" + word_ + scoped_ + resource_.kind, "list");
      list.resultModel = listModel_;
      list.produces = kWatchMedia;
      list.parameters = listParameters();
      put(path, list);
      if (resource_.namespaced) {
        list.id = "list" + word_ + resource_.kind + "ForAllNamespaces";
        put(base_ + "/" + resource_.plural, std::move(list));
      }
    }
    if (has(resource_.verbs, "create")) {
      writeBody(path, "post", "create" + word_ + scoped_ + resource_.kind, "post", {200, 201, 202});
    }
    if (has(resource_.verbs, "deletecollection")) {
      Operation remove = start("delete", "delete" + word_ + "Collection" + scoped_ + resource_.kind,
                               "deletecollection");
      remove.parameters = deleteCollectionParameters();
      remove.bodyModel = std::string(kMeta) + "DeleteOptions";
      remove.resultModel = std::string(kMeta) + "Status";
      put(path, std::move(remove));
    }
  }

  void writeBody(const std::string& path, std::string method, std::string id, std::string action,
                 std::vector<int> codes) {
    Operation write = start(std::move(method), std::move(id), std::move(action));
    write.parameters = writeParameters();
    write.bodyModel = model_;
    write.bodyRequired = true;
    write.codes = std::move(codes);
    put(path, std::move(write));
  }

  static void makePatch(Operation& patch) {
    patch.parameters = patchParameters();
    patch.consumes = kPatchMedia;
    patch.bodyModel = std::string(kMeta) + "Patch";
    patch.bodyRequired = true;
    patch.codes = {200, 201};
  }

  void writeObject(const std::string& path) {
    const std::string tail = word_ + scoped_ + resource_.kind;
    if (has(resource_.verbs, "get")) put(path, start("get", "read" + tail, "get"));
    if (has(resource_.verbs, "update")) {
      writeBody(path, "put", "replace" + tail, "put", {200, 201});
    }
    if (has(resource_.verbs, "patch")) {
      Operation patch = start("patch", "patch" + tail, "patch");
      makePatch(patch);
      put(path, std::move(patch));
    }
    if (has(resource_.verbs, "delete")) {
      Operation remove = start("delete", "delete" + tail, "delete");
      remove.parameters = deleteParameters();
      remove.bodyModel = std::string(kMeta) + "DeleteOptions";
      const bool returned =
          std::ranges::find(kDeletedReturned, resource_.plural) != std::end(kDeletedReturned);
      if (!returned) remove.resultModel = std::string(kMeta) + "Status";
      remove.codes = {200, 202};
      put(path, std::move(remove));
    }
  }

  void writeWatch() {
    if (!has(resource_.verbs, "watch")) return;
    const std::string base = base_ + "/watch";
    putWatch(base + scope() + resource_.plural, scoped_ + resource_.kind + "List", "watchlist");
    putWatch(base + scope() + resource_.plural + "/{name}", scoped_ + resource_.kind, "watch");
    if (resource_.namespaced) {
      putWatch(base + "/" + resource_.plural, resource_.kind + "ListForAllNamespaces", "watchlist");
    }
  }

  void putWatch(const std::string& path, const std::string& tail, std::string action) {
    Operation watch = start("get", "watch" + word_ + tail, std::move(action));
    watch.resultModel = std::string(kMeta) + "WatchEvent";
    watch.produces = kWatchMedia;
    watch.parameters = listParameters();
    put(path, std::move(watch));
  }

  void writeSubresource(const std::string& path, const ServedSubresource& subresource) {
    const std::string tail = word_ + scoped_ + resource_.kind + capitalized(subresource.name);
    if (subresource.kind.ends_with("Options")) {
      writeConnect(path, subresource);
      return;
    }
    const auto begin = [&](const char* method, const char* verb, const char* action) {
      Operation out = start(method, verb + tail, action);
      out.kind = subresource.kind;
      if (!subresource.group.empty()) out.group = subresource.group;
      if (!subresource.version.empty()) out.version = subresource.version;
      out.resultModel = modelOf(out.group, out.version, out.kind);
      return out;
    };
    if (has(subresource.verbs, "get")) {
      Operation read = begin("get", "read", "get");
      if (resource_.plural == "pods" && subresource.name == "log") {
        read.parameters = optionsParameters("PodLogOptions");
        read.produces.insert(read.produces.begin(), "text/plain");
        read.resultModel.clear();
      }
      put(path, std::move(read));
    }
    for (const auto& [verb, method, word] :
         {std::tuple("create", "post", "create"), std::tuple("update", "put", "replace")}) {
      if (!has(subresource.verbs, verb)) continue;
      Operation write = begin(method, word, method);
      write.parameters = writeParameters();
      write.bodyModel = write.resultModel;
      write.bodyRequired = true;
      write.codes =
          method == std::string_view("post") ? std::vector{200, 201, 202} : std::vector{200, 201};
      put(path, std::move(write));
    }
    if (has(subresource.verbs, "patch")) {
      Operation patch = begin("patch", "patch", "patch");
      makePatch(patch);
      put(path, std::move(patch));
    }
  }

  /// Subresources that are a stream: every method the verbs stand for.
  void writeConnect(const std::string& path, const ServedSubresource& subresource) {
    const bool proxy = subresource.name == "proxy";
    std::vector<std::string> methods = {"get", "post"};
    if (proxy) methods = {"delete", "get", "head", "options", "patch", "post", "put"};
    for (const std::string& suffix : {std::string(), std::string("/{path}")}) {
      if (!suffix.empty() && !proxy) continue;
      for (const std::string& method : methods) {
        Operation out =
            start(method,
                  "connect" + word_ + capitalized(method) + scoped_ + resource_.kind +
                      capitalized(subresource.name) + (suffix.empty() ? "" : "WithPath"),
                  "connect");
        out.kind = subresource.kind;
        out.parameters = optionsParameters(subresource.kind);
        out.produces = {"*/*"};
        out.resultModel.clear();
        put(path + suffix, std::move(out), false);
      }
    }
  }

  const ServedResource& resource_;
  std::map<std::string, PathItem>& paths_;
  std::string base_;
  std::string word_;
  std::string scoped_;
  std::string model_;
  std::string listModel_;
};

/// Parameters that every method has move to the path.
void hoistParameters(PathItem& item) {
  if (item.operations.empty()) return;
  const std::vector<Parameter> candidates = item.operations.front().parameters;
  for (const Parameter& parameter : candidates) {
    const bool everywhere = std::ranges::all_of(item.operations, [&](const Operation& operation) {
      return std::ranges::find(operation.parameters, parameter) != operation.parameters.end();
    });
    if (!everywhere) continue;
    for (auto& operation : item.operations) std::erase(operation.parameters, parameter);
    item.parameters.push_back(parameter);
  }
}

}  // namespace

std::vector<PathItem> groupVersionPaths(std::span<const ServedResource> resources,
                                        std::string_view group, std::string_view version) {
  std::map<std::string, PathItem> paths;
  for (const auto& resource : resources) {
    if (resource.group != group || resource.version != version) continue;
    ResourceWriter(resource, paths).write();
  }
  const std::string base =
      (group.empty() ? "/api/" : "/apis/") + groupVersionText(group, version) + "/";
  std::vector<PathItem> out;
  out.push_back(documentPath(base, "get" + groupWord(group) + capitalized(version) + "APIResources",
                             tagOf(group, version), std::string(kMeta) + "APIResourceList",
                             "get available resources"));
  for (auto& [path, item] : paths) {
    hoistParameters(item);
    out.push_back(std::move(item));
  }
  return out;
}

PathItem groupPath(std::string_view group) {
  return documentPath("/apis/" + std::string(group) + "/", "get" + groupWord(group) + "APIGroup",
                      tagOf(group), std::string(kMeta) + "APIGroup", "get information of a group");
}

PathItem corePath() {
  return documentPath("/api/", "getCoreAPIVersions", "core", std::string(kMeta) + "APIVersions",
                      "get available API versions");
}

PathItem apisPath() {
  return documentPath("/apis/", "getAPIVersions", "apis", std::string(kMeta) + "APIGroupList",
                      "get available API versions");
}

namespace {

/// A JSON text that is no object of the API.
PathItem textPath(std::string path, std::string id, std::string tag, std::string type,
                  std::string description) {
  PathItem out =
      documentPath(std::move(path), std::move(id), std::move(tag), "", std::move(description));
  out.operations[0].consumes = {"*/*"};
  out.operations[0].produces = {std::move(type)};
  return out;
}

}  // namespace

PathItem openIdConfigurationPath() {
  return textPath("/.well-known/openid-configuration/",
                  "getServiceAccountIssuerOpenIDConfiguration", "WellKnown", "application/json",
                  "get what verifies tokens of service accounts: issuer and where its keys are");
}

PathItem openIdKeysPath() {
  return textPath("/openid/v1/jwks/", "getServiceAccountIssuerOpenIDKeyset", "openid",
                  "application/jwk-set+json", "get the public keys of service account tokens");
}

PathItem versionPath() {
  PathItem out = documentPath("/version/", "getCodeVersion", "version",
                              std::string(kVersionInfoModel), "get the version of the server");
  out.operations[0].consumes = {"application/json"};
  out.operations[0].produces = {"application/json"};
  return out;
}

}  // namespace coxswain::apiserver::openapi
