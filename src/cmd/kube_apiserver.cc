#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/log.h"
#include "cmd/commands.h"
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

void addAuthenticationFlags(CLI::App& app, ServerOptions& options) {
  app.add_option("--client-ca-file", options.clientCaFile,
                 "who signs client certificates; the generated CA if not given");
  app.add_option("--token-auth-file", options.tokenAuthFile,
                 "static tokens: lines of token,user,uid,\"group1,group2\"");
  app.add_flag("--anonymous-auth", options.anonymousAuth,
               "requests without credentials are system:anonymous's; false: they are refused")
      ->capture_default_str();
  app.add_option(
      "--service-account-key-file", options.serviceAccountKeyFiles,
      "keys (PEM) that may have signed tokens; repeatable; the signing key's if not given");
  app.add_option("--service-account-signing-key-file", options.serviceAccountSigningKeyFile,
                 "private key (PEM) that signs tokens; made in the data folder if not given");
  app.add_option("--service-account-issuer", options.serviceAccountIssuer,
                 "who the issuer of tokens is")
      ->capture_default_str();
  app.add_option("--service-ca-config-map", options.serviceCaConfigMap,
                 "config map whose service-ca.crt is among the credentials of every pod, as in "
                 "OpenShift; none if not given");
  app.add_option("--api-audiences", options.apiAudiences,
                 "audiences of tokens that are for this server; the issuer if not given")
      ->delimiter(',');
}

void addServiceFlags(CLI::App& app, ServerOptions& options) {
  app.add_option("--service-cluster-ip-range", options.serviceClusterIpRange,
                 "addresses of services; two ranges of different families for dual stack")
      ->capture_default_str();
  app.add_option("--service-node-port-range", options.serviceNodePortRange,
                 "node ports of services")
      ->capture_default_str();
  app.add_option("--kubelet-client-certificate", options.kubeletClientCertificate,
                 "certificate (PEM) shown to kubelets; made in the data folder if not given");
  app.add_option("--kubelet-client-key", options.kubeletClientKey, "its private key (PEM)");
  app.add_option("--kubelet-certificate-authority", options.kubeletCertificateAuthority,
                 "who signs kubelets' certificates; the generated CA if not given");
  app.add_option("--kubelet-preferred-address-types", options.kubeletPreferredAddressTypes,
                 "which of a node's addresses are dialled, in this order")
      ->capture_default_str();
}

}  // namespace

int kubeApiserver(int argc, char** argv) {
  ServerOptions options;
  CLI::App app("The API server: the cluster's front door and the only part that touches the store",
               "kube-apiserver");
  addServingFlags(app, options);
  addAuthenticationFlags(app, options);
  addServiceFlags(app, options);
  std::vector<const char*> arguments{"kube-apiserver"};
  arguments.insert(arguments.end(), argv, argv + argc);
  try {
    app.parse(static_cast<int>(arguments.size()), arguments.data());
  } catch (const CLI::ParseError& e) {
    return app.exit(e);
  }
  Reactor reactor;
  SignalStop signals(reactor);
  Status status = blockOn(reactor, serveUntilStopped(reactor, std::move(options), signals.token()));
  if (status.ok()) return 0;
  std::fprintf(stderr, "kube-apiserver: %s\n", status.message().c_str());
  return 1;
}

}  // namespace coxswain::cmd
