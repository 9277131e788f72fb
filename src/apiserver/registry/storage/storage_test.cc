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
  EXPECT_EQ(attachments().updateStatus(
                attachment(kVolume),
                attachment(kVolume, R"(,"status":{"detachError":{"errorCode":-1}})")),
            "status.detachError.errorCode: Invalid value: -1: must be between 0 and 2147483647, "
            "inclusive");
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
  EXPECT_EQ(
      capacities.create(R"({"storageClassName":"s","capacity":"-1","nodeTopology":{)"
                        R"("matchExpressions":[{"key":"a","operator":"X"}]}})"),
      "[nodeTopology.matchExpressions[0].operator: Invalid value: \"X\": not a valid selector "
      "operator, capacity: Invalid value: \"-1\": must be greater than or equal to 0]");
}

TEST(CsiNode, OnlyWhatDriversCanAttachChanges) {
  const Requests nodes("storage.k8s.io", "csinodes");
  const auto node = [](const std::string& id, const std::string& count) {
    return R"({"spec":{"drivers":[{"name":"d.example","nodeID":")" + id +
           R"(","allocatable":{"count":)" + count + "}}]}}";
  };
  EXPECT_EQ(nodes.update(node("a", "1"), node("a", "2")), "");
  EXPECT_EQ(nodes.update(node("a", "1"), node("b", "2")),
            R"(spec.drivers: Invalid value: {"Name":"d.example","NodeID":"b","TopologyKeys":null,)"
            R"("Allocatable":null}: field is immutable)");
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
  EXPECT_EQ(classes.update(R"({"driverName":"d","parameters":{"a":"b"}})", R"({"driverName":"d"})"),
            "[parameters: Forbidden: updates to parameters are forbidden., parameters: Required "
            "value: must contain at least one key/value pair]");
}

TEST(StorageClass, TopologiesThatAreTheSame) {
  const Requests classes("storage.k8s.io", "storageclasses");
  const auto with = [&](size_t count) {
    std::string terms;
    for (size_t i = 0; i < count; ++i) terms += i > 0 ? ",{}" : "{}";
    return classes.create(R"({"provisioner":"p","allowedTopologies":[)" + terms + "]}");
  };
  EXPECT_EQ(with(1), "");
  EXPECT_EQ(with(2), "allowedTopologies[1].matchLabelExpressions: Duplicate value: \"\"");
  EXPECT_TRUE(with(200'000).starts_with("[allowedTopologies[1].matchLabelExpressions: "));
}

TEST(StorageClass, ProvisionerIsNeeded) {
  const Requests classes("storage.k8s.io", "storageclasses");
  EXPECT_EQ(classes.create("{}"), "provisioner: Required value");
  EXPECT_EQ(classes.create(R"({"provisioner":"P.example/x","volumeBindingMode":"Y"})"),
            "volumeBindingMode: Unsupported value: \"Y\": supported values: \"Immediate\", "
            "\"WaitForFirstConsumer\"");
  EXPECT_EQ(classes.create(R"({"provisioner":"p","reclaimPolicy":""})"), "");
  EXPECT_EQ(classes.update(R"({"provisioner":"p"})", "{}"),
            "[provisioner: Required value, provisioner: Invalid value: \"\": field is immutable]");
}

}  // namespace
}  // namespace coxswain::apiserver
