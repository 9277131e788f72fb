#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/discovery/served_resource.h"

namespace coxswain::apiserver {

/// The descriptions of the interface under /openapi, made from the resources and the message
/// tables. A value; const methods are safe on any thread. Documents are large (v2: megabytes) and
/// are made anew on each call: keep them.
class OpenApi {
 public:
  explicit OpenApi(std::vector<ServedResource> resources);

  /// /openapi/v3: {"paths":{"api/v1":{"serverRelativeURL":"/openapi/v3/api/v1?hash=..."}}}
  [[nodiscard]] std::string v3Index() const;
  /// Names a v3 document's content in 128 hexadecimal digits, as the index shows it: made of what
  /// the document is made of. Cheap.
  [[nodiscard]] std::string v3Hash(std::string_view path) const;
  /// Paths of v3 documents, sorted: ".well-known/openid-configuration", "api", "api/v1", "apis",
  /// "apis/apps", "apis/apps/v1", "openid/v1/jwks", "version".
  [[nodiscard]] std::vector<std::string> v3Paths() const;
  /// JSON of one; nothing: there is no such path.
  [[nodiscard]] std::optional<std::string> v3(std::string_view path) const;
  /// /openapi/v2: Swagger 2.0, JSON, of everything.
  [[nodiscard]] std::string v2() const;
  /// The same as openapi.v2.Document: "application/com.github.proto-openapi.spec.v2@v1.0+protobuf".
  [[nodiscard]] std::string v2Protobuf() const;

 private:
  std::vector<ServedResource> resources_;
};

}  // namespace coxswain::apiserver
