#include "cmd/up/cluster.h"

#include <arpa/inet.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "base/log.h"
#include "client/http/client_config.h"
#include "client/informers.h"
#include "cloud/local/local_provider.h"
#include "cloud/service/service_controller.h"
#include "cmd/host_address.h"
#include "cmd/server.h"
#include "cmd/signal_stop.h"
#include "cmd/token_signer.h"
#include "cmd/up/node.h"
#include "cmd/up/node_address.h"
#include "cmd/up/runtime_access.h"
#include "controllers/manager.h"
#include "pause/pause_image.h"
#include "runtime/files.h"
#include "runtime/spawn.h"
#include "scheduler/config/configuration.h"
#include "scheduler/extenders/http_transport.h"
#include "scheduler/scheduler.h"
#include "up/containerd.h"
#include "up/progress.h"

namespace coxswain::cmd {
namespace {

const Logger kLog("up");

/// A reactor in a thread of its own. Whoever uses it stops its parts before it goes.
class ReactorThread {
 public:
  ReactorThread() : thread_([this] { reactor_.run(); }) {}
  ~ReactorThread() {
    reactor_.stop();
    thread_.join();
  }
  ReactorThread(const ReactorThread&) = delete;
  ReactorThread& operator=(const ReactorThread&) = delete;
  Reactor& reactor() { return reactor_; }

 private:
  Reactor reactor_;
  std::thread thread_;
};

/// The n-th address of an IPv4 range: "10.96.0.0/16", 10 -> "10.96.0.10".
Result<std::string> addressInRange(const std::string& range, uint32_t n) {
  in_addr address{};
  if (::inet_pton(AF_INET, range.substr(0, range.find('/')).c_str(), &address) != 1) {
    return badRequest("--service-cluster-ip-range: " + range + " is no IPv4 range");
  }
  address.s_addr = htonl(ntohl(address.s_addr) + n);
  char text[INET_ADDRSTRLEN] = {};
  ::inet_ntop(AF_INET, &address, text, sizeof text);
  return std::string(text);
}

constexpr uint32_t kDnsAddress = 10;  // as kubeadm has it

Result<scheduler::SchedulerOptions> schedulerOptions(const std::string& path) {
  if (path.empty()) return scheduler::SchedulerOptions();
  TRY(const auto text, client::readWholeFile(path));
  auto read = scheduler::readConfiguration(text);
  if (!read.ok()) return read.status().withContext("--scheduler-config");
  return std::move(read->options);
}

cloud::LocalOptions localCloud(const UpOptions& options) {
  cloud::LocalOptions out;
  out.reservedPorts.insert({options.securePort, options.kubeletPort});
  return out;
}

/// The cluster's parts in the order in which they need each other.
class Cluster {
 public:
  Cluster(Reactor& reactor, Reactor& nodeReactor, const UpOptions& options)
      : reactor_(reactor),
        nodeReactor_(nodeReactor),
        options_(options),
        layout_(options.layout()),
        progress_(layout_.progressFile()),
        processes_(systemProcesses(reactor)) {}

  Task<Status> start(std::stop_token stop);
  Task<void> stop();
  up::ProgressWriter& progress() { return progress_; }

 private:
  Task<Status> prepare(std::stop_token stop);
  Task<void> startContainerd(Status& result, std::stop_token stop);
  Task<void> startControlPlane(Status& result, std::stop_token stop);
  Task<Status> startNode(std::stop_token stop);
  client::Client& accountClient(std::string_view account);
  static Task<void> keepContainerd(Cluster& self, Gate::Pass pass, std::stop_token stop);

  Reactor& reactor_;
  Reactor& nodeReactor_;
  UpOptions options_;
  up::Layout layout_;
  up::ProgressWriter progress_;
  std::unique_ptr<ProcessRunner> processes_;
  SystemRandom random_;
  std::string nodeName_;
  std::string address_;
  std::string clusterDns_;

