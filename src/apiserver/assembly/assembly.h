#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apiserver/admission/options.h"
#include "apiserver/aggregator/remote_servers.h"
#include "apiserver/audit/auditing.h"
#include "apiserver/authn/authenticator.h"
#include "apiserver/authz/webhook_authorizer.h"
#include "apiserver/flow_control/controller.h"
#include "apiserver/generic/admission.h"
#include "apiserver/local/component_statuses.h"
#include "apiserver/server/api_server.h"
#include "base/result.h"
#include "client/client.h"
#include "runtime/executor.h"
#include "runtime/random.h"
#include "runtime/task.h"
#include "storage/store.h"

namespace coxswain::apiserver {

struct AssemblyOptions {
  std::string version;                         ///< of this program
  std::string advertiseAddress = "127.0.0.1";  ///< where others reach it
  uint16_t securePort = 6443;
  std::string hostName;  ///< of the lease that says this server is there; empty: no lease
  /// Who signs client certificates, and proxies' that vouch for users by headers; both are told in
  /// a config map.
  std::string clientCaPem;
  RequestHeaderOptions requestHeaders;
  StaticTokens staticTokens;
  bool bootstrapTokens = false;  ///< secrets of type bootstrap.kubernetes.io/token count
  /// Made by whoever has a network; closed by stop().
  std::vector<std::unique_ptr<RemoteTokens>> remoteTokens;
  bool anonymousAuth = true;
  TokenOptions tokens;                                 ///< of service accounts
  std::string serviceClusterIpRange = "10.96.0.0/16";  ///< one, or two by comma
  std::string serviceNodePortRange = "30000-32767";
  std::string serviceCaConfigMap;  ///< see AdmissionSources
  AdmissionOptions admission;
  /// What componentstatuses tells of besides the store.
  std::vector<ProbedComponent> components;
  /// Who is asked what users may do, in this order: Node, RBAC, Webhook (then
  /// `authorizationWebhook` is set), AlwaysAllow, AlwaysDeny. Group system:masters may do
  /// everything before anybody is asked.
  std::vector<std::string> authorizationModes = {"Node", "RBAC"};
  std::optional<WebhookAuthorizerOptions> authorizationWebhook;
  flow::FlowOptions flow;         ///< who may run at a time
  Duration requestTimeout = 60s;  ///< for a body to arrive
  /// Of aggregated API servers; null: there is no network, they are not available. Outlives the
  /// assembly.
  RemoteServers* remoteServers = nullptr;
  audit::Auditing audit;  ///< which requests are written down
  /// Also make the roles of parts that we bring along beside upstream's (name server).
  bool ownPartsRoles = false;
};

/// An API server with all that belongs to it but sockets and kubelets: authentication,
/// authorization, admission, allocation of addresses and ports, tokens, reviews, the objects every
/// cluster has. Works under simulation. One executor; references outlive it.
///
///     CO_TRY(auto assembly, Assembly::create(executor, store, random, options));
///     CO_TRY_STATUS(co_await assembly->start());
///     auto client = assembly->client("system:kube-scheduler", {});
///     ...
///     co_await assembly->stop();
class Assembly {
 public:
  /// BadRequest for options that cannot be (ranges, keys).
  static Result<std::unique_ptr<Assembly>> create(Executor& executor, storage::Store& store,
                                                  Random& random, AssemblyOptions options);
  ~Assembly();
  Assembly(const Assembly&) = delete;
  Assembly& operator=(const Assembly&) = delete;

  /// Reads what is stored, makes the first objects, keeps default/kubernetes from then on.
  Task<Status> start();
  /// Always, once start was called.
  Task<void> stop();

  /// Bundles that changed on disk: count from now on, and are told. BadRequest: no certificates.
  Status setClientCa(std::string pem);
  Status setRequestHeaderCa(std::string pem);

  [[nodiscard]] ApiServer& server();
  [[nodiscard]] const Authenticator& authenticator() const;
  /// For posters and handlers that are added to the server.
  [[nodiscard]] Admission& admission();
  /// Requests of that user from within the process (system:authenticated is added). Any executor;
  /// must not outlive the assembly. `fieldManager`: as LocalClient has it.
  [[nodiscard]] std::unique_ptr<client::Client> client(std::string user,
                                                       std::vector<std::string> groups,
                                                       std::string fieldManager = {});

 private:
  struct Impl;
  explicit Assembly(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// "10.96.0.0/16" or two ranges of different families by comma: the first address of each, which
/// are those of service default/kubernetes. BadRequest.
Result<std::vector<std::string>> firstServiceAddresses(const std::string& ranges);

}  // namespace coxswain::apiserver
