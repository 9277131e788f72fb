#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "client/testing/fake_client.h"
#include "kubelets.h"
#include "part.h"
#include "runtime/random.h"
#include "runtime/sim/sim_executor.h"

namespace coxswain::simulation {

class World;

/// What must hold after each write. Told of all writes; says what is wrong with World::fail.
class Invariant {
 public:
  virtual ~Invariant() = default;
  virtual void wrote(World& world, const client::ResourceType& type, const api::ConstObject& before,
                     const api::ConstObject& after) = 0;
};

/// A small cluster and something that happens in it. The same seed plays the same scenario, with
/// faults or without. One file each in scenarios/, one line in scenarios.cc.
struct Scenario {
  std::string_view name;
  /// The first is the one under test: it is the one that crashes in systematic runs.
  std::vector<std::string> parts;
  /// Puts objects, waits with World::until, changes what it asks for. Draws only from
  /// World::choice.
  void (*play)(World& world);
  /// Before parts are made: nodes, options, invariants. Null: three nodes, pods run.
  void (*prepare)(World& world) = nullptr;
  /// After all is as it should be: how long it must stay so.
  Duration settle = 2min;
  /// Chances of errors are multiplied by it: where a step needs many requests that must all
  /// succeed.
  double share = 1;
};

/// The cluster of one run: server, parts and kubelets in one thread under virtual time.
class World {
 public:
  World(const Scenario& scenario, uint64_t seed, const FaultPlan& faults, bool systematic);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  const Scenario& scenario;
  const FaultPlan faults;
  sim::SimExecutor executor;
  client::testing::FakeClient server;
  Kubelets kubelets;
  SeededRandom choice;  ///< of the scenario: the same with faults and without
  controllers::ManagerOptions manager;
  scheduler::SchedulerOptions scheduler;
  /// Parts by their names that are no controllers of the manager: from Scenario::prepare.
  std::map<std::string, decltype(Part::Options::make)> makes;
  /// What is beside the cluster and survives crashes: a cloud, folders. From Scenario::prepare.
  std::shared_ptr<void> beside;
  template <typename T>
  T& besideAs() {
    return *static_cast<T*>(beside.get());
  }
  /// Called when faults end, and last of all: empty, or what is wrong then.
  std::function<void()> onFaultsEnd;
  std::function<std::string(World&)> verdict;

  void start();
  /// Nothing goes wrong any more.
  void endFaults();
  /// Stops all; what is left then is a failure.
  void stop();

  /// Fails, with `what`, where it does not hold within `limit`. Bad luck is not for ever: after
  /// half of that time nothing goes wrong any more.
  bool until(const char* what, const std::function<bool()>& condition, Duration limit = 4h);
  void run(Duration time) { executor.runFor(time); }
  /// In [low, high].
  int32_t draw(int32_t low, int32_t high);

  void fail(std::string what);
  [[nodiscard]] bool failed() const { return !failure_.empty(); }
  [[nodiscard]] const std::string& failure() const { return failure_; }

  template <typename I, typename... Args>
  void watchFor(Args&&... args) {
    invariants_.push_back(std::make_unique<I>(std::forward<Args>(args)...));
  }
  [[nodiscard]] const std::vector<std::unique_ptr<Part>>& parts() const { return parts_; }
  /// When something was written last, but for events and leases.
  [[nodiscard]] MonotonicTime lastWrite() const { return lastWrite_; }

 private:
  void addPart(const std::string& name, uint64_t seed, const FaultPlan& plan);
  static Task<void> stopAll(World& self, bool& done);

  std::vector<std::unique_ptr<Invariant>> invariants_;
  std::vector<std::unique_ptr<Part>> parts_;
  MonotonicTime lastWrite_{};
  std::string failure_;
  bool stopped_ = false;
};

}  // namespace coxswain::simulation
