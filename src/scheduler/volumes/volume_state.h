#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <vector>

#include "client/informers.h"
#include "runtime/sync.h"
#include "runtime/task.h"

namespace coxswain::api {
namespace core::v1 {
struct Node;
struct PersistentVolume;
struct PersistentVolumeClaim;
}  // namespace core::v1
namespace storage::v1 {
struct CSIDriver;
struct CSINode;
struct CSIStorageCapacity;
struct StorageClass;
struct VolumeAttachment;
}  // namespace storage::v1
}  // namespace coxswain::api

namespace coxswain::scheduler {

using ClaimPtr = std::shared_ptr<const api::core::v1::PersistentVolumeClaim>;
using VolumePtr = std::shared_ptr<const api::core::v1::PersistentVolume>;
using StorageClassPtr = std::shared_ptr<const api::storage::v1::StorageClass>;
using CsiNodePtr = std::shared_ptr<const api::storage::v1::CSINode>;
using CsiDriverPtr = std::shared_ptr<const api::storage::v1::CSIDriver>;
using CsiCapacityPtr = std::shared_ptr<const api::storage::v1::CSIStorageCapacity>;

/// What the volume plugins know: the cluster's storage objects as informers show them, and what was
/// decided for pods whose binding is under way. Shared by all profiles. One executor; made before
/// the informers start, which outlive it.
class VolumeState {
 public:
  explicit VolumeState(client::Informers& informers);
  ~VolumeState();
  VolumeState(const VolumeState&) = delete;
  VolumeState& operator=(const VolumeState&) = delete;

  // Null: there is none.
  [[nodiscard]] ClaimPtr claim(const std::string& ns, const std::string& name) const;
  [[nodiscard]] VolumePtr volume(const std::string& name) const;
  [[nodiscard]] StorageClassPtr storageClass(const std::string& name) const;
  [[nodiscard]] CsiNodePtr csiNode(const std::string& node) const;
  [[nodiscard]] CsiDriverPtr csiDriver(const std::string& name) const;
  [[nodiscard]] std::shared_ptr<const api::core::v1::Node> node(const std::string& name) const;
  [[nodiscard]] std::vector<VolumePtr> volumesOfClass(const std::string& storageClass) const;
  [[nodiscard]] std::vector<CsiCapacityPtr> capacitiesOfClass(const std::string& name) const;
  void forEachAttachment(
      const std::string& node,
      const std::function<void(const api::storage::v1::VolumeAttachment&)>& visit) const;

  /// From now on the volume counts as taken by the claim, until the informer shows it claimed or
  /// it is released. False: it counted so already.
  bool take(const std::string& volume, const std::string& claimKey);
  void release(const std::string& volume);
  /// Key of the claim that took the volume; null: it was not taken here.
  [[nodiscard]] const std::string* takenBy(const std::string& volume) const;

  /// The volume of the claim is going to be made near this node. False: it was selected already.
  bool selectNode(const std::string& claimKey, const std::string& node);
  void unselectNode(const std::string& claimKey);
  /// By annotation or by `selectNode`; empty: none was.
  [[nodiscard]] std::string selectedNode(const api::core::v1::PersistentVolumeClaim& claim) const;

  /// Until the claim, or a volume claimed by it, changes. Canceled when stopped.
  Task<Status> changed(std::string claimKey, std::stop_token stop);

  /// The informers that must have their first lists before pods with claims can be judged.
  [[nodiscard]] std::vector<client::Informer*> used() const;

 private:
  void onVolume(const client::Change& change);
  void notify(const std::string& claimKey);

  client::Informer& nodes_;
  client::Informer& claims_;
  client::Informer& volumes_;
  client::Informer& classes_;
  client::Informer& csiNodes_;
  client::Informer& csiDrivers_;
  client::Informer& capacities_;
  client::Informer& attachments_;
  std::unordered_map<std::string, std::string> taken_;
  std::unordered_map<std::string, std::string> selected_;
  std::unordered_map<std::string, std::vector<Event*>> waiting_;
};

}  // namespace coxswain::scheduler
