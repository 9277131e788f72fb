#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/reflect/object.h"
#include "apiserver/discovery/served_resource.h"
#include "apiserver/openapi/openapi.h"

namespace coxswain::apiserver {

/// A text with the hash that names its content.
struct Document {
  std::shared_ptr<const std::string> body;              ///< null: there is none, or it is packed
  std::string etag;                                     ///< without quotes
  std::shared_ptr<const std::string> packed = nullptr;  ///< large ones: gzip
  size_t size = 0;                                      ///< of what is packed

  explicit operator bool() const { return body || packed; }
};

/// What is told of group versions that other servers serve.
struct ForeignDocuments {
  std::vector<ServedResource> served;
  std::vector<std::pair<std::string, std::string>> openApi;  ///< v3: path and URL
};

/// What the server tells of its own interface: discovery and OpenAPI. Texts are made when first
/// asked for; the large ones are kept packed, as most clients want them. One executor.
class DocumentStore {
 public:
  DocumentStore(std::vector<ServedResource> served, std::string serverAddress);
  ~DocumentStore();

  /// From now on these are told of, too: in discovery, and in the index of OpenAPI v3; of group
  /// versions that are among them ours are not.
  void setForeign(ForeignDocuments foreign);

  /// "/api", "/apis", "/apis/apps", "/api/v1", "/apis/apps/v1"; nothing: not served.
  [[nodiscard]] std::optional<api::ConstObject> discovery(std::string_view path) const;
  /// JSON; of the core group, or of all others.
  const Document& aggregated(bool core);

  /// "/openapi/v3".
  const Document& openApiV3Index();
  /// "apis/apps/v1"; empty: there is no such document. Its etag is the hash in the index.
  Document openApiV3(std::string_view path);
  Document openApiV2(bool protobuf);

 private:
  Document keep(std::string name, std::string body, std::string etag);
  [[nodiscard]] const Document* kept(std::string_view name) const;

  std::vector<ServedResource> served_;  ///< ours first, then what others serve
  size_t ours_ = 0;
  std::vector<ServedResource> hidden_;  ///< ours, while others serve them
  std::vector<std::pair<std::string, std::string>> foreignOpenApi_;
  std::string serverAddress_;
  std::unique_ptr<OpenApi> openApi_;
  std::optional<Document> aggregatedCore_;
  std::optional<Document> aggregatedGroups_;
  std::optional<Document> index_;
  std::deque<std::pair<std::string, Document>> large_;
};

}  // namespace coxswain::apiserver
