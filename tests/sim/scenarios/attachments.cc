// Volumes are attached where pods are, and to one node at a time; ephemeral ones have claims.
#include <algorithm>

#include "api/gen/storage_v1.h"
#include "api/helpers/objects.h"
#include "scenarios/list.h"
#include "scenarios/objects.h"

namespace coxswain::simulation {

using api::core::v1::Node;
using api::core::v1::PersistentVolume;
using api::core::v1::PersistentVolumeClaim;
using api::core::v1::Pod;
using api::storage::v1::VolumeAttachment;

namespace {

constexpr const char* kManaged = "volumes.kubernetes.io/controller-managed-attach-detach";
constexpr const char* kUnique = "kubernetes.io/csi/d.example^h";

/// A volume for one node is attached to one node; and to none that a pod's kubelet does not know.
class AttachedOnce final : public Invariant {
 public:
  void wrote(World& world, const client::ResourceType& /*type*/, const api::ConstObject& /*before*/,
             const api::ConstObject& after) override {
    if (!after || !after.is<VolumeAttachment>()) return;
    const auto all = world.server.peekAll<VolumeAttachment>();
    if (all.size() > 1) world.fail("the volume is attached to two nodes");
  }
};

/// What the driver's attacher and the kubelets do.
void playNodes(World& world) {
  for (const auto& attachment : world.server.peekAll<VolumeAttachment>()) {
    if (attachment->status.attached) continue;
    world.server.change<VolumeAttachment>("", attachment->metadata.name,
                                          [](VolumeAttachment& a) { a.status.attached = true; });
  }
  const auto pods = world.server.peekAll<Pod>();
  for (const auto& node : world.server.peekAll<Node>()) {
    const bool needed = std::any_of(pods.begin(), pods.end(), [&](const auto& pod) {
      return pod->spec.nodeName == node->metadata.name;
    });
    const bool has = !node->status.volumesAttached.empty();
    const bool uses = !node->status.volumesInUse.empty();
    // A kubelet begins with what is attached, and ends when its pod has gone.
    if (uses == needed || (needed && !has)) continue;
    world.server.change<Node>("", node->metadata.name, [needed](Node& n) {
      n.status.volumesInUse.clear();
      if (needed) n.status.volumesInUse.emplace_back(kUnique);
    });
  }
}

bool inUseOn(World& world, const std::string& node) {
  playNodes(world);
  for (const auto& each : world.server.peekAll<Node>()) {
    const bool here = each->metadata.name == node;
    if (each->status.volumesInUse.empty() == here) return false;
    if (each->status.volumesAttached.empty() == here) return false;
  }
  return world.server.peekAll<VolumeAttachment>().size() == (node.empty() ? 0 : 1);
}

void putPod(World& world, const std::string& name, const std::string& node) {
  auto pod = makePod(name, "x");
  pod.spec.nodeName = node;
  pod.spec.volumes.emplace_back().volumeSource.persistentVolumeClaim.emplace().claimName = "c";
  world.server.put(pod);
}

void playAttachments(World& world) {
  world.watchFor<AttachedOnce>();
  for (const auto& node : world.server.peekAll<Node>()) {
    world.server.change<Node>("", node->metadata.name,
                              [](Node& n) { n.metadata.annotations[kManaged] = "true"; });
  }
  auto claim = named<PersistentVolumeClaim>("c");
  claim.spec.volumeName = "v";
  claim.status.phase = "Bound";
  const auto stored = world.server.put(claim);
  auto volume = named<PersistentVolume>("v");
  volume.spec.accessModes = {"ReadWriteOnce"};
  auto& reference = volume.spec.claimRef.emplace();
  reference.namespace_ = "default";
  reference.name = "c";
  reference.uid = stored->metadata.uid;
  auto& csi = volume.spec.persistentVolumeSource.csi.emplace();
  csi.driver = "d.example";
  csi.volumeHandle = "h";
  world.server.put(volume);

  putPod(world, "a", "n1");
  if (world.draw(0, 1) == 0) {
    world.until("attached to the first", [&] { return inUseOn(world, "n1"); });
  } else {
    world.run(std::chrono::milliseconds(world.draw(0, 500)));
  }
  putPod(world, "b", "n2");
  world.run(std::chrono::milliseconds(world.draw(0, 3000)));
  remove<Pod>(world, "a");
  world.until("attached to the second", [&] { return inUseOn(world, "n2"); });
  remove<Pod>(world, "b");
  world.until("attached to none", [&] { return inUseOn(world, ""); });
}

void playEphemeral(World& world) {
  auto pod = makePod("p", "x");
  for (const char* name : {"one", "two"}) {
    auto& volume = pod.spec.volumes.emplace_back();
    volume.name = name;
    auto& claim = volume.volumeSource.ephemeral.emplace().volumeClaimTemplate.emplace();
    claim.spec.accessModes = {"ReadWriteOnce"};
  }
  const auto stored = world.server.put(pod);
  auto owned = [&](const char* name) {
    auto claim = world.server.peek<PersistentVolumeClaim>("default", name);
    return claim && api::isControlledBy(claim->metadata, stored->metadata);
  };
  auto both = [&] { return owned("p-one") && owned("p-two"); };
  world.until("both claims", both);
  world.run(std::chrono::milliseconds(world.draw(0, 1000)));
  remove<PersistentVolumeClaim>(world, "p-one");
  world.until("made again", both);
}

}  // namespace

Scenario attachDetach() {
  return {"attachdetach", {"persistentvolume-attach-detach-controller"}, playAttachments};
}
Scenario ephemeralVolumes() {
  return {"ephemeralvolumes", {"ephemeral-volume-controller"}, playEphemeral};
}

}  // namespace coxswain::simulation
