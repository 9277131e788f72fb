#include "behaviour/cluster.h"
#include "hollow/fleet.h"
#include "in_process_cluster.h"

namespace coxswain::behaviour {

namespace {

class InProcess final : public Cluster {
 public:
  InProcess() : cluster_({}), informers_(cluster_.admin(), cluster_.executor) {
    hollow::FleetOptions options;
    options.count = 3;
    for (const auto& [name, amount] :
         {std::pair("cpu", "8"), std::pair("memory", "32Gi"), std::pair("pods", "110")}) {
      if (!options.shape.setCapacity(name, amount).ok()) std::abort();
    }
    options.pods.behaviour.start = 200ms;
    options.pods.behaviour.run = 1s;
    auto fleet = hollow::Fleet::create(cluster_.admin(), cluster_.executor, std::move(options));
    if (!fleet.ok()) std::abort();
    fleet_ = std::move(*fleet);
    fleet_->start();
  }
  ~InProcess() override {
    run(fleet_->stop());
    run(informers_.stop());
  }

  client::Client& client() override { return cluster_.admin(); }
  client::Informers& informers() override { return informers_; }
  Executor& executor() override { return cluster_.executor; }
  bool until(const std::function<bool()>& condition) override {
    const auto end = cluster_.executor.now() + 30min;
    while (!condition()) {
      if (cluster_.executor.now() > end) return false;
      cluster_.executor.runFor(50ms);
    }
    return true;
  }
  void run(Task<void> task) override { sim::runTask(cluster_.executor, std::move(task)); }
  void printLogs() const override {}

 private:
  testing::InProcessCluster cluster_;
  client::Informers informers_;
  std::unique_ptr<hollow::Fleet> fleet_;
};

}  // namespace

std::unique_ptr<Cluster> makeInProcess() {
  return std::make_unique<InProcess>();
}

}  // namespace coxswain::behaviour
