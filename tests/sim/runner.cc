#include "runner.h"

#include <fmt/format.h>

#include <boost/json/value.hpp>
#include <cstdio>

#include "api/codec/value.h"
#include "base/log.h"
#include "invariants.h"
#include "normal_form.h"
#include "scenarios.h"

namespace coxswain::simulation {

namespace {

constexpr Duration kPatience = 4h;

/// For a single run that failed: what there is.
void tellState(const World& world) {
  world.server.forEach([](const std::string& collection, const api::ConstObject& object) {
    if (collection.ends_with("/leases")) return;
    const auto value = api::encodeValue(object.info(), object.data());
    fmt::print(stderr, "{} {}\n", collection, api::writeJsonValue(value));
  });
}

/// Runs until the cluster is as wanted and nothing moves, then for the scenario's time to settle.
std::string settle(World& world, const std::vector<std::string>& wanted) {
  const auto end = world.executor.now() + kPatience;
  std::string differs = "nothing was looked at";
  auto seen = world.lastWrite() - 1ns;
  while (!differs.empty() && world.executor.now() < end) {
    world.run(1s);
    if (world.failed()) return world.failure();
    if (seen == world.lastWrite()) continue;
    seen = world.lastWrite();
    differs = difference(wanted, normalForm(world.server));
  }
  if (!differs.empty()) return "never became what it is without faults:" + differs;
  world.run(world.scenario.settle);
  differs = difference(wanted, normalForm(world.server));
  if (!differs.empty()) return "did not stay what it had become:" + differs;
  return world.failure();
}

}  // namespace

Reference undisturbed(const Scenario& scenario, uint64_t seed) {
  World world(scenario, seed, FaultPlan(), false);
  world.start();
  scenario.play(world);
  world.run(scenario.settle);
  Reference reference;
  reference.form = normalForm(world.server);
  reference.writes = world.parts()[0]->state().writes;
  for (const auto& line : reference.form) {
    if (line.ends_with(" BEHIND")) world.fail("a status is behind: " + line);
  }
  auto left = leftovers(world.server);
  if (!left.empty()) world.fail("left over:" + left);
  world.stop();
  if (world.failed()) reference.failure = "without faults, " + world.failure();
  return reference;
}

std::string disturbed(const Scenario& scenario, uint64_t seed, const FaultPlan& faults,
                      bool systematic, const Reference& wanted) {
  World world(scenario, seed, faults, systematic);
  world.start();
  scenario.play(world);
  world.endFaults();
  std::string failure = world.failed() ? world.failure() : settle(world, wanted.form);
  if (!failure.empty() && Logger("sim").enabled(LogLevel::Debug)) tellState(world);
  world.stop();
  return failure.empty() ? world.failure() : failure;
}

FaultPlan drawFaults(uint64_t seed) {
  SeededRandom random(seed * 7919 + 13);
  FaultPlan plan;
  const auto sometimes = [&random](double& chance, double most) {
    if (random.below(3) == 0) chance = most * random.unit();
  };
  sometimes(plan.error, 0.2);
  sometimes(plan.throttled, 0.2);
  sometimes(plan.timeout, 0.2);
  sometimes(plan.unreachable, 0.2);
  sometimes(plan.lost, 0.2);
  sometimes(plan.conflict, 0.5);
  sometimes(plan.watchEnd, 0.2);
  sometimes(plan.watchExpire, 0.2);
  sometimes(plan.repeat, 0.5);
  if (random.below(2) == 0) {
    plan.lagging = random.unit();
    plan.lagMax = random.below(4) == 0 ? Duration(30s) : Duration(3s);
  }
  if (random.below(2) == 0) {
    plan.crash = random.below(4) == 0 ? 1.0 : 0.3 * random.unit();
    plan.crashesMax = 1 + static_cast<int>(random.below(8));
  }
  plan.latencyMax = random.below(4) == 0 ? Duration(300ms) : Duration(5ms);
  return plan;
}

std::string runSeed(uint64_t seed, const Scenario* only) {
  const auto& all = allScenarios();
  const Scenario& scenario = only != nullptr ? *only : all[seed % all.size()];
  const auto again = [&](const std::string& why, const FaultPlan& plan) {
    return fmt::format(
        "{}: {}\n  faults: {}\n  repeat with: make sim SEED={} (sim_test "
        "--scenario={} --seed={})",
        scenario.name, why, plan.str(), seed, scenario.name, seed);
  };
  const auto reference = undisturbed(scenario, seed);
  if (!reference.failure.empty()) return again(reference.failure, FaultPlan());
  auto plan = drawFaults(seed);
  for (double* chance :
       {&plan.error, &plan.throttled, &plan.timeout, &plan.unreachable, &plan.lost}) {
    *chance *= scenario.share;
  }
  const auto failure = disturbed(scenario, seed, plan, false, reference);
  return failure.empty() ? failure : again(failure, plan);
}

std::vector<std::string> runSystematic(const Scenario& scenario, uint64_t seed, uint64_t& runs) {
  std::vector<std::string> failures;
  const auto reference = undisturbed(scenario, seed);
  if (!reference.failure.empty()) failures.push_back(reference.failure);
  using What = FaultPlan::What;
  for (uint64_t n = 1; n <= reference.writes && failures.empty(); ++n) {
    for (What what :
         {What::CrashAnswered, What::CrashUnanswered, What::Lost, What::Conflict, What::Error}) {
      FaultPlan plan;
      plan.at = n;
      plan.what = what;
      ++runs;
      const auto failure = disturbed(scenario, seed, plan, true, reference);
      if (failure.empty()) continue;
      failures.push_back(fmt::format(
          "{}: {}\n  faults: {}\n  repeat with: sim_test --scenario={} --seed={} "
          "--write={} --fault={}",
          scenario.name, failure, plan.str(), scenario.name, seed, n, static_cast<int>(what)));
    }
  }
  return failures;
}

}  // namespace coxswain::simulation
