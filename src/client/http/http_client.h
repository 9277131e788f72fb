#pragma once

#include <memory>
#include <string>

#include "client/client.h"
#include "client/http/rest_client.h"
#include "client/path_reader.h"

namespace coxswain::api::meta::v1 {
struct DeleteOptions;
}

namespace coxswain::client {

/// Who a client is where its connection does not say so: a bearer token, always a fresh one. On the
/// rest client's reactor.
class TokenSource {
 public:
  virtual ~TokenSource() = default;
  virtual Task<Result<std::string>> token(std::stop_token stop) = 0;
  /// The server did not take the last one.
  virtual void refused() = 0;
};

/// The Client of any Kubernetes API server over HTTP. Bodies are protobuf (or JSON, by the config).
/// Lists with limit 0 come in pages of 500 that are joined; a page that expired halfway starts the
/// list again, whole. Server-side apply forces. Methods may be called from any executor; the work
/// is done on the rest client's reactor, which must be running. `rest` outlives the client and its
/// watches.
class HttpClient final : public Client, public PathReader {
 public:
  /// `tokens` outlives it as well; null: the rest client's config says who we are.
  explicit HttpClient(RestClient& rest, TokenSource* tokens = nullptr);

  Task<Result<api::ConstObject>> get(const ResourceType& type, std::string ns, std::string name,
                                     std::stop_token stop) override;
  Task<Result<api::ConstObject>> getSubresource(const ResourceType& type, std::string ns,
                                                std::string name, std::string subresource,
                                                std::stop_token stop) override;
  Task<Result<ObjectList>> list(const ResourceType& type, std::string ns, ListOptions options,
                                std::stop_token stop) override;
  Task<Result<std::unique_ptr<Watch>>> watch(const ResourceType& type, std::string ns,
                                             WatchOptions options, std::stop_token stop) override;
  Task<Result<api::ConstObject>> create(const ResourceType& type, std::string ns, std::string name,
                                        std::string subresource, api::ConstObject object,
                                        std::stop_token stop) override;
  Task<Result<api::ConstObject>> update(const ResourceType& type, std::string subresource,
                                        api::ConstObject object, std::stop_token stop) override;
  Task<Result<api::ConstObject>> patch(const ResourceType& type, std::string ns, std::string name,
                                       std::string subresource, PatchType patchType,
                                       std::string body, std::stop_token stop) override;
  Task<Status> remove(const ResourceType& type, std::string ns, std::string name,
                      DeleteOptions options, std::stop_token stop) override;
  Task<Result<std::string>> readPath(std::string path, PathQuery query,
                                     std::stop_token stop) override;

 private:
  Task<Result<RestResponse>> call(RestRequest request, std::stop_token stop);
  Task<Result<RestResponse>> callAs(RestRequest request, std::stop_token stop);
  Task<Result<std::unique_ptr<net::ClientResponse>>> streamAs(RestRequest request,
                                                              std::stop_token stop);
  Task<Result<api::ConstObject>> exchange(const ResourceType& type, RestRequest request,
                                          std::stop_token stop);
  Task<Result<ObjectList>> listPage(const ResourceType& type, std::string ns, ListOptions options,
                                    std::stop_token stop);
  [[nodiscard]] RestRequest request(std::string method, std::string path) const;
  void setBody(RestRequest& request, const ResourceType* type,
               const api::ConstObject& object) const;

  RestClient& rest_;
  TokenSource* tokens_;
};

/// "/api/v1/namespaces/NS/pods/NAME/SUB"; empty parts are left out.
std::string resourcePath(std::string_view group, std::string_view version, std::string_view plural,
                         std::string_view ns, std::string_view name = "",
                         std::string_view subresource = "");
/// The body of a DELETE.
api::meta::v1::DeleteOptions deleteOptionsOf(DeleteOptions options);
/// The media type of a patch's body.
std::string_view patchMediaType(PatchType type);

}  // namespace coxswain::client
