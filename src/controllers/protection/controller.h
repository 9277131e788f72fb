#pragma once

#include <string>

#include "controllers/framework/controller.h"

namespace coxswain::controllers::protection {

/// Claims have finalizer kubernetes.io/pvc-protection; one that is being deleted loses it when no
/// pod on a node uses it (asked of the server, not of a cache alone).
/// Upstream: pkg/controller/volume/pvcprotection.
class ClaimProtectionController final : public Controller {
 public:
  explicit ClaimProtectionController(const Context& context);

 protected:
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;

 private:
  Task<Result<bool>> isUsed(std::string ns, std::string key, std::stop_token stop);

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
