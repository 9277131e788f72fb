#include "api/gen/flowcontrol_v1.h"
#include "apiserver/registry/strategies.h"
#include "apiserver/registry/table.h"

namespace coxswain::apiserver {

void addFlowControl(ResourceTable& table) {
  using namespace api::flowcontrol::v1;  // NOLINT
  table.add<FlowSchema, FlowSchemaList>({.plural = "flowschemas",
                                         .singular = "flowschema",
                                         .namespaced = false,
                                         .keyPrefix = "/registry/flowschemas",
                                         .storageVersionHash = "GJVAJZSZBIw=",
                                         .status = true},
                                        makeFlowSchemaStrategy());
  table.add<PriorityLevelConfiguration, PriorityLevelConfigurationList>(
      {.plural = "prioritylevelconfigurations",
       .singular = "prioritylevelconfiguration",
       .namespaced = false,
       .keyPrefix = "/registry/prioritylevelconfigurations",
       .storageVersionHash = "Kir5PVfvNeI=",
       .status = true},
      makePriorityLevelConfigurationStrategy());
}

}  // namespace coxswain::apiserver