  std::unique_ptr<up::Containerd> containerd_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<client::Client> controllerClient_;
  std::unique_ptr<client::Client> schedulerClient_;
  std::unique_ptr<client::Informers> informers_;
  std::unique_ptr<controllers::ControllerManager> controllers_;
  cloud::LocalProvider local_{localCloud(options_)};
  std::unique_ptr<cloud::ServiceController> balancers_;
  scheduler::HttpExtenderTransports extenderTransports_{reactor_};
  std::unique_ptr<scheduler::Scheduler> scheduler_;
  std::unique_ptr<client::Client> kubeletClient_;
  std::unique_ptr<client::Client> proxyClient_;
  std::map<std::string, std::unique_ptr<client::Client>> accountClients_;  ///< of kube-system
  std::unique_ptr<Node> node_;
  Gate gate_;
  std::stop_source stopSource_;
};

Task<Status> Cluster::prepare(std::stop_token stop) {
  nodeName_ = options_.nodeName.empty() ? ownNodeName() : options_.nodeName;
  CO_TRY(clusterDns_, addressInRange(options_.serviceCidr, kDnsAddress));
  address_ = options_.nodeIp.empty() ? hostAddress() : options_.nodeIp;
  if (address_.empty()) {
    CO_TRY(address_, co_await makeOfflineAddress(*processes_, options_.serviceCidr, stop));
  }
  std::error_code error;
  for (const auto& folder : {layout_.data, layout_.run, layout_.logs(), layout_.kubelet()}) {
    std::filesystem::create_directories(folder, error);
    if (error) co_return errnoStatus("create " + folder, error.value());
  }
  std::filesystem::permissions(layout_.data, std::filesystem::perms(0711), error);
  co_return Status();
}

Task<void> Cluster::startContainerd(Status& result, std::stop_token stop) {
  rememberRuntime(layout_, options_.runtimeEndpoint);
  if (!options_.runtimeEndpoint.empty()) co_return;
  containerd_ =
      std::make_unique<up::Containerd>(reactor_, ownContainerd(layout_, options_.cniPluginFolder));
  result = co_await containerd_->start(stop);
  if (!result.ok()) co_return;
  auto file = layout_.data + "/pause.tar";
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out << pauseImageTar();
  out.close();
  auto imported = co_await containerd_->importImage(file, stop);
  if (!imported.ok()) result = imported.status();
  spawn(reactor_, keepContainerd(*this, gate_.enter(), stopSource_.get_token()));
}

Task<void> Cluster::keepContainerd(Cluster& self, Gate::Pass pass, std::stop_token stop) {
  co_await self.containerd_->keep(stop);
}

Task<void> Cluster::startControlPlane(Status& result, std::stop_token stop) {
  ServerOptions options;
  options.partsWithin = true;
  options.bindAddress = options_.bindAddress;
  options.securePort = options_.securePort;
  options.advertiseAddress = address_;
  options.dataDir = layout_.data;
  options.pkiDir = layout_.pki();
  options.kubeconfigDir = layout_.kubeconfigFolder();
  options.nodeName = nodeName_;
  options.nodeAddresses = {address_, "127.0.0.1"};
  options.authentication.tokenAuthFile = options_.tokenAuthFile;
  options.serviceClusterIpRange = options_.serviceCidr;
  // The node's name is known to nobody's resolver here.
  options.kubeletPreferredAddressTypes = "InternalIP,Hostname";
  options.metrics = options_.metrics;
  auto server = co_await Server::start(reactor_, std::move(options));
  if (!server.ok()) {
    result = server.status();
    co_return;
  }
  server_ = std::move(*server);
  controllerClient_ = server_->localClient("system:kube-controller-manager", {});
  schedulerClient_ = server_->localClient("system:kube-scheduler", {});
  informers_ = std::make_unique<client::Informers>(*controllerClient_, reactor_);

  controllers::ManagerOptions manager;
  manager.localZone = api::TimeZone::local(std::getenv("TZ"));
  manager.allocateNodeCidrs = true;
  manager.nodeIpam.clusterCidrs = {options_.clusterCidr};
  manager.rootCa = server_->pki().ca().certificatePem;
  if (auto sign = tokenSigner(server_->pki().serviceAccountKeyPem()); sign.ok()) {
    manager.signToken = std::move(*sign);
  }
  manager.signing =
      controllers::certificates::SigningController::forAllSigners(server_->pki().ca());
  manager.volumeBinder.removeHostPath = [](const std::string& path) {
    return SystemFiles().removeAll(path);
  };
  auto autoscaler = autoscalerOptions(options_.autoscaler);
  if (!autoscaler.ok()) {
    result = autoscaler.status();
    co_return;
  }
  manager.podAutoscaler = *autoscaler;
  controllers::Context context{*controllerClient_, *informers_, reactor_, random_};
  auto clientOf = [this](std::string_view account) -> client::Client& {
    return accountClient(account);
  };
  auto made = controllers::ControllerManager::create(context, manager, clientOf);
  if (!made.ok()) {
    result = made.status();
    co_return;
  }
  controllers_ = std::move(*made);
  scheduler::SchedulerContext schedulerContext{*schedulerClient_, *informers_, reactor_, random_};
  auto schedulerSettings = schedulerOptions(options_.schedulerConfig);
  if (!schedulerSettings.ok()) {
    result = schedulerSettings.status();
    co_return;
  }
  auto extenders = scheduler::makeExtenders(schedulerSettings->extenders, extenderTransports_);
  if (!extenders.ok()) {
    result = extenders.status().withContext("--scheduler-config");
    co_return;
  }
  scheduler_ = std::make_unique<scheduler::Scheduler>(
      schedulerContext, *std::move(schedulerSettings), std::move(*extenders));
  if (options_.loadBalancers) {
    auto& account = accountClient(controllers::accountOf("service-lb-controller"));
    const controllers::Context own{account, *informers_, reactor_, random_};
    balancers_ = std::make_unique<cloud::ServiceController>(own, *local_.loadBalancers(), 1);
  }
  informers_->start();
  controllers_->start();
  if (balancers_) balancers_->start();
  scheduler_->start();
  result = Status();
}

client::Client& Cluster::accountClient(std::string_view account) {
  auto& client = accountClients_[std::string(account)];
  if (!client) {
    // Controllers write as parts of one program, as upstream's do.
    const bool ofNodes = account == "coredns" || account == "local-path-provisioner";
    const std::string manager = ofNodes ? std::string(account) : "kube-controller-manager";
    client = server_->localClient("system:serviceaccount:kube-system:" + std::string(account),
                                  {"system:serviceaccounts", "system:serviceaccounts:kube-system"},
                                  manager);
  }
  return *client;
}

Task<Status> Cluster::startNode(std::stop_token stop) {
  kubeletClient_ = server_->localClient("system:node:" + nodeName_, {"system:nodes"});
  proxyClient_ = server_->localClient("system:kube-proxy", {});
  NodeOptions node;
  node.name = nodeName_;
  node.address = address_;
  node.runtimeEndpoint = containerd_ ? containerd_->endpoint() : options_.runtimeEndpoint;
  node.kubeletFolder = layout_.kubelet();
  node.podLogs = layout_.podLogs();
  node.containerLogs = layout_.containerLogs();
  node.cgroupRoot = "/" + layout_.cgroup();
  node.kubeletPort = options_.kubeletPort;
  CO_TRY(node.servingCertificatePem, readFile(layout_.pki() + "/kubelet.crt"));
  CO_TRY(node.servingKeyPem, readFile(layout_.pki() + "/kubelet.key"));
  node.clientCaPem = server_->pki().ca().certificatePem;
  node.clusterCidr = options_.clusterCidr;
  node.clusterDomain = options_.clusterDomain;
  node.clusterDns = clusterDns_;
  node.cniConfigFolder = layout_.cniConfig();
  node.cniStateFolder = layout_.cniState();
  if (options_.localPath) {
    node.localPathFolder =
        options_.localPathFolder.empty() ? layout_.localPath() : options_.localPathFolder;
    node.localPathClass = options_.localPathClass;
  }
  Node::Clients clients{*kubeletClient_, *proxyClient_, accountClient("coredns"),
                        accountClient("local-path-provisioner")};
  node_ = std::make_unique<Node>(nodeReactor_, clients, std::move(node));
  auto started = node_->start(stop);
  CO_TRY_STATUS(co_await runOn(nodeReactor_, std::move(started)));
  progress_.stage("waiting for the node to be ready");
  auto ready = node_->waitReady(stop);
  co_return co_await runOn(nodeReactor_, std::move(ready));
}

Task<Status> Cluster::start(std::stop_token stop) {
  CO_TRY_STATUS(co_await prepare(stop));
  progress_.stage("container runtime, API server, controllers, scheduler");
  Status runtime;
  Status controlPlane;
  std::vector<Task<void>> both;
  both.push_back(startContainerd(runtime, stop));
  both.push_back(startControlPlane(controlPlane, stop));
  co_await whenAll(std::move(both));
  CO_TRY_STATUS(controlPlane.withContext("API server"));
  CO_TRY_STATUS(runtime.withContext("container runtime"));
  progress_.stage("kubelet, proxy, DNS");
  co_return co_await startNode(stop);
}

Task<void> Cluster::stop() {
  if (node_) {
    auto stopped = node_->stop();
    co_await runOn(nodeReactor_, std::move(stopped));
  }
  stopSource_.request_stop();
  co_await gate_.close();
  if (scheduler_) co_await scheduler_->stop();
  if (balancers_) co_await balancers_->stop();
  if (controllers_) co_await controllers_->stop();
  if (informers_) co_await informers_->stop();
  if (server_) co_await server_->stop(2s);
}

Task<Status> serve(Cluster& cluster, bool& wasReady, std::stop_token stop) {
  Status started = co_await cluster.start(stop);
  if (started.ok()) {
    wasReady = true;
    cluster.progress().ready();
    kLog.info("ready");
    Event never;
    Status stopped = co_await never.wait(stop);
    kLog.info("stopping", {{"why", stopped}});
  } else if (!stop.stop_requested()) {
    cluster.progress().failed(started.message());
  }
  co_await cluster.stop();
  co_return stop.stop_requested() ? Status() : started;
}

}  // namespace

Status runCluster(const UpOptions& options, bool& wasReady) {
  Reactor reactor;
  SignalStop signals(reactor);
  ReactorThread nodeThread;
  Cluster cluster(reactor, nodeThread.reactor(), options);
  return blockOn(reactor, serve(cluster, wasReady, signals.token()));
}

}  // namespace coxswain::cmd
