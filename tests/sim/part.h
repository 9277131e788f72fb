#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "client/testing/fake_client.h"
#include "controllers/manager.h"
#include "faulty_client.h"
#include "runtime/sim/sim_executor.h"
#include "scheduler/scheduler.h"

namespace coxswain::simulation {

/// One component as a process of its own: a controller by its name, "*" for all of them in one,
/// "scheduler", or what the scenario makes. It has its own caches; when it crashes, it is destroyed
/// and starts a little later from nothing. One executor.
class Part {
 public:
  struct Options {
    std::string name;
    controllers::ManagerOptions manager;
    scheduler::SchedulerOptions scheduler;
    /// A controller that is none of the manager's; null: one that is.
    std::function<std::unique_ptr<controllers::Controller>(const controllers::Context&)> make;
    FaultPlan faults;
    uint64_t seed = 1;
  };
  Part(sim::SimExecutor& executor, client::testing::FakeClient& server, Options options);
  /// After stop().
  ~Part();
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;

  void start();
  Task<void> stop();
  /// As if the process were killed now.
  void crash();

  [[nodiscard]] const std::string& name() const { return options_.name; }
  FaultState& state() { return state_; }
  /// What former lives left behind: empty, or what is wrong.
  [[nodiscard]] const std::string& leaks() const { return leaks_; }

 private:
  struct Life;
  std::unique_ptr<Life> live();
  static Task<void> end(Part& self, std::unique_ptr<Life> life);
  static Task<void> rebirth(Part& self, Gate::Pass pass);

  sim::SimExecutor& executor_;
  client::testing::FakeClient& server_;
  Options options_;
  FaultState state_;
  std::unique_ptr<Life> life_;
  std::string leaks_;
  std::stop_source stop_;
  Gate gate_;
};

/// Those of a whole kube-controller-manager, each with all it needs to run.
controllers::ManagerOptions wholeManager();

}  // namespace coxswain::simulation
