#include "cmd/server.h"

#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/names/ip.h"
#include "apiserver/admission/chain.h"
#include "apiserver/allocators/service_hooks.h"
#include "apiserver/authn/authenticator.h"
#include "apiserver/authz/node_authorizer.h"
#include "apiserver/authz/policy.h"
#include "apiserver/authz/stored_node_objects.h"
#include "apiserver/kubelet_proxy/handlers.h"
#include "apiserver/local/cluster_bootstrap.h"
#include "apiserver/local/local_client.h"
#include "apiserver/reviews/reviews.h"
#include "apiserver/server/api_server.h"
#include "apiserver/subresources/posters.h"
#include "base/log.h"
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

Result<std::vector<AddressRange>> serviceRanges(const std::string& text, Random& random) {
  std::vector<AddressRange> ranges;
  for (const auto& one : splitList(text)) {
    auto range = AddressRange::create(one, random);
    if (!range.ok()) return range.status().withContext("--service-cluster-ip-range");
    ranges.push_back(std::move(*range));
  }
  if (ranges.empty() || ranges.size() > 2) {
    return badRequest("--service-cluster-ip-range wants one range, or two of different families");
  }
  if (ranges.size() == 2 && ranges[0].v6() == ranges[1].v6()) {
    return badRequest("--service-cluster-ip-range: both ranges are of one family");
  }
  return ranges;
}

