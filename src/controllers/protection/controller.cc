#include "controllers/protection/controller.h"

#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "api/helpers/volumes.h"
#include "client/resources.h"
#include "controllers/framework/finalizers.h"
#include "controllers/framework/indices.h"

namespace coxswain::controllers::protection {

using api::core::v1::PersistentVolume;
using api::core::v1::PersistentVolumeClaim;
using api::core::v1::Pod;
using api::core::v1::Volume;

namespace {

constexpr const char* kClaimFinalizer = "kubernetes.io/pvc-protection";
constexpr const char* kVolumeFinalizer = "kubernetes.io/pv-protection";

Controller::Options options(const char* name) {
  Controller::Options o;
  o.name = name;
  o.workers = 1;
  return o;
}

/// Its volumes are let go of: it has ended, and only waits to be removed. (Its finalizers may wait
/// for its claims to go.)
bool isShutDown(const Pod& pod) {
  return pod.metadata.deletionTimestamp && pod.metadata.deletionGracePeriodSeconds == 0;
}

/// Kubelets see a pod once it is on a node, be it that it has ended.
bool uses(const Pod& pod, const PersistentVolumeClaim& claim) {
  if (pod.spec.nodeName.empty()) return false;
  return std::any_of(pod.spec.volumes.begin(), pod.spec.volumes.end(), [&](const Volume& volume) {
    if (api::claimNameOf(pod, volume) != claim.metadata.name) return false;
    return !volume.volumeSource.ephemeral ||
           (!isShutDown(pod) && api::checkClaimIsForPod(pod, claim).ok());
  });
}

}  // namespace

ClaimProtectionController::ClaimProtectionController(const Context& context)
    : Controller(context, options("pvc-protection-controller")),
      claims_(use<PersistentVolumeClaim>()),
      pods_(use<Pod>()) {
  addClaimIndex(pods_);
  claims_.addHandler([this](const client::Change& change) {
    if (change.after) queue().add(client::objectKey(change.after));
  });
  pods_.addHandler([this](const client::Change& change) { onPod(change); });
}

void ClaimProtectionController::onPod(const client::Change& change) {
  const auto* before = change.before.as<Pod>();
  const auto* after = change.after.as<Pod>();
  if (before == nullptr || before->spec.volumes.empty()) return;
  // A pod lets go of its claims by its end, or when another one takes its name.
  const bool ends = after == nullptr || after->metadata.uid != before->metadata.uid ||
                    (isShutDown(*after) && !isShutDown(*before));
  if (!ends) return;
  for (const auto& key : api::claimKeysOf(*before)) queue().add(key);
}

Task<Result<bool>> ClaimProtectionController::isUsed(ClaimPointer claim, std::stop_token stop) {
  for (const auto& object : pods_.byIndex(kByClaim, api::objectKey(claim->metadata))) {
    if (uses(*object.as<Pod>(), *claim)) co_return true;
  }
  client::ListOptions all;
  CO_TRY(auto pods, co_await client().list(client::resourceOf<Pod>(), claim->metadata.namespace_,
                                           std::move(all), stop));
  co_return std::any_of(pods.items.begin(), pods.items.end(), [&claim](const auto& object) {
    return uses(*object.template as<Pod>(), *claim);
  });
}

Task<Result<Duration>> ClaimProtectionController::reconcile(std::string key, std::stop_token stop) {
  auto claim = claims_.get(key);
  if (!claim) co_return Duration(0);
  const auto& meta = *api::objectMeta(claim);
  if (meta.deletionTimestamp) {
    if (!api::hasFinalizer(meta, kClaimFinalizer)) co_return Duration(0);
    CO_TRY(const bool used, co_await isUsed(claim.sharedAs<PersistentVolumeClaim>(), stop));
    if (used) co_return Duration(0);
  }
  CO_TRY_STATUS(co_await updateFinalizer(client(), client::resourceOf<PersistentVolumeClaim>(),
                                         claim, kClaimFinalizer, !meta.deletionTimestamp, stop));
  co_return Duration(0);
}

VolumeProtectionController::VolumeProtectionController(const Context& context)
    : Controller(context, options("pv-protection-controller")), volumes_(use<PersistentVolume>()) {
  volumes_.addHandler([this](const client::Change& change) {
    if (change.after) queue().add(client::objectKey(change.after));
  });
}

Task<Result<Duration>> VolumeProtectionController::reconcile(std::string key,
                                                             std::stop_token stop) {
  auto volume = volumes_.get(key);
  if (!volume) co_return Duration(0);
  const bool goes = api::objectMeta(volume)->deletionTimestamp.has_value();
  if (goes && volume.as<PersistentVolume>()->status.phase == "Bound") co_return Duration(0);
  CO_TRY_STATUS(co_await updateFinalizer(client(), client::resourceOf<PersistentVolume>(), volume,
                                         kVolumeFinalizer, !goes, stop));
  co_return Duration(0);
}

}  // namespace coxswain::controllers::protection
