#include "apiserver/registry/core/persistent_volume_claim.h"

#include "api/gen/core_v1.h"
#include "api/names/names.h"
#include "apiserver/registry/core/pod_internal_json.h"
#include "apiserver/registry/core/pod_spec.h"
#include "apiserver/registry/core/pod_warnings.h"
#include "apiserver/registry/core/resource_names.h"
#include "apiserver/registry/core/volume_rules.h"
#include "apiserver/registry/rules.h"
#include "apiserver/registry/strategies.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::core::v1::PersistentVolumeClaim;
using api::core::v1::PersistentVolumeClaimSpec;
using api::core::v1::TypedLocalObjectReference;

namespace {

constexpr std::string_view kStorage = "storage";

bool isKnownSource(const TypedLocalObjectReference& source) {
  const auto group = source.apiGroup.value_or("");
  return (group.empty() && source.kind == "PersistentVolumeClaim") ||
         (group == "snapshot.storage.k8s.io" && source.kind == "VolumeSnapshot");
}

/// A source in another namespace belongs to a feature that is off, unless claims had it before.
void dropForeignSource(PersistentVolumeClaimSpec& next, const PersistentVolumeClaimSpec* current) {
  if (!next.dataSourceRef || next.dataSourceRef->namespace_.value_or("").empty()) return;
  if (!current || !current->dataSourceRef) next.dataSourceRef.reset();
}

/// dataSource of an unknown kind is dropped (as ever); otherwise the two fields say the same.
void syncDataSource(PersistentVolumeClaimSpec& spec) {
  if (spec.dataSource && !isKnownSource(*spec.dataSource)) spec.dataSource.reset();
  if (spec.dataSource && !spec.dataSourceRef) {
    auto& ref = spec.dataSourceRef.emplace();
    ref.apiGroup = spec.dataSource->apiGroup;
    ref.kind = spec.dataSource->kind;
    ref.name = spec.dataSource->name;
  } else if (spec.dataSourceRef && !spec.dataSource && !spec.dataSourceRef->namespace_) {
    TypedLocalObjectReference source;
    source.apiGroup = spec.dataSourceRef->apiGroup;
    source.kind = spec.dataSourceRef->kind;
    source.name = spec.dataSourceRef->name;
    spec.dataSource = std::move(source);
  }
}

template <typename Ref>
void checkSource(const Ref& ref, const FieldPath& path, FieldErrors& errors) {
  requireText(ref.name, path.child("name"), errors);
  requireText(ref.kind, path.child("kind"), errors);
  const auto group = ref.apiGroup.value_or("");
  if (group.empty() && ref.kind != "PersistentVolumeClaim") {
    errors.invalid(path, ref.kind,
                   "must be 'PersistentVolumeClaim' when referencing the default apiGroup");
  }
  if (!group.empty()) checkDns1123Subdomain(group, path.child("apiGroup"), errors);
}

void checkSources(const PersistentVolumeClaimSpec& spec, const FieldPath& path,
                  FieldErrors& errors) {
  if (spec.dataSource) checkSource(*spec.dataSource, path.child("dataSource"), errors);
  if (spec.dataSourceRef) checkSource(*spec.dataSourceRef, path.child("dataSourceRef"), errors);
  if (spec.dataSourceRef) {
    const auto name = spec.dataSourceRef->namespace_.value_or("");
    if (!name.empty()) checkDns1123Label(name, path.child("dataSourceRef", "namespace"), errors);
  }
  if (!spec.dataSource || !spec.dataSourceRef) return;
  const auto& a = *spec.dataSource;
  const auto& b = *spec.dataSourceRef;
  // The value upstream shows is that of a path, which prints as an empty object.
  if (!b.namespace_.value_or("").empty()) {
    errors.invalid(path, api::FieldValue::json("{}"),
                   "may not be specified when dataSourceRef.namespace is specified");
  } else if (a.kind != b.kind || a.name != b.name || a.apiGroup != b.apiGroup) {
    errors.invalid(path, api::FieldValue::json("{}"), "must match dataSourceRef");
  }
}

void checkSpec(const PersistentVolumeClaimSpec& spec, const FieldPath& path, FieldErrors& errors) {
  if (spec.accessModes.empty()) {
    errors.required(path.child("accessModes"), "at least 1 access mode is required");
  }
  if (spec.selector) validateLabelSelector(*spec.selector, path.child("selector"), errors);
  checkAccessModes(spec.accessModes, path.child("accessModes"), errors);
  const auto storage = path.child("resources").key(kStorage);
  const auto* size = spec.resources.requests.get(kStorage);
  if (!size) {
    errors.required(storage);
  } else if (size->sign() <= 0) {
    errors.invalid(storage, *size, "must be greater than zero");
  }
  if (spec.storageClassName && !spec.storageClassName->empty()) {
    checkDns1123Subdomain(*spec.storageClassName, path.child("storageClassName"), errors);
  }
  checkVolumeMode(spec.volumeMode, path.child("volumeMode"), errors);
  checkSources(spec, path, errors);
  if (spec.volumeAttributesClassName && !spec.volumeAttributesClassName->empty()) {
    checkDns1123Subdomain(*spec.volumeAttributesClassName, path.child("volumeAttributesClassName"),
                          errors);
  }
}

constexpr std::string_view kClassAnnotation = "volume.beta.kubernetes.io/storage-class";

std::string classAnnotation(const PersistentVolumeClaim& claim) {
  const auto* value = claim.metadata.annotations.get(kClassAnnotation);
  return value ? *value : std::string();
}

/// `next` without the changes that are allowed, `current` with those that it takes over.
void dropAllowedChanges(PersistentVolumeClaimSpec& next, PersistentVolumeClaimSpec& current,
                        bool bound) {
  if (current.volumeName.empty()) current.volumeName = next.volumeName;
  if (!bound) return;
  if (!next.resources.requests.empty()) {
    const auto* size = current.resources.requests.get(kStorage);
    next.resources.requests.insert_or_assign(kStorage, size ? *size : api::Quantity());
  }
  next.volumeAttributesClassName = current.volumeAttributesClassName;
}

/// The class may move from the annotation to the field, and come to a claim made before there was
/// a default one.
void checkClassUnchanged(const PersistentVolumeClaim& next, const PersistentVolumeClaim& current,
                         PersistentVolumeClaimSpec& spec, FieldErrors& errors) {
  const std::string was = classAnnotation(current);
  const std::string now = classAnnotation(next);
  const bool moved = current.metadata.annotations.contains(kClassAnnotation) &&
                     !current.spec.storageClassName && next.spec.storageClassName &&
                     *next.spec.storageClassName == was && (now.empty() || now == was);
  if (moved) {
    spec.storageClassName.reset();
    return;
  }
  if (now != was) {
    errors.invalid(FieldPath("metadata").child("annotations").child(kClassAnnotation), now,
                   kImmutableText);
  }
  const bool fits =
      !current.metadata.annotations.contains(kClassAnnotation) || next.spec.storageClassName == was;
  if (!current.spec.storageClassName && fits) spec.storageClassName.reset();
}

void checkSpecUnchanged(const PersistentVolumeClaim& next, const PersistentVolumeClaim& current,
                        FieldErrors& errors) {
  auto spec = next.spec;
  auto was = current.spec;
  checkClassUnchanged(next, current, spec, errors);
  dropAllowedChanges(spec, was, current.status.phase == "Bound");
  if (!api::semanticEqual(was, spec)) {
    errors.forbidden(FieldPath("spec"),
                     "spec is immutable after creation except resources.requests and "
                     "volumeAttributesClassName for bound claims\n" +
                         objectDiff(was, spec));
  }
  const auto* size = next.spec.resources.requests.get(kStorage);
  const auto* old = current.spec.resources.requests.get(kStorage);
  const auto* actual = current.status.capacity.get(kStorage);
  if (size && old && *size < *old && *size <= (actual ? *actual : api::Quantity())) {
    errors.forbidden(FieldPath("spec").child("resources").child("requests").child("storage"),
                     "field can not be less than status.capacity");
  }
  checkImmutable(next.spec.volumeMode, current.spec.volumeMode, FieldPath("volumeMode"), errors);
  // Once a class is in effect there is no way back to none.
  const auto& wanted = next.spec.volumeAttributesClassName;
  if (wanted == current.spec.volumeAttributesClassName || !wanted.value_or("").empty() ||
      !current.status.currentVolumeAttributesClassName) {
    return;
  }
  errors.forbidden(FieldPath("spec").child("volumeAttributesClassName"),
                   std::string("update to ") + (wanted ? "empty string" : "nil") +
                       " is forbidden when status.currentVolumeAttributesClassName is not nil");
}

/// Of a claim's resources only storage is one of Kubernetes' own.
bool checkClaimResource(std::string_view name, const FieldPath& path, FieldErrors& errors) {
  const auto messages = api::validateQualifiedName(name);
  errors.invalidEach(path, name, messages);
  if (!messages.empty()) return false;
  if (!isNativeResource(name) || name == kStorage) return true;
  errors.notSupported(path, name, {kStorage});
  return false;
}

bool checkBasicAmount(const api::Quantity& amount, const FieldPath& path, FieldErrors& errors) {
  if (amount.value() >= 0) return true;
  errors.invalid(path, amount.value(), "must be a valid resource quantity");
  return false;
}

bool isResizeStatus(std::string_view status) {
  return status == "ControllerResizeInProgress" || status == "ControllerResizeInfeasible" ||
         status == "NodeResizePending" || status == "NodeResizeInProgress" ||
         status == "NodeResizeInfeasible";
}

class PersistentVolumeClaimStrategy final : public TypedStrategy<PersistentVolumeClaim> {
 public:
  PersistentVolumeClaimStrategy() : TypedStrategy(StrategyTraits{.returnsDeleted = true}) {}

