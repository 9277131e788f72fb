#include "api/gen/storage_v1.h"
#include "apiserver/registry/strategies.h"
#include "apiserver/registry/table.h"

namespace coxswain::apiserver {

void addStorage(ResourceTable& table) {
  using namespace api::storage::v1;  // NOLINT
  table.add<CSIDriver, CSIDriverList>({.plural = "csidrivers",
                                       .singular = "csidriver",
                                       .namespaced = false,
                                       .keyPrefix = "/registry/csidrivers",
                                       .storageVersionHash = "hL6j/rwBV5w="},
                                      makeCsiDriverStrategy());
  table.add<CSINode, CSINodeList>({.plural = "csinodes",
                                   .singular = "csinode",
                                   .namespaced = false,
                                   .keyPrefix = "/registry/csinodes",
                                   .storageVersionHash = "Pe62DkZtjuo="},
                                  makeCsiNodeStrategy());
  table.add<CSIStorageCapacity, CSIStorageCapacityList>(
      {.plural = "csistoragecapacities",
       .singular = "csistoragecapacity",
       .keyPrefix = "/registry/csistoragecapacities",
       .storageVersionHash = "xeVl+2Ly1kE="},
      makeCsiStorageCapacityStrategy());
  table.add<StorageClass, StorageClassList>({.plural = "storageclasses",
                                             .singular = "storageclass",
                                             .shortName = "sc",
                                             .namespaced = false,
                                             .keyPrefix = "/registry/storageclasses",
                                             .storageVersionHash = "K+m6uJwbjGY="},
                                            makeStorageClassStrategy());
  table.add<VolumeAttachment, VolumeAttachmentList>({.plural = "volumeattachments",
                                                     .singular = "volumeattachment",
                                                     .namespaced = false,
                                                     .keyPrefix = "/registry/volumeattachments",
                                                     .storageVersionHash = "tJx/ezt6UDU=",
                                                     .status = true},
                                                    makeVolumeAttachmentStrategy());
  table.add<VolumeAttributesClass, VolumeAttributesClassList>(
      {.plural = "volumeattributesclasses",
       .singular = "volumeattributesclass",
       .shortName = "vac",
       .namespaced = false,
       .keyPrefix = "/registry/volumeattributesclasses",
       .storageVersionHash = "tIjydgKBC5w="},
      makeVolumeAttributesClassStrategy());
}

}  // namespace coxswain::apiserver
