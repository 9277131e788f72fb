#include "replica.h"

#include <fmt/format.h>

#include "api/gen/coordination_v1.h"
#include "api/gen/meta_v1.h"
#include "controllers/framework/trim.h"
#include "part.h"
#include "runtime/spawn.h"

namespace coxswain::simulation {

using api::coordination::v1::Lease;

struct Replica::Process {
  Process(Replica& replica)
      : client(replica.server_, replica.state_, [] {}), random(replica.state_.random.next()) {}
  FaultyClient client;
  SeededRandom random;
  std::stop_source killed;
};

Replica::Replica(sim::SimExecutor& executor, client::testing::FakeClient& server,
                 std::string component, std::string name, uint64_t seed)
    : executor_(executor),
      server_(server),
      component_(std::move(component)),
      name_(std::move(name)),
      state_(FaultPlan(), seed) {}

Replica::~Replica() = default;

void Replica::start() {
  spawn(executor_, live(*this, gate_.enter()));
}

Task<void> Replica::stop() {
  stop_.request_stop();
  if (process_ != nullptr) process_->killed.request_stop();
  co_await gate_.close();
}

void Replica::crash() {
  if (process_ == nullptr) return;
  process_->client.kill();
  process_->killed.request_stop();
}

void Replica::setPartitioned(bool partitioned) {
  partitioned_ = partitioned;
  if (process_ != nullptr) process_->client.setPartitioned(partitioned);
}

void Replica::judge(const client::ResourceType& type) {
  if (type.plural == "leases" || !crime_.empty()) return;
  auto lease = server_.peek<Lease>("kube-system", component_);
  const std::string holder = lease ? lease->spec.holderIdentity.value_or("") : "";
  if (holder != identity_) {
    crime_ = fmt::format("{} writes {} while the lease is of '{}'", identity_, type.plural, holder);
  }
}

Task<void> Replica::live(Replica& self, Gate::Pass pass) {
  for (int number = 1; !self.stop_.stop_requested(); ++number) {
    self.identity_ = fmt::format("{}_{}", self.name_, number);
    Process process(self);
    process.client.onWrite = [&self](const client::ResourceType& type) { self.judge(type); };
    process.client.setPartitioned(self.partitioned_);
    self.process_ = &process;
    client::LeaderElectionOptions options;
    options.name = self.component_;
    options.identity = self.identity_;
    client::LeaderElector elector(process.client, process.random, std::move(options));
    client::LeaderElector::Lead work = [&self, &process](std::stop_token stop) {
      return lead(self, process, std::move(stop));
    };
    const Status ended = co_await elector.run(std::move(work), process.killed.get_token());
    if (isTimeout(ended)) ++self.lost_;
    self.process_ = nullptr;
    co_await bury(process);
    Status slept = co_await sleepFor(2s, self.stop_.get_token());
    (void)slept;
  }
}

Task<void> Replica::bury(Process& process) {
  process.client.bury();
  while (process.client.open() > 0) {
    Status slept = co_await sleepFor(100ms);
    (void)slept;
  }
}

Task<void> Replica::lead(Replica& self, Process& process, std::stop_token stop) {
  self.working_ = true;
  client::Informers informers(process.client, self.executor_);
  std::unique_ptr<controllers::ControllerManager> manager;
  std::unique_ptr<scheduler::Scheduler> scheduler;
  if (self.component_ == "kube-scheduler") {
    scheduler::SchedulerContext context{process.client, informers, self.executor_, process.random};
    scheduler = std::make_unique<scheduler::Scheduler>(context, scheduler::SchedulerOptions());
    scheduler->start();
  } else {
    controllers::trimCaches(informers);
    controllers::Context context{process.client, informers, self.executor_, process.random};
    auto made = controllers::ControllerManager::create(context, wholeManager());
    if (made.ok()) manager = std::move(*made);
    if (manager) manager->start();
  }
  informers.start();
  Event never;
  Status stopped = co_await never.wait(stop);
  (void)stopped;
  if (manager) co_await manager->stop();
  if (scheduler) co_await scheduler->stop();
  co_await informers.stop();
  self.working_ = false;
}

}  // namespace coxswain::simulation
