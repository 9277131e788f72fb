// A claim asks for more: who resizes its volume is written down.
#include "scenarios/list.h"
#include "scenarios/objects.h"

namespace coxswain::simulation {

using api::core::v1::PersistentVolume;
using api::core::v1::PersistentVolumeClaim;

namespace {

void putBound(World& world, const std::string& name) {
  auto claim = named<PersistentVolumeClaim>("c-" + name);
  claim.spec.volumeName = name;
  claim.spec.accessModes = {"ReadWriteOnce"};
  claim.spec.resources.requests["storage"] = *api::Quantity::parse("1Gi");
  claim.status.phase = "Bound";
  claim.status.capacity["storage"] = *api::Quantity::parse("1Gi");
  const auto stored = world.server.put(claim);
  auto volume = named<PersistentVolume>(name);
  volume.spec.accessModes = {"ReadWriteOnce"};
  auto& reference = volume.spec.claimRef.emplace();
  reference.namespace_ = "default";
  reference.name = claim.metadata.name;
  reference.uid = stored->metadata.uid;
  if (name == "old") {
    volume.spec.persistentVolumeSource.awsElasticBlockStore.emplace().volumeID = "x";
  } else {
    auto& csi = volume.spec.persistentVolumeSource.csi.emplace();
    csi.driver = "d.example";
    csi.volumeHandle = "h1";
  }
  world.server.put(volume);
}

void playExpansion(World& world) {
  putBound(world, "old");
  world.run(std::chrono::milliseconds(world.draw(0, 2000)));
  world.server.change<PersistentVolumeClaim>("default", "c-old", [](PersistentVolumeClaim& claim) {
    claim.spec.resources.requests["storage"] = *api::Quantity::parse("2Gi");
  });
  world.until("the resizer is named", [&] {
    return world.server.peek<PersistentVolumeClaim>("default", "c-old")
        ->metadata.annotations.contains("volume.kubernetes.io/storage-resizer");
  });
}

}  // namespace

Scenario expansion() {
  return {"expand", {"persistentvolume-expander-controller"}, playExpansion};
}

}  // namespace coxswain::simulation
