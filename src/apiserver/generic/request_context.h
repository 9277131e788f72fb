#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/generic/user_info.h"
#include "apiserver/registry/resources.h"

namespace coxswain::apiserver {

class GenericRegistry;

/// What a request is about, from method and path.
struct RequestInfo {
  bool isResource = false;  ///< false: `path` alone counts
  std::string path;
  /// get, list, watch, create, update, patch, delete, deletecollection; of a path: the method in
  /// lower case.
  std::string verb;
  std::string group;
  std::string version;
  std::string ns;
  std::string resource;
  std::string name;
  std::string subresource;  ///< "status"; of proxies without what follows
  std::string rest;         ///< below the subresource ("/healthz" of ".../proxy/healthz")
};

/// One request on its way, whether it came by HTTP or from this process: who wants what. Lives
/// until the answer is given.
struct RequestContext {
  UserInfo user = {};
  RequestInfo info = {};
  const Resource* resource = nullptr;   ///< null: not a resource that is served
  GenericRegistry* registry = nullptr;  ///< of `resource`
  bool dryRun = false;
  std::string fieldManager = {};  ///< empty: none was named
  std::string userAgent = {};
  /// The answer carries them as Warning headers.
  std::vector<std::string> warnings = {};
  /// Of the request's audit event; null: it is not audited.
  std::map<std::string, std::string>* auditAnnotations = nullptr;

  /// For whoever decides about the request: "pod-security.kubernetes.io/exempt". The first value of
  /// a key stays; costs nothing where nobody audits.
  void annotateAudit(std::string_view key, std::string_view value) {
    if (auditAnnotations) auditAnnotations->try_emplace(std::string(key), value);
  }
};

}  // namespace coxswain::apiserver
