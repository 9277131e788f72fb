// Volumes and claims find each other once, and stay while they are used.
#include "scenarios/list.h"
#include "scenarios/objects.h"

namespace coxswain::simulation {

using api::core::v1::PersistentVolume;
using api::core::v1::PersistentVolumeClaim;
using api::core::v1::Pod;

namespace {

/// A volume that was bound to a claim is not bound to another one.
class BoundOnce final : public Invariant {
 public:
  void wrote(World& world, const client::ResourceType& /*type*/, const api::ConstObject& before,
             const api::ConstObject& after) override {
    const auto* old = before ? before.as<PersistentVolume>() : nullptr;
    const auto* now = after ? after.as<PersistentVolume>() : nullptr;
    if (!old || !now || !old->spec.claimRef || !now->spec.claimRef) return;
    if (!old->spec.claimRef->uid.empty() && old->spec.claimRef->uid != now->spec.claimRef->uid) {
      world.fail("volume " + now->metadata.name + " changes its claim");
    }
  }
};

PersistentVolume makeVolume(const std::string& name, const char* size) {
  auto volume = named<PersistentVolume>(name);
  volume.spec.capacity["storage"] = *api::Quantity::parse(size);
  volume.spec.accessModes = {"ReadWriteOnce"};
  volume.spec.storageClassName = name;  // each claim has its own: who gets what is no chance
  volume.spec.persistentVolumeReclaimPolicy = "Retain";
  volume.spec.volumeMode = "Filesystem";
  return volume;
}

PersistentVolumeClaim makeClaim(const std::string& name, const std::string& volume) {
  auto claim = named<PersistentVolumeClaim>(name);
  claim.spec.accessModes = {"ReadWriteOnce"};
  claim.spec.storageClassName = volume;
  claim.spec.volumeMode = "Filesystem";
  claim.spec.resources.requests["storage"] = *api::Quantity::parse("1Gi");
  return claim;
}

bool bound(const World& world, const char* claimName, const char* volumeName) {
  auto claim = world.server.peek<PersistentVolumeClaim>("default", claimName);
  auto volume = world.server.peek<PersistentVolume>("", volumeName);
  return claim && volume && claim->status.phase == "Bound" && volume->status.phase == "Bound" &&
         claim->spec.volumeName == volumeName;
}

void playBinder(World& world) {
  world.watchFor<BoundOnce>();
  const bool volumesFirst = world.draw(0, 1) == 0;
  for (int round = 0; round < 2; ++round) {
    for (const char* name : {"v1", "v2", "v3"}) {
      if ((round == 0) == volumesFirst) {
        world.server.put(makeVolume(name, "2Gi"));
      } else {
        world.server.put(makeClaim(std::string("c") + name[1], name));
      }
    }
    world.run(std::chrono::milliseconds(world.draw(0, 3000)));
  }
  world.until("all are bound", [&] {
    return bound(world, "c1", "v1") && bound(world, "c2", "v2") && bound(world, "c3", "v3");
  });
  (void)world.server.erase<PersistentVolumeClaim>("default", "c2");
  world.until("released", [&] {
    return world.server.peek<PersistentVolume>("", "v2")->status.phase == "Released";
  });
}

void playProtection(World& world) {
  world.server.put(makeVolume("v1", "2Gi"));
  world.server.put(makeClaim("c1", "v1"));
  auto pod = makePod("p", "x");
  pod.spec.nodeName = "n1";
  pod.spec.volumes.emplace_back().volumeSource.persistentVolumeClaim.emplace().claimName = "c1";
  world.until("bound and protected", [&] {
    return bound(world, "c1", "v1") &&
           !world.server.peek<PersistentVolume>("", "v1")->metadata.finalizers.empty() &&
           !world.server.peek<PersistentVolumeClaim>("default", "c1")->metadata.finalizers.empty();
  });
  world.server.put(pod);
  world.run(2min);  // what is not seen cannot be protected
  (void)world.server.erase<PersistentVolume>("", "v1");
  (void)world.server.erase<PersistentVolumeClaim>("default", "c1");
  world.run(1min);
  if (!bound(world, "c1", "v1")) world.fail("what a pod uses has gone");
  (void)world.server.erase<Pod>("default", "p");
  world.until("all gone", [&] {
    return world.server.peekAll<PersistentVolume>().empty() &&
           world.server.peekAll<PersistentVolumeClaim>().empty();
  });
}

}  // namespace

Scenario volumeBinder() {
  return {"volumebinder",
          {"persistentvolume-binder-controller", "persistentvolumeclaim-protection-controller"},
          playBinder};
}
Scenario protection() {
  return {"protection",
          {"persistentvolumeclaim-protection-controller", "persistentvolume-protection-controller",
           "persistentvolume-binder-controller"},
          playProtection};
}

}  // namespace coxswain::simulation
