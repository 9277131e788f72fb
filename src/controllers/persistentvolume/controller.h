#pragma once

#include <string>

#include "controllers/framework/controller.h"
#include "controllers/persistentvolume/match.h"

namespace coxswain::controllers::persistentvolume {

/// Binds claims to volumes and keeps the phases of both. Volumes are not made here: a claim without
/// a match waits for an external provisioner (whose name it gets from its StorageClass) or for
/// somebody who makes one. Neither are they deleted or wiped: a released volume with policy Delete
/// that no external provisioner made becomes Failed.
///
/// One worker: choices are made one after the other, and each write is refused where the cache was
/// behind. Keys are "c|namespace/name" and "v|name".
/// Upstream: pkg/controller/volume/persistentvolume.
class PersistentVolumeBinder final : public Controller {
 public:
  explicit PersistentVolumeBinder(const Context& context);

 protected:
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;

 private:
  void onClaim(const client::Change& change);
  void onVolume(const client::Change& change);
  Task<Status> syncClaim(ClaimPointer claim, std::stop_token stop);
  Task<Status> syncUnbound(ClaimPointer claim, std::stop_token stop);
  Task<Status> syncBound(ClaimPointer claim, std::stop_token stop);
  /// No volume fits: says what the claim waits for.
  Task<Status> await(ClaimPointer claim, std::stop_token stop);
  /// The class says that the first pod decides where; nothing is bound before.
  Task<Result<bool>> waitsForPod(ClaimPointer claim, std::stop_token stop);
  Task<Status> bind(VolumePointer volume, ClaimPointer claim, std::stop_token stop);
  Task<Status> syncVolume(VolumePointer volume, std::stop_token stop);
  Task<Status> release(VolumePointer volume, std::stop_token stop);
  Task<Status> setPhase(VolumePointer volume, std::string phase, std::string message,
                        std::stop_token stop);
  Task<Status> setPhase(ClaimPointer claim, std::string phase, std::stop_token stop);
  [[nodiscard]] std::vector<VolumePointer> volumes() const;

  client::Informer& claims_;
  client::Informer& volumes_;
};

}  // namespace coxswain::controllers::persistentvolume
