#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "apiserver/authn/authenticator.h"
#include "apiserver/authz/authorizer.h"
#include "apiserver/discovery/served_resource.h"
#include "apiserver/generic/admission.h"
#include "apiserver/generic/generic_registry.h"
#include "apiserver/registry/resources.h"
#include "apiserver/server/exchange.h"
#include "apiserver/server/subresources.h"
#include "net/http.h"
#include "runtime/executor.h"
#include "runtime/random.h"
#include "storage/store.h"

namespace coxswain::apiserver {

struct ApiServerOptions {
  std::string advertiseAddress = "127.0.0.1:6443";  ///< as /api tells it
  std::string version;                              ///< of this program
  const Authorizer* authorizer = nullptr;           ///< null: system:masters alone
  Admission* admission = nullptr;                   ///< null: everything is admitted
};

/// The API over HTTP: authenticate, authorize, decode, default, validate, store, encode. Runs on
/// one executor; references outlive it. Upstream: staging/src/k8s.io/apiserver/pkg/endpoints.
class ApiServer final : public net::Handler {
 public:
  ApiServer(Executor& executor, storage::Store& store, Authenticator& authenticator, Random& random,
            ApiServerOptions options);
  ~ApiServer() override;

  /// Makes what every cluster has: the namespaces default, kube-system, kube-public and
  /// kube-node-lease. Idempotent.
  Task<Status> bootstrap();

  /// What is served below objects; fill it before the first request.
  Subresources& subresources() { return subresources_; }
  /// Null: no such resource. For hooks, and handlers of subresources.
  [[nodiscard]] GenericRegistry* registry(std::string_view group, std::string_view version,
                                          std::string_view plural) const;

  Task<void> serve(net::Request& request, net::ResponseWriter& response) override;

 private:
  Task<Status> handle(Exchange& exchange);
  Task<Status> handlePath(Exchange& exchange);
  Task<Status> handleResource(Exchange& exchange);
  Task<Status> handleGet(Exchange& exchange);
  Task<Status> handleList(Exchange& exchange);
  Task<Status> handleWatch(Exchange& exchange);
  Task<Status> handleCreate(Exchange& exchange);
  Task<Status> handleUpdate(Exchange& exchange);
  Task<Status> handlePatch(Exchange& exchange);
  Task<Status> handleDelete(Exchange& exchange);
  Task<Status> handleDeleteCollection(Exchange& exchange);
  [[nodiscard]] std::vector<ServedResource> served() const;
  Status authorize(const RequestContext& request, std::string_view fieldSelector) const;
  Status checkNamespace(const Exchange& exchange) const;
  Task<Status> sendObject(Exchange& exchange, int code, const api::ConstObject& object);

  Executor& executor_;
  storage::Store& store_;
  Authenticator& authenticator_;
  ApiServerOptions options_;
  std::map<const Resource*, std::unique_ptr<GenericRegistry>> registries_;
  Subresources subresources_;
};

}  // namespace coxswain::apiserver