/// A port that is free now.
Result<uint16_t> freePort(Reactor& reactor, const std::string& host) {
  TRY(auto listener, net::Listener::listen(reactor, endpoint(host, 0)));
  return listener->port();
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
  AuthorizerChain authorizer;
  std::unique_ptr<AdmissionChain> admission;
  std::unique_ptr<Authenticator> authenticator;
  std::unique_ptr<ServiceHooks> serviceHooks;
  std::unique_ptr<KubeletConnections> kubelets;
  std::unique_ptr<ApiServer> api;
  std::unique_ptr<client::Client> bootstrapClient;
  std::unique_ptr<ClusterBootstrap> bootstrap;
  std::unique_ptr<net::HttpServer> listener;
  std::stop_source compacting;
  Gate gate;

  Status makeAuthenticator();
  Status makeStore();
  void makeApi();
  Status wireApi();
  Status adoptServices();
  Task<Status> bootstrapObjects();
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

Status Server::Impl::makeAuthenticator() {
  Authenticator::Options who;
  who.anonymous = options.anonymousAuth;
  if (!options.tokenAuthFile.empty()) {
    TRY(who.tokens, StaticTokens::load(options.tokenAuthFile));
  }
  TokenOptions tokens;
  tokens.issuer = options.serviceAccountIssuer;
  tokens.audiences = options.apiAudiences;
  tokens.signingKeyPem = pki.serviceAccountKeyPem();
  if (!options.serviceAccountSigningKeyFile.empty()) {
    TRY(tokens.signingKeyPem, readFile(options.serviceAccountSigningKeyFile));
  }
  for (const auto& path : options.serviceAccountKeyFiles) {
    TRY(auto pem, readFile(path));
    tokens.keysPem.push_back(std::move(pem));
  }
  auto lookup = [this](std::string_view resource, std::string_view ns,
                       std::string_view name) -> Result<api::ConstObject> {
    const auto* registry = api->registry("", "v1", resource);
    if (!registry) return notFound(resource, name);
    return registry->get(ns, name);
  };
  TRY(who.accounts, ServiceAccountTokens::create(std::move(tokens), lookup, random));
  authenticator = std::make_unique<Authenticator>(std::move(who));
  return {};
}

void Server::Impl::makeApi() {
  AdmissionSources sources{[this](std::string_view group, std::string_view version,
                                  std::string_view plural) -> const GenericRegistry* {
                             return api->registry(group, version, plural);
                           },
                           random, options.serviceCaConfigMap};
  admission = std::make_unique<AdmissionChain>(makeAdmissionPlugins(sources));

  ApiServerOptions apiOptions;
  apiOptions.version = COXSWAIN_VERSION;
  apiOptions.advertiseAddress = endpoint(options.advertiseAddress, options.securePort);
  apiOptions.authorizer = &authorizer;
  apiOptions.admission = admission.get();
  const auto& tokens = *authenticator->accounts();
  auto keysUrl = "https://" + apiOptions.advertiseAddress + "/openid/v1/jwks";
  apiOptions.documents["/.well-known/openid-configuration"] = {"application/json",
                                                               tokens.openIdConfiguration(keysUrl)};
  apiOptions.documents["/openid/v1/jwks"] = {"application/jwk-set+json", tokens.keySet()};
  api = std::make_unique<ApiServer>(reactor, *store, *authenticator, random, std::move(apiOptions));
}

Status Server::Impl::wireApi() {
  auto& pods = *api->registry("", "v1", "pods");
  auto& claims = *api->registry("", "v1", "persistentvolumeclaims");
  authorizer.add(std::make_unique<MastersAuthorizer>());
  authorizer.add(
      std::make_unique<NodeAuthorizer>(std::make_unique<StoredNodeObjects>(pods, claims)));
  auto policy = std::make_unique<PolicyAuthorizer>(bootstrapRules(), bootstrapBindings());
  ReviewSources reviews{reactor, *authenticator, authorizer, *policy};
  addReviews(api->virtualResources(), reviews);
  authorizer.add(std::move(policy));

  TRY(auto ranges, serviceRanges(options.serviceClusterIpRange, random));
  auto ports = PortRange::create(options.serviceNodePortRange, random);
  if (!ports.ok()) return ports.status().withContext("--service-node-port-range");
  serviceHooks = std::make_unique<ServiceHooks>(std::move(ranges), std::move(*ports));
  api->registry("", "v1", "services")->setHooks(serviceHooks.get());

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
  KubeletHandlerSources handlers{*kubelets, *api->registry("", "v1", "nodes"),
                                 *api->registry("", "v1", "endpoints")};
  auto& below = api->subresources();
  addKubeletHandlers(below, handlers);
  auto post = [&below](const char* resource, const char* name,
                       std::unique_ptr<ObjectPoster> poster) {
    below.add(resource, name, std::make_unique<PostHandler>(std::move(poster)));
  };
  post("pods", "binding", makeBindingPoster(reactor, admission.get(), pods));
  ServedResource bindings;
  bindings.version = "v1";
  bindings.plural = "bindings";
  bindings.singular = "binding";
  bindings.kind = "Binding";
  bindings.namespaced = true;
  bindings.verbs = {"create"};
  api->virtualResources().add(std::move(bindings), std::make_unique<PostHandler>(makeBindingPoster(
                                                       reactor, admission.get(), pods)));
  post("pods", "eviction", makeEvictionPoster(reactor, admission.get()));
  post("serviceaccounts", "token",
       makeTokenPoster(reactor, admission.get(), *authenticator->accounts()));
  return {};
}

Status Server::Impl::adoptServices() {
  TRY(auto services, api->registry("", "v1", "services")->list({}));
  for (const auto& item : services.items) {
    TRY(auto object, item.object());
    serviceHooks->adopt(*object.as<api::core::v1::Service>());
  }
  return {};
}

Task<Status> Server::Impl::bootstrapObjects() {
  CO_TRY_STATUS(co_await api->bootstrap());
  CO_TRY_STATUS(adoptServices());
  UserInfo self{"system:apiserver", "", {"system:masters"}, {}};
  bootstrapClient = std::make_unique<LocalClient>(reactor, *api, std::move(self));
  BootstrapOptions wanted;
  wanted.serviceAddress = serviceHooks->primary().first();
  wanted.advertiseAddress = options.advertiseAddress;
  wanted.securePort = options.securePort;
  wanted.clientCaPem = clientCaPem;
  bootstrap = std::make_unique<ClusterBootstrap>(*bootstrapClient, std::move(wanted));
  co_return co_await bootstrap->ensure({});
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
  TRY(listener, net::HttpServer::start(reactor, std::move(http), *api));
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
  SystemRandom random;
  CO_TRY(auto ranges, serviceRanges(options.serviceClusterIpRange, random));
  for (const auto& range : ranges) keys.ipAddresses.push_back(range.first());
  CO_TRY(auto pki, Pki::prepare(std::move(keys)));

  auto impl = std::make_unique<Impl>(reactor, std::move(options), std::move(pki));
  impl->clientCaPem = impl->pki.ca().certificatePem;
  if (!impl->options.clientCaFile.empty()) {
    CO_TRY(impl->clientCaPem, readFile(impl->options.clientCaFile));
  }
  CO_TRY_STATUS(impl->makeStore());
  CO_TRY_STATUS(impl->makeAuthenticator());
  impl->makeApi();
  CO_TRY_STATUS(impl->wireApi());
  CO_TRY_STATUS(co_await impl->bootstrapObjects());
  CO_TRY_STATUS(impl->writeKubeconfigs());
  CO_TRY_STATUS(impl->listen());
  impl->bootstrap->keep(reactor);
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
  UserInfo info{std::move(user), "", std::move(groups), {}};
  return std::make_unique<LocalClient>(impl_->reactor, *impl_->api, std::move(info));
}

Task<void> Server::stop(Duration grace) {
  impl_->compacting.request_stop();
  co_await impl_->gate.close();
  co_await impl_->bootstrap->stop();
  co_await impl_->listener->stop(grace);
  co_await impl_->kubelets->close();
}

}  // namespace coxswain::cmd
