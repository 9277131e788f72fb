#include "controllers/protection/controller.h"

#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "client/resources.h"
#include "controllers/framework/finalizers.h"

namespace coxswain::controllers::protection {

using api::core::v1::PersistentVolume;
using api::core::v1::PersistentVolumeClaim;
using api::core::v1::Pod;

namespace {

constexpr const char* kClaimFinalizer = "kubernetes.io/pvc-protection";
constexpr const char* kVolumeFinalizer = "kubernetes.io/pv-protection";
constexpr const char* kByClaim = "claim";

Controller::Options options(const char* name) {
  Controller::Options o;
  o.name = name;
  o.workers = 1;
  return o;
}

/// Keys of the claims a pod's volumes are of.
std::vector<std::string> claimsOf(const Pod& pod) {
  std::vector<std::string> claims;
  for (const auto& volume : pod.spec.volumes) {
    const auto& source = volume.volumeSource;
    if (source.persistentVolumeClaim) {
      claims.push_back(pod.metadata.namespace_ + "/" + source.persistentVolumeClaim->claimName);
    } else if (source.ephemeral) {
      claims.push_back(pod.metadata.namespace_ + "/" + pod.metadata.name + "-" + volume.name);
    }
  }
  return claims;
}

/// Kubelets see a pod once it is on a node.
bool uses(const Pod& pod, const std::string& claim) {
  if (pod.spec.nodeName.empty()) return false;
  const auto claims = claimsOf(pod);
  return std::find(claims.begin(), claims.end(), claim) != claims.end();
}

std::vector<std::string> claimValues(const api::ConstObject& object) {
  const auto* pod = object.as<Pod>();
  return pod == nullptr ? std::vector<std::string>() : claimsOf(*pod);
}

}  // namespace

ClaimProtectionController::ClaimProtectionController(const Context& context)
    : Controller(context, options("pvc-protection-controller")),
      claims_(use<PersistentVolumeClaim>()),
      pods_(use<Pod>()) {
  pods_.addIndex(kByClaim, claimValues);
  claims_.addHandler([this](const client::Change& change) {
    if (change.after) queue().add(client::objectKey(change.after));
  });
  pods_.addHandler([this](const client::Change& change) {
    // A pod can only let go of its claims by its end.
    if (change.after) return;
    for (const auto& claim : claimsOf(*change.before.as<Pod>())) queue().add(claim);
  });
}

Task<Result<bool>> ClaimProtectionController::isUsed(std::string ns, std::string key,
                                                     std::stop_token stop) {
  for (const auto& object : pods_.byIndex(kByClaim, key)) {
    if (uses(*object.as<Pod>(), key)) co_return true;
  }
  CO_TRY(auto pods, co_await client().list(client::resourceOf<Pod>(), ns, {}, stop));
  co_return std::any_of(pods.items.begin(), pods.items.end(), [&key](const auto& object) {
    return uses(*object.template as<Pod>(), key);
  });
}

Task<Result<Duration>> ClaimProtectionController::reconcile(std::string key, std::stop_token stop) {
  auto claim = claims_.get(key);
  if (!claim) co_return Duration(0);
  const auto& meta = *api::objectMeta(claim);
  if (meta.deletionTimestamp) {
    CO_TRY(bool used, co_await isUsed(meta.namespace_, key, stop));
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
