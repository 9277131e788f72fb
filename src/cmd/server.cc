#include "cmd/server.h"

#include <algorithm>
#include <filesystem>

#include "api/names/ip.h"
#include "apiserver/admission/config_file.h"
#include "apiserver/assembly/assembly.h"
#include "apiserver/kubelet_proxy/handlers.h"
#include "base/log.h"
#include "cmd/component_probe.h"
#include "cmd/host_address.h"
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
  TRY_STATUS(checkPair(options.tlsCertFile, options.tlsPrivateKeyFile,
                       "--tls-cert-file and --tls-private-key-file"));
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
  std::string clientCaPem;
  std::unique_ptr<storage::Store> store;
  std::unique_ptr<KubeletConnections> kubelets;
  std::unique_ptr<Assembly> assembly;
  std::unique_ptr<net::HttpServer> listener;
  std::stop_source compacting;
  Gate gate;

  Status makeStore();
  Result<AssemblyOptions> assemblyOptions() const;
  [[nodiscard]] std::vector<ProbedComponent> components() const;
  Status assemble();
  Status wireKubelets();
  Status listen();
  Status writeKubeconfigs() const;
  Status makeNodeKeys() const;
};

Status Server::Impl::makeStore() {
  storage::SqliteOptions storeOptions;
  storeOptions.path = options.dataDir + "/store.db";
  TRY(store, storage::openSqliteStore(storeOptions));
  return {};
}

Result<AssemblyOptions> Server::Impl::assemblyOptions() const {
  AssemblyOptions out;
  out.version = COXSWAIN_VERSION;
  out.advertiseAddress = options.advertiseAddress;
  out.securePort = options.securePort;
  out.clientCaPem = clientCaPem;
  out.anonymousAuth = options.anonymousAuth;
  if (!options.tokenAuthFile.empty()) {
    TRY(out.staticTokens, StaticTokens::load(options.tokenAuthFile));
  }
  out.tokens.issuer = options.serviceAccountIssuer;
  out.tokens.audiences = options.apiAudiences;
  out.tokens.signingKeyPem = pki.serviceAccountKeyPem();
  if (!options.serviceAccountSigningKeyFile.empty()) {
    TRY(out.tokens.signingKeyPem, readFile(options.serviceAccountSigningKeyFile));
  }
  for (const auto& path : options.serviceAccountKeyFiles) {
    TRY(auto pem, readFile(path));
    out.tokens.keysPem.push_back(std::move(pem));
  }
  out.serviceClusterIpRange = options.serviceClusterIpRange;
  out.serviceNodePortRange = options.serviceNodePortRange;
  out.serviceCaConfigMap = options.serviceCaConfigMap;
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

Status Server::Impl::assemble() {
  TRY(auto wanted, assemblyOptions());
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
  return {};
}

Status Server::Impl::listen() {
  net::TlsServerOptions tls;
  tls.certificatePem = pki.server().certificatePem;
  tls.keyPem = pki.server().keyPem;
  if (!options.tlsCertFile.empty()) {
    TRY(tls.certificatePem, readFile(options.tlsCertFile));
    TRY(tls.keyPem, readFile(options.tlsPrivateKeyFile));
  }
  tls.clientCaPem = clientCaPem;
  tls.alpn = {"h2", "http/1.1"};
  net::HttpServerOptions http;
  http.endpoint = endpoint(options.bindAddress, options.securePort);
  TRY(http.tls, net::TlsContext::server(tls));
  TRY(listener, net::HttpServer::start(reactor, std::move(http), assembly->server()));
  return {};
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
      {"coredns", "system:coredns", {}},
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
  impl->clientCaPem = impl->pki.ca().certificatePem;
  if (!impl->options.clientCaFile.empty()) {
    CO_TRY(impl->clientCaPem, readFile(impl->options.clientCaFile));
  }
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
                                                    std::vector<std::string> groups) const {
  return impl_->assembly->client(std::move(user), std::move(groups));
}

Task<void> Server::stop(Duration grace) {
  impl_->compacting.request_stop();
  co_await impl_->gate.close();
  co_await impl_->assembly->stop();
  co_await impl_->listener->stop(grace);
  co_await impl_->kubelets->close();
}

}  // namespace coxswain::cmd
