#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "controllers/framework/controller.h"
#include "controllers/persistentvolume/match.h"
#include "controllers/persistentvolume/recycler.h"

namespace coxswain::api::storage::v1 {
struct StorageClass;
}

namespace coxswain::controllers::persistentvolume {

/// Binds claims to volumes and keeps the phases of both (claims.cc, volumes.cc).
///
/// A claim gets the volume that it or the volume names, or the smallest free one that fits. Without
/// one it waits: for a default class, for its first pod (which the scheduler binds by writing the
/// claim into a volume), for an external provisioner (told of by annotations), or for somebody who
/// makes a volume. A volume whose claim has gone is kept, deleted or wiped by its reclaim policy;
/// what an external provisioner made, that one deletes.
///
/// One worker: choices are made one after the other, and each write is refused where the cache was
/// behind. Keys are "c|namespace/name" and "v|name". Nothing is looked at again without an event.
/// Upstream: pkg/controller/volume/persistentvolume.
class PersistentVolumeBinder final : public Controller {
 public:
  struct Options {
    bool dynamicProvisioning = true;
    RecyclerOptions recycler;
    /// Removes a folder below /tmp of this host: what deleting a hostPath volume there means (for
    /// clusters of one node). Empty: such a volume fails.
    std::function<Status(const std::string& path)> removeHostPath;
  };
  PersistentVolumeBinder(const Context& context, Options options);
  explicit PersistentVolumeBinder(const Context& context)
      : PersistentVolumeBinder(context, Options()) {}

 protected:
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;

 private:
  using ClassPointer = std::shared_ptr<const api::storage::v1::StorageClass>;

  void onClaim(const client::Change& change);
  void onVolume(const client::Change& change);
  void onClass(const client::Change& change);
  void onPod(const client::Change& change);
  void addWaiting(const std::string& value);

  // claims.cc
  Task<Status> syncClaim(ClaimPointer claim, std::stop_token stop);
  Task<Status> syncUnbound(ClaimPointer claim, std::stop_token stop);
  Task<Status> syncNamed(ClaimPointer claim, std::stop_token stop);
  Task<Status> syncBound(ClaimPointer claim, std::stop_token stop);
  /// No volume fits: says what the claim waits for, or who is to make one.
  Task<Status> awaitVolume(ClaimPointer claim, std::stop_token stop);
  Task<Status> provision(ClaimPointer claim, std::stop_token stop);
  void tellOfWaiting(const api::core::v1::PersistentVolumeClaim& claim);
  Task<Status> bind(VolumePointer volume, ClaimPointer claim, std::stop_token stop);
  Task<Status> setPhase(ClaimPointer claim, std::string phase, std::stop_token stop);
  Task<Status> lose(ClaimPointer claim, std::string reason, std::string message,
                    std::stop_token stop);
  [[nodiscard]] std::vector<VolumePointer> candidates(
      const api::core::v1::PersistentVolumeClaim& claim) const;
  /// Null: none, or it is not there.
  [[nodiscard]] ClassPointer classOf(const api::core::v1::PersistentVolumeClaim& claim) const;
  /// The newest of the default ones. Null: none.
  [[nodiscard]] ClassPointer defaultClass() const;

  // volumes.cc
  Task<Result<Duration>> syncVolume(VolumePointer volume, std::stop_token stop);
  /// Of the cache or, where that may be too old, of the server. Null: the volume's claim is gone.
  Task<Result<ClaimPointer>> ownerOf(VolumePointer volume, std::stop_token stop);
  Task<Result<Duration>> release(VolumePointer volume, std::stop_token stop);
  Task<Result<Duration>> deleteVolume(VolumePointer volume, std::stop_token stop);
  Task<Result<Duration>> recycle(VolumePointer volume, std::stop_token stop);
  Task<Status> unbind(VolumePointer volume, std::stop_token stop);
  Task<Result<VolumePointer>> setPhase(VolumePointer volume, std::string phase, std::string message,
                                       std::stop_token stop);
  /// Phase Failed, and an event where it was not so before.
  Task<Status> fail(VolumePointer volume, std::string reason, std::string message,
                    std::stop_token stop);

  Options options_;
  client::Informer& claims_;
  client::Informer& volumes_;
  client::Informer& classes_;
  client::Informer& pods_;
  Recycler recycler_;
};

}  // namespace coxswain::controllers::persistentvolume
