#include "part.h"

#include <fmt/format.h>

#include "controllers/framework/trim.h"
#include "runtime/spawn.h"

namespace coxswain::simulation {

struct Part::Life {
  Life(Part& part, sim::SimExecutor& executor)
      : client(part.server_, part.state_, [&part] { part.crash(); }),
        informers(client, executor),
        random(part.state_.random.next()) {}
  FaultyClient client;
  client::Informers informers;
  SeededRandom random;
  std::unique_ptr<controllers::ControllerManager> manager;
  std::unique_ptr<scheduler::Scheduler> scheduler;
  std::unique_ptr<controllers::Controller> controller;

  static Task<void> stop(Life& life) {
    if (life.manager) co_await life.manager->stop();
    if (life.scheduler) co_await life.scheduler->stop();
    if (life.controller) co_await life.controller->stop();
    co_await life.informers.stop();
  }
  /// A request that was made without a stop token must end, too.
  static Task<void> bury(FaultyClient& client) {
    Status slept = co_await sleepFor(1s);
    (void)slept;
    client.bury();
  }
};

Part::Part(sim::SimExecutor& executor, client::testing::FakeClient& server, Options options)
    : executor_(executor),
      server_(server),
      options_(std::move(options)),
      state_(options_.faults, options_.seed) {}

Part::~Part() = default;

std::unique_ptr<Part::Life> Part::live() {
  auto life = std::make_unique<Life>(*this, executor_);
  if (options_.name == "scheduler") {
    scheduler::SchedulerContext context{life->client, life->informers, executor_, life->random};
    life->scheduler = std::make_unique<scheduler::Scheduler>(context, options_.scheduler);
    life->scheduler->start();
    life->informers.start();
    return life;
  }
  if (!options_.make) controllers::trimCaches(life->informers);
  controllers::Context context{life->client, life->informers, executor_, life->random};
  if (options_.make) {
    life->controller = options_.make(context);
    life->controller->start();
  } else {
    auto options = options_.manager;
    options.controllers = {options_.name};
    auto made = controllers::ControllerManager::create(context, options);
    if (!made.ok() || (*made)->names().empty()) {
      leaks_ = options_.name + " cannot be made";
      return life;
    }
    life->manager = std::move(*made);
    life->manager->start();
  }
  life->informers.start();
  return life;
}

void Part::start() {
  life_ = live();
}

void Part::crash() {
  auto pass = gate_.enter();
  if (pass) spawn(executor_, rebirth(*this, std::move(pass)));
}

Task<void> Part::rebirth(Part& self, Gate::Pass pass) {
  if (!self.life_) co_return;
  self.life_->client.kill();
  co_await end(self, std::move(self.life_));
  const Duration pause(static_cast<int64_t>(self.state_.random.below(3'000'000'000)));
  Status slept = co_await sleepFor(pause, self.stop_.get_token());
  if (slept.ok()) self.life_ = self.live();
}

Task<void> Part::end(Part& self, std::unique_ptr<Life> life) {
  std::vector<Task<void>> both;
  both.push_back(Life::stop(*life));
  both.push_back(Life::bury(life->client));
  co_await whenAll(std::move(both));
  if (life->client.open() != 0) {
    self.leaks_ = fmt::format("{} has stopped, but {} requests or watches of its are open",
                              self.options_.name, life->client.open());
    // Their frames refer to it.
    (void)life.release();
  }
}

Task<void> Part::stop() {
  stop_.request_stop();
  co_await gate_.close();
  if (life_) co_await end(*this, std::move(life_));
}

controllers::ManagerOptions wholeManager() {
  static const auto ca = net::createCa("simulation", WallTime(std::chrono::seconds(1767225600)),
                                       WallTime(std::chrono::seconds(1967225600)));
  controllers::ManagerOptions options;
  options.rootCa = "PEM";
  options.signToken = [](std::string_view ns, std::string_view account, std::string_view uid,
                         std::string_view secret) -> Result<std::string> {
    return fmt::format("{}.{}.{}.{}", ns, account, uid, secret);
  };
  if (ca.ok()) options.signing = controllers::certificates::SigningController::forAllSigners(*ca);
  options.allocateNodeCidrs = true;
  options.nodeIpam.clusterCidrs = {"10.244.0.0/16"};
  return options;
}

}  // namespace coxswain::simulation
