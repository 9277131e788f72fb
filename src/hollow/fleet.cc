#include "hollow/fleet.h"

#include <algorithm>
#include <charconv>

#include "base/log.h"
#include "client/resources.h"
#include "runtime/spawn.h"

namespace coxswain::hollow {

using api::coordination::v1::Lease;
using api::core::v1::Node;

namespace {

const Logger kLog("hollow");
constexpr Duration kTickMin = 100ms;
constexpr Duration kRetryMin = 200ms;
constexpr Duration kRetryMax = 5s;

Result<AddressPool> range(const char* what, const std::string& text) {
  auto pool = AddressPool::create(text);
  if (!pool.ok()) return pool.status().withContext(what);
  return pool;
}

}  // namespace

struct Fleet::NodeState {
  std::string uid;
  std::string leaseVersion;  ///< empty: not known
  MonotonicTime renewedAt{};
  MonotonicTime reportedAt{};
  bool registered = false;
  bool queued = false;
  bool gone = false;
};

Result<std::unique_ptr<Fleet>> Fleet::create(client::Client& client, Executor& executor,
                                             FleetOptions options) {
  TRY(auto pods, range("addresses of pods", options.podRange));
  TRY(auto nodes, range("addresses of nodes", options.nodeRange));
  if (options.count == 0) return badRequest("a fleet has at least one node");
  if (options.leasePeriod <= Duration(0) || options.statusPeriod <= Duration(0)) {
    return badRequest("periods of leases and statuses must be greater than zero");
  }
  if (options.leaseSeconds <= 0) return badRequest("a lease lasts at least a second");
  return std::unique_ptr<Fleet>(
      new Fleet(client, executor, std::move(options), std::move(pods), std::move(nodes)));
}

Fleet::Fleet(client::Client& client, Executor& executor, FleetOptions options,
             AddressPool podAddresses, AddressPool nodeAddresses)
    : client_(client),
      executor_(executor),
      options_(std::move(options)),
      nodeAddresses_(std::move(nodeAddresses)),
      nodes_(options_.count),
      beats_(options_.count) {
  crew_ = std::make_unique<PodCrew>(client_, executor_, options_.pods, std::move(podAddresses),
                                    [this](std::string_view node) { return addressOf(node); });
}

Fleet::~Fleet() = default;

std::optional<std::string> Fleet::addressOf(std::string_view node) const {
  auto number = nodeNumber(options_.shape, node);
  if (!number || *number < options_.firstNumber) return std::nullopt;
  if (*number - options_.firstNumber >= options_.count) return std::nullopt;
  return nodeAddresses_.at(*number);
}

std::string Fleet::nameOf(uint32_t index) const {
  return nodeName(options_.shape, options_.firstNumber + index);
}

void Fleet::start() {
  for (int i = 0; i < options_.nodeWriters; ++i) {
    spawn(executor_, registerSome(*this, gate_.enter(), stop_.get_token()));
    spawn(executor_, writeBeats(*this, gate_.enter(), stop_.get_token()));
  }
  spawn(executor_, beat(*this, gate_.enter(), stop_.get_token()));
  crew_->start();
}

Task<void> Fleet::stop() {
  stop_.request_stop();
  beats_.close();
  co_await gate_.close();
  co_await crew_->stop();
}

Task<void> Fleet::registerSome(Fleet& self, Gate::Pass pass, std::stop_token stop) {
  while (self.nextToRegister_ < self.options_.count) {
    const uint32_t index = self.nextToRegister_++;
    Duration pause = kRetryMin;
    while (true) {
      Status done = co_await self.registerNode(index, stop);
      if (done.ok()) break;
      if (stop.stop_requested()) co_return;
      kLog.warn("registering failed", {{"node", self.nameOf(index)}, {"error", done}});
      Status slept = co_await sleepFor(pause, stop);
      if (!slept.ok()) co_return;
      pause = std::min(pause * 2, kRetryMax);
    }
    if (++self.registered_ == self.options_.count) self.allRegistered_.set();
  }
}

Task<Status> Fleet::registerNode(uint32_t index, std::stop_token stop) {
  auto& state = nodes_[index];
  const auto number = options_.firstNumber + index;
  const auto address = nodeAddresses_.at(number);
  auto made = co_await client::create<Node>(
      client_, newNode(options_.shape, number, address, executor_.wallNow()), stop);
  if (made.status().reason() == Reason::AlreadyExists) {
    CO_TRY_STATUS(co_await report(index, stop));
  } else if (!made.ok()) {
    co_return made.status();
  } else {
    state.uid = (*made)->metadata.uid;
    state.reportedAt = executor_.now();
  }
  CO_TRY_STATUS(co_await renew(index, stop));
  state.registered = true;
  co_return Status();
}

Task<Status> Fleet::renew(uint32_t index, std::stop_token stop) {
  auto& state = nodes_[index];
  auto lease = newLease(nameOf(index), state.uid, options_.leaseSeconds, executor_.wallNow());
  Result<std::shared_ptr<const Lease>> written = nullptr;
  if (state.leaseVersion.empty()) {
    written = co_await client::create<Lease>(client_, lease, stop);
    if (written.status().reason() == Reason::AlreadyExists) {
      CO_TRY(auto found, co_await client::get<Lease>(client_, lease.metadata.namespace_,
                                                     lease.metadata.name, stop));
      state.leaseVersion = found->metadata.resourceVersion;
    }
  }
  if (!state.leaseVersion.empty()) {
    lease.metadata.resourceVersion = state.leaseVersion;
    written = co_await client::update<Lease>(client_, std::move(lease), "", stop);
  }
  // Whatever went wrong, look at it anew.
  state.leaseVersion = written.ok() ? (*written)->metadata.resourceVersion : "";
  if (written.ok()) state.renewedAt = executor_.now();
  co_return written.status();
}

Task<Status> Fleet::report(uint32_t index, std::stop_token stop) {
  auto& state = nodes_[index];
  auto found = co_await client::get<Node>(client_, "", nameOf(index), stop);
  if (isNotFound(found.status()) && state.registered) {
    state.gone = true;
    co_return Status();
  }
  if (!found.ok()) co_return found.status();
  Node node(**found);
  updateNodeStatus(options_.shape, nodeAddresses_.at(options_.firstNumber + index),
                   executor_.wallNow(), node);
  auto written = co_await client::update<Node>(client_, std::move(node), "status", stop);
  if (!written.ok()) co_return written.status();
  state.uid = (*written)->metadata.uid;
  state.reportedAt = executor_.now();
  co_return Status();
}

/// Walks over the nodes once each period.
Task<void> Fleet::beat(Fleet& self, Gate::Pass pass, std::stop_token stop) {
  const uint64_t count = self.options_.count;
  const auto period = self.options_.leasePeriod;
  const Duration tick = std::max<Duration>(period / static_cast<int64_t>(count), kTickMin);
  const auto begin = self.executor_.now();
  uint64_t passed = 0;
  while (true) {
    Status slept = co_await sleepFor(tick, stop);
    if (!slept.ok()) co_return;
    const auto share = std::chrono::duration<double>(self.executor_.now() - begin) /
                       std::chrono::duration<double>(period);
    const auto now = static_cast<uint64_t>(share * static_cast<double>(count));
    // After a long sleep of the machine no more than one round.
    if (now - passed > count) passed = now - count;
    for (; passed < now; ++passed) self.due(static_cast<uint32_t>(passed % count));
  }
}

void Fleet::due(uint32_t index) {
  auto& state = nodes_[index];
  // Queued still: the server cannot keep up, and more would not help.
  if (!state.registered || state.gone || state.queued) return;
  state.queued = beats_.tryPush(index);
}

Task<void> Fleet::writeBeats(Fleet& self, Gate::Pass pass, std::stop_token stop) {
  while (auto index = co_await self.beats_.pop(stop)) {
    auto& state = self.nodes_[*index];
    // One that was silent for too long is thought dead: it says that it is not.
    const bool late =
        self.executor_.now() - state.renewedAt > std::chrono::seconds(self.options_.leaseSeconds);
    Status done = co_await self.renew(*index, stop);
    // A lease goes with its node: perhaps that is gone.
    const bool lost = isNotFound(done);
    const bool reportDue = self.executor_.now() - state.reportedAt >= self.options_.statusPeriod;
    if (lost || (done.ok() && (late || reportDue))) done = co_await self.report(*index, stop);
    if (!done.ok() && !stop.stop_requested()) {
      kLog.debug("no heartbeat", {{"node", self.nameOf(*index)}, {"error", done}});
    }
    state.queued = false;
  }
}

}  // namespace coxswain::hollow
