#include <gtest/gtest.h>

#include "apiserver/registry/testing/requests.h"

namespace coxswain::apiserver {
namespace {

using testing::Requests;

const Requests& attachments() {
  static const Requests kAttachments("storage.k8s.io", "volumeattachments");
  return kAttachments;
}

std::string attachment(const std::string& source, const std::string& more = "") {
  return R"({"spec":{"attacher":"a.example","nodeName":"n","source":{)" + source + "}}" + more +
         "}";
}
constexpr const char* kVolume = R"("persistentVolumeName":"pv")";

TEST(VolumeAttachment, Source) {
  EXPECT_EQ(attachments().create(attachment(kVolume)), "");
  EXPECT_EQ(attachments().create(attachment("")),
            "spec.source: Required value: must specify exactly one of inlineVolumeSpec and "
            "persistentVolumeName");
  EXPECT_EQ(attachments().create(attachment(R"("persistentVolumeName":"")")),
            "spec.source.persistentVolumeName: Required value: must specify non empty "
            "persistentVolumeName");
  EXPECT_EQ(attachments().create(attachment(
                R"("inlineVolumeSpec":{"capacity":{"storage":"1"},"storageClassName":"s",)"
                R"("persistentVolumeReclaimPolicy":"Delete","volumeMode":"Block"})")),
            "[spec.source.inlineVolumeSpec.capacity: Forbidden: may not be specified in the "
            "context of inline volumes, spec.source.inlineVolumeSpec.csi: Required value: has to "
            "be specified in the context of inline volumes, "
            "spec.source.inlineVolumeSpec.accessModes: Required value, "
            "spec.source.inlineVolumeSpec.persistentVolumeReclaimPolicy: Forbidden: may only be "
            "Retain in the context of inline volumes, spec.source.inlineVolumeSpec: Required "
            "value: must specify a volume type, spec.source.inlineVolumeSpec.storageClassName: "
            "Forbidden: may not be specified in the context of inline volumes, "
            "spec.source.inlineVolumeSpec.volumeMode: Forbidden: may not specify volumeMode other "
            "than Filesystem in the context of inline volumes]");
}

TEST(VolumeAttachment, SpecStays) {
  EXPECT_EQ(attachments().update(attachment(kVolume), attachment(R"("persistentVolumeName":"q")")),
            "spec: Invalid value: {\"Attacher\":\"a.example\",\"Source\":{\"PersistentVolumeName\":"
            "\"q\",\"InlineVolumeSpec\":null},\"NodeName\":\"n\"}: field is immutable");
}

TEST(VolumeAttachment, StatusHasBounds) {
  const std::string text(1025, 'x');
  EXPECT_EQ(attachments().updateStatus(
                attachment(kVolume),
                attachment(kVolume, R"(,"status":{"attachError":{"message":")" + text + "\"}}")),
            "status.attachError.message: Too long: may not be more than 262144 bytes");
  std::string stored;
  EXPECT_EQ(
      attachments().updateStatus(
          attachment(kVolume),
          attachment(kVolume, R"(,"metadata":{"labels":{"a":"b"}},"status":{"attached":true})"),
          &stored),
      "");
  EXPECT_EQ(stored.find("labels"), std::string::npos) << stored;
  EXPECT_NE(stored.find("\"attached\":true"), std::string::npos) << stored;
}

TEST(CsiStorageCapacity, TopologyStays) {
  const Requests capacities("storage.k8s.io", "csistoragecapacities");
  EXPECT_EQ(capacities.update(R"({"storageClassName":"s","capacity":"1"})",
                              R"({"storageClassName":"s","capacity":"2","maximumVolumeSize":"1"})"),
            "");
  EXPECT_EQ(
      capacities.update(R"({"storageClassName":"s"})",
                        R"({"storageClassName":"s","nodeTopology":{"matchLabels":{"a":"b"}}})"),
      "nodeTopology: Invalid value: {\"matchLabels\":{\"a\":\"b\"}}: field is immutable");
}

TEST(VolumeAttributesClass, NeedsParameters) {
  const Requests classes("storage.k8s.io", "volumeattributesclasses");
  EXPECT_EQ(classes.create(R"({"driverName":""})"),
            "[driverName: Required value, parameters: Required value: must contain at least one "
            "key/value pair]");
  EXPECT_EQ(classes.update(R"({"driverName":"d","parameters":{"a":"b"}})",
                           R"({"driverName":"e","parameters":{"a":"c"}})"),
            "[driverName: Forbidden: updates to driverName are forbidden., parameters: Forbidden: "
            "updates to parameters are forbidden.]");
}

TEST(StorageClass, ProvisionerIsNeeded) {
  const Requests classes("storage.k8s.io", "storageclasses");
  EXPECT_EQ(classes.create("{}"), "provisioner: Required value");
  EXPECT_EQ(classes.create(R"({"provisioner":"P.example/x","volumeBindingMode":"Y"})"),
            "volumeBindingMode: Unsupported value: \"Y\": supported values: \"Immediate\", "
            "\"WaitForFirstConsumer\"");
}

}  // namespace
}  // namespace coxswain::apiserver
