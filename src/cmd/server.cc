#include "cmd/server.h"

#include <algorithm>
#include <filesystem>

#include "api/names/ip.h"
#include "apiserver/admission/config_file.h"
#include "apiserver/aggregator/remote_servers.h"
#include "apiserver/assembly/assembly.h"
#include "apiserver/kubelet_proxy/handlers.h"
#include "base/log.h"
#include "cmd/component_probe.h"
#include "cmd/duration_flag.h"
#include "cmd/file_reload.h"
#include "cmd/host_address.h"
#include "cmd/webhook_call.h"
#include "net/http_server.h"
#include "runtime/spawn.h"
#include "runtime/sync.h"
#include "storage/compactor.h"
#include "storage/sqlite/sqlite_store.h"

namespace coxswain::cmd {
namespace {

using namespace apiserver;  // NOLINT

const Logger kLog("kube-apiserver");

constexpr auto kCompactEvery = 5min;

std::vector<std::string> splitList(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    auto comma = text.find(',');
    if (comma != 0) out.emplace_back(text.substr(0, comma));
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  return out;
}

bool isUnspecified(const std::string& address) {
  auto ip = api::parseIp(address);
  return !ip || ip->isUnspecified();
}

std::string endpoint(const std::string& host, uint16_t port) {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

void sortIntoNames(const std::vector<std::string>& mixed, std::vector<std::string>& names,
                   std::vector<std::string>& addresses) {
  for (const auto& one : mixed) {
    if (one.empty()) continue;
    (api::parseIp(one) ? addresses : names).push_back(one);
  }
}

/// Both or neither of two files that go together.
Status checkPair(const std::string& one, const std::string& other, const char* text) {
  return one.empty() == other.empty() ? Status() : badRequest(std::string(text) + " go together");
}

Status completeOptions(ServerOptions& options) {
  TRY_STATUS(checkLoad(options.load));
  TRY_STATUS(checkPair(options.tlsCertFile, options.tlsPrivateKeyFile,
                       "--tls-cert-file and --tls-private-key-file"));
  TRY_STATUS(checkPair(options.proxyClientCertificate, options.proxyClientKey,
                       "--proxy-client-cert-file and --proxy-client-key-file"));
  TRY_STATUS(checkPair(options.kubeletClientCertificate, options.kubeletClientKey,
                       "--kubelet-client-certificate and --kubelet-client-key"));
  if (!api::parseIp(options.bindAddress)) {
    return badRequest("--bind-address \"" + options.bindAddress + "\" is not an address");
  }
  if (options.pkiDir.empty()) options.pkiDir = options.dataDir + "/pki";
  if (options.advertiseAddress.empty()) {
    options.advertiseAddress =
        isUnspecified(options.bindAddress) ? hostAddress() : options.bindAddress;
    if (options.advertiseAddress.empty()) options.advertiseAddress = "127.0.0.1";
  } else if (isUnspecified(options.advertiseAddress)) {
    return badRequest("--advertise-address \"" + options.advertiseAddress +
                      "\" is not an address of this machine");
  }
  return {};
}

/// A port that is free now.
Result<uint16_t> freePort(Reactor& reactor, const std::string& host) {
  TRY(auto listener, net::Listener::listen(reactor, endpoint(host, 0)));
  return listener->port();
}

/// Files that it names lie beside it, unless they are named from the root.
Status readAdmissionConfig(const std::string& path, AdmissionOptions& into) {
  TRY(auto text, readFile(path));
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  auto read = [&folder](const std::string& name) { return readFile((folder / name).string()); };
  auto parsed = parseAdmissionConfig(text, read, into);
  return parsed.ok() ? parsed : parsed.withContext("--admission-control-config-file " + path);
}

}  // namespace

/// Members in the order in which they may die: the last first.
struct Server::Impl {
  Impl(Reactor& owner, ServerOptions given, Pki keys)
      : reactor(owner), options(std::move(given)), pki(std::move(keys)) {}

