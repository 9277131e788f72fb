#include "api/gen/apiregistration_v1.h"
#include "apiserver/registry/strategies.h"
#include "apiserver/registry/table.h"

namespace coxswain::apiserver {

void addApiRegistration(ResourceTable& table) {
  using namespace api::apiregistration::v1;  // NOLINT
  table.add<APIService, APIServiceList>(
      {.plural = "apiservices",
       .singular = "apiservice",
       .category = "api-extensions",
       .namespaced = false,
       .keyPrefix = "/registry/apiregistration.k8s.io/apiservices",
       .storageVersionHash = "InPBPD7+PqM=",
       .status = true},
      makeApiServiceStrategy());
}

}  // namespace coxswain::apiserver