 protected:
  void defaults(PersistentVolumeClaim& claim) const override {
    setPersistentVolumeClaimDefaults(claim);
  }
  void beforeCreate(PersistentVolumeClaim& claim) const override {
    claim.status.phase = "Pending";
    dropForeignSource(claim.spec, nullptr);
    syncDataSource(claim.spec);
  }
  void beforeUpdate(PersistentVolumeClaim& next,
                    const PersistentVolumeClaim& current) const override {
    dropForeignSource(next.spec, &current.spec);
    syncDataSource(next.spec);
  }
  void check(const PersistentVolumeClaim& claim, FieldErrors& errors) const override {
    checkSpec(claim.spec, FieldPath("spec"), errors);
  }
  void checkUpdate(const PersistentVolumeClaim& next, const PersistentVolumeClaim& current,
                   FieldErrors& errors) const override {
    check(next, errors);
    checkSpecUnchanged(next, current, errors);
  }
  void warn(const PersistentVolumeClaim& next, const PersistentVolumeClaim*,
            std::vector<std::string>& out) const override {
    if (next.metadata.annotations.contains(kClassAnnotation)) {
      out.push_back("metadata.annotations[" + std::string(kClassAnnotation) +
                    "]: deprecated since v1.8; use \"storageClassName\" attribute instead");
    }
    warnOfClaimSpec(next.spec, FieldPath("spec"), out);
  }
  void checkStatusUpdate(const PersistentVolumeClaim& next, const PersistentVolumeClaim&,
                         FieldErrors& errors) const override {
    const FieldPath status("status");
    if (next.spec.accessModes.empty()) errors.required(FieldPath("Spec").child("accessModes"));
    const auto capacity = status.child("capacity");
    for (const auto& [name, amount] : next.status.capacity)
      checkBasicAmount(amount, capacity.key(name), errors);
    const auto resizes = status.child("allocatedResourceStatuses");
    for (const auto& [name, value] : next.status.allocatedResourceStatuses) {
      checkClaimResource(name, resizes, errors);
      if (isResizeStatus(value)) continue;
      errors.notSupported(resizes, name,
                          {"ControllerResizeInProgress", "ControllerResizeInfeasible",
                           "NodeResizeInProgress", "NodeResizeInfeasible", "NodeResizePending"});
    }
    const auto allocated = status.child("allocatedResources");
    for (const auto& [name, amount] : next.status.allocatedResources) {
      if (!checkClaimResource(name, allocated, errors)) continue;
      const auto at = allocated.key(name);
      if (checkBasicAmount(amount, at, errors)) checkNonNegative(amount, at, errors);
    }
  }
};

}  // namespace

void validatePersistentVolumeClaimSpec(const PersistentVolumeClaimSpec& spec, const FieldPath& path,
                                       FieldErrors& errors) {
  checkSpec(spec, path, errors);
}

void setPersistentVolumeClaimDefaults(PersistentVolumeClaim& claim) {
  for (auto* list : {&claim.spec.resources.limits, &claim.spec.resources.requests,
                     &claim.status.capacity, &claim.status.allocatedResources}) {
    roundResources(*list);
  }
  if (claim.status.phase.empty()) claim.status.phase = "Pending";
  if (!claim.spec.volumeMode) claim.spec.volumeMode = "Filesystem";
}

std::unique_ptr<Strategy> makePersistentVolumeClaimStrategy() {
  return std::make_unique<PersistentVolumeClaimStrategy>();
}

}  // namespace coxswain::apiserver
