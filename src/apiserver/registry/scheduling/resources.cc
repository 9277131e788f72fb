#include "api/gen/scheduling_v1.h"
#include "apiserver/registry/strategies.h"
#include "apiserver/registry/table.h"

namespace coxswain::apiserver {

void addScheduling(ResourceTable& table) {
  using namespace api::scheduling::v1;  // NOLINT
  table.add<PriorityClass, PriorityClassList>({.plural = "priorityclasses",
                                               .singular = "priorityclass",
                                               .shortName = "pc",
                                               .namespaced = false,
                                               .keyPrefix = "/registry/priorityclasses",
                                               .storageVersionHash = "1QwjyaZjj3Y="},
                                              makePriorityClassStrategy());
}

}  // namespace coxswain::apiserver
