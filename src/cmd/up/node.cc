#include "cmd/up/node.h"

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "base/log.h"
#include "client/informers.h"
#include "cmd/cni_config.h"
#include "controllers/localpath/provisioner.h"
#include "dns/server.h"
#include "dns/service.h"
#include "kubelet/access/reviews.h"
#include "kubelet/kubelet.h"
#include "kubelet/server/kubelet_server.h"
#include "net/tls.h"
#include "proxy/proxy.h"
#include "runtime/files.h"
#include "runtime/spawn.h"
#include "runtime/sync.h"

namespace coxswain::cmd {
namespace {

const Logger kLog("node");

constexpr Duration kRetry = 200ms;

Status writeWhole(const std::string& path, const std::string& text) {
  SystemFiles files;
  if (auto present = files.read(path); present.ok() && *present == text) return {};
  TRY_STATUS(files.mkdirs(std::string(parentPath(path)), 0755));
  return files.writeAtomically(path, text, 0644);
}

proxy::ProxyOptions proxyOptions(const NodeOptions& options) {
  proxy::ProxyOptions out;
  out.nodeName = options.name;
  out.clusterCidrs = {options.clusterCidr};
  // Pods are of this node only: what they send out of the cluster leaves as the node.
  out.egressCidrs = {options.clusterCidr};
  out.healthzAddress = "127.0.0.1:" + std::to_string(kProxyHealthPort);
  return out;
}

dns::ServerOptions dnsOptions(const NodeOptions& options) {
  dns::ServerOptions out;
  out.listen = {options.address + ":" + std::to_string(options.dnsPort)};
  out.domain = options.clusterDomain;
  out.resolvConf = "/etc/resolv.conf";
  out.ours = {options.clusterDns};
  return out;
}

kubelet::SystemKubeletOptions kubeletOptions(const NodeOptions& options) {
  kubelet::SystemKubeletOptions out;
  out.containerRuntimeEndpoint = options.runtimeEndpoint;
  out.kubelet.nodeName = options.name;
  out.kubelet.nodeIps = {options.address};
  out.kubelet.port = options.kubeletPort;
  out.kubelet.rootDir = options.kubeletFolder;
  out.kubelet.podLogsDir = options.podLogs;
  out.kubelet.containerLogsDir = options.containerLogs;
  out.kubelet.cgroupRoot = options.cgroupRoot;
  out.kubelet.clusterDns = {options.clusterDns};
  out.kubelet.clusterDomain = options.clusterDomain;
  return out;
}

}  // namespace

struct Node::Impl {
  Impl(Reactor& r, Clients c, NodeOptions o)
      : reactor(r),
        clients(c),
        options(std::move(o)),
        processes(systemProcesses(r)),
        informers(c.proxy, r),
        dnsInformers(c.dns, r),
        localPathInformers(c.localPath, r),
        proxy(c.proxy, informers, r, *processes, proxyOptions(options)),
        dns(dnsInformers, r, random, dnsOptions(options)),
        kubelet(r, c.kubelet, kubeletOptions(options)),
        tokens(c.kubelet, r),
        access(c.kubelet, r) {
    if (!options.localPathFolder.empty()) makeLocalPath();
  }

  static Task<void> writeCniConfig(Impl& self, Gate::Pass pass, std::stop_token stop);
  Task<Result<std::string>> awaitPodCidr(std::stop_token stop);
  static Task<void> keepDnsService(Impl& self, Gate::Pass pass, std::stop_token stop);
  Status listen();
  void makeLocalPath();

