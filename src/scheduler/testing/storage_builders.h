#pragma once

#include <string>
#include <utility>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/gen/storage_v1.h"
#include "scheduler/testing/builders.h"

namespace coxswain::scheduler::testing {

/// `VolumeBuilder("v").size("1Gi").onNode("n").volume`: an available volume of class "slow".
class VolumeBuilder {
 public:
  explicit VolumeBuilder(std::string name) {
    volume.metadata.name = std::move(name);
    volume.spec.accessModes = {"ReadWriteOnce"};
    volume.spec.storageClassName = "slow";
    volume.status.phase = "Available";
    size("1Gi");
  }
  VolumeBuilder& size(std::string_view amount) {
    volume.spec.capacity.insert_or_assign("storage", *api::Quantity::parse(amount));
    return *this;
  }
  VolumeBuilder& ofClass(std::string name) {
    volume.spec.storageClassName = std::move(name);
    return *this;
  }
  VolumeBuilder& onNode(std::string node) {
    api::core::v1::NodeSelectorRequirement requirement;
    requirement.key = "kubernetes.io/hostname";
    requirement.operator_ = "In";
    requirement.values = {std::move(node)};
    api::core::v1::NodeSelectorTerm term;
    term.matchExpressions.push_back(std::move(requirement));
    volume.spec.nodeAffinity.getOrCreate().required.getOrCreate().nodeSelectorTerms.push_back(
        std::move(term));
    return *this;
  }
  VolumeBuilder& label(std::string_view key, std::string value) {
    volume.metadata.labels.insert_or_assign(key, std::move(value));
    return *this;
  }
  VolumeBuilder& csi(std::string driver, std::string handle) {
    auto& source = volume.spec.persistentVolumeSource.csi.getOrCreate();
    source.driver = std::move(driver);
    source.volumeHandle = std::move(handle);
    return *this;
  }
  VolumeBuilder& claimedBy(std::string claim) {
    auto& reference = volume.spec.claimRef.getOrCreate();
    reference.namespace_ = "default";
    reference.name = std::move(claim);
    return *this;
  }

  api::core::v1::PersistentVolume volume;
};

/// A claim of class "slow" for 1Gi.
class ClaimBuilder {
 public:
  explicit ClaimBuilder(std::string name) {
    claim.metadata.name = std::move(name);
    claim.metadata.namespace_ = "default";
    claim.metadata.uid = "uid-" + claim.metadata.name;
    claim.spec.accessModes = {"ReadWriteOnce"};
    claim.spec.storageClassName = "slow";
    claim.status.phase = "Pending";
    size("1Gi");
  }
  ClaimBuilder& size(std::string_view amount) {
    claim.spec.resources.requests.insert_or_assign("storage", *api::Quantity::parse(amount));
    return *this;
  }
  ClaimBuilder& ofClass(std::string name) {
    claim.spec.storageClassName = std::move(name);
    return *this;
  }
  ClaimBuilder& mode(std::string mode) {
    claim.spec.accessModes = {std::move(mode)};
    return *this;
  }
  ClaimBuilder& boundTo(std::string volume) {
    claim.spec.volumeName = std::move(volume);
    claim.metadata.annotations["pv.kubernetes.io/bind-completed"] = "yes";
    claim.status.phase = "Bound";
    return *this;
  }
  ClaimBuilder& annotate(std::string_view key, std::string value) {
    claim.metadata.annotations.insert_or_assign(key, std::move(value));
    return *this;
  }

  api::core::v1::PersistentVolumeClaim claim;
};

/// The class "slow": its claims wait for their first pod; nobody makes volumes.
inline api::storage::v1::StorageClass waitingClass(
    std::string name = "slow", std::string provisioner = "kubernetes.io/no-provisioner") {
  api::storage::v1::StorageClass made;
  made.metadata.name = std::move(name);
  made.provisioner = std::move(provisioner);
  made.volumeBindingMode = "WaitForFirstConsumer";
  return made;
}

/// A pod that uses these claims.
inline PodBuilder podWith(std::string name, std::vector<std::string> claims) {
  PodBuilder pod(std::move(name));
  for (auto& claim : claims) {
    auto& volume = pod.pod.spec.volumes.emplace_back();
    volume.name = "v" + std::to_string(pod.pod.spec.volumes.size());
    volume.volumeSource.persistentVolumeClaim.getOrCreate().claimName = std::move(claim);
  }
  return pod;
}

}  // namespace coxswain::scheduler::testing
