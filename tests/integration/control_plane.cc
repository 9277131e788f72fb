#include "control_plane.h"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "client/http/kubeconfig.h"
#include "client/resources.h"
#include "fake_kubelet.h"
#include "runtime/spawn.h"

namespace coxswain::integration {

using api::core::v1::Node;

namespace {

constexpr Duration kPatience = 60s;

/// One that was free a moment ago.
Result<uint16_t> freePort() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* any = reinterpret_cast<sockaddr*>(&address);
  const bool bound = fd >= 0 && ::bind(fd, any, size) == 0 && ::getsockname(fd, any, &size) == 0;
  const int error = errno;
  if (fd >= 0) ::close(fd);
  if (!bound) return errnoStatus("find a free port", error);
  return ntohs(address.sin_port);
}

std::string program() {
  const char* path = std::getenv("COXSWAIN_BIN");
  return path == nullptr ? "" : path;
}

}  // namespace

ControlPlane::ControlPlane(Reactor& reactor)
    : reactor_(reactor), processes_(systemProcesses(reactor)) {}

ControlPlane::~ControlPlane() {
  if (!folder_.empty()) std::filesystem::remove_all(folder_);
}

Task<Result<std::unique_ptr<ControlPlane>>> ControlPlane::start(Reactor& reactor) {
  auto plane = std::unique_ptr<ControlPlane>(new ControlPlane(reactor));
  Status launched = co_await plane->launch();
  if (launched.ok()) co_return plane;
  plane->printLogs();
  co_await plane->stop();
  co_return launched;
}

void ControlPlane::printLogs() const {
  for (const auto& file : std::filesystem::directory_iterator(folder_)) {
    if (file.path().extension() != ".log") continue;
    std::cerr << "--- " << file.path().filename() << "\n" << std::ifstream(file.path()).rdbuf();
  }
}

Status ControlPlane::startPart(std::vector<std::string> argv) {
  ChildOptions options;
  options.logFile = folder_ + "/" + argv[1] + ".log";
  options.argv = std::move(argv);
  options.deathSignal = SIGKILL;
  TRY(auto child, processes_->start(std::move(options)));
  children_.push_back(std::move(child));
  return {};
}

Task<Status> ControlPlane::launch() {
  std::string pattern = "/tmp/cxw-control-plane-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) co_return errnoStatus("mkdtemp", errno);
  folder_ = pattern;
  if (program().empty()) co_return badRequest("COXSWAIN_BIN is not set");
  CO_TRY(port_, freePort());
  std::vector<std::string> server{program(),        "kube-apiserver",  "--bind-address",
                                  "127.0.0.1",      "--secure-port",   std::to_string(port_),
                                  "--data-dir",     folder_ + "/data", "--kubeconfig-dir",
                                  folder_ + "/conf"};
  CO_TRY_STATUS(startPart(std::move(server)));
  CO_TRY_STATUS(co_await waitServing());
  for (const char* part : {"kube-controller-manager", "kube-scheduler"}) {
    std::vector<std::string> argv{program(), part,           "--secure-port",
                                  "0",       "--kubeconfig", folder_ + "/conf/" + part + ".conf"};
    if (part == std::string("kube-controller-manager")) {
      argv.push_back("--root-ca-file");
      argv.push_back(folder_ + "/data/pki/ca.crt");
    }
    CO_TRY_STATUS(startPart(std::move(argv)));
  }
  informers_ = std::make_unique<client::Informers>(*client_, reactor_);
  controllers::Context context{*client_, *informers_, reactor_, random_};
  kubelet_ = std::make_unique<FakeKubelet>(context);
  informers_->start();
  kubelet_->start();
  co_return Status();
}

Task<Status> ControlPlane::waitServing() {
  const auto file = folder_ + "/conf/admin.conf";
  const auto end = reactor_.now() + kPatience;
  Status last = unreachable("not started");
  while (reactor_.now() < end) {
    if (!rest_ && std::filesystem::exists(file)) {
      CO_TRY(auto loaded, client::KubeConfig::load(client::KubeConfigPaths::find(file)));
      CO_TRY(auto resolved, client::resolveConfig(loaded));
      CO_TRY(rest_, client::RestClient::create(reactor_, std::move(resolved.client)));
      client_ = std::make_unique<client::HttpClient>(*rest_);
    }
    if (rest_) {
      client::RestRequest request;
      request.path = "/readyz";
      auto answer = co_await rest_->call(std::move(request), std::stop_token());
      if (answer.ok()) co_return Status();
      last = answer.status();
    }
    CO_TRY_STATUS(co_await sleepFor(20ms));
  }
  co_return last.withContext("kube-apiserver does not serve");
}

Task<Status> ControlPlane::addNode(std::string name) {
  Node node;
  node.metadata.name = name;
  node.metadata.labels["kubernetes.io/hostname"] = name;
  CO_TRY(auto made, co_await client::create(*client_, std::move(node)));
  Node next = *made;
  for (const auto& [resource, amount] :
       {std::pair("cpu", "8"), std::pair("memory", "16Gi"), std::pair("pods", "110")}) {
    CO_TRY(auto quantity, api::Quantity::parse(amount));
    next.status.capacity[resource] = quantity;
    next.status.allocatable[resource] = quantity;
  }
  api::core::v1::NodeCondition ready;
  ready.type = "Ready";
  ready.status = "True";
  ready.reason = "KubeletReady";
  ready.lastHeartbeatTime = ready.lastTransitionTime = api::Time(reactor_.wallNow());
  next.status.conditions.push_back(std::move(ready));
  auto written = co_await client::update(*client_, std::move(next), "status");
  co_return written.status();
}

Task<bool> ControlPlane::until(std::function<bool()> condition) {
  const auto end = reactor_.now() + kPatience;
  while (!condition()) {
    if (reactor_.now() > end) co_return false;
    Status slept = co_await sleepFor(10ms);
    if (!slept.ok()) co_return false;
  }
  co_return true;
}

Task<void> ControlPlane::stop() {
  if (kubelet_) co_await kubelet_->stop();
  if (informers_) co_await informers_->stop();
  if (rest_) co_await rest_->close();
  while (!children_.empty()) {
    auto ended = co_await endProcess(*children_.back(), 10s);
    if (!ended.ok() || !ended->ok()) {
      std::cerr << "a part did not end well: "
                << (ended.ok() ? ended->describe() : ended.status().message()) << "\n";
      printLogs();
    }
    children_.pop_back();
  }
}

}  // namespace coxswain::integration
