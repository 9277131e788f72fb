#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "controllers/framework/controller.h"
#include "controllers/localpath/folder.h"
#include "runtime/files.h"

namespace coxswain::controllers::localpath {

/// Makes volumes out of folders of the node it runs on, and removes the folders with the volumes.
/// It runs on every node, and looks after claims whose pod the scheduler has put there (annotation
/// volume.kubernetes.io/selected-node), and volumes of its own making: no pods help it.
///
/// Keys are "c|namespace/name" and "v|name". A folder's size is not held to what the claim asks
/// for. Not one of the manager's controllers: a node's part. Model: rancher/local-path-provisioner.
class LocalPathProvisioner final : public Controller {
 public:
  /// Removes a folder with all in it, however long it takes. Success where there is none.
  using RemoveFolder = std::function<Task<Status>(std::string path)>;

  /// `files` outlives it.
  LocalPathProvisioner(const Context& context, LocalPathOptions options, Files& files,
                       RemoveFolder remove);

 protected:
  /// Removes empty folders that no volume names: their making was interrupted, and the claim may be
  /// gone since.
  Task<Status> prepare(std::stop_token stop) override;
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;
  /// Makes the StorageClass where there is none.
  Task<void> background(std::stop_token stop) override;

 private:
  using ClaimPointer = std::shared_ptr<const api::core::v1::PersistentVolumeClaim>;
  using VolumePointer = std::shared_ptr<const api::core::v1::PersistentVolume>;

  [[nodiscard]] bool isAsked(const api::core::v1::PersistentVolumeClaim& claim) const;
  Task<Status> ensureClass(std::stop_token stop);
  Task<Status> sweep(const std::string& folder, std::stop_token stop);
  Task<Status> provision(ClaimPointer claim, std::stop_token stop);
  Task<Status> create(ClaimPointer claim, api::core::v1::PersistentVolume volume,
                      std::stop_token stop);
  /// The volume of a claim is there: told of once.
  void made(const std::string& key, const std::string& volume);
  /// Of a claim that went while its volume was made.
  Task<Status> forget(std::string key, std::stop_token stop);
  Task<Status> syncVolume(VolumePointer volume, std::stop_token stop);
  Task<Status> removeVolume(VolumePointer volume, std::stop_token stop);
  void tellFailed(const api::core::v1::PersistentVolumeClaim& claim, const std::string& why);

  struct Making {
    std::string volume;
    std::string folder;
  };

  LocalPathOptions options_;
  Files& files_;
  RemoveFolder remove_;
  client::Informer& claims_;
  client::Informer& volumes_;
  std::map<std::string, Making> making_;  ///< by claim: there may be a folder without a volume
};

/// For real folders: in a thread of its own, since that may take long.
Task<Status> removeFolderAside(std::string path);

}  // namespace coxswain::controllers::localpath
