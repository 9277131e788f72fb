#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/time.h"

namespace coxswain::api::core::v1 {
struct NamespaceCondition;
}

namespace coxswain::controllers::nspace {

/// What is left of a namespace that is being deleted.
struct Remains {
  std::map<std::string, int64_t> resources;   ///< "pods." -> count ("plural.group")
  std::map<std::string, int64_t> finalizers;  ///< -> how many objects have it
  std::vector<std::string> failures;          ///< of deleting
  /// Group versions whose kinds could not be found out ("example.com/v1"), and why.
  std::map<std::string, std::string> undiscovered;
  int64_t graceSeconds = 0;  ///< when the last of it may be gone
};

/// What `undiscovered` comes to in one sentence.
std::string discoveryError(const Remains& remains);

/// The five conditions of a deletion, brought up to date. True: something changed.
/// Upstream: pkg/controller/namespace/deletion/status_condition_utils.go.
bool updateConditions(std::vector<api::core::v1::NamespaceCondition>& conditions,
                      const Remains& remains, WallTime now);

}  // namespace coxswain::controllers::nspace
