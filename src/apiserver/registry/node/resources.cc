#include "api/gen/node_v1.h"
#include "apiserver/registry/strategies.h"
#include "apiserver/registry/table.h"

namespace coxswain::apiserver {

void addNode(ResourceTable& table) {
  using namespace api::node::v1;  // NOLINT
  table.add<RuntimeClass, RuntimeClassList>({.plural = "runtimeclasses",
                                             .singular = "runtimeclass",
                                             .namespaced = false,
                                             .keyPrefix = "/registry/runtimeclasses",
                                             .storageVersionHash = "WQTu1GL3T2Q="},
                                            makeRuntimeClassStrategy());
}

}  // namespace coxswain::apiserver
