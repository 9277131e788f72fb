#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "world.h"

namespace coxswain::simulation {

/// What an undisturbed run becomes, to compare with.
struct Reference {
  std::vector<std::string> form;
  uint64_t writes = 0;  ///< of the part under test
  std::string failure;
};

/// The scenario without faults. Without `systematic`, requests take a moment that is drawn.
Reference undisturbed(const Scenario& scenario, uint64_t seed);

/// The faults that `seed` draws: few kinds at a time, so that each gets its chance.
FaultPlan drawFaults(uint64_t seed);

/// Plays the scenario with faults, ends them, and waits until the cluster is what the reference is.
/// Empty: it became so, stayed so, nothing was broken on the way and nothing is left over. Else
/// what went wrong.
std::string disturbed(const Scenario& scenario, uint64_t seed, const FaultPlan& faults,
                      bool systematic, const Reference& wanted);

/// One seed: a scenario (that one, if not null), a fault plan. Empty: all is well.
std::string runSeed(uint64_t seed, const Scenario* only);

/// Each fault of FaultPlan::What at each single write of the scenario's first part. Answers all
/// failures; `runs` is how many there were.
std::vector<std::string> runSystematic(const Scenario& scenario, uint64_t seed, uint64_t& runs);

}  // namespace coxswain::simulation
