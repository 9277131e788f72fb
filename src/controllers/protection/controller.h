#pragma once

#include <memory>
#include <string>

#include "controllers/framework/controller.h"

namespace coxswain::api::core::v1 {
struct PersistentVolumeClaim;
}

namespace coxswain::controllers::protection {

/// Claims have finalizer kubernetes.io/pvc-protection; one that is being deleted loses it when no
/// pod on a node uses it (asked of the server, not of a cache alone). Pods that have ended use it
/// still; an ephemeral volume uses its claim only where that is the pod's own, and until the pod
/// only waits to be removed.
/// Upstream: pkg/controller/volume/pvcprotection.
class ClaimProtectionController final : public Controller {
 public:
  explicit ClaimProtectionController(const Context& context);

 protected:
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;

 private:
  using ClaimPointer = std::shared_ptr<const api::core::v1::PersistentVolumeClaim>;

  void onPod(const client::Change& change);
  Task<Result<bool>> isUsed(ClaimPointer claim, std::stop_token stop);

  client::Informer& claims_;
  client::Informer& pods_;
};

/// Volumes have finalizer kubernetes.io/pv-protection; one that is being deleted loses it when it
/// is not bound. Upstream: pkg/controller/volume/pvprotection.
class VolumeProtectionController final : public Controller {
 public:
  explicit VolumeProtectionController(const Context& context);

 protected:
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;

 private:
  client::Informer& volumes_;
};

}  // namespace coxswain::controllers::protection
