#include "world.h"

#include <fmt/format.h>

#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "invariants.h"
#include "runtime/spawn.h"

namespace coxswain::simulation {

World::World(const Scenario& what, uint64_t seed, const FaultPlan& plan, bool systematic)
    : scenario(what),
      faults(plan),
      executor(seed),
      server(executor, seed),
      kubelets(executor, server, seed + 1),
      choice(seed + 2),
      manager(wholeManager()) {
  server.faults.latencyMax = {};
  server.observer = [this](const client::ResourceType& type, const api::ConstObject& before,
                           const api::ConstObject& after) {
    if (type.plural == "leases" || type.plural == "events") return;
    lastWrite_ = executor.now();
    for (auto& invariant : invariants_) invariant->wrote(*this, type, before, after);
    kubelets.wrote(after);
  };
  for (const char* name : {"default", "kube-system", "kube-node-lease"}) {
    api::core::v1::Namespace space;
    space.metadata.name = name;
    server.put(std::move(space));
  }
  addStandardInvariants(*this);
  if (scenario.prepare != nullptr) {
    scenario.prepare(*this);
  } else {
    for (const char* name : {"n1", "n2", "n3"}) kubelets.addNode(name);
  }
  // Systematic: one write of the first part goes wrong, all else goes well.
  for (const auto& name : scenario.parts) {
    const bool first = parts_.empty();
    addPart(name, seed * 100 + parts_.size(), systematic && !first ? FaultPlan() : faults);
  }
}

World::~World() {
  if (!stopped_) stop();
}

void World::addPart(const std::string& name, uint64_t seed, const FaultPlan& plan) {
  Part::Options options;
  options.name = name;
  options.manager = manager;
  options.scheduler = scheduler;
  const auto made = makes.find(name);
  if (made != makes.end()) options.make = made->second;
  options.faults = plan;
  options.seed = seed;
  parts_.push_back(std::make_unique<Part>(executor, server, std::move(options)));
}

void World::start() {
  for (auto& part : parts_) part->start();
}

void World::endFaults() {
  for (auto& part : parts_) part->state().over = true;
  if (onFaultsEnd) onFaultsEnd();
}

Task<void> World::stopAll(World& self, bool& done) {
  std::vector<Task<void>> all;
  for (auto& part : self.parts_) all.push_back(part->stop());
  co_await whenAll(std::move(all));
  done = true;
}

void World::stop() {
  stopped_ = true;
  if (verdict && !failed()) {
    const auto wrong = verdict(*this);
    if (!wrong.empty()) fail(wrong);
  }
  kubelets.stop();
  bool done = false;
  spawn(executor, stopAll(*this, done));
  if (!executor.runUntil([&done] { return done; }, 1h)) {
    fail("the parts do not stop");
    std::fputs((failure_ + "\n").c_str(), stderr);
    std::abort();  // their frames refer to us
  }
  executor.runFor(Duration());
  for (auto& part : parts_) {
    if (!part->leaks().empty()) fail(part->leaks());
  }
  if (executor.timers() != 0 || executor.ready() != 0) {
    fail(fmt::format("{} timers and {} pieces of work are left when all has stopped",
                     executor.timers(), executor.ready()));
  }
}

bool World::until(const char* what, const std::function<bool()>& condition, Duration limit) {
  if (failed()) return false;
  // Looked at after each moment, not after each piece of work.
  const auto end = executor.now() + limit;
  bool holds = condition();
  auto seen = lastWrite_;
  while (!holds && !failed() && executor.now() < end) {
    executor.runFor(200ms);
    if (executor.now() > end - limit / 2) endFaults();
    // What is beside the cluster changes without a write.
    if (!beside && seen == lastWrite_) continue;
    seen = lastWrite_;
    holds = condition();
  }
  if (!holds && !condition()) fail(fmt::format("never: {}", what));
  return !failed();
}

int32_t World::draw(int32_t low, int32_t high) {
  return low + static_cast<int32_t>(choice.below(static_cast<uint64_t>(high - low + 1)));
}

void World::fail(std::string what) {
  if (failure_.empty()) {
    const auto at = std::chrono::duration<double>(executor.now().time_since_epoch()).count();
    failure_ = fmt::format("after {:.3f} s: {}", at, what);
  }
}

}  // namespace coxswain::simulation
