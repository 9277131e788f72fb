#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/discovery/served_resource.h"

namespace coxswain::apiserver::openapi {

struct Parameter {
  std::string name;
  std::string in;    ///< "path" or "query"
  std::string type;  ///< "string", "integer", "boolean"
  std::string description;
  std::string shared;  ///< its name among v2's common parameters; empty: written out where used
  bool operator==(const Parameter&) const = default;
};

/// A method of a path, in no dialect.
struct Operation {
  std::string method;  ///< "get"
  std::string id;      ///< "listCoreV1NamespacedPod"
  std::string tag;     ///< "core_v1"
  std::string action;  ///< x-kubernetes-action; empty: it is not about a resource
  std::string group;   ///< of the kind
  std::string version;
  std::string kind;
  std::string description;
  std::vector<Parameter> parameters;
  std::string bodyModel;  ///< empty: no body
  bool bodyRequired = false;
  std::vector<std::string> consumes;
  std::string resultModel;  ///< empty: a string
  std::vector<int> codes;   ///< that answer with it
  std::vector<std::string> produces;
};

struct PathItem {
  std::string path;
  /// What every method takes.
  std::vector<Parameter> parameters;
  std::vector<Operation> operations;
};

/// /api/v1/... or /apis/<group>/<version>/...
std::vector<PathItem> groupVersionPaths(std::span<const ServedResource> resources,
                                        std::string_view group, std::string_view version);
/// /apis/<group>/
PathItem groupPath(std::string_view group);
/// /api/, /apis/, /version/.
PathItem corePath();
PathItem apisPath();
PathItem versionPath();
PathItem openIdConfigurationPath();
PathItem openIdKeysPath();

}  // namespace coxswain::apiserver::openapi
