// A node's folders as volumes: one a claim, and none that nobody has.
#include <algorithm>

#include "api/helpers/volumes.h"
#include "controllers/localpath/provisioner.h"
#include "runtime/sim/memory_files.h"
#include "scenarios/list.h"
#include "scenarios/objects.h"

namespace coxswain::simulation {

using api::core::v1::PersistentVolume;
using api::core::v1::PersistentVolumeClaim;
using api::storage::v1::StorageClass;
using sim::MemoryFiles;

namespace {

constexpr const char* kRoot = "/volumes";

Task<Status> removeFolder(std::shared_ptr<MemoryFiles> files, std::string path) {
  co_return files->removeAll(path);
}

void addProvisioner(World& world) {
  for (const char* name : {"n1", "n2"}) world.kubelets.addNode(name);
  auto files = std::make_shared<MemoryFiles>();
  world.beside = files;
  world.makes["localpath"] = [files](const controllers::Context& context) {
    controllers::localpath::LocalPathOptions options;
    options.nodeName = "n1";
    options.root = kRoot;
    return std::make_unique<controllers::localpath::LocalPathProvisioner>(
        context, options, *files,
        [files](std::string path) { return removeFolder(files, std::move(path)); });
  };
}

void putClaim(World& world, const std::string& name) {
  auto claim = named<PersistentVolumeClaim>(name);
  claim.metadata.annotations[api::kSelectedNodeAnnotation] = "n1";
  claim.spec.accessModes = {"ReadWriteOnce"};
  claim.spec.storageClassName = "local-path";
  claim.spec.volumeMode = "Filesystem";
  claim.spec.resources.requests["storage"] = *api::Quantity::parse("1Gi");
  world.server.put(claim);
}

/// Its folder; empty: it is not bound.
std::string folderOf(const World& world, const std::string& name) {
  const auto claim = world.server.peek<PersistentVolumeClaim>("default", name);
  if (!claim || claim->status.phase != "Bound") return "";
  const auto volume = world.server.peek<PersistentVolume>("", claim->spec.volumeName);
  return volume ? volume->spec.persistentVolumeSource.local->path : "";
}

void play(World& world) {
  auto& files = world.besideAs<MemoryFiles>();
  world.until("there is a class",
              [&] { return world.server.peek<StorageClass>("", "local-path") != nullptr; });
  for (const char* name : {"kept", "early", "late"}) putClaim(world, name);
  world.run(std::chrono::milliseconds(world.draw(0, 3000)));
  // Its volume may be there, on its way, or not thought of.
  (void)world.server.erase<PersistentVolumeClaim>("default", "early");
  world.until("bound",
              [&] { return !folderOf(world, "kept").empty() && !folderOf(world, "late").empty(); });
  if (world.failed()) return;
  const auto data = folderOf(world, "kept") + "/data";
  for (const char* name : {"kept", "late"}) {
    if (!files.write(folderOf(world, name) + "/data", "x").ok()) world.fail("no folder");
  }
  world.run(std::chrono::milliseconds(world.draw(0, 3000)));
  (void)world.server.erase<PersistentVolumeClaim>("default", "late");
  world.until("what nobody claims is gone", [&] {
    const auto folders = files.list(kRoot);
    return folders.ok() && folders->size() == 1 &&
           world.server.peekAll<PersistentVolume>().size() == 1;
  });
  if (!files.exists(data)) world.fail("data that somebody claims are gone");
}

}  // namespace

Scenario localPath() {
  return {"localpath", {"localpath", "persistentvolume-binder-controller"}, play, addProvisioner};
}

}  // namespace coxswain::simulation
