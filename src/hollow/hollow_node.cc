#include "hollow/hollow_node.h"

#include <functional>

#include "api/gen/coordination_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/pods.h"
#include "api/meta/quantity.h"
#include "base/log.h"
#include "client/resources.h"
#include "runtime/spawn.h"

namespace coxswain::hollow {

using api::coordination::v1::Lease;
using api::core::v1::Node;
using api::core::v1::Pod;

namespace {

const Logger kLog("hollow");

constexpr std::string_view kLeaseNamespace = "kube-node-lease";
constexpr int32_t kLeaseSeconds = 40;

api::core::v1::NodeCondition ready(WallTime now) {
  api::core::v1::NodeCondition condition;
  condition.type = "Ready";
  condition.status = "True";
  condition.reason = "KubeletReady";
  condition.message = "kubelet is posting ready status";
  condition.lastHeartbeatTime = api::Time(now);
  condition.lastTransitionTime = api::Time(now);
  return condition;
}

void setCondition(Pod& pod, std::string_view type, WallTime now) {
  api::core::v1::PodCondition condition;
  condition.type = type;
  condition.status = "True";
  condition.lastTransitionTime = api::Time(now);
  api::setPodCondition(pod.status, condition);
}

}  // namespace

HollowNode::HollowNode(const Context& context, HollowNodeOptions options)
    : context_(context),
      options_(std::move(options)),
      pods_(context.informers.of<Pod>()),
      queue_(context.executor) {
  pods_.addHandler([this](const client::Change& change) {
    const auto& object = change.after ? change.after : change.before;
    if (object.as<Pod>()->spec.nodeName == options_.name) queue_.add(client::objectKey(object));
  });
}

HollowNode::~HollowNode() = default;

void HollowNode::start() {
  spawn(context_.executor, beat(*this, gate_.enter(), stop_.get_token()));
  spawn(context_.executor, work(*this, gate_.enter(), stop_.get_token()));
}

Task<void> HollowNode::stop() {
  stop_.request_stop();
  queue_.shutDown();
  co_await gate_.close();
}

void HollowNode::setDead(bool dead) {
  dead_ = dead;
  if (dead) return;
  pods_.forEach([this](const api::ConstObject& object) {
    if (object.as<Pod>()->spec.nodeName == options_.name) queue_.add(client::objectKey(object));
  });
}

Task<void> HollowNode::beat(HollowNode& self, Gate::Pass pass, std::stop_token stop) {
  while (!stop.stop_requested()) {
    if (!self.dead_) {
      Status done = co_await self.registerNode(stop);
      if (done.ok()) done = co_await self.renew(stop);
      if (!done.ok()) kLog.debug("no heartbeat", {{"node", self.options_.name}, {"error", done}});
    }
    Status slept = co_await sleepFor(self.options_.leasePeriod, stop);
    if (!slept.ok()) co_return;
  }
}

Task<Status> HollowNode::registerNode(std::stop_token stop) {
  auto now = context_.executor.wallNow();
  auto found = co_await client::get<Node>(context_.client, "", options_.name, stop);
  if (!found.ok() && !isNotFound(found.status())) co_return found.status();
  if (!found.ok()) {
    Node node;
    node.metadata.name = options_.name;
    node.metadata.labels.insert_or_assign("kubernetes.io/hostname", options_.name);
    auto made = co_await client::create<Node>(context_.client, std::move(node), stop);
    if (!made.ok()) co_return made.status();
    found = std::move(made);
  }
  for (const auto& condition : (*found)->status.conditions) {
    if (condition.type == "Ready" && condition.status == "True") co_return Status();
  }
  Node next(**found);
  for (auto [name, amount] :
       {std::pair("cpu", &options_.cpu), std::pair("memory", &options_.memory),
        std::pair("pods", &options_.pods)}) {
    auto quantity = api::Quantity::parse(*amount);
    if (!quantity.ok()) co_return quantity.status();
    next.status.capacity.insert_or_assign(name, *quantity);
    next.status.allocatable.insert_or_assign(name, *quantity);
  }
  next.status.conditions = {ready(now)};
  auto updated = co_await client::update<Node>(context_.client, std::move(next), "status", stop);
  co_return updated.status();
}

Task<Status> HollowNode::renew(std::stop_token stop) {
  std::string ns(kLeaseNamespace);
  auto found = co_await client::get<Lease>(context_.client, ns, options_.name, stop);
  if (!found.ok() && !isNotFound(found.status())) co_return found.status();
  Lease lease;
  if (found.ok()) lease = **found;
  lease.metadata.name = options_.name;
  lease.metadata.namespace_ = ns;
  lease.spec.holderIdentity = options_.name;
  lease.spec.leaseDurationSeconds = kLeaseSeconds;
  lease.spec.renewTime = api::MicroTime(context_.executor.wallNow());
  if (found.ok()) {
    auto updated = co_await client::update<Lease>(context_.client, std::move(lease), "", stop);
    co_return updated.status();
  }
  auto made = co_await client::create<Lease>(context_.client, std::move(lease), stop);
  co_return made.status();
}

Task<void> HollowNode::work(HollowNode& self, Gate::Pass pass, std::stop_token stop) {
  while (auto key = co_await self.queue_.get(stop)) {
    auto again = co_await self.attend(*key, stop);
    if (!again.ok()) {
      self.queue_.addRateLimited(*key);
    } else {
      self.queue_.forget(*key);
      if (*again > Duration::zero()) self.queue_.addAfter(*key, *again);
    }
    self.queue_.done(*key);
  }
}

Task<Result<Duration>> HollowNode::attend(std::string key, std::stop_token stop) {
  auto pod = pods_.get<Pod>(key);
  if (dead_ || !pod) co_return Duration::zero();
  const auto now = context_.executor.wallNow();
  const auto& meta = pod->metadata;
  if (meta.deletionTimestamp) {
    // Its grace period is not waited for: a pretended container ends when asked.
    auto asked = WallTime(std::chrono::seconds(meta.deletionTimestamp->unix() -
                                               meta.deletionGracePeriodSeconds.value_or(0)));
    auto due = asked + options_.podEnd;
    if (now < due) co_return due - now;
    client::DeleteOptions gone;
    gone.gracePeriodSeconds = 0;
    gone.uid = meta.uid;
    Status removed = co_await context_.client.remove(client::resourceOf<Pod>(), meta.namespace_,
                                                     meta.name, std::move(gone), stop);
    if (!removed.ok() && !isNotFound(removed) && !isConflict(removed)) co_return removed;
    co_return Duration::zero();
  }
  if (api::isPodTerminal(*pod) || pod->status.phase == "Running") co_return Duration::zero();
  auto bound = WallTime(std::chrono::seconds(meta.creationTimestamp.unix()));
  for (const auto& condition : pod->status.conditions) {
    if (condition.type == "PodScheduled" && condition.status == "True") {
      bound = WallTime(std::chrono::seconds(condition.lastTransitionTime.unix()));
    }
  }
  auto due = bound + options_.podStart;
  if (now < due) co_return due - now;
  Pod next(*pod);
  next.status.phase = "Running";
  next.status.startTime = api::Time(now);
  auto number =
      ++addresses_ + static_cast<uint32_t>(std::hash<std::string>()(options_.name) % 200) * 250;
  next.status.podIP = "10." + std::to_string(number / 62500 % 250) + "." +
                      std::to_string(number / 250 % 250) + "." + std::to_string(1 + number % 250);
  next.status.podIPs.resize(1);
  next.status.podIPs[0].ip = next.status.podIP;
  for (auto type : {"Initialized", "ContainersReady", "Ready"}) setCondition(next, type, now);
  auto updated = co_await client::update<Pod>(context_.client, std::move(next), "status", stop);
  if (!updated.ok() && !isNotFound(updated.status())) co_return updated.status();
  co_return Duration::zero();
}

}  // namespace coxswain::hollow
