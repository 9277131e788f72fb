#include "apiserver/registry/metadata.h"

#include <algorithm>
#include <cstdio>
#include <memory>

#include "api/gen/meta_v1.h"
#include "api/names/names.h"
#include "api/names/quote.h"
#include "apiserver/registry/core/pod_spec.h"
#include "apiserver/registry/rules.h"
#include "apiserver/registry/strategy.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::meta::v1::ObjectMeta;
using api::meta::v1::OwnerReference;

namespace {

constexpr int64_t kManagerMax = 128;
constexpr int64_t kSubresourceMax = 256;

void validateOwnerReference(const OwnerReference& ref, const FieldPath& path, FieldErrors& errors) {
  const auto slash = ref.apiVersion.rfind('/');
  const bool noVersion = ref.apiVersion.empty() || slash == ref.apiVersion.size() - 1;
  if (noVersion) {
    errors.invalid(path.child("apiVersion"), ref.apiVersion, "version must not be empty");
  }
  if (ref.kind.empty()) errors.invalid(path.child("kind"), ref.kind, "must not be empty");
  if (ref.name.empty()) errors.invalid(path.child("name"), ref.name, "must not be empty");
  if (ref.uid.empty()) errors.invalid(path.child("uid"), ref.uid, "must not be empty");
  if (ref.apiVersion == "v1" && ref.kind == "Event") {
    errors.invalid(path, asJson(ref), "/v1, Kind=Event is disallowed from being an owner");
  }
}

void validateOwnerReferences(const std::vector<OwnerReference>& refs, const FieldPath& path,
                             FieldErrors& errors) {
  std::string controller;
  for (const auto& ref : refs) {
    validateOwnerReference(ref, path, errors);
    if (!ref.controller.value_or(false)) continue;
    const auto name = ref.kind + "/" + ref.name;
    if (controller.empty()) {
      controller = name;
      continue;
    }
    std::string all = "[";
    for (const auto& each : refs) {
      if (all.size() > 1) all += ",";
      all += asJson(each).text();
    }
    errors.invalid(path, api::FieldValue::json(all + "]"),
                   "Only one reference can have Controller set to true. Found \"true\" in "
                   "references for " +
                       controller + " and " + name);
  }
}

bool isStandardFinalizer(std::string_view name) {
  return name == "kubernetes" || name == "orphan" || name == "foregroundDeletion";
}

void validateFinalizers(const std::vector<std::string>& finalizers, const FieldPath& path,
                        FieldErrors& errors) {
  bool orphan = false;
  bool foreground = false;
  for (const auto& each : finalizers) {
    checkQualifiedName(each, path, errors);
    orphan = orphan || each == "orphan";
    foreground = foreground || each == "foregroundDeletion";
  }
  if (orphan && foreground) {
    errors.invalid(path, finalizers, "finalizer orphan and foregroundDeletion cannot be both set");
  }
}

void validateStandardFinalizers(const std::vector<std::string>& finalizers, const FieldPath& path,
                                FieldErrors& errors) {
  for (size_t i = 0; i < finalizers.size(); ++i) {
    const auto& name = finalizers[i];
    if (name.find('/') == std::string::npos && !isStandardFinalizer(name)) {
      errors.invalid(path.index(i), name,
                     "name is neither a standard finalizer name nor is it fully qualified");
    }
  }
}

void validateNoNewFinalizers(const std::vector<std::string>& next,
                             const std::vector<std::string>& current, const FieldPath& path,
                             FieldErrors& errors) {
  std::vector<std::string> added;
  for (const auto& each : next) {
    if (std::find(current.begin(), current.end(), each) == current.end()) added.push_back(each);
  }
  if (added.empty()) return;
  std::sort(added.begin(), added.end());
  added.erase(std::unique(added.begin(), added.end()), added.end());
  std::string text =
      "no new finalizers can be added if the object is being deleted, found new finalizers "
      "[]string{";
  for (size_t i = 0; i < added.size(); ++i) {
    if (i > 0) text += ", ";
    text += api::goQuote(added[i]);
  }
  errors.forbidden(path, text + "}");
}

void validateManagedFields(const std::vector<api::meta::v1::ManagedFieldsEntry>& entries,
                           const FieldPath& path, FieldErrors& errors) {
  for (size_t i = 0; i < entries.size(); ++i) {
    const auto& entry = entries[i];
    const auto at = path.index(i);
    if (entry.operation != "Apply" && entry.operation != "Update") {
      errors.invalid(at.child("operation"), entry.operation, "must be `Apply` or `Update`");
    }
    if (!entry.fieldsType.empty() && entry.fieldsType != "FieldsV1") {
      errors.invalid(at.child("fieldsType"), entry.fieldsType, "must be `FieldsV1`");
    }
    validateFieldManager(entry.manager, at.child("manager"), errors);
    if (entry.subresource.size() > kSubresourceMax) {
      errors.tooLong(at.child("subresource"), kSubresourceMax);
    }
  }
}

void checkNamespace(const ObjectMeta& meta, bool namespaced, const FieldPath& path,
                    FieldErrors& errors) {
  if (!namespaced) {
    if (!meta.namespace_.empty()) errors.forbidden(path, "not allowed on this type");
    return;
  }
  if (requireText(meta.namespace_, path, errors)) return;
  checkDns1123Label(meta.namespace_, path, errors);
}

bool contentDiffers(const api::MessageInfo& info, const void* next, const void* current) {
  // A copy with the same metadata and status: what then differs is the rest.
  const std::unique_ptr<void, void (*)(void*)> copy(info.clone(current), info.destroy);
  for (const auto& field : info.fields) {
    if (field.name != "metadata" && field.name != "status") continue;
    if (field.type == api::FieldType::Message && field.shape == api::Shape::Value) {
      field.message->assign(field.in(copy.get()), field.in(next));
    }
  }
  return !api::semanticEqual(info, next, copy.get());
}

}  // namespace

