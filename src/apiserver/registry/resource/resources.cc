#include "api/gen/resource_v1.h"
#include "apiserver/registry/strategies.h"
#include "apiserver/registry/table.h"

namespace coxswain::apiserver {

void addResource(ResourceTable& table) {
  using namespace api::resource::v1;  // NOLINT
  table.add<DeviceClass, DeviceClassList>({.plural = "deviceclasses",
                                           .singular = "deviceclass",
                                           .namespaced = false,
                                           .keyPrefix = "/registry/deviceclasses",
                                           .storageVersionHash = "Yk2PTc1Ybxk="},
                                          makeDeviceClassStrategy());
  table.add<ResourceClaim, ResourceClaimList>({.plural = "resourceclaims",
                                               .singular = "resourceclaim",
                                               .keyPrefix = "/registry/resourceclaims",
                                               .storageVersionHash = "wgAZaHcZxUg=",
                                               .status = true},
                                              makeResourceClaimStrategy());
  table.add<ResourceClaimTemplate, ResourceClaimTemplateList>(
      {.plural = "resourceclaimtemplates",
       .singular = "resourceclaimtemplate",
       .keyPrefix = "/registry/resourceclaimtemplates",
       .storageVersionHash = "TuzjC49aUfM="},
      makeResourceClaimTemplateStrategy());
  table.add<ResourceSlice, ResourceSliceList>({.plural = "resourceslices",
                                               .singular = "resourceslice",
                                               .namespaced = false,
                                               .keyPrefix = "/registry/resourceslices",
                                               .storageVersionHash = "KsC072WgaEY="},
                                              makeResourceSliceStrategy());
}

}  // namespace coxswain::apiserver
