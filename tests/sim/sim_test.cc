// Scenarios x faults under virtual time; a number decides a run.
//
//     sim_test --seeds=2000 --jobs=2     many; each seed draws a scenario and faults
//     sim_test --seed=17                 one, again; --scenario=job picks the scenario
//     sim_test --systematic              each fault at each single write, small scenarios
//     sim_test --scenario=job --seed=1 --write=3 --fault=0    one of those again
//     sim_test --list
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "runner.h"
#include "scenarios.h"

namespace coxswain::simulation {
namespace {

struct Arguments {
  uint64_t first = 1;
  uint64_t seeds = 150;
  std::optional<uint64_t> seed;
  int jobs = 1;
  const Scenario* scenario = nullptr;
  bool systematic = false;
  bool verbose = false;
  uint64_t write = 0;
  FaultPlan::What fault = FaultPlan::What::CrashAnswered;
};

void tell(const std::string& text) {
  std::fputs((text + "\n").c_str(), stdout);
  std::fflush(stdout);
}

uint64_t number(std::string_view text) {
  return std::strtoull(std::string(text).c_str(), nullptr, 10);
}

bool parse(int argc, char** argv, Arguments& into) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view whole = argv[i];
    const auto equals = whole.find('=');
    const auto name = whole.substr(0, equals);
    const auto value = equals == std::string_view::npos ? "" : whole.substr(equals + 1);
    if (name == "--list") {
      for (const auto& scenario : allScenarios()) tell(std::string(scenario.name));
      std::exit(0);
    } else if (name == "--seed") {
      into.seed = number(value);
    } else if (name == "--seeds") {
      into.seeds = number(value);
    } else if (name == "--first") {
      into.first = number(value);
    } else if (name == "--jobs") {
      into.jobs = static_cast<int>(number(value));
    } else if (name == "--scenario") {
      into.scenario = findScenario(value);
      if (into.scenario == nullptr) {
        tell("no scenario " + std::string(value));
        return false;
      }
    } else if (name == "--systematic") {
      into.systematic = true;
    } else if (name == "--verbose") {
      into.verbose = true;
    } else if (name == "--write") {
      into.write = number(value);
    } else if (name == "--fault") {
      into.fault = static_cast<FaultPlan::What>(number(value));
    } else {
      tell("unknown argument " + std::string(whole));
      return false;
    }
  }
  return into.jobs >= 1 && into.jobs <= 64;
}

/// Its share of the work; how many failed.
int work(const Arguments& arguments, int job) {
  int failed = 0;
  if (arguments.systematic) {
    const auto& all = allScenarios();
    for (size_t i = 0; i < all.size(); ++i) {
      if (static_cast<int>(i) % arguments.jobs != job) continue;
      if (arguments.scenario != nullptr && arguments.scenario != &all[i]) continue;
      uint64_t runs = 0;
      const auto failures = runSystematic(all[i], arguments.seed.value_or(1), runs);
      for (const auto& failure : failures) tell("FAILED " + failure);
      failed += static_cast<int>(failures.size());
      tell(fmt::format("{}: {} runs, {} failed", all[i].name, runs, failures.size()));
    }
    return failed;
  }
  const auto end = arguments.first + arguments.seeds;
  for (uint64_t seed = arguments.first + static_cast<uint64_t>(job); seed < end;
       seed += static_cast<uint64_t>(arguments.jobs)) {
    const auto failure = runSeed(seed, arguments.scenario);
    if (failure.empty()) continue;
    tell("FAILED " + failure);
    if (++failed >= 20) break;
  }
  return failed;
}

/// Jobs are processes: a simulation belongs to one thread, and nothing is shared.
int inJobs(const Arguments& arguments) {
  if (arguments.jobs == 1) return work(arguments, 0);
  std::vector<pid_t> children;
  for (int job = 0; job < arguments.jobs; ++job) {
    const pid_t child = ::fork();
    if (child == 0) {
      const int failed = work(arguments, job);
      std::fflush(stdout);
      ::_exit(failed > 0 ? 1 : 0);
    }
    if (child > 0) children.push_back(child);
  }
  int failed = children.size() == static_cast<size_t>(arguments.jobs) ? 0 : 1;
  for (pid_t child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) ++failed;
  }
  return failed;
}

int main(int argc, char** argv) {
  Arguments arguments;
  if (!parse(argc, argv, arguments)) return 2;
  setLogLevel(arguments.verbose ? LogLevel::Debug : LogLevel::Off);
  if (arguments.write > 0 && arguments.scenario != nullptr) {
    FaultPlan plan;
    plan.at = arguments.write;
    plan.what = arguments.fault;
    const uint64_t seed = arguments.seed.value_or(1);
    const auto failure =
        disturbed(*arguments.scenario, seed, plan, true, undisturbed(*arguments.scenario, seed));
    tell(failure.empty() ? "ok" : "FAILED " + failure);
    return failure.empty() ? 0 : 1;
  }
  if (arguments.seed && !arguments.systematic) {
    const auto failure = runSeed(*arguments.seed, arguments.scenario);
    tell(failure.empty() ? "ok" : "FAILED " + failure);
    return failure.empty() ? 0 : 1;
  }
  const auto begin = std::chrono::steady_clock::now();
  const int failed = inJobs(arguments);
  const auto took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  tell(fmt::format("{}: {} in {:.1f} s", failed == 0 ? "ok" : "FAILED",
                   arguments.systematic ? std::string("each fault at each write")
                                        : fmt::format("{} seeds", arguments.seeds),
                   took));
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace coxswain::simulation

int main(int argc, char** argv) {
  return coxswain::simulation::main(argc, argv);
}