ObjectMeta& metaOf(const api::MessageInfo& info, void* object) {
  return *reinterpret_cast<ObjectMeta*>(static_cast<char*>(object) + info.objectMeta);
}
const ObjectMeta& metaOf(const api::MessageInfo& info, const void* object) {
  return *reinterpret_cast<const ObjectMeta*>(static_cast<const char*>(object) + info.objectMeta);
}

void prepareMetaForCreate(ObjectMeta& meta, const StrategyTraits& traits) {
  meta.deletionTimestamp.reset();
  meta.deletionGracePeriodSeconds.reset();
  meta.selfLink.clear();
  // Other kinds keep what the client wrote, as upstream does.
  if (traits.generation) meta.generation = 1;
}

void fillSystemFields(ObjectMeta& meta, api::Time now, std::string uid) {
  meta.creationTimestamp = now;
  meta.uid = std::move(uid);
}

void prepareMetaForUpdate(ObjectMeta& next, const ObjectMeta& current) {
  next.generation = current.generation;
  next.selfLink.clear();
  if (next.uid.empty()) next.uid = current.uid;
  if (!current.creationTimestamp.isZero()) next.creationTimestamp = current.creationTimestamp;
  if (current.deletionTimestamp) next.deletionTimestamp = current.deletionTimestamp;
  if (current.deletionGracePeriodSeconds && !next.deletionGracePeriodSeconds) {
    next.deletionGracePeriodSeconds = current.deletionGracePeriodSeconds;
  }
}

void growGeneration(const Strategy& strategy, void* next, const void* current) {
  using Grows = StrategyTraits::Grows;
  const auto& traits = strategy.traits();
  if (!traits.generation || traits.grows == Grows::Never) return;
  auto& meta = metaOf(strategy.info(), next);
  const auto& old = metaOf(strategy.info(), current);
  const bool grows =
      (traits.grows == Grows::ByLabels && !(meta.labels == old.labels)) ||
      (traits.grows == Grows::ByAnnotations && !(meta.annotations == old.annotations)) ||
      contentDiffers(strategy.info(), next, current);
  if (grows) meta.generation = old.generation + 1;
}

