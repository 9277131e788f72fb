#include <fmt/format.h>

#include "api/gen/core_v1.h"
#include "api/meta/time.h"
#include "client/http/kubeconfig.h"
#include "cmd/commands.h"
#include "cmd/component.h"
#include "kubelet/access/reviews.h"
#include "kubelet/config/configuration.h"
#include "kubelet/kubelet.h"
#include "kubelet/server/kubelet_server.h"
#include "net/certs.h"
#include "net/http_server.h"
#include "net/tls.h"
#include "runtime/files.h"
#include "runtime/sync.h"

namespace coxswain::cmd {
namespace {

using kubelet::KubeletConfiguration;

/// What flags say that does not have its place in the configuration's own types.
struct KubeletFlags {
  std::string config;
  std::string nodeIp;
  std::string nodeLabels;
  std::string taints;
  std::string kubeReserved;
  std::string systemReserved;
  std::string requestTimeout;
  std::string certDir = "/var/lib/kubelet/pki";
  KubeletConfiguration configuration;
};

std::string hostPort(const std::string& host, int32_t port) {
  bool six = host.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", six ? "[" : "", host, six ? "]" : "", port);
}

void addFlags(CLI::App& app, KubeletFlags& flags) {
  auto& c = flags.configuration;
  auto& k = c.kubelet;
  app.add_option("--config", flags.config,
                 "file with a KubeletConfiguration; flags that are given win over it");
  app.add_option("--container-runtime-endpoint", c.containerRuntimeEndpoint,
                 "socket of the container runtime (CRI v1)");
  app.add_option("--image-service-endpoint", c.imageServiceEndpoint,
                 "socket of its image service, if another");
  app.add_option("--runtime-request-timeout", flags.requestTimeout,
                 "limit of calls to the runtime (pulls have none): 2m0s");
  app.add_option("--root-dir", k.rootDir, "folder of pods' files (volumes and the like)");
  app.add_option("--pod-manifest-path", k.staticPodPath, "file or folder of static pods");
  app.add_option("--cert-dir", flags.certDir,
                 "where the serving certificate is made when none is given");
  app.add_option("--tls-cert-file", c.server.tlsCertFile, "serving certificate (PEM)");
  app.add_option("--tls-private-key-file", c.server.tlsPrivateKeyFile, "its private key (PEM)");
  app.add_option("--client-ca-file", c.server.clientCaFile,
                 "callers with a certificate of this CA (PEM) are who it says");
  app.add_flag("--anonymous-auth", c.server.anonymous,
               "let callers without credentials in as system:anonymous");
  app.add_flag("--authentication-token-webhook", c.server.webhookAuthentication,
               "ask the API server about bearer tokens");
  app.add_option("--authorization-mode", c.server.authorizationMode, "Webhook or AlwaysAllow");
  app.add_option("--address", c.server.address, "address of the kubelet's port");
  app.add_option("--port", c.server.port, "the kubelet's port");
  app.add_option("--healthz-bind-address", c.server.healthzBindAddress,
                 "address of the plain health port");
  app.add_option("--healthz-port", c.server.healthzPort, "plain health port; 0: none");
  app.add_option("--hostname-override", k.nodeName, "name of the node; empty: the host's name");
  app.add_option("--node-ip", flags.nodeIp,
                 "address of the node, or one of each family with a comma");
  app.add_option("--node-labels", flags.nodeLabels, "labels when registering: key=value,...");
  app.add_flag("--register-node", k.registerNode, "make the Node object");
  app.add_option("--register-with-taints", flags.taints,
                 "taints when registering: key=value:effect,...");
  app.add_option("--provider-id", k.providerId, "spec.providerID of the node");
  app.add_option("--max-pods", k.maxPods, "pods that may run here");
  app.add_option("--pod-max-pids,--pod-pids-limit", k.podPidsLimit,
                 "processes of a pod; -1: no limit");
  app.add_option("--kube-reserved", flags.kubeReserved, "kept from pods: cpu=100m,memory=1Gi");
  app.add_option("--system-reserved", flags.systemReserved, "kept from pods, too");
  app.add_option("--cluster-dns", k.clusterDns, "addresses of the cluster's DNS")->delimiter(',');
  app.add_option("--cluster-domain", k.clusterDomain, "domain of the cluster: cluster.local");
  app.add_option("--resolv-conf", k.resolvConf, "what pods with dnsPolicy Default get");
  app.add_option("--cgroup-driver", k.cgroupDriver, "cgroupfs");
  app.add_option("--cgroup-root", k.cgroupRoot, "group below which pods' groups are made");
  app.add_flag("--cgroups-per-qos", k.cgroupsPerQos, "a group for each class and pod");
  app.add_flag("--cpu-cfs-quota", k.cpuCfsQuota, "enforce CPU limits");
  app.add_flag("--seccomp-default", k.seccompDefault,
               "profile RuntimeDefault for containers that ask for none");
  app.add_flag("--serialize-image-pulls", k.serializeImagePulls, "one image at a time");
}

/// The file first, then once more the flags, which win.
Status readConfigurationFile(KubeletFlags& flags, CLI::App& app, int argc, char** argv) {
  if (flags.config.empty()) return {};
  SystemFiles files;
  auto text = files.read(flags.config, 1 << 20);
  if (!text.ok()) return text.status().withContext("--config");
  KubeletConfiguration fresh;
  Status read = kubelet::readConfiguration(*text, fresh);
  if (!read.ok()) return read.withContext("--config " + flags.config);
  flags.configuration = std::move(fresh);
  std::vector<const char*> arguments{"kubelet"};
  arguments.insert(arguments.end(), argv, argv + argc);
  try {
    app.parse(static_cast<int>(arguments.size()), arguments.data());
  } catch (const CLI::ParseError& e) {
    return badRequest(e.what());
  }
  return {};
}

Status finish(KubeletFlags& flags) {
  auto& k = flags.configuration.kubelet;
  auto& s = flags.configuration.server;
  TRY(auto labels, kubelet::parsePairs(flags.nodeLabels));
  for (auto& [key, value] : labels) k.nodeLabels[key] = value;
  if (!flags.taints.empty()) {
    TRY(auto taints, kubelet::parseTaints(flags.taints));
    k.registerWithTaints = std::move(taints);
  }
  if (!flags.requestTimeout.empty()) {
    auto parsed = api::GoDuration::parse(flags.requestTimeout);
    if (!parsed.ok() || parsed->nanos <= 0) {
      return badRequest("--runtime-request-timeout: must be a duration such as \"2m\"");
    }
    flags.configuration.runtimeRequestTimeout = parsed->duration();
  }
  if (!flags.kubeReserved.empty()) {
    TRY(auto list, kubelet::parseResourceList(flags.kubeReserved));
    k.kubeReserved = std::move(list);
  }
  if (!flags.systemReserved.empty()) {
    TRY(auto list, kubelet::parseResourceList(flags.systemReserved));
    k.systemReserved = std::move(list);
  }
  std::string_view ips = flags.nodeIp;
  while (!ips.empty()) {
    auto end = std::min(ips.find(','), ips.size());
    k.nodeIps.emplace_back(ips.substr(0, end));
    ips.remove_prefix(std::min(end + 1, ips.size()));
  }
  if (k.cgroupDriver != "cgroupfs") {
    return badRequest("--cgroup-driver: \"" + k.cgroupDriver +
                      "\" is not supported; use \"cgroupfs\"");
  }
  if (s.authorizationMode != "Webhook" && s.authorizationMode != "AlwaysAllow") {
    return badRequest("--authorization-mode: must be Webhook or AlwaysAllow");
  }
  if (s.anonymous) {
    return badRequest("--anonymous-auth: this kubelet lets nobody in without credentials");
  }
  if (s.tlsCertFile.empty() != s.tlsPrivateKeyFile.empty()) {
    return badRequest("--tls-cert-file and --tls-private-key-file go together");
  }
  k.port = s.port;
  return {};
}

/// A certificate that this kubelet vouches for itself, kept for its next start.
Result<net::KeyPair> ownCertificate(const KubeletFlags& flags, const std::string& nodeName,
                                    WallTime now) {
  SystemFiles files;
  std::string certFile = flags.certDir + "/kubelet.crt";
  std::string keyFile = flags.certDir + "/kubelet.key";
  auto cert = files.read(certFile);
  auto key = files.read(keyFile);
  if (cert.ok() && key.ok()) {
    auto ders = net::certificatesToDer(*cert);
    if (ders.ok()) {
      auto info = net::parseCertificate(ders->front());
      if (info.ok() && info->notAfter > now + 24h) return net::KeyPair{*cert, *key};
    }
  }
  auto until = now + 24h * 365;
  TRY(auto ca, net::createCa(nodeName + "-ca@" + std::to_string(now.time_since_epoch() / 1s),
                             now - 1h, until));
  net::CertificateRequest request;
  request.commonName = nodeName;
  request.dnsNames = {nodeName};
  request.ipAddresses = flags.configuration.kubelet.nodeIps;
  request.server = true;
  request.notBefore = now - 1h;
  request.notAfter = until;
  TRY(auto pair, net::issueCertificate(ca, request));
  TRY_STATUS(files.mkdirs(flags.certDir, 0755));
  TRY_STATUS(files.writeAtomically(keyFile, pair.keyPem, 0600));
  TRY_STATUS(files.writeAtomically(certFile, pair.certificatePem, 0644));
  return pair;
}

Result<std::shared_ptr<const net::TlsContext>> serverTls(const KubeletFlags& flags,
                                                         const std::string& nodeName,
                                                         WallTime now) {
  const auto& s = flags.configuration.server;
  SystemFiles files;
  net::TlsServerOptions options;
  if (!s.tlsCertFile.empty()) {
    TRY(options.certificatePem, files.read(s.tlsCertFile));
    TRY(options.keyPem, files.read(s.tlsPrivateKeyFile));
  } else {
    TRY(auto pair, ownCertificate(flags, nodeName, now));
    options.certificatePem = std::move(pair.certificatePem);
    options.keyPem = std::move(pair.keyPem);
  }
  if (!s.clientCaFile.empty()) {
    TRY(options.clientCaPem, files.read(s.clientCaFile));
  }
  return net::TlsContext::server(options);
}

/// Serves until stopped; `running` is the kubelet, started already.
Task<Status> serve(const KubeletFlags& flags, Component component, kubelet::Kubelet& running,
                   std::stop_token stop) {
  const auto& s = flags.configuration.server;
  kubelet::ReviewAuthenticator tokens(component.client, component.reactor);
  kubelet::ReviewAuthorizer reviews(component.client, component.reactor);
  kubelet::AllowAll all;
  kubelet::server::KubeletServerOptions options;
  options.endpoint = hostPort(s.address, s.port);
  CO_TRY(auto tls, serverTls(flags, running.nodeName(), component.reactor.wallNow()));
  options.tls = std::move(tls);
  if (s.webhookAuthentication) options.tokens = &tokens;
  options.authorizer = &reviews;
  if (s.authorizationMode == "AlwaysAllow") options.authorizer = &all;
  CO_TRY(auto server, kubelet::server::KubeletServer::start(component.reactor, std::move(options),
                                                            running.backend()));
  kubelet::server::HealthzHandler healthz(running.backend());
  std::unique_ptr<net::HttpServer> plain;
  Status status;
  if (s.healthzPort != 0) {
    net::HttpServerOptions http;
    http.endpoint = hostPort(s.healthzBindAddress, s.healthzPort);
    http.limits.connectionsMax = 100;
    auto started = net::HttpServer::start(component.reactor, std::move(http), healthz);
    if (started.ok()) {
      plain = std::move(*started);
    } else {
      status = started.status().withContext("--healthz-port");
    }
  }
  Event never;
  if (status.ok()) status = co_await never.wait(stop);
  if (plain) co_await plain->stop(1s);
  co_await server->stop(5s);
  co_return status;
}

struct Work {
  KubeletFlags& flags;

