#include "scheduler/volumes/volume_state.h"

#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/gen/storage_v1.h"
#include "api/helpers/objects.h"
#include "api/helpers/volumes.h"

namespace coxswain::scheduler {

using api::core::v1::Node;
using api::core::v1::PersistentVolume;
using api::core::v1::PersistentVolumeClaim;
using api::storage::v1::CSIDriver;
using api::storage::v1::CSINode;
using api::storage::v1::CSIStorageCapacity;
using api::storage::v1::StorageClass;
using api::storage::v1::VolumeAttachment;

namespace {

const std::string kByClass = "scheduler-class";
const std::string kByNode = "scheduler-node";

std::vector<std::string> classOfVolume(const api::ConstObject& object) {
  return {api::storageClassOf(*object.as<PersistentVolume>())};
}
std::vector<std::string> classOfCapacity(const api::ConstObject& object) {
  return {object.as<CSIStorageCapacity>()->storageClassName};
}
std::vector<std::string> nodeOfAttachment(const api::ConstObject& object) {
  return {object.as<VolumeAttachment>()->spec.nodeName};
}

template <typename T>
std::vector<std::shared_ptr<const T>> typed(const std::vector<api::ConstObject>& objects) {
  std::vector<std::shared_ptr<const T>> out;
  out.reserve(objects.size());
  for (const auto& object : objects) out.push_back(object.sharedAs<T>());
  return out;
}

}  // namespace

VolumeState::VolumeState(client::Informers& informers)
    : nodes_(informers.of<Node>()),
      claims_(informers.of<PersistentVolumeClaim>()),
      volumes_(informers.of<PersistentVolume>()),
      classes_(informers.of<StorageClass>()),
      csiNodes_(informers.of<CSINode>()),
      csiDrivers_(informers.of<CSIDriver>()),
      capacities_(informers.of<CSIStorageCapacity>()),
      attachments_(informers.of<VolumeAttachment>()) {
  volumes_.addIndex(kByClass, classOfVolume);
  capacities_.addIndex(kByClass, classOfCapacity);
  attachments_.addIndex(kByNode, nodeOfAttachment);
  volumes_.addHandler([this](const client::Change& change) { onVolume(change); });
  claims_.addHandler([this](const client::Change& change) {
    if (!waiting_.empty()) notify(client::objectKey(change.after ? change.after : change.before));
  });
}

VolumeState::~VolumeState() = default;

std::vector<client::Informer*> VolumeState::used() const {
  return {&claims_, &volumes_, &classes_, &csiNodes_, &csiDrivers_, &capacities_, &attachments_};
}

ClaimPtr VolumeState::claim(const std::string& ns, const std::string& name) const {
  return claims_.get<PersistentVolumeClaim>(ns + "/" + name);
}
VolumePtr VolumeState::volume(const std::string& name) const {
  return volumes_.get<PersistentVolume>(name);
}
StorageClassPtr VolumeState::storageClass(const std::string& name) const {
  return classes_.get<StorageClass>(name);
}
CsiNodePtr VolumeState::csiNode(const std::string& node) const {
  return csiNodes_.get<CSINode>(node);
}
CsiDriverPtr VolumeState::csiDriver(const std::string& name) const {
  return csiDrivers_.get<CSIDriver>(name);
}
std::shared_ptr<const Node> VolumeState::node(const std::string& name) const {
  return nodes_.get<Node>(name);
}
std::vector<VolumePtr> VolumeState::volumesOfClass(const std::string& storageClass) const {
  return typed<PersistentVolume>(volumes_.byIndex(kByClass, storageClass));
}
std::vector<CsiCapacityPtr> VolumeState::capacitiesOfClass(const std::string& name) const {
  return typed<CSIStorageCapacity>(capacities_.byIndex(kByClass, name));
}

void VolumeState::forEachAttachment(
    const std::string& node, const std::function<void(const VolumeAttachment&)>& visit) const {
  for (const auto& object : attachments_.byIndex(kByNode, node))
    visit(*object.as<VolumeAttachment>());
}

bool VolumeState::take(const std::string& volume, const std::string& claimKey) {
  return taken_.try_emplace(volume, claimKey).second;
}
void VolumeState::release(const std::string& volume) {
  taken_.erase(volume);
}
const std::string* VolumeState::takenBy(const std::string& volume) const {
  const auto at = taken_.find(volume);
  return at == taken_.end() ? nullptr : &at->second;
}

bool VolumeState::selectNode(const std::string& claimKey, const std::string& node) {
  return selected_.try_emplace(claimKey, node).second;
}
void VolumeState::unselectNode(const std::string& claimKey) {
  selected_.erase(claimKey);
}
std::string VolumeState::selectedNode(const PersistentVolumeClaim& claim) const {
  if (const auto* noted = claim.metadata.annotations.get(api::kSelectedNodeAnnotation))
    return *noted;
  const auto at = selected_.find(api::objectKey(claim.metadata));
  return at == selected_.end() ? "" : at->second;
}

void VolumeState::onVolume(const client::Change& change) {
  const auto& volume = *(change.after ? change.after : change.before).as<PersistentVolume>();
  const auto& reference = volume.spec.claimRef;
  // What the server knows needs no remembering.
  if (!change.after || reference) taken_.erase(volume.metadata.name);
  if (reference && !waiting_.empty()) notify(reference->namespace_ + "/" + reference->name);
}

void VolumeState::notify(const std::string& claimKey) {
  const auto at = waiting_.find(claimKey);
  if (at == waiting_.end()) return;
  for (Event* event : at->second) event->set();
}

Task<Status> VolumeState::changed(std::string claimKey, std::stop_token stop) {
  Event event;
  waiting_[claimKey].push_back(&event);
  Status waited = co_await event.wait(stop);
  auto& events = waiting_[claimKey];
  events.erase(std::remove(events.begin(), events.end(), &event), events.end());
  if (events.empty()) waiting_.erase(claimKey);
  co_return waited;
}

}  // namespace coxswain::scheduler
