#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apiserver/authn/authenticator.h"
#include "apiserver/authn/impersonation.h"
#include "apiserver/authz/authorizer.h"
#include "apiserver/discovery/served_resource.h"
#include "apiserver/generic/admission.h"
#include "apiserver/generic/generic_registry.h"
#include "apiserver/generic/object_cache.h"
#include "apiserver/registry/resources.h"
#include "apiserver/server/computed_resources.h"
#include "apiserver/server/exchange.h"
#include "apiserver/server/health.h"
#include "apiserver/server/metrics.h"
#include "apiserver/server/operations.h"
#include "apiserver/server/own_groups.h"
#include "apiserver/server/subresources.h"
#include "apiserver/server/virtual_resources.h"
#include "net/http.h"
#include "runtime/executor.h"
#include "runtime/random.h"
#include "storage/store.h"

namespace coxswain::apiserver {

struct Budgets;
class DocumentStore;
class ForeignGroups;
class WatchFrames;

/// A document of its own path, as OpenID's.
struct PathDocument {
  std::string contentType;
  std::string body;
  std::string cacheControl = "public, max-age=3600";
};

struct ApiServerOptions {
  std::string advertiseAddress = "127.0.0.1:6443";  ///< as /api tells it
  std::string version;                              ///< of this program
  const Authorizer* authorizer = nullptr;           ///< null: system:masters alone
  Admission* admission = nullptr;                   ///< null: everything is admitted
  /// Decoded and encoded forms of stored objects that are kept for the next reader.
  size_t formBytesMax = 16U << 20;
  Duration eventTtl = 1h;
  /// Of one collection: events that watches may resume from, and what may wait in one watch.
  size_t watchEventsKept = 2000;
  size_t watcherEventsMax = 1000;
  /// Who may run now; null: everybody. Outlives the server.
  flow::FlowController* flow = nullptr;
  audit::Auditor* auditor = nullptr;  ///< null: nothing is audited. Outlives the server.
  /// Bytes that the bodies of all requests together may take, and lists on their way: beyond,
  /// requests are refused (429) until others have ended.
  size_t bodyBytesMax = 128U << 20;
  size_t listBytesMax = 256U << 20;
  Duration requestTimeout = 60s;  ///< for a body to arrive
  /// A client that takes nothing of an answer or a watch for so long is given up. Not those of
  /// exec, logs and proxies, which people may leave alone for hours.
  Duration stallMax = 60s;
  std::map<std::string, PathDocument> documents;  ///< by path, answered to whoever may get it
};

/// The API over HTTP: authenticate, authorize, decode, then the verbs of `Operations`, encode. Runs
/// on one executor; references outlive it. Upstream: staging/src/k8s.io/apiserver/pkg/endpoints.
class ApiServer final : public net::Handler {
 public:
  ApiServer(Executor& executor, storage::Store& store, Authenticator& authenticator, Random& random,
            ApiServerOptions options);
  ~ApiServer() override;

  /// What reading the store at construction came to; a failure: nothing may be called but the
  /// destructor.
  [[nodiscard]] const Status& readable() const { return started_; }
  /// Before the first request. Makes what every cluster has: the namespaces default, kube-system,
  /// kube-public and kube-node-lease. Idempotent. Fails where the store could not be read.
  Task<Status> bootstrap();

  /// What is served below objects; fill it before the first request.
  Subresources& subresources() { return subresources_; }
  /// Is asked when somebody reads /metrics.
  void addMetrics(MetricSource source);
  /// A request of a client within this process has ended: on this executor.
  void countOwn(std::string_view group, std::string_view resource, std::string_view verb, int code);
  [[nodiscard]] ServerMetrics::Watching countOwnWatch(const Resource& resource);
  /// From now on /readyz fails, so that balancers look elsewhere; requests are served as before.
  void beginShutdown() { shuttingDown_ = true; }
  /// Collections that keep nothing; fill it before the first request.
  VirtualResources& virtualResources() { return virtualResources_; }
  /// Likewise.
  ComputedResources& computedResources() { return computedResources_; }
  /// Group versions that are answered in ways of their own; likewise.
  OwnGroups& ownGroups() { return ownGroups_; }
  /// Group versions that others serve; null, as at first: none. Outlives its use here.
  void setForeignGroups(ForeignGroups* foreign);
  /// What this server itself serves, as discovery tells it.
  [[nodiscard]] std::vector<ServedResource> served() const;
  /// Null: no such resource. For hooks, and handlers of subresources.
  [[nodiscard]] GenericRegistry* registry(std::string_view group, std::string_view version,
                                          std::string_view plural) const;

