#include "api/gen/policy_v1.h"
#include "apiserver/registry/strategies.h"
#include "apiserver/registry/table.h"

namespace coxswain::apiserver {

void addPolicy(ResourceTable& table) {
  using namespace api::policy::v1;  // NOLINT
  table.add<PodDisruptionBudget, PodDisruptionBudgetList>(
      {.plural = "poddisruptionbudgets",
       .singular = "poddisruptionbudget",
       .shortName = "pdb",
       .keyPrefix = "/registry/poddisruptionbudgets",
       .storageVersionHash = "EVWiDmWqyJw=",
       .status = true},
      makePodDisruptionBudgetStrategy());
}

}  // namespace coxswain::apiserver
