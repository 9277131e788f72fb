// Volumes that are folders, devices or memory of the node.

#include "kubelet/volume/testing/volume_manager_fixture.h"

namespace coxswain::kubelet {
namespace {

using api::core::v1::Event;
using api::core::v1::PersistentVolume;
using api::core::v1::PersistentVolumeClaim;
using api::core::v1::Pod;
using testing::VolumeManagerTest;

TEST_F(VolumeManagerTest, EmptyDir) {
  add("scratch").volumeSource.emptyDir.emplace();
  auto& memory = add("mem", "mem").volumeSource.emptyDir.emplace();
  memory.medium = "Memory";
  memory.sizeLimit = api::Quantity::parse("64Mi").value();
  pod.spec.securityContext.emplace().fsGroup = 2000;
  ASSERT_TRUE(mount().ok());
  EXPECT_EQ(files.stat(dir("empty-dir", "scratch"))->mode, 02777u);
  EXPECT_EQ(files.stat(dir("empty-dir", "scratch"))->gid, 2000u);
  EXPECT_EQ(mounter.sizeOf(dir("empty-dir", "mem")), 64u << 20);
  auto made = mounts();
  ASSERT_TRUE(made.ok());
  ASSERT_EQ(made->size(), 2u);
  EXPECT_EQ((*made)[0].hostPath, dir("empty-dir", "scratch"));
  EXPECT_EQ((*made)[0].containerPath, "/data");
  EXPECT_EQ((*made)[0].propagation, "None");
  EXPECT_FALSE((*made)[0].readOnly);
  EXPECT_EQ((*made)[1].containerPath, "/mem");

  // What the container does to it stays, over restarts of the kubelet too.
  ASSERT_TRUE(files.write(dir("empty-dir", "scratch") + "/f", "mine").ok());
  ASSERT_TRUE(files.write(dir("empty-dir", "mem") + "/f", "mine").ok());
  ASSERT_TRUE(files.chmod(dir("empty-dir", "scratch"), 0700).ok());
  restart();
  ASSERT_TRUE(mount().ok());
  EXPECT_EQ(files.stat(dir("empty-dir", "scratch"))->mode, 0700u);
  EXPECT_EQ(text(dir("empty-dir", "mem") + "/f"), "mine");
  EXPECT_EQ(mounter.list()->size(), 1u);

  EXPECT_TRUE(manager->hasVolumes("u1"));
  ASSERT_TRUE(unmount().ok());
  EXPECT_FALSE(manager->hasVolumes("u1"));
  EXPECT_TRUE(mounter.list()->empty());
  EXPECT_FALSE(files.exists("/k/pods/u1"));
}

TEST_F(VolumeManagerTest, MemoryIsBoundedByThePodAndTheNode) {
  add("mem").volumeSource.emptyDir.emplace().medium = "Memory";
  ASSERT_TRUE(mount().ok());
  EXPECT_EQ(mounter.sizeOf(dir("empty-dir", "mem")), 1u << 30);
  ASSERT_TRUE(unmount().ok());
  pod.spec.containers[0].resources.limits = {{"memory", api::Quantity::parse("128Mi").value()}};
  ASSERT_TRUE(mount().ok());
  EXPECT_EQ(mounter.sizeOf(dir("empty-dir", "mem")), 128u << 20);
}

TEST_F(VolumeManagerTest, HostPathTypes) {
  ASSERT_TRUE(files.mkdirs("/host/dir").ok());
  ASSERT_TRUE(files.write("/host/file", "x").ok());
  files.putSpecial("/host/sock", FileType::Socket);
  files.putSpecial("/host/char", FileType::CharDevice);
  files.putSpecial("/host/block", FileType::BlockDevice);
  struct Row {
    const char* path;
    const char* type;
    const char* failure;  ///< empty: none
  };
  const Row rows[] = {
      {"/host/none", "", ""},
      {"/host/dir", "Directory", ""},
      {"/host/file", "Directory", "hostPath type check failed: /host/file is not a directory"},
      {"/host/none", "Directory", "hostPath type check failed: /host/none is not a directory"},
      {"/host/new/dir", "DirectoryOrCreate", ""},
      {"/host/file", "DirectoryOrCreate",
       "hostPath type check failed: /host/file is not a directory"},
      {"/host/file", "File", ""},
      {"/host/dir", "File", "hostPath type check failed: /host/dir is not a file"},
      {"/host/newfile", "FileOrCreate", ""},
      {"/host/dir", "FileOrCreate", "hostPath type check failed: /host/dir is not a file"},
      {"/host/sock", "Socket", ""},
      {"/host/file", "Socket", "hostPath type check failed: /host/file is not a socket file"},
      {"/host/char", "CharDevice", ""},
      {"/host/dir", "CharDevice",
       "hostPath type check failed: /host/dir is not a character device"},
      {"/host/block", "BlockDevice", ""},
      {"/host/dir", "BlockDevice", "hostPath type check failed: /host/dir is not a block device"},
      {"/host/dir", "Nonsense", "Nonsense is an invalid volume type"},
  };
  auto& source = add("h").volumeSource.hostPath.emplace();
  for (const auto& row : rows) {
    source.path = row.path;
    source.type = row.type;
    pod.metadata.name = std::string("p-") + std::to_string(&row - rows);
    auto& out = fresh();
    spawn(executor, mountInto(std::make_shared<Pod>(pod), out));
    executor.runFor(1s);
    if (*row.failure == 0) {
      ASSERT_TRUE(out && out->ok()) << row.path << " " << row.type;
      EXPECT_EQ(mounts()->front().hostPath, row.path);
    } else {
      EXPECT_FALSE(out.has_value()) << row.path << " " << row.type;
      bool told = false;
      for (const auto& event : cluster.peekAll<Event>()) {
        told = told || (event->involvedObject.name == pod.metadata.name &&
                        event->message == "MountVolume.SetUp failed for volume \"h\" : " +
                                              std::string(row.failure));
      }
      EXPECT_TRUE(told) << row.path << " " << row.type;
    }
    ASSERT_TRUE(unmount().ok());
    executor.runFor(1s);
  }
  EXPECT_TRUE(files.stat("/host/new/dir")->isDirectory());
  EXPECT_TRUE(files.stat("/host/newfile")->isRegular());
  EXPECT_EQ(text("/host/file"), "x");
}

TEST_F(VolumeManagerTest, ClaimsOfHostPathAndLocalVolumes) {
  add("data").volumeSource.persistentVolumeClaim.emplace().claimName = "claim";
  EXPECT_EQ(mount().message(),
            "unmounted volumes=[data], unattached volumes=[], failed to process volumes=[data]: "
            "error processing PVC ns/claim: failed to fetch PVC from API server: "
            "persistentvolumeclaims \"claim\" not found");
  PersistentVolumeClaim claim;
  claim.metadata.name = "claim";
  claim.metadata.namespace_ = "ns";
  claim.spec.volumeName = "pv";
  const auto stored = cluster.put(claim);
  executor.runFor(5s);
  EXPECT_TRUE(mount().message().ends_with("error processing PVC ns/claim: PVC is not bound"));
  cluster.change<PersistentVolumeClaim>("ns", "claim",
                                        [](PersistentVolumeClaim& c) { c.status.phase = "Bound"; });
  ASSERT_TRUE(files.mkdirs("/disk").ok());
  PersistentVolume volume;
  volume.metadata.name = "pv";
  volume.spec.claimRef.emplace().uid = stored->metadata.uid;
  volume.spec.persistentVolumeSource.local.emplace().path = "/disk";
  cluster.put(volume);
  executor.runFor(5s);
  ASSERT_TRUE(mount().ok());
  const std::string folder = dir("local-volume", "pv");
  EXPECT_EQ(mounts()->front().hostPath, folder);
  ASSERT_TRUE(files.write(folder + "/f", "kept").ok());
  ASSERT_TRUE(unmount().ok());
  EXPECT_EQ(text("/disk/f"), "kept");
  const auto texts = eventTexts();
  EXPECT_EQ(texts.front().rfind("FailedMount: Unable to attach or mount volumes: unmounted "
                                "volumes=[data], unattached volumes=[], failed to process "
                                "volumes=[data]: error processing PVC ns/claim: ",
                                0),
            0u)
      << texts.front();
}

class LocalClaimTest : public VolumeManagerTest {
 protected:
  static api::Quantity amount(const char* text) { return api::Quantity::parse(text).value(); }
  void putClaim(const std::string& path, const char* mode) {
    PersistentVolumeClaim claim;
    claim.metadata.name = "claim";
    claim.metadata.namespace_ = "ns";
    claim.spec.volumeName = "pv";
    claim.spec.volumeMode = mode;
    claim.status.phase = "Bound";
    claim.status.capacity = {{"storage", amount("1Gi")}};
    claim.status.allocatedResourceStatuses = {{"storage", "NodeResizePending"}};
    claim.status.conditions.resize(2);
    claim.status.conditions[0].type = "FileSystemResizePending";
    claim.status.conditions[1].type = "ModifyingVolume";
    const auto stored = cluster.put(claim);
    PersistentVolume volume;
    volume.metadata.name = "pv";
    volume.spec.capacity = {{"storage", amount("2Gi")}};
    volume.spec.claimRef.emplace().uid = stored->metadata.uid;
    volume.spec.persistentVolumeSource.local.emplace().path = path;
    cluster.put(volume);
  }
};

TEST_F(LocalClaimTest, AFolderHasTheSizeThatItsVolumeSays) {
  ASSERT_TRUE(files.mkdirs("/disk").ok());
  putClaim("/disk", "Filesystem");
  add("data").volumeSource.persistentVolumeClaim.emplace().claimName = "claim";
  ASSERT_TRUE(mount().ok());
  const auto claim = cluster.peek<PersistentVolumeClaim>("ns", "claim");
  EXPECT_EQ(claim->status.capacity.at("storage"), amount("2Gi"));
  EXPECT_TRUE(claim->status.allocatedResourceStatuses.empty());
  ASSERT_EQ(claim->status.conditions.size(), 1U);
  EXPECT_EQ(claim->status.conditions[0].type, "ModifyingVolume");
}

TEST_F(LocalClaimTest, ADeviceIsLinked) {
  ASSERT_TRUE(files.mkdirs("/dev").ok());
  files.putSpecial("/dev/x", FileType::BlockDevice);
  putClaim("/dev/x", "Block");
  add("data").volumeSource.persistentVolumeClaim.emplace().claimName = "claim";
  auto& container = pod.spec.containers[0];
  container.volumeMounts.clear();
  auto& use = container.volumeDevices.emplace_back();
  use.name = "data";
  use.devicePath = "/dev/data";
  ASSERT_TRUE(mount().ok());
  const auto devices = manager->containerDevices(pod, container);
  ASSERT_TRUE(devices.ok());
  ASSERT_EQ(devices->size(), 1U);
  const std::string link = "/k/pods/u1/volumeDevices/kubernetes.io~local-volume/pv";
  EXPECT_EQ(devices->front().hostPath, link);
  EXPECT_EQ(devices->front().containerPath, "/dev/data");
  EXPECT_EQ(files.readlink(link).valueOr(""), "/dev/x");
  EXPECT_TRUE(manager->hasVolumes("u1"));
  ASSERT_TRUE(unmount().ok());
  EXPECT_FALSE(files.exists(link));
  EXPECT_TRUE(files.exists("/dev/x"));
}

}  // namespace
}  // namespace coxswain::kubelet
