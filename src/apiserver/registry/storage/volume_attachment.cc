#include "api/gen/core_v1.h"
#include "api/gen/storage_v1.h"
#include "apiserver/registry/core/pod_internal_json.h"
#include "apiserver/registry/core/volume_rules.h"
#include "apiserver/registry/rules.h"
#include "apiserver/registry/storage/csi_names.h"
#include "apiserver/registry/strategies.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::storage::v1::VolumeAttachment;
using api::storage::v1::VolumeAttachmentSource;
using api::storage::v1::VolumeError;

namespace {

constexpr int64_t kMetadataBytesMax = 256 * 1024;
constexpr size_t kErrorMessageMax = 1024;

void checkSource(const VolumeAttachmentSource& source, const FieldPath& path, FieldErrors& errors) {
  constexpr std::string_view kOne =
      "must specify exactly one of inlineVolumeSpec and persistentVolumeName";
  const auto& name = source.persistentVolumeName;
  if (!source.inlineVolumeSpec && !name) return errors.required(path, kOne);
  if (source.inlineVolumeSpec && name) return errors.forbidden(path, kOne);
  if (!name) {
    return checkInlineVolumeSpec(*source.inlineVolumeSpec, path.child("inlineVolumeSpec"), errors);
  }
  requireText(*name, path.child("persistentVolumeName"), errors,
              "must specify non empty persistentVolumeName");
}

void checkError(const api::Box<VolumeError>& error, const FieldPath& path, FieldErrors& errors) {
  if (!error) return;
  // The bound that is told is not the one that holds, as upstream.
  if (error->message.size() > kErrorMessageMax) {
    errors.tooLong(path.child("message"), kMetadataBytesMax);
  }
  if (error->errorCode.value_or(0) < 0) {
    errors.invalid(path.child("errorCode"), *error->errorCode,
                   "must be between 0 and 2147483647, inclusive");
  }
}

void checkAll(const VolumeAttachment& object, FieldErrors& errors) {
  const FieldPath spec("spec");
  requireText(object.spec.attacher, spec.child("attacher"), errors);
  checkSource(object.spec.source, spec.child("source"), errors);
  checkDns1123Subdomain(object.spec.nodeName, spec.child("nodeName"), errors);
  const FieldPath status("status");
  int64_t bytes = 0;
  for (const auto& [key, value] : object.status.attachmentMetadata) {
    bytes += static_cast<int64_t>(key.size() + value.size());
  }
  if (bytes > kMetadataBytesMax) {
    errors.tooLong(status.child("attachmentMetadata"), kMetadataBytesMax);
  }
  checkError(object.status.attachError, status.child("attachError"), errors);
  checkError(object.status.detachError, status.child("detachError"), errors);
}

class VolumeAttachmentStrategy final : public TypedStrategy<VolumeAttachment> {
 public:
  VolumeAttachmentStrategy()
      : TypedStrategy(StrategyTraits{.allowUnconditionalUpdate = false,
                                     .statusResets = {".spec", ".metadata"},
                                     .returnsDeleted = true}) {}

 protected:
  void defaults(VolumeAttachment& object) const override {
    if (!object.spec.source.inlineVolumeSpec) return;
    auto& volume = *object.spec.source.inlineVolumeSpec;
    roundResources(volume.capacity);
    setPersistentVolumeSourceDefaults(volume.persistentVolumeSource);
  }
  void check(const VolumeAttachment& object, FieldErrors& errors) const override {
    checkAll(object, errors);
    // New ones only.
    const FieldPath spec("spec");
    if (!object.spec.attacher.empty()) {
      checkCsiDriverName(object.spec.attacher, spec.child("attacher"), errors);
    }
    const auto& volume = object.spec.source.persistentVolumeName;
    if (volume && !volume->empty()) {
      checkDns1123Subdomain(*volume, spec.child("source", "persistentVolumeName"), errors);
    }
  }
  void checkUpdate(const VolumeAttachment& next, const VolumeAttachment& current,
                   FieldErrors& errors) const override {
    checkAll(next, errors);
    if (!api::semanticEqual(next.spec, current.spec)) {
      errors.invalid(FieldPath("spec"), api::FieldValue::json(internalJson(next.spec)),
                     kImmutableText);
    }
  }
  void beforeStatusUpdate(VolumeAttachment& next, const VolumeAttachment& current) const override {
    keepMetadata(next.metadata, current.metadata);
  }
  void checkStatusUpdate(const VolumeAttachment& next, const VolumeAttachment& current,
                         FieldErrors& errors) const override {
    checkUpdate(next, current, errors);
  }
};

}  // namespace

std::unique_ptr<Strategy> makeVolumeAttachmentStrategy() {
  return std::make_unique<VolumeAttachmentStrategy>();
}

}  // namespace coxswain::apiserver