  Reactor& reactor;
  Clients clients;
  NodeOptions options;
  SystemRandom random;
  std::unique_ptr<ProcessRunner> processes;
  client::Informers informers;
  client::Informers dnsInformers;
  client::Informers localPathInformers;
  proxy::Proxy proxy;
  dns::Server dns;
  kubelet::SystemKubelet kubelet;
  kubelet::ReviewAuthenticator tokens;
  kubelet::ReviewAuthorizer access;
  std::unique_ptr<kubelet::server::KubeletServer> port;
  SystemFiles files;
  std::unique_ptr<controllers::localpath::LocalPathProvisioner> localPath;
  Gate gate;
  std::stop_source stopSource;
};

Node::Node(Reactor& reactor, Clients clients, NodeOptions options)
    : impl_(std::make_unique<Impl>(reactor, clients, std::move(options))) {}
Node::~Node() = default;

Task<Result<std::string>> Node::Impl::awaitPodCidr(std::stop_token stop) {
  client::WatchOptions watchOptions;
  watchOptions.fieldSelector = "metadata.name=" + options.name;
  const auto& nodes = client::resourceOf<api::core::v1::Node>();
  CO_TRY(auto watch, co_await clients.kubelet.watch(nodes, "", std::move(watchOptions), stop));
  while (true) {
    CO_TRY(auto event, co_await watch->next(stop));
    const auto* node = event.object.as<api::core::v1::Node>();
    if (event.type == client::WatchEventType::Bookmark || node == nullptr) continue;
    if (!node->spec.podCIDR.empty()) co_return node->spec.podCIDR;
  }
}

Task<void> Node::Impl::writeCniConfig(Impl& self, Gate::Pass pass, std::stop_token stop) {
  while (!stop.stop_requested()) {
    auto range = co_await self.awaitPodCidr(stop);
    Status done = range.ok() ? Status() : range.status();
    if (range.ok()) {
      CniOptions cni;
      cni.podCidr = *range;
      cni.stateFolder = self.options.cniStateFolder;
      auto text = cniConfigList(cni);
      done = text.ok() ? writeWhole(self.options.cniConfigFolder + "/10-coxswain.conflist", *text)
                       : text.status();
    }
    if (done.ok()) {
      kLog.info("pods have a network", {{"range", *range}});
      co_return;
    }
    if (!isEndOfStream(done) && !isCanceled(done)) kLog.warn("no pod range yet", {{"error", done}});
    Status slept = co_await sleepFor(kRetry, stop);
    if (!slept.ok()) co_return;
  }
}

Task<void> Node::Impl::keepDnsService(Impl& self, Gate::Pass pass, std::stop_token stop) {
  dns::DnsServiceOptions service;
  service.clusterIp = self.options.clusterDns;
  service.address = self.options.address;
  service.port = self.options.dnsPort;
  while (!stop.stop_requested()) {
    Status made = co_await dns::ensureDnsService(self.clients.dns, service, stop);
    if (made.ok()) co_return;
    kLog.warn("Service kube-dns could not be made", {{"error", made}});
    Status slept = co_await sleepFor(kRetry, stop);
    if (!slept.ok()) co_return;
  }
}

void Node::Impl::makeLocalPath() {
  controllers::localpath::LocalPathOptions own;
  own.nodeName = options.name;
  own.root = options.localPathFolder;
  own.className = options.localPathClass;
  const controllers::Context context{clients.localPath, localPathInformers, reactor, random};
  localPath = std::make_unique<controllers::localpath::LocalPathProvisioner>(
      context, std::move(own), files, controllers::localpath::removeFolderAside);
}

Status Node::Impl::listen() {
  net::TlsServerOptions tls;
  tls.certificatePem = options.servingCertificatePem;
  tls.keyPem = options.servingKeyPem;
  tls.clientCaPem = options.clientCaPem;
  tls.alpn = {"h2", "http/1.1"};
  kubelet::server::KubeletServerOptions server;
  server.endpoint = "0.0.0.0:" + std::to_string(options.kubeletPort);
  server.tokens = &tokens;
  server.authorizer = &access;
  TRY(server.tls, net::TlsContext::server(tls));
  TRY(port, kubelet::server::KubeletServer::start(reactor, std::move(server),
                                                  kubelet.kubelet().backend()));
  return {};
}

Task<Status> Node::start(std::stop_token stop) {
  auto& self = *impl_;
  self.informers.start();
  self.dnsInformers.start();
  if (self.localPath) {
    self.localPathInformers.start();
    self.localPath->start();
  }
  CO_TRY_STATUS(self.listen());
  CO_TRY_STATUS(self.dns.start());
  CO_TRY_STATUS(co_await self.proxy.start());
  auto token = self.stopSource.get_token();
  spawn(self.reactor, Impl::keepDnsService(self, self.gate.enter(), token));
  spawn(self.reactor, Impl::writeCniConfig(self, self.gate.enter(), token));
  co_return co_await self.kubelet.start(stop);
}

Task<Status> Node::waitReady(std::stop_token stop) {
  auto& self = *impl_;
  CO_TRY_STATUS(co_await self.proxy.waitSynced(stop));
  client::WatchOptions options;
  options.fieldSelector = "metadata.name=" + self.options.name;
  const auto& nodes = client::resourceOf<api::core::v1::Node>();
  CO_TRY(auto watch, co_await self.clients.kubelet.watch(nodes, "", std::move(options), stop));
  while (true) {
    CO_TRY(auto event, co_await watch->next(stop));
    const auto* node = event.object.as<api::core::v1::Node>();
    if (event.type == client::WatchEventType::Bookmark || node == nullptr) continue;
    for (const auto& condition : node->status.conditions) {
      // An earlier run's Ready does not count.
      if (condition.type == "Ready" && condition.status == "True" &&
          self.kubelet.kubelet().ready()) {
        co_return Status();
      }
    }
  }
}

Task<void> Node::stop() {
  auto& self = *impl_;
  self.stopSource.request_stop();
  co_await self.gate.close();
  if (self.port) co_await self.port->stop(2s);
  if (self.localPath) co_await self.localPath->stop();
  co_await self.localPathInformers.stop();
  co_await self.kubelet.stop();
  co_await self.proxy.stop();
  co_await self.dns.stop();
  co_await self.dnsInformers.stop();
  co_await self.informers.stop();
}

}  // namespace coxswain::cmd