void validateObjectMeta(const ObjectMeta& meta, bool namespaced, const Strategy& strategy,
                        const FieldPath& path, FieldErrors& errors) {
  if (!meta.generateName.empty()) {
    errors.invalidEach(path.child("generateName"), meta.generateName,
                       strategy.checkName(meta.generateName, true));
  }
  if (meta.name.empty()) {
    errors.required(path.child("name"), "name or generateName is required");
  } else {
    errors.invalidEach(path.child("name"), meta.name, strategy.checkName(meta.name, false));
  }
  checkNamespace(meta, namespaced, path.child("namespace"), errors);
  checkNonNegative(meta.generation, path.child("generation"), errors);
  validateLabels(meta.labels, path.child("labels"), errors);
  validateAnnotations(meta.annotations, path.child("annotations"), errors);
  validateOwnerReferences(meta.ownerReferences, path.child("ownerReferences"), errors);
  validateFinalizers(meta.finalizers, path.child("finalizers"), errors);
  validateManagedFields(meta.managedFields, path.child("managedFields"), errors);
  if (strategy.traits().standardFinalizers) {
    validateStandardFinalizers(meta.finalizers, path.child("finalizers"), errors);
  }
}

namespace {

void checkMetaUpdate(const ObjectMeta& next, const ObjectMeta& current, const FieldPath& path,
                     FieldErrors& errors) {
  if (current.deletionTimestamp) {
    validateNoNewFinalizers(next.finalizers, current.finalizers, path.child("finalizers"), errors);
  }
  if (next.resourceVersion.empty()) {
    errors.invalid(path.child("resourceVersion"), next.resourceVersion,
                   "must be specified for an update");
  }
  if (next.generation < current.generation) {
    errors.invalid(path.child("generation"), next.generation, "must not be decremented");
  }
  checkImmutable(next.name, current.name, path.child("name"), errors);
  checkImmutable(next.namespace_, current.namespace_, path.child("namespace"), errors);
  checkImmutable(next.uid, current.uid, path.child("uid"), errors);
  checkImmutable(next.creationTimestamp, current.creationTimestamp, path.child("creationTimestamp"),
                 errors);
  checkImmutable(next.deletionTimestamp, current.deletionTimestamp, path.child("deletionTimestamp"),
                 errors);
  checkImmutable(next.deletionGracePeriodSeconds, current.deletionGracePeriodSeconds,
                 path.child("deletionGracePeriodSeconds"), errors);
  validateLabels(next.labels, path.child("labels"), errors);
  validateAnnotations(next.annotations, path.child("annotations"), errors);
  validateOwnerReferences(next.ownerReferences, path.child("ownerReferences"), errors);
  validateManagedFields(next.managedFields, path.child("managedFields"), errors);
}

}  // namespace

void validateObjectMetaUpdate(const ObjectMeta& next, const ObjectMeta& current,
                              const StrategyTraits& traits, const FieldPath& path,
                              FieldErrors& errors) {
  // Upstream asks twice, once for all kinds and once in each kind's rules: clients see both causes.
  checkMetaUpdate(next, current, path, errors);
  if (!errors.empty()) checkMetaUpdate(next, current, path, errors);
  if (traits.standardFinalizers) {
    validateStandardFinalizers(next.finalizers, path.child("finalizers"), errors);
  }
}

void validateFieldManager(std::string_view manager, const FieldPath& path, FieldErrors& errors) {
  if (manager.size() > kManagerMax) errors.tooLong(path, kManagerMax);
  for (size_t i = 0; i < manager.size(); ++i) {
    const auto c = static_cast<unsigned char>(manager[i]);
    if (c >= 0x20 && c != 0x7f) continue;
    char text[64];
    std::snprintf(text, sizeof text, "invalid character U+%04X (at position %zu)", c, i);
    errors.invalid(path, manager, text);
  }
}

}  // namespace coxswain::apiserver
