#include "kubelets.h"

#include "api/gen/coordination_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/pods.h"
#include "api/meta/quantity.h"
#include "client/resources.h"

namespace coxswain::simulation {

using api::coordination::v1::Lease;
using api::core::v1::Node;
using api::core::v1::Pod;

namespace {

constexpr Duration kStart = 1s;
constexpr Duration kEnd = 500ms;
constexpr Duration kBeat = 10s;

void setCondition(Pod& pod, const char* type, const char* status, WallTime now) {
  api::core::v1::PodCondition condition;
  condition.type = type;
  condition.status = status;
  condition.lastTransitionTime = api::Time(now);
  api::setPodCondition(pod.status, condition);
}

}  // namespace

Kubelets::Kubelets(sim::SimExecutor& executor, client::testing::FakeClient& server, uint64_t seed)
    : executor_(executor), server_(server), random_(seed) {}

void Kubelets::addNode(const std::string& name, const std::string& cpu,
                       std::map<std::string, std::string> labels) {
  Node node;
  node.metadata.name = name;
  node.metadata.labels["kubernetes.io/hostname"] = name;
  for (auto& [key, value] : labels) node.metadata.labels[key] = value;
  for (const auto& [resource, amount] :
       {std::pair("cpu", cpu.c_str()), std::pair("memory", "32Gi"), std::pair("pods", "110")}) {
    const auto quantity = *api::Quantity::parse(amount);
    node.status.capacity[resource] = quantity;
    node.status.allocatable[resource] = quantity;
  }
  auto& ready = node.status.conditions.emplace_back();
  ready.type = "Ready";
  ready.status = "True";
  ready.reason = "KubeletReady";
  ready.lastHeartbeatTime = ready.lastTransitionTime = api::Time(executor_.wallNow());
  server_.put(std::move(node));
  nodes_.insert(name);
  if (beats && !beat_) beat();
}

void Kubelets::setDead(const std::string& name, bool dead) {
  if (dead) {
    dead_.insert(name);
    return;
  }
  dead_.erase(name);
  if (auto node = server_.peek<Node>("", name)) report(*node);
  for (const auto& pod : server_.peekAll<Pod>()) {
    if (pod->spec.nodeName == name) {
      plan(pod->metadata.namespace_, pod->metadata.name, kStart);
    }
  }
}

void Kubelets::report(const Node& node) {
  if (api::isNodeReady(node)) return;
  server_.change<Node>("", node.metadata.name, [this](Node& next) {
    // What it does not report itself goes.
    std::erase_if(next.status.conditions, [](const auto& each) { return each.type != "Ready"; });
    for (auto& condition : next.status.conditions) {
      condition.status = "True";
      condition.reason = "KubeletReady";
      condition.message.clear();
      condition.lastHeartbeatTime = api::Time(executor_.wallNow());
    }
  });
}

void Kubelets::beat() {
  for (const auto& name : nodes_) {
    auto node = server_.peek<Node>("", name);
    if (dead_.contains(name) || !node) continue;
    report(*node);
    const api::MicroTime now(executor_.wallNow());
    if (server_.peek<Lease>("kube-node-lease", name)) {
      server_.change<Lease>("kube-node-lease", name,
                            [&now](Lease& lease) { lease.spec.renewTime = now; });
      continue;
    }
    Lease lease;
    lease.metadata.name = name;
    lease.metadata.namespace_ = "kube-node-lease";
    lease.spec.holderIdentity = name;
    lease.spec.leaseDurationSeconds = 40;
    lease.spec.renewTime = now;
    server_.put(std::move(lease));
  }
  beat_ = executor_.schedule(executor_.now() + kBeat, [this] { beat(); });
}

std::string Kubelets::nextNode() {
  for (size_t i = 0; i < nodes_.size(); ++i) {
    auto at = nodes_.begin();
    std::advance(at, static_cast<ptrdiff_t>(turns_++ % nodes_.size()));
    if (!dead_.contains(*at) && server_.peek<Node>("", *at)) return *at;
  }
  return {};
}

std::optional<Duration> Kubelets::due(const Pod& pod) const {
  const auto& meta = pod.metadata;
  if (pod.spec.nodeName.empty()) {
    if (!assigns || meta.deletionTimestamp) return std::nullopt;
    return 100ms;
  }
  if (dead_.contains(pod.spec.nodeName) || !nodes_.contains(pod.spec.nodeName)) return std::nullopt;
  if (meta.deletionTimestamp) {
    if (meta.deletionGracePeriodSeconds.value_or(0) == 0 && api::isPodTerminal(pod)) {
      return std::nullopt;
    }
    return kEnd;
  }
  if (api::isPodTerminal(pod)) return std::nullopt;
  // A controller that took the node for silent may have said that its pods are not ready.
  if (pod.status.phase != "Running" || !api::isPodReady(pod)) return kStart;
  if (!ending) return std::nullopt;
  auto how = ending(pod);
  if (!how) return std::nullopt;
  return how->after;
}

void Kubelets::wrote(const api::ConstObject& after) {
  const auto* pod = after ? after.as<Pod>() : nullptr;
  if (pod == nullptr) return;
  if (auto when = due(*pod)) plan(pod->metadata.namespace_, pod->metadata.name, *when);
}

void Kubelets::plan(const std::string& ns, const std::string& name, Duration after) {
  auto [at, fresh] = timers_.try_emplace(ns + "/" + name, 0);
  if (!fresh) return;
  const Duration jitter(static_cast<int64_t>(random_.below(200'000'000)));
  at->second =
      executor_.schedule(executor_.now() + after + jitter, [this, ns, name] { look(ns, name); });
}

void Kubelets::look(const std::string& ns, const std::string& name) {
  timers_.erase(ns + "/" + name);
  auto pod = server_.peek<Pod>(ns, name);
  if (!pod || !due(*pod)) return;
  const auto& meta = pod->metadata;
  if (pod->spec.nodeName.empty()) {
    const auto node = nextNode();
    if (node.empty()) return plan(ns, name, kStart);
    server_.change<Pod>(ns, name, [&node](Pod& next) { next.spec.nodeName = node; });
  } else if (meta.deletionTimestamp) {
    if (!api::isPodTerminal(*pod)) end(*pod, {0s, "Failed", 143});
    if (!server_.peek<Pod>(ns, name)) return;
    client::DeleteOptions now;
    now.gracePeriodSeconds = 0;
    (void)server_.erase<Pod>(ns, name, now);
  } else if (pod->status.phase != "Running") {
    start(*pod);
  } else if (!api::isPodReady(*pod)) {
    server_.change<Pod>(
        ns, name, [this](Pod& next) { setCondition(next, "Ready", "True", executor_.wallNow()); });
  } else {
    // The pod may have been made anew since this was planned.
    end(*pod, *ending(*pod));
  }
}

void Kubelets::start(const Pod& pod) {
  const auto now = executor_.wallNow();
  ++addresses_;
  const std::string ip =
      "10.1." + std::to_string(addresses_ / 250 % 250) + "." + std::to_string(addresses_ % 250 + 1);
  server_.change<Pod>(pod.metadata.namespace_, pod.metadata.name, [&](Pod& next) {
    next.status.phase = "Running";
    next.status.startTime = api::Time(now);
    next.status.podIP = ip;
    next.status.podIPs.resize(1);
    next.status.podIPs[0].ip = ip;
    for (const char* type : {"Initialized", "ContainersReady", "Ready"}) {
      setCondition(next, type, "True", now);
    }
  });
}

void Kubelets::end(const Pod& pod, const Ending& how) {
  const auto now = executor_.wallNow();
  server_.change<Pod>(pod.metadata.namespace_, pod.metadata.name, [&](Pod& next) {
    next.status.phase = how.phase;
    for (const char* type : {"ContainersReady", "Ready"}) setCondition(next, type, "False", now);
    next.status.containerStatuses.clear();
    for (const auto& container : next.spec.containers) {
      auto& status = next.status.containerStatuses.emplace_back();
      status.name = container.name;
      auto& ended = status.state.terminated.emplace();
      ended.exitCode = how.exitCode;
      ended.finishedAt = api::Time(now);
    }
  });
}

void Kubelets::stop() {
  for (const auto& [key, timer] : timers_) executor_.cancel(timer);
  timers_.clear();
  if (beat_) executor_.cancel(*beat_);
  beat_.reset();
  nodes_.clear();  // nothing is planned any more
  assigns = false;
}

}  // namespace coxswain::simulation