  Task<Status> operator()(Component component, std::stop_token stop) const {
    return run(flags, component, std::move(stop));
  }
  static Task<Status> run(const KubeletFlags& flags, Component component, std::stop_token stop) {
    const auto& c = flags.configuration;
    kubelet::SystemKubeletOptions options;
    options.kubelet = c.kubelet;
    options.containerRuntimeEndpoint = c.containerRuntimeEndpoint;
    options.imageServiceEndpoint = c.imageServiceEndpoint;
    options.runtimeRequestTimeout = c.runtimeRequestTimeout;
    kubelet::SystemKubelet kubelet(component.reactor, component.client, std::move(options));
    Status status = co_await kubelet.start(stop);
    if (status.ok()) status = co_await serve(flags, component, kubelet.kubelet(), stop);
    co_await kubelet.stop();
    co_return status;
  }
};

}  // namespace

int kubelet(int argc, char** argv) {
  KubeletFlags flags;
  ComponentFlags common;
  common.component = "kubelet";
  common.leaderElect = false;
  CLI::App app("The node agent: runs the pods that are bound to its node", "kubelet");
  app.add_option("--kubeconfig", common.kubeconfig,
                 "file that says where the API server is and who this is");
  addFlags(app, flags);
  auto check = [&] {
    Status read = readConfigurationFile(flags, app, argc, argv);
    return read.ok() ? finish(flags) : read;
  };
  return runComponent(app, common, argc, argv, check, Work{flags});
}

}  // namespace coxswain::cmd
