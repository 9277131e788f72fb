#include "api/gen/meta_v1.h"
#include "apiserver/registry/core/pod_spec.h"

namespace coxswain::apiserver {

void validateTemplateMetadata(const api::meta::v1::ObjectMeta& metadata, const api::FieldPath& path,
                              api::FieldErrors& errors) {
  validateAnnotations(metadata.annotations, path.child("annotations"), errors);
  validateLabels(metadata.labels, path.child("labels"), errors);
  const auto refuse = [&](bool set, std::string_view member) {
    if (set) errors.forbidden(path.child(member), "cannot be set");
  };
  refuse(!metadata.name.empty(), "name");
  refuse(!metadata.generateName.empty(), "generateName");
  refuse(!metadata.namespace_.empty(), "namespace");
  refuse(!metadata.selfLink.empty(), "selfLink");
  refuse(!metadata.uid.empty(), "uID");  // so from Go's name
  refuse(!metadata.resourceVersion.empty(), "resourceVersion");
  refuse(metadata.generation != 0, "generation");
  refuse(!metadata.creationTimestamp.isZero(), "creationTimestamp");
  refuse(metadata.deletionTimestamp.has_value(), "deletionTimestamp");
  refuse(metadata.deletionGracePeriodSeconds.has_value(), "deletionGracePeriodSeconds");
  refuse(!metadata.ownerReferences.empty(), "ownerReferences");
  refuse(!metadata.finalizers.empty(), "finalizers");
  refuse(!metadata.managedFields.empty(), "managedFields");
}

}  // namespace coxswain::apiserver