  /// Fills in resource and registry of a request whose user, info and verb are known. NotFound
  /// where nothing is served there, MethodNotAllowed where the verb is not. For clients in this
  /// process, who then authorize and call operations().
  Status route(RequestContext& context) const;
  /// May the request be made? Nothing: somebody must be asked for it, by authorizeLater. Selectors
  /// count for list, watch and deletecollection alone.
  [[nodiscard]] std::optional<Status> authorizeNow(const RequestContext& context,
                                                   std::string_view fieldSelector = {},
                                                   std::string_view labelSelector = {}) const;
  /// The same, whoever must be asked. What is referred to outlives the task.
  Task<Status> authorizeLater(const RequestContext& context, std::string_view fieldSelector = {},
                              std::string_view labelSelector = {}, std::stop_token stop = {}) const;
  [[nodiscard]] const Authorizer& authorizer() const;
  [[nodiscard]] const Operations& operations() const { return operations_; }

  Task<void> serve(net::Request& request, net::ResponseWriter& response) override;
  /// A request of a client in this process, whose user is known; neither counted, audited nor held
  /// back. A failure is the answer, if none was sent.
  Task<Status> serveOwn(Exchange& exchange);

 private:
  Task<Status> handle(Exchange& exchange);
  Task<Status> dispatch(Exchange& exchange);
  Task<Status> authenticate(Exchange& exchange);
  Task<Status> impersonate(Exchange& exchange);
  Task<Status> handlePath(Exchange& exchange);
  Task<Status> handleDiscovery(Exchange& exchange);
  Task<Status> listPaths(Exchange& exchange);
  /// Where nobody claims a path: Go's page.
  Task<Status> sendNoPage(Exchange& exchange);
  /// Does discovery tell of it? Paths below its own get a Status where nothing is there.
  bool ownsGroup(std::string_view group);
  Task<Status> handleOpenApi(Exchange& exchange);
  Task<Status> handleHealth(Exchange& exchange);
  Task<Status> handleResource(Exchange& exchange);
  Task<Status> handleGet(Exchange& exchange);
  Task<Status> handleList(Exchange& exchange);
  Task<Status> handleWatch(Exchange& exchange);
  Task<Status> handleCreate(Exchange& exchange);
  Task<Status> handleUpdate(Exchange& exchange);
  Task<Status> handlePatch(Exchange& exchange);
  Task<Status> handleDelete(Exchange& exchange);
  Task<Status> handleDeleteCollection(Exchange& exchange);
  Task<Status> refuse(Exchange& exchange, const Status& status);
  void addHealthChecks();
  void collect(MetricSink& sink) const;
  Task<Status> refuseBusy(Exchange& exchange, int32_t retryAfterSeconds);
  [[nodiscard]] uint32_t widthOf(const Exchange& exchange, const flow::Flow& what) const;
  std::string auditIdOf(const net::Request& request);
  /// What a write or a read of one object answers.
  Task<Status> handleComputed(Exchange& exchange, ObjectSource& source);
  Task<Status> sendObject(Exchange& exchange, int code, const api::ConstObject& object);
  Task<Status> send(Exchange& exchange, int code, std::string contentType, std::string body);
  Task<Status> sendText(Exchange& exchange, int code, std::string body);
  DocumentStore& documents();

  Executor& executor_;
  storage::Store& store_;
  Authenticator& authenticator_;
  ApiServerOptions options_;
  Impersonation impersonation_;
  Operations operations_;
  FormBudget budget_;
  Status started_;
  std::map<std::string, std::unique_ptr<ObjectCache>> caches_;  ///< by prefix
  std::map<const Resource*, std::unique_ptr<GenericRegistry>> registries_;
  Subresources subresources_;
  VirtualResources virtualResources_;
  ComputedResources computedResources_;
  OwnGroups ownGroups_;
  std::unique_ptr<DocumentStore> documents_;
  ForeignGroups* foreign_ = nullptr;
  uint64_t foreignEdition_ = 0;  ///< that documents_ knows
  std::unique_ptr<WatchFrames> frames_;
  std::unique_ptr<ServerMetrics> metrics_;
  std::unique_ptr<Budgets> budgets_;
  Random& random_;
  uint64_t auditIds_ = 0;
  Health health_;
  bool shuttingDown_ = false;
};

}  // namespace coxswain::apiserver
