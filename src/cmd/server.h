#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "apiserver/admission/options.h"
#include "base/result.h"
#include "client/client.h"
#include "cmd/authentication.h"
#include "cmd/load.h"
#include "cmd/metrics.h"
#include "cmd/pki.h"
#include "runtime/reactor.h"
#include "runtime/task.h"

namespace coxswain::cmd {

/// What the flags of kube-apiserver say, with upstream's defaults where they have one.
struct ServerOptions {
  std::string bindAddress = "0.0.0.0";
  uint16_t securePort = 6443;  ///< 0: the kernel picks
  /// What clients and the service default/kubernetes are told; empty: the bind address, or where
  /// that is unspecified the address of the default route, or 127.0.0.1.
  std::string advertiseAddress;

  std::string dataDir = "/var/lib/coxswain";  ///< store.db, and what is made at first start
  std::string pkiDir;                         ///< empty: DATA-DIR/pki
  /// Where kubeconfigs are written: admin, kube-scheduler, kube-controller-manager, kube-proxy,
  /// coredns (each NAME.conf) and, with a nodeName, kubelet.conf. Empty: none is written.
  std::string kubeconfigDir;
  /// Also make the kubelet's keys: kubelet.conf and PKI-DIR/kubelet.crt, kubelet.key (serving).
  std::string nodeName;
  std::vector<std::string> nodeAddresses;  ///< names and addresses in the serving certificate
  std::vector<std::string> extraNames;     ///< more names and addresses of the API server's

  /// Scheduler and controllers run in this process, too: they are as well as it is. Else
  /// componentstatuses asks their ports on this machine.
  bool partsWithin = false;

  std::string tlsCertFile;  ///< with tlsPrivateKeyFile; empty: made in pkiDir
  std::string tlsPrivateKeyFile;
  AuthenticationOptions authentication;
  /// A config map with key service-ca.crt that every pod's credentials include, as OpenShift has
  /// it; somebody must make it in each namespace. Empty: none.
  std::string serviceCaConfigMap;
  apiserver::AdmissionOptions admission;
  std::string admissionControlConfigFile;  ///< read into `admission`; empty: none
  /// Who is asked what users may do, in this order: Node, RBAC, Webhook, AlwaysAllow, AlwaysDeny.
  std::vector<std::string> authorizationModes = {"Node", "RBAC"};
  std::string authorizationWebhookConfigFile;  ///< kubeconfig of the service that Webhook asks
  std::string authorizationWebhookVersion = "v1beta1";
  std::string authorizationWebhookAuthorizedTtl = "5m0s";
  std::string authorizationWebhookUnauthorizedTtl = "30s";
  std::string serviceClusterIpRange = "10.96.0.0/16";
  std::string serviceNodePortRange = "30000-32767";
  LoadOptions load;
  /// What aggregated API servers are shown, with proxyClientKey. Empty: made in pkiDir, together
  /// with the CA by which requests of such proxies are known, unless that is given.
  std::string proxyClientCertificate;
  std::string proxyClientKey;
  std::string kubeletClientCertificate;  ///< with kubeletClientKey; empty: made in pkiDir
  std::string kubeletClientKey;
  std::string kubeletCertificateAuthority;  ///< empty: the CA of pkiDir
  /// Which of a node's addresses are dialled, the first that it has ("InternalIP,Hostname" where
  /// names of nodes do not resolve).
  std::string kubeletPreferredAddressTypes =
      "Hostname,InternalDNS,InternalIP,ExternalDNS,ExternalIP";
  MetricsOptions metrics;
};

/// A running API server with its embedded store, certificates and port: what kube-apiserver is, and
/// what `up` composes with the other parts. One reactor, on which every method is called.
///
///     ServerOptions options;
///     options.dataDir = "/var/lib/coxswain";
///     options.kubeconfigDir = options.dataDir + "/kubeconfig";
///     options.nodeName = "node1";
///     CO_TRY(auto server, co_await Server::start(reactor, options));
///     auto client = server->localClient("system:kube-scheduler", {});   // any number, any user
///     ...                       // HTTPS clients: server->url() and server->pki().ca()
///     co_await server->stop(5s);   // always, after the users of its clients have ended
class Server {
 public:
  /// Serving when it returns (bootstrap objects are there). BadRequest for options that cannot be;
  /// otherwise what the disk or the port refused.
  static Task<Result<std::unique_ptr<Server>>> start(Reactor& reactor, ServerOptions options);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] uint16_t port() const;
  /// "https://127.0.0.1:6443": for this machine.
  [[nodiscard]] std::string url() const;
  [[nodiscard]] const std::string& advertiseAddress() const;
  [[nodiscard]] const Pki& pki() const;

  /// The API of this process for a component, as that user (system:authenticated is added): no
  /// sockets and no codecs, but authorization, admission and validation. May be used on any
  /// executor; must not outlive the server.
  [[nodiscard]] std::unique_ptr<client::Client> localClient(std::string user,
                                                            std::vector<std::string> groups,
                                                            std::string fieldManager = {}) const;

  /// Lets requests end for `grace`, then stops all.
  Task<void> stop(Duration grace);

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace coxswain::cmd
