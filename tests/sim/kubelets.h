#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "api/gen/core_v1.h"
#include "client/testing/fake_client.h"
#include "runtime/random.h"
#include "runtime/sim/sim_executor.h"

namespace coxswain::simulation {

/// Kubelets that only pretend, right at the simulated server: no faults, no watches, no costs where
/// nothing happens. Pods on live nodes run a second later, and go when they are to be deleted.
class Kubelets {
 public:
  Kubelets(sim::SimExecutor& executor, client::testing::FakeClient& server, uint64_t seed);

  /// How a running pod ends by itself.
  struct Ending {
    Duration after = 2s;
    std::string phase = "Succeeded";
    int32_t exitCode = 0;
  };
  /// Unset, or nothing: it runs on.
  std::function<std::optional<Ending>(const api::core::v1::Pod&)> ending;
  /// Pods without a node get the next one: of scenarios without a scheduler.
  bool assigns = false;
  /// Leases are renewed each 10 seconds, and a node that is taken for silent says that it is not.
  bool beats = false;

  void addNode(const std::string& name, const std::string& cpu = "8",
               std::map<std::string, std::string> labels = {});
  /// Dead: renews nothing, starts and ends nothing. The Node stays.
  void setDead(const std::string& name, bool dead);
  /// Of pods: from the observer.
  void wrote(const api::ConstObject& after);
  /// No timer is left.
  void stop();

 private:
  void plan(const std::string& ns, const std::string& name, Duration after);
  void look(const std::string& ns, const std::string& name);
  void start(const api::core::v1::Pod& pod);
  void end(const api::core::v1::Pod& pod, const Ending& how);
  /// Empty: none lives.
  std::string nextNode();
  void beat();
  /// What somebody took for silence is put right: the node says that it is ready.
  void report(const api::core::v1::Node& node);
  /// What is to be done with a pod, and when; nothing: nothing.
  [[nodiscard]] std::optional<Duration> due(const api::core::v1::Pod& pod) const;

  sim::SimExecutor& executor_;
  client::testing::FakeClient& server_;
  SeededRandom random_;
  std::map<std::string, Executor::TimerId> timers_;
  std::set<std::string> nodes_;
  std::set<std::string> dead_;
  std::optional<Executor::TimerId> beat_;
  uint32_t addresses_ = 0;
  size_t turns_ = 0;
};

}  // namespace coxswain::simulation
