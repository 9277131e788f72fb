#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "apiserver/assembly/assembly.h"
#include "client/informers.h"
#include "controllers/manager.h"
#include "hollow/hollow_node.h"
#include "runtime/random.h"
#include "runtime/sim/run_task.h"
#include "scheduler/scheduler.h"
#include "storage/memory/memory_store.h"

namespace coxswain::testing {

/// Hands on everything and remembers what was refused with Forbidden.
class WitnessClient;

/// A request that its maker had no right to.
struct Refusal {
  std::string user;
  std::string what;
};

/// API server, controllers, scheduler and pretended nodes in one thread under virtual time, each
/// with its own identity and behind the real authorization and admission. What happens is the same
/// every time.
class InProcessCluster {
 public:
  struct Options {
    int nodes = 0;
    bool controllers = true;
  };
  explicit InProcessCluster(Options options);
  ~InProcessCluster();
  InProcessCluster(const InProcessCluster&) = delete;
  InProcessCluster& operator=(const InProcessCluster&) = delete;

  /// Server and all parts end; the store stays for the next start().
  void stop();
  void start();

  client::Client& as(const std::string& user, std::vector<std::string> groups = {});
  client::Client& admin() { return as("admin", {"system:masters"}); }
  client::Client& node(const std::string& name) {
    return as("system:node:" + name, {"system:nodes"});
  }
  client::Client& account(std::string_view name);
  hollow::HollowNode& hollow(size_t index) { return *nodes_[index]; }

  template <typename T>
  T run(Task<T> task) {
    return sim::runTask(executor, std::move(task));
  }
  /// Until it holds, or an hour has passed.
  template <typename F>
  bool eventually(F&& holds) {
    return executor.runUntil(std::forward<F>(holds), 1h);
  }

  sim::SimExecutor executor{11};
  SeededRandom random{12};
  std::unique_ptr<storage::Store> store;
  std::vector<Refusal> refusals;

 private:
  Task<void> stopAll();

  const Options options_;
  std::string key_;
  std::unique_ptr<apiserver::Assembly> assembly_;
  std::map<std::string, std::unique_ptr<WitnessClient>> clients_;
  std::unique_ptr<client::Informers> informers_;
  std::unique_ptr<controllers::ControllerManager> manager_;
  std::unique_ptr<scheduler::Scheduler> scheduler_;
  std::vector<std::unique_ptr<hollow::HollowNode>> nodes_;
};

}  // namespace coxswain::testing