  Reactor& reactor;
  ServerOptions options;
  Pki pki;
  SystemRandom random;
  std::unique_ptr<storage::Store> store;
  std::unique_ptr<KubeletConnections> kubelets;
  std::unique_ptr<WebhookCall> authorizationWebhook;
  std::unique_ptr<RemoteServers> aggregated;
  std::unique_ptr<MetricsApis> metrics;
  std::unique_ptr<Assembly> assembly;
  std::unique_ptr<net::HttpServer> listener;
  FileReload reload{reactor};
  std::stop_source compacting;
  Gate gate;

  Status makeStore();
  Result<AssemblyOptions> assemblyOptions();
  [[nodiscard]] std::vector<ProbedComponent> components() const;
  Status wireAuthorization(AssemblyOptions& out);
  Status wireAggregation(AssemblyOptions& out);
  Status assemble();
  Status wireKubelets();
  Result<std::shared_ptr<const net::TlsContext>> makeTls() const;
  Status listen();
  void reloadFiles();
  void reloadProxyClient();
  void watchFiles();
  Status writeKubeconfigs() const;
  Status makeNodeKeys() const;
};

Status Server::Impl::makeStore() {
  storage::SqliteOptions storeOptions;
  storeOptions.path = options.dataDir + "/store.db";
  TRY(store, storage::openSqliteStore(storeOptions));
  return {};
}

Result<AssemblyOptions> Server::Impl::assemblyOptions() {
  AssemblyOptions out;
  out.version = COXSWAIN_VERSION;
  out.hostName = hostName();
  out.advertiseAddress = options.advertiseAddress;
  out.securePort = options.securePort;
  TRY_STATUS(applyAuthentication(options.authentication, pki.serviceAccountKeyPem(),
                                 pki.ca().certificatePem, reactor, random, out));
  const auto& modes = options.authorizationModes;
  if (out.anonymousAuth && std::find(modes.begin(), modes.end(), "AlwaysAllow") != modes.end()) {
    kLog.warn("requests without credentials are refused: mode AlwaysAllow would let them do all");
    out.anonymousAuth = false;
  }
  out.serviceClusterIpRange = options.serviceClusterIpRange;
  out.serviceNodePortRange = options.serviceNodePortRange;
  out.serviceCaConfigMap = options.serviceCaConfigMap;
  out.flow = options.load.flow;
  out.requestTimeout = requestTimeoutOf(options.load);
  TRY(out.audit, audit::openAuditing(options.load.audit));
  out.admission = options.admission;
  if (!options.admissionControlConfigFile.empty()) {
    TRY_STATUS(readAdmissionConfig(options.admissionControlConfigFile, out.admission));
  }
  out.components = components();
  return out;
}

namespace {

Task<Result<std::string>> sayOk(std::stop_token) {
  co_return std::string("ok");
}

}  // namespace

std::vector<ProbedComponent> Server::Impl::components() const {
  constexpr uint16_t kControllersPort = 10257;
  constexpr uint16_t kSchedulerPort = 10259;
  if (options.partsWithin) return {{"controller-manager", sayOk}, {"scheduler", sayOk}};
  return {{"controller-manager", healthProbe(reactor, kControllersPort)},
          {"scheduler", healthProbe(reactor, kSchedulerPort)}};
}

Status Server::Impl::wireAuthorization(AssemblyOptions& out) {
  out.authorizationModes = options.authorizationModes;
  // Kubeconfigs are those of our parts: then these need their roles.
  out.ownPartsRoles = !options.kubeconfigDir.empty();
  const auto& modes = options.authorizationModes;
  const bool asks = std::find(modes.begin(), modes.end(), "Webhook") != modes.end();
  const auto& file = options.authorizationWebhookConfigFile;
  if (!asks && !file.empty()) {
    return badRequest("--authorization-webhook-config-file wants Webhook in --authorization-mode");
  }
  if (!asks || file.empty()) return {};
  TRY(authorizationWebhook, WebhookCall::create(reactor, file));
  auto& webhook = out.authorizationWebhook.emplace();
  webhook.call = authorizationWebhook->function();
  webhook.version = options.authorizationWebhookVersion;
  TRY(webhook.authorizedTtl, timeOf("--authorization-webhook-cache-authorized-ttl",
                                    options.authorizationWebhookAuthorizedTtl));
  TRY(webhook.unauthorizedTtl, timeOf("--authorization-webhook-cache-unauthorized-ttl",
                                      options.authorizationWebhookUnauthorizedTtl));
  return {};
}

/// Without other word this server is a proxy that it itself, and those behind it, believe.
Status Server::Impl::wireAggregation(AssemblyOptions& out) {
  net::KeyPair shown;
  if (!options.proxyClientCertificate.empty()) {
    TRY(shown.certificatePem, readFile(options.proxyClientCertificate));
    TRY(shown.keyPem, readFile(options.proxyClientKey));
  } else if (options.authentication.requestHeaderClientCaFile.empty()) {
    TRY(auto proxy, pki.frontProxy());
    shown = std::move(proxy.client);
    out.requestHeaders.caPem = std::move(proxy.caPem);
    out.requestHeaders.allowedNames = {kFrontProxyName};
    out.requestHeaders.usernameHeaders = {"X-Remote-User"};
    out.requestHeaders.uidHeaders = {"X-Remote-Uid"};
    out.requestHeaders.groupHeaders = {"X-Remote-Group"};
    out.requestHeaders.extraHeadersPrefixes = {"X-Remote-Extra-"};
  }
  auto made =
      RemoteServers::create(reactor, std::move(shown.certificatePem), std::move(shown.keyPem));
  if (!made.ok()) return made.status().withContext("--proxy-client-cert-file");
  aggregated = std::move(*made);
  out.remoteServers = aggregated.get();
  return {};
}

Status Server::Impl::assemble() {
  TRY(auto wanted, assemblyOptions());
  TRY_STATUS(wireAuthorization(wanted));
  TRY_STATUS(wireAggregation(wanted));
  TRY(assembly, Assembly::create(reactor, *store, random, std::move(wanted)));
  return {};
}

Status Server::Impl::wireKubelets() {
  KubeletOptions kubelet;
  kubelet.addressTypes = splitList(options.kubeletPreferredAddressTypes);
  kubelet.clientCertificatePem = pki.kubeletClient().certificatePem;
  kubelet.clientKeyPem = pki.kubeletClient().keyPem;
  if (!options.kubeletClientCertificate.empty()) {
    TRY(kubelet.clientCertificatePem, readFile(options.kubeletClientCertificate));
    TRY(kubelet.clientKeyPem, readFile(options.kubeletClientKey));
  }
  kubelet.caPem = pki.ca().certificatePem;
  if (!options.kubeletCertificateAuthority.empty()) {
    TRY(kubelet.caPem, readFile(options.kubeletCertificateAuthority));
  }
  TRY(kubelets, KubeletConnections::create(reactor, std::move(kubelet)));
  auto& api = assembly->server();
  KubeletHandlerSources handlers{*kubelets, *api.registry("", "v1", "nodes"),
                                 *api.registry("", "v1", "endpoints")};
  addKubeletHandlers(api.subresources(), handlers);
  TRY(metrics, MetricsApis::create(reactor, options.metrics, *kubelets, api));
  return {};
}

Result<std::shared_ptr<const net::TlsContext>> Server::Impl::makeTls() const {
  net::TlsServerOptions tls;
  tls.certificatePem = pki.server().certificatePem;
  tls.keyPem = pki.server().keyPem;
  if (!options.tlsCertFile.empty()) {
    TRY(tls.certificatePem, readFile(options.tlsCertFile));
    TRY(tls.keyPem, readFile(options.tlsPrivateKeyFile));
  }
  // By these names clients choose what they show; who it is, authentication finds out.
  const auto& who = assembly->authenticator();
  tls.clientCaPem = who.clientCa() + who.requestHeaders().caPem();
  tls.alpn = {"h2", "http/1.1"};
  return net::TlsContext::server(tls);
}

Status Server::Impl::listen() {
  net::HttpServerOptions http;
  http.endpoint = endpoint(options.bindAddress, options.securePort);
  http.limits.connectionsMax = connectionsMax();
  TRY(http.tls, makeTls());
  TRY(listener, net::HttpServer::start(reactor, std::move(http), assembly->server()));
  return {};
}

/// What is no good (half written) changes nothing: the next change is looked at again.
void Server::Impl::reloadFiles() {
  const auto reread = [](const std::string& file, auto use) {
    if (file.empty()) return;
    auto pem = readFile(file);
    Status used = pem.ok() ? use(std::move(*pem)) : pem.status();
    if (!used.ok()) kLog.warn("file cannot be used", {{"file", file}, {"why", used}});
  };
  const auto& who = options.authentication;
  reread(who.clientCaFile, [this](std::string pem) { return assembly->setClientCa(pem); });
  reread(who.requestHeaderClientCaFile,
         [this](std::string pem) { return assembly->setRequestHeaderCa(pem); });
  auto tls = makeTls();
  if (tls.ok()) {
    listener->setTls(std::move(*tls));
  } else {
    kLog.warn("serving goes on with the keys before", {{"why", tls.status()}});
  }
}

void Server::Impl::reloadProxyClient() {
  auto certificate = readFile(options.proxyClientCertificate);
  auto key = readFile(options.proxyClientKey);
  Status used = !certificate.ok() ? certificate.status() : key.status();
  if (used.ok()) used = aggregated->setCertificate(std::move(*certificate), std::move(*key));
  if (!used.ok()) {
    kLog.warn("aggregated servers are shown the certificate before", {{"why", used}});
  }
}

void Server::Impl::watchFiles() {
  for (const auto* file : {&options.proxyClientCertificate, &options.proxyClientKey}) {
    if (!file->empty()) reload.watch(*file, [this] { reloadProxyClient(); });
  }
  for (const auto* file :
       {&options.authentication.clientCaFile, &options.authentication.requestHeaderClientCaFile,
        &options.tlsCertFile, &options.tlsPrivateKeyFile}) {
    if (!file->empty()) reload.watch(*file, [this] { reloadFiles(); });
  }
}

Status Server::Impl::makeNodeKeys() const {
  net::CertificateRequest serving;
  serving.commonName = "system:node:" + options.nodeName;
  serving.organizations = {"system:nodes"};
  serving.server = true;
  serving.dnsNames = {options.nodeName, "localhost"};
  serving.ipAddresses = {"127.0.0.1", "::1"};
  sortIntoNames(options.nodeAddresses, serving.dnsNames, serving.ipAddresses);
  return pki.certificate("kubelet", std::move(serving)).status();
}

Status Server::Impl::writeKubeconfigs() const {
  if (!options.nodeName.empty()) TRY_STATUS(makeNodeKeys());
  if (options.kubeconfigDir.empty()) return {};
  const auto host = isUnspecified(options.bindAddress) ? "127.0.0.1" : options.bindAddress;
  const auto server = "https://" + endpoint(host, options.securePort);
  struct Part {
    const char* file;
    std::string user;
    std::vector<std::string> groups;
  };
  std::vector<Part> parts = {
      {"admin", "kubernetes-admin", {"system:masters"}},
      {"kube-scheduler", "system:kube-scheduler", {}},
      {"kube-controller-manager", "system:kube-controller-manager", {}},
      {"kube-proxy", "system:kube-proxy", {}},
      {"coredns",
       "system:serviceaccount:kube-system:coredns",
       {"system:serviceaccounts", "system:serviceaccounts:kube-system"}},
  };
  if (!options.nodeName.empty()) {
    parts.push_back({"kubelet", "system:node:" + options.nodeName, {"system:nodes"}});
  }
  for (auto& part : parts) {
    TRY_STATUS(pki.writeKubeconfig(options.kubeconfigDir + "/" + part.file + ".conf", server,
                                   part.user, std::move(part.groups)));
  }
  return {};
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

namespace {

Task<void> compact(storage::Store& store, std::stop_token stop, Gate::Pass pass) {
  co_await storage::compactPeriodically(store, kCompactEvery, std::move(stop));
}

}  // namespace

Task<Result<std::unique_ptr<Server>>> Server::start(Reactor& reactor, ServerOptions options) {
  CO_TRY_STATUS(completeOptions(options));
  if (options.securePort == 0) {
    CO_TRY(options.securePort, freePort(reactor, options.bindAddress));
  }
  PkiOptions keys;
  keys.folder = options.pkiDir;
  keys.now = reactor.wallNow();
  keys.ipAddresses = {options.advertiseAddress};
  if (!isUnspecified(options.bindAddress)) keys.ipAddresses.push_back(options.bindAddress);
  sortIntoNames(options.extraNames, keys.dnsNames, keys.ipAddresses);
  // Pods reach the API by the service's address.
  CO_TRY(auto serviceAddresses, firstServiceAddresses(options.serviceClusterIpRange));
  for (auto& address : serviceAddresses) keys.ipAddresses.push_back(std::move(address));
  CO_TRY(auto pki, Pki::prepare(std::move(keys)));

  auto impl = std::make_unique<Impl>(reactor, std::move(options), std::move(pki));
  CO_TRY_STATUS(impl->makeStore());
  CO_TRY_STATUS(impl->assemble());
  CO_TRY_STATUS(impl->wireKubelets());
  Status started = co_await impl->assembly->start();
  if (started.ok()) started = impl->writeKubeconfigs();
  if (started.ok()) started = impl->listen();
  if (!started.ok()) {
    co_await impl->assembly->stop();
    co_return started;
  }
  impl->watchFiles();
  spawn(reactor, compact(*impl->store, impl->compacting.get_token(), impl->gate.enter()));
  kLog.info("serving", {{"address", impl->listener->address()},
                        {"advertised", impl->options.advertiseAddress},
                        {"data", impl->options.dataDir}});
  co_return std::unique_ptr<Server>(new Server(std::move(impl)));
}

uint16_t Server::port() const {
  return impl_->options.securePort;
}

std::string Server::url() const {
  const auto& bind = impl_->options.bindAddress;
  return "https://" + endpoint(isUnspecified(bind) ? "127.0.0.1" : bind, port());
}

const std::string& Server::advertiseAddress() const {
  return impl_->options.advertiseAddress;
}
const Pki& Server::pki() const {
  return impl_->pki;
}

std::unique_ptr<client::Client> Server::localClient(std::string user,
                                                    std::vector<std::string> groups,
                                                    std::string fieldManager) const {
  return impl_->assembly->client(std::move(user), std::move(groups), std::move(fieldManager));
}

Task<void> Server::stop(Duration grace) {
  impl_->assembly->server().beginShutdown();
  if (const auto delay = shutdownDelayOf(impl_->options.load); delay > 0s) {
    Status slept = co_await sleepFor(delay);
    if (!slept.ok()) kLog.debug("shutdown", {{"delay", slept}});
  }
  co_await impl_->reload.stop();
  impl_->compacting.request_stop();
  co_await impl_->gate.close();
  co_await impl_->assembly->stop();
  co_await impl_->listener->stop(grace);
  co_await impl_->metrics->stop();
  co_await impl_->kubelets->close();
  co_await impl_->aggregated->close();
  if (impl_->authorizationWebhook) co_await impl_->authorizationWebhook->close();
}

}  // namespace coxswain::cmd
