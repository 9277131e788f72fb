#include "control_plane.h"

#include <filesystem>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "client/http/kubeconfig.h"
#include "client/resources.h"
#include "fake_kubelet.h"
#include "net/testing/free_port.h"
#include "runtime/spawn.h"

namespace coxswain::integration {

using api::core::v1::Node;

namespace {

constexpr Duration kPatience = 240s;

}  // namespace

ControlPlane::ControlPlane(Reactor& reactor, Options options)
    : reactor_(reactor), options_(std::move(options)), programs_(reactor) {}

ControlPlane::~ControlPlane() = default;

Task<Result<std::unique_ptr<ControlPlane>>> ControlPlane::start(Reactor& reactor, Options options) {
  auto plane = std::unique_ptr<ControlPlane>(new ControlPlane(reactor, std::move(options)));
  Status launched = co_await plane->launch();
  if (launched.ok()) co_return plane;
  plane->programs_.printLogs();
  co_await plane->stop();
  co_return launched;
}

Task<Status> ControlPlane::launch() {
  CO_TRY_STATUS(programs_.open());
  const auto port = net::testing::freePort(reactor_);
  std::vector<std::string> flags{"--bind-address",   "127.0.0.1",
                                 "--secure-port",    std::to_string(port),
                                 "--data-dir",       programs_.path("data"),
                                 "--kubeconfig-dir", programs_.path("conf")};
  CO_TRY_STATUS(programs_.start("kube-apiserver", std::move(flags)));
  CO_TRY_STATUS(co_await waitServing());
  CO_TRY_STATUS(startPart("kube-controller-manager", 0));
  CO_TRY_STATUS(startPart("kube-scheduler", 0));
  informers_ = std::make_unique<client::Informers>(*client_, reactor_);
  if (options_.hollowNodes > 0) {
    flags = {std::to_string(options_.hollowNodes),
             "--kubeconfig",
             programs_.path("conf/admin.conf"),
             "--pod-start-delay",
             "200ms",
             "--pod-run-time",
             "1s"};
    co_return programs_.start("hollow-nodes", std::move(flags));
  }
  controllers::Context context{*client_, *informers_, reactor_, random_};
  kubelet_ = std::make_unique<FakeKubelet>(context);
  informers_->start();
  kubelet_->start();
  co_return Status();
}

Status ControlPlane::startPart(const std::string& part, int number) {
  std::vector<std::string> flags{"--secure-port", "0", "--kubeconfig",
                                 programs_.path("conf/" + part + ".conf")};
  flags.insert(flags.end(), options_.flags.begin(), options_.flags.end());
  if (part == "kube-controller-manager") {
    flags.emplace_back("--root-ca-file");
    flags.push_back(programs_.path("data/pki/ca.crt"));
  }
  return programs_.start(part, std::move(flags), number == 0 ? "" : "-" + std::to_string(number));
}

Task<Status> ControlPlane::waitServing() {
  const auto file = programs_.path("conf/admin.conf");
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
  // Controllers write to it as soon as they see it.
  Status written = co_await makeReady(*made);
  while (isConflict(written)) {
    CO_TRY(made, co_await client::get<Node>(*client_, "", name));
    written = co_await makeReady(*made);
  }
  co_return written;
}

Task<Status> ControlPlane::makeReady(Node next) {
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
  co_await programs_.stop();
}

}  // namespace coxswain::integration
