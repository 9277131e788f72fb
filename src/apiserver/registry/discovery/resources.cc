#include "api/gen/discovery_v1.h"
#include "apiserver/registry/strategies.h"
#include "apiserver/registry/table.h"

namespace coxswain::apiserver {

void addDiscovery(ResourceTable& table) {
  using namespace api::discovery::v1;  // NOLINT
  table.add<EndpointSlice, EndpointSliceList>({.plural = "endpointslices",
                                               .singular = "endpointslice",
                                               .keyPrefix = "/registry/endpointslices",
                                               .storageVersionHash = "qgS0xkrxYAI="},
                                              makeEndpointSliceStrategy());
}

}  // namespace coxswain::apiserver
