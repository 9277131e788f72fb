#include "api/gen/coordination_v1.h"
#include "apiserver/registry/strategies.h"
#include "apiserver/registry/table.h"

namespace coxswain::apiserver {

void addCoordination(ResourceTable& table) {
  using namespace api::coordination::v1;  // NOLINT
  table.add<Lease, LeaseList>({.plural = "leases",
                               .singular = "lease",
                               .keyPrefix = "/registry/leases",
                               .storageVersionHash = "gqkMMb/YqFM="},
                              makeLeaseStrategy());
}

}  // namespace coxswain::apiserver
