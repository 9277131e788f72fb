#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/log.h"
#include "cmd/commands.h"
#include "cmd/load.h"
#include "cmd/server.h"
#include "cmd/signal_stop.h"
#include "runtime/reactor.h"
#include "runtime/sync.h"

namespace coxswain::cmd {
namespace {

const Logger kLog("kube-apiserver");

Task<Status> serveUntilStopped(Reactor& reactor, ServerOptions options, std::stop_token stop) {
  CO_TRY(auto server, co_await Server::start(reactor, std::move(options)));
  Event never;
  Status stopped = co_await never.wait(stop);
  kLog.info("stopping", {{"why", stopped}});
  co_await server->stop(5s);
  co_return Status();
}

void addServingFlags(CLI::App& app, ServerOptions& options) {
  app.add_option("--bind-address", options.bindAddress, "address to listen on")
      ->capture_default_str();
  app.add_option("--secure-port", options.securePort, "port to listen on; 0: any that is free")
      ->capture_default_str();
  app.add_option("--advertise-address", options.advertiseAddress,
                 "address that others reach this server by; found if not given");
  app.add_option("--tls-cert-file", options.tlsCertFile,
                 "server certificate (PEM); made in the data folder if not given");
  app.add_option("--tls-private-key-file", options.tlsPrivateKeyFile, "its private key (PEM)");
  app.add_option("--data-dir", options.dataDir, "folder of the store and the keys")
      ->capture_default_str();
  app.add_option("--cert-dir", options.pkiDir,
                 "folder of generated keys and certificates; DATA-DIR/pki if not given");
  app.add_option("--kubeconfig-dir", options.kubeconfigDir,
                 "folder where kubeconfigs of the other parts are written; none if not given");
  app.add_option("--node-name", options.nodeName,
                 "also make the keys of this node's kubelet: kubelet.conf among the kubeconfigs, "
                 "and kubelet.crt and kubelet.key beside the server's");
  app.add_option("--node-addresses", options.nodeAddresses,
                 "names and addresses in that kubelet's certificate")
      ->delimiter(',');
  app.add_option("--tls-extra-names", options.extraNames,
                 "more names and addresses in the generated server certificate")
      ->delimiter(',');
}

void addAuthorizationFlags(CLI::App& app, ServerOptions& options) {
  app.add_option("--authorization-mode", options.authorizationModes,
                 "who is asked what users may do, in this order: Node, RBAC, Webhook, AlwaysAllow, "
                 "AlwaysDeny; group system:masters may do everything in any case")
      ->delimiter(',')
      ->capture_default_str();
  app.add_option("--authorization-webhook-config-file", options.authorizationWebhookConfigFile,
                 "kubeconfig of the service that mode Webhook asks");
  app.add_option("--authorization-webhook-version", options.authorizationWebhookVersion,
                 "version of authorization.k8s.io that it is asked in: v1 or v1beta1")
      ->capture_default_str();
  app.add_option("--authorization-webhook-cache-authorized-ttl",
                 options.authorizationWebhookAuthorizedTtl,
                 "how long it is remembered that something is allowed")
      ->capture_default_str();
  app.add_option("--authorization-webhook-cache-unauthorized-ttl",
                 options.authorizationWebhookUnauthorizedTtl,
                 "how long any other answer is remembered")
      ->capture_default_str();
}

void addServiceFlags(CLI::App& app, ServerOptions& options) {
  app.add_option("--service-ca-config-map", options.serviceCaConfigMap,
                 "config map whose service-ca.crt is among the credentials of every pod, as in "
                 "OpenShift; none if not given");
  app.add_option("--service-cluster-ip-range", options.serviceClusterIpRange,
                 "addresses of services; two ranges of different families for dual stack")
      ->capture_default_str();
  app.add_option("--service-node-port-range", options.serviceNodePortRange,
                 "node ports of services")
      ->capture_default_str();
  app.add_option("--proxy-client-cert-file", options.proxyClientCertificate,
                 "certificate (PEM) shown to aggregated API servers; made in the data folder if "
                 "neither this nor --requestheader-client-ca-file is given");
  app.add_option("--proxy-client-key-file", options.proxyClientKey, "its private key (PEM)");
  app.add_option("--kubelet-client-certificate", options.kubeletClientCertificate,
                 "certificate (PEM) shown to kubelets; made in the data folder if not given");
  app.add_option("--kubelet-client-key", options.kubeletClientKey, "its private key (PEM)");
  app.add_option("--kubelet-certificate-authority", options.kubeletCertificateAuthority,
                 "who signs kubelets' certificates; the generated CA if not given");
  app.add_option("--kubelet-preferred-address-types", options.kubeletPreferredAddressTypes,
                 "which of a node's addresses are dialled, in this order")
      ->capture_default_str();
}

void addAdmissionFlags(CLI::App& app, ServerOptions& options) {
  auto& admission = options.admission;
  app.add_option("--enable-admission-plugins", admission.enable,
                 "admission plugins that are on besides those that are by default (upstream's and "
                 "NodeRestriction)")
      ->delimiter(',');
  app.add_option("--disable-admission-plugins", admission.disable,
                 "admission plugins that are off though they are on by default")
      ->delimiter(',');
  app.add_option("--admission-control-config-file", options.admissionControlConfigFile,
                 "configuration of admission plugins (AdmissionConfiguration)");
  admission.allowPrivileged = false;
  app.add_flag("--allow-privileged", admission.allowPrivileged,
               "containers may be privileged; else pods with such are invalid")
      ->capture_default_str();
  app.add_option("--default-not-ready-toleration-seconds", admission.notReadySeconds,
                 "how long pods that do not say it stay on nodes that are not ready")
      ->capture_default_str();
  app.add_option("--default-unreachable-toleration-seconds", admission.unreachableSeconds,
                 "how long pods that do not say it stay on nodes that cannot be reached")
      ->capture_default_str();
}

}  // namespace

int kubeApiserver(int argc, char** argv) {
  ServerOptions options;
  CLI::App app("The API server: the cluster's front door and the only part that touches the store",
               "kube-apiserver");
  addServingFlags(app, options);
  addAuthenticationFlags(app, options.authentication);
  addAuthorizationFlags(app, options);
  addServiceFlags(app, options);
  addLoadFlags(app, options.load);
  addAdmissionFlags(app, options);
  addMetricsFlags(app, options.metrics);
  std::vector<const char*> arguments{"kube-apiserver"};
  arguments.insert(arguments.end(), argv, argv + argc);
  try {
    app.parse(static_cast<int>(arguments.size()), arguments.data());
  } catch (const CLI::ParseError& e) {
    return app.exit(e);
  }
  raiseFileLimit();
  Reactor reactor;
  SignalStop signals(reactor);
  Status status = blockOn(reactor, serveUntilStopped(reactor, std::move(options), signals.token()));
  if (status.ok()) return 0;
  std::fprintf(stderr, "kube-apiserver: %s\n", status.message().c_str());
  return 1;
}

}  // namespace coxswain::cmd
