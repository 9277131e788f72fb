#pragma once

#include <memory>
#include <string>

#include "client/leader_election.h"
#include "client/testing/fake_client.h"
#include "controllers/manager.h"
#include "faulty_client.h"
#include "runtime/sim/sim_executor.h"
#include "scheduler/scheduler.h"

namespace coxswain::simulation {

/// One of several processes of a component of which one leads, as src/cmd makes them: it waits for
/// the lease, works while it has it, ends when it has lost it, and is then started again by whoever
/// watches over it. A write while somebody else holds the lease is remembered as a crime.
class Replica {
 public:
  /// `component`: "kube-controller-manager" or "kube-scheduler".
  Replica(sim::SimExecutor& executor, client::testing::FakeClient& server, std::string component,
          std::string name, uint64_t seed);
  /// After stop().
  ~Replica();
  Replica(const Replica&) = delete;
  Replica& operator=(const Replica&) = delete;

  void start();
  Task<void> stop();

  /// The process is killed; another one starts 2 seconds later.
  void crash();
  void setPartitioned(bool partitioned);
  /// All its requests are answered with errors.
  void setFailing(bool failing) { state_.plan.error = failing ? 1 : 0; }

  /// Of its present process: each has its own.
  [[nodiscard]] const std::string& identity() const { return identity_; }
  [[nodiscard]] bool working() const { return working_; }
  /// How often it gave up because it could not renew.
  [[nodiscard]] int lost() const { return lost_; }
  /// Empty: none.
  [[nodiscard]] const std::string& crime() const { return crime_; }

 private:
  struct Process;
  static Task<void> live(Replica& self, Gate::Pass pass);
  static Task<void> lead(Replica& self, Process& process, std::stop_token stop);
  static Task<void> bury(Process& process);
  void judge(const client::ResourceType& type);

  sim::SimExecutor& executor_;
  client::testing::FakeClient& server_;
  const std::string component_;
  const std::string name_;
  std::string identity_;
  FaultState state_;
  Process* process_ = nullptr;
  bool partitioned_ = false;
  bool working_ = false;
  int lost_ = 0;
  std::string crime_;
  Gate gate_;
  std::stop_source stop_;
};

}  // namespace coxswain::simulation
