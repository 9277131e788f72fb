#include "controllers/volumeattributesclass/controller.h"

#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/gen/storage_v1.h"
#include "client/resources.h"
#include "controllers/framework/finalizers.h"

namespace coxswain::controllers::volumeattributesclass {

using api::core::v1::PersistentVolume;
using api::core::v1::PersistentVolumeClaim;
using api::storage::v1::VolumeAttributesClass;

namespace {

constexpr const char* kFinalizer = "kubernetes.io/vac-protection";
constexpr const char* kByClass = "volume-attributes-class";

Controller::Options options() {
  Controller::Options o;
  o.name = "volumeattributesclass-protection-controller";
  o.workers = 1;
  return o;
}

/// The classes that a claim has, wants, or is on its way to; that a volume has.
std::vector<std::string> classesOf(const api::ConstObject& object) {
  std::vector<std::string> names;
  if (const auto* claim = object.as<PersistentVolumeClaim>()) {
    names = {claim->spec.volumeAttributesClassName.value_or(""),
             claim->status.currentVolumeAttributesClassName.value_or(""),
             claim->status.modifyVolumeStatus
                 ? claim->status.modifyVolumeStatus->targetVolumeAttributesClassName
                 : ""};
  } else if (const auto* volume = object.as<PersistentVolume>()) {
    names = {volume->spec.volumeAttributesClassName.value_or("")};
  }
  std::erase(names, "");
  return names;
}

bool names(const api::ConstObject& object, const std::string& name) {
  const auto all = classesOf(object);
  return std::find(all.begin(), all.end(), name) != all.end();
}

}  // namespace

ClassProtectionController::ClassProtectionController(const Context& context)
    : Controller(context, options()),
      classes_(use<VolumeAttributesClass>()),
      claims_(use<PersistentVolumeClaim>()),
      volumes_(use<PersistentVolume>()) {
  claims_.addIndex(kByClass, classesOf);
  volumes_.addIndex(kByClass, classesOf);
  classes_.addHandler([this](const client::Change& change) {
    if (change.after) queue().add(client::objectKey(change.after));
  });
  // A class may become free when somebody stops to name it.
  auto onUser = [this](const client::Change& change) {
    if (!change.before || classes_.size() == 0) return;
    const auto before = classesOf(change.before);
    if (change.after && before == classesOf(change.after)) return;
    addDeleted(before);
  };
  claims_.addHandler(onUser);
  volumes_.addHandler(onUser);
}

void ClassProtectionController::addDeleted(const std::vector<std::string>& names) {
  for (const auto& name : names) {
    auto found = classes_.get<VolumeAttributesClass>(name);
    if (found && found->metadata.deletionTimestamp) queue().add(name);
  }
}

Task<Result<bool>> ClassProtectionController::isUsed(std::string name, std::stop_token stop) {
  if (!claims_.byIndex(kByClass, name).empty()) co_return true;
  if (!volumes_.byIndex(kByClass, name).empty()) co_return true;
  const client::ResourceType* types[] = {&client::resourceOf<PersistentVolumeClaim>(),
                                         &client::resourceOf<PersistentVolume>()};
  for (const auto* type : types) {
    client::ListOptions all;
    CO_TRY(auto list, co_await client().list(*type, "", std::move(all), stop));
    const bool found = std::any_of(list.items.begin(), list.items.end(),
                                   [&name](const auto& object) { return names(object, name); });
    if (found) co_return true;
  }
  co_return false;
}

Task<Result<Duration>> ClassProtectionController::reconcile(std::string key, std::stop_token stop) {
  auto found = classes_.get(key);
  if (!found) co_return Duration(0);
  const bool goes = api::objectMeta(found)->deletionTimestamp.has_value();
  if (goes) {
    CO_TRY(const bool used, co_await isUsed(key, stop));
    if (used) co_return Duration(0);
  }
  CO_TRY_STATUS(co_await updateFinalizer(client(), client::resourceOf<VolumeAttributesClass>(),
                                         found, kFinalizer, !goes, stop));
  co_return Duration(0);
}

}  // namespace coxswain::controllers::volumeattributesclass
