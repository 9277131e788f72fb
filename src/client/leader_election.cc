#include "client/leader_election.h"

#include "api/gen/coordination_v1.h"
#include "api/gen/meta_v1.h"
#include "base/log.h"
#include "client/resources.h"
#include "runtime/spawn.h"
#include "runtime/sync.h"

namespace coxswain::client {

using api::MicroTime;
using api::coordination::v1::Lease;

namespace {
const Logger kLog("leaderelection");

Task<void> leadThenTell(LeaderElector::Lead lead, std::stop_token stop,
                        std::shared_ptr<Event> ended, std::stop_source renewing) {
  co_await lead(stop);
  ended->set();
  renewing.request_stop();
}

struct ForwardStop {
  std::stop_source source;
  void operator()() { source.request_stop(); }
};

}  // namespace

LeaderElector::LeaderElector(Client& client, Random& random, LeaderElectionOptions options)
    : client_(client), random_(random), options_(std::move(options)) {}
LeaderElector::~LeaderElector() = default;

Task<Status> LeaderElector::run(Lead lead, std::stop_token stop) {
  if (!co_await acquire(stop)) co_return canceled();
  leading_ = true;
  std::stop_source leadStop;
  std::stop_source renewStop;
  std::stop_callback<ForwardStop> forward(stop, ForwardStop{renewStop});
  auto ended = std::make_shared<Event>();
  spawn(*Executor::current(),
        leadThenTell(std::move(lead), leadStop.get_token(), ended, renewStop));
  Status lost = co_await renew(renewStop.get_token());
  const bool endedItself = ended->isSet();
  leading_ = false;
  leadStop.request_stop();
  Status waited = co_await ended->wait();
  if (options_.releaseOnStop && isCanceled(lost)) co_await release();
  if (endedItself && isCanceled(lost)) co_return Status();
  co_return lost;
}

Task<bool> LeaderElector::acquire(std::stop_token stop) {
  while (!stop.stop_requested()) {
    auto outcome = co_await tryOnce(stop);
    if (outcome == Outcome::Held) {
      kLog.info("became leader", {{"lease", options_.name}, {"identity", options_.identity}});
      co_return true;
    }
    // Up to 2.2 periods, so that candidates spread.
    auto extra = static_cast<int64_t>(random_.unit() * 1.2 *
                                      static_cast<double>(options_.retryPeriod.count()));
    Status slept = co_await sleepFor(options_.retryPeriod + Duration(extra), stop);
    if (!slept.ok()) break;
  }
  co_return false;
}

/// Renews until it must not lead any more: Canceled or Timeout.
Task<Status> LeaderElector::renew(std::stop_token stop) {
  while (true) {
    CO_TRY_STATUS(co_await sleepFor(options_.retryPeriod, stop));
    // Counted from the renewal that the others saw, not from now.
    const auto left = seenAt_ + options_.renewDeadline - Executor::current()->now();
    Deadline deadline(std::max(left, Duration(1)), stop);
    while (true) {
      auto outcome = co_await tryOnce(deadline.token());
      if (outcome == Outcome::Held && !deadline.token().stop_requested()) break;
      if (stop.stop_requested()) co_return canceled();
      if (outcome == Outcome::Lost || deadline.expired()) {
        kLog.error("lost the lease", {{"lease", options_.name}, {"holder", holder_}});
        co_return timeoutError("leader election lost: " + options_.name);
      }
      Status slept = co_await sleepFor(options_.retryPeriod, deadline.token());
      (void)slept;
    }
  }
}

void LeaderElector::observe(LeasePointer lease) {
  const bool changed = !seen_ || seen_->metadata.resourceVersion != lease->metadata.resourceVersion;
  seen_ = std::move(lease);
  if (!changed) return;
  seenAt_ = Executor::current()->now();
  auto holder = seen_->spec.holderIdentity.value_or("");
  if (holder != holder_) {
    holder_ = std::move(holder);
    if (onNewLeader) onNewLeader(holder_);
  }
}

bool LeaderElector::validForOther() const {
  if (!seen_ || holder_.empty() || holder_ == options_.identity) return false;
  const auto seconds = std::chrono::seconds(seen_->spec.leaseDurationSeconds.value_or(0));
  return seenAt_ + seconds > Executor::current()->now();
}

Task<LeaderElector::Outcome> LeaderElector::tryOnce(std::stop_token stop) {
  // A leader first tries on what it last wrote; anybody else looks.
  if (leading_ && seen_ && holder_ == options_.identity) {
    auto outcome = co_await write(seen_, stop);
    if (outcome == Outcome::Held) co_return outcome;
  }
  auto got = co_await get<Lease>(client_, options_.ns, options_.name, stop);
  if (isNotFound(got.status())) co_return co_await createFirst(stop);
  if (!got.ok()) {
    kLog.debug("cannot read the lease", {{"lease", options_.name}, {"error", got.status()}});
    co_return Outcome::Failed;
  }
  observe(std::move(*got));
  if (validForOther()) co_return Outcome::Lost;
  co_return co_await write(seen_, stop);
}

Task<LeaderElector::Outcome> LeaderElector::createFirst(std::stop_token stop) {
  Lease lease;
  lease.metadata.namespace_ = options_.ns;
  lease.metadata.name = options_.name;
  auto& executor = *Executor::current();
  const auto asked = executor.now();
  lease.spec.holderIdentity = options_.identity;
  lease.spec.leaseDurationSeconds = static_cast<int32_t>(options_.leaseDuration / 1s);
  lease.spec.acquireTime = lease.spec.renewTime = MicroTime(executor.wallNow());
  lease.spec.leaseTransitions = 0;
  auto made = co_await create(client_, std::move(lease), stop);
  if (!made.ok()) co_return Outcome::Failed;
  observe(std::move(*made));
  seenAt_ = asked;
  co_return Outcome::Held;
}

Task<LeaderElector::Outcome> LeaderElector::write(LeasePointer seen, std::stop_token stop) {
  Lease lease = *seen;
  auto& executor = *Executor::current();
  const auto asked = executor.now();
  const auto now = MicroTime(executor.wallNow());
  const bool ours = lease.spec.holderIdentity.value_or("") == options_.identity;
  if (!ours) {
    lease.spec.acquireTime = now;
    lease.spec.leaseTransitions = lease.spec.leaseTransitions.value_or(0) + 1;
  }
  lease.spec.holderIdentity = options_.identity;
  lease.spec.leaseDurationSeconds = static_cast<int32_t>(options_.leaseDuration / 1s);
  lease.spec.renewTime = now;
  auto written = co_await update(client_, std::move(lease), "", stop);
  if (!written.ok()) {
    kLog.debug("cannot write the lease", {{"lease", options_.name}, {"error", written.status()}});
    co_return Outcome::Failed;
  }
  observe(std::move(*written));
  // Others may have seen it since we asked.
  seenAt_ = asked;
  co_return Outcome::Held;
}

Task<void> LeaderElector::release() {
  if (!seen_ || holder_ != options_.identity) co_return;
  Deadline deadline(options_.renewDeadline, {});
  Lease lease = *seen_;
  lease.spec.holderIdentity = "";
  lease.spec.leaseDurationSeconds = 1;
  lease.spec.renewTime = lease.spec.acquireTime = MicroTime(Executor::current()->wallNow());
  auto written = co_await update(client_, std::move(lease), "", deadline.token());
  if (written.ok()) {
    observe(std::move(*written));
  } else {
    kLog.info("cannot release the lease", {{"lease", options_.name}, {"error", written.status()}});
  }
}

}  // namespace coxswain::client
