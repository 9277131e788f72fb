#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>

#include "api/gen/meta_v1.h"
#include "api/helpers/volumes.h"
#include "controllers/framework/testing/harness.h"
#include "controllers/localpath/provisioner.h"
#include "controllers/persistentvolume/controller.h"
#include "runtime/reactor.h"
#include "runtime/sim/memory_files.h"

namespace coxswain::controllers::localpath {
namespace {

using api::core::v1::PersistentVolume;
using api::core::v1::PersistentVolumeClaim;
using api::storage::v1::StorageClass;
using testing::Harness;

LocalPathOptions optionsOf(const std::string& node) {
  LocalPathOptions options;
  options.nodeName = node;
  options.root = "/" + node + "/volumes";
  return options;
}

Task<Status> removeNow(Files& files, std::string path) {
  co_return files.removeAll(path);
}

class LocalPath : public ::testing::TestWithParam<uint64_t> {
 protected:
  LocalPath() : h(GetParam()) {
    h.client.faults.error = h.client.faults.unreachable = h.client.faults.lostAnswer = 0.05;
    h.client.faults.conflict = 0.1;
    h.add<persistentvolume::PersistentVolumeBinder>();
    for (const char* node : {"n1", "n2"}) {
      h.add<LocalPathProvisioner>(optionsOf(node), files, [this](std::string path) {
        return removeNow(files, std::move(path));
      });
    }
    h.start();
  }
  ~LocalPath() override = default;
  std::shared_ptr<const PersistentVolumeClaim> claim() {
    return h.client.peek<PersistentVolumeClaim>("default", "c");
  }
  void putClaim(const std::string& node) {
    PersistentVolumeClaim made;
    made.metadata.name = "c";
    made.metadata.namespace_ = "default";
    made.metadata.annotations[api::kSelectedNodeAnnotation] = node;
    made.spec.storageClassName = "local-path";
    made.spec.accessModes = {"ReadWriteOnce"};
    made.spec.resources.requests["storage"] = *api::Quantity::parse("1Gi");
    h.client.put(made);
  }
  /// A volume that the claim is bound to.
  std::shared_ptr<const PersistentVolume> bound() {
    if (!h.until([&] { return claim() && claim()->status.phase == "Bound"; }, 1h)) return nullptr;
    return h.client.peek<PersistentVolume>("", claim()->spec.volumeName);
  }
  sim::MemoryFiles files;
  Harness h;
};

TEST_P(LocalPath, MadeUsedAndRemoved) {
  ASSERT_TRUE(h.until([&] { return h.client.peek<StorageClass>("", "local-path") != nullptr; }));
  const auto made = h.client.peek<StorageClass>("", "local-path");
  EXPECT_TRUE(api::isDefaultClass(*made));
  EXPECT_EQ(made->volumeBindingMode, "WaitForFirstConsumer");
  putClaim("n2");
  const auto volume = bound();
  ASSERT_TRUE(volume);
  const std::string path = volume->spec.persistentVolumeSource.local->path;
  EXPECT_EQ(path, "/n2/volumes/pvc-" + claim()->metadata.uid + "_default_c");
  EXPECT_TRUE(isOurs(*volume, optionsOf("n2")));
  EXPECT_FALSE(isOurs(*volume, optionsOf("n1")));
  ASSERT_TRUE(files.stat(path).ok());
  EXPECT_EQ(files.stat(path)->mode, 0777U);
  EXPECT_FALSE(files.exists("/n1/volumes"));
  ASSERT_TRUE(files.write(path + "/data", "x").ok());
  EXPECT_TRUE(h.until([&] {
    return h.hasEvent("ProvisioningSucceeded: Successfully provisioned volume " +
                      volume->metadata.name);
  }));
  h.run(1h);
  EXPECT_TRUE(files.exists(path + "/data"));
  (void)h.client.erase<PersistentVolumeClaim>("default", "c");
  ASSERT_TRUE(
      h.until([&] { return !h.client.peek<PersistentVolume>("", volume->metadata.name); }, 1h));
  EXPECT_FALSE(files.exists(path));
  EXPECT_TRUE(files.exists("/n2/volumes"));
}

TEST_P(LocalPath, WhatIsNotRemoved) {
  putClaim("n1");
  const auto volume = bound();
  ASSERT_TRUE(volume);
  const std::string path = volume->spec.persistentVolumeSource.local->path;
  // Kept by policy, be it that the volume is deleted.
  h.client.change<PersistentVolume>("", volume->metadata.name, [](PersistentVolume& v) {
    v.spec.persistentVolumeReclaimPolicy = "Retain";
  });
  ASSERT_TRUE(h.until(
      [&] {
        return h.client.peek<PersistentVolume>("", volume->metadata.name)
            ->metadata.finalizers.empty();
      },
      1h));
  (void)h.client.erase<PersistentVolumeClaim>("default", "c");
  (void)h.client.erase<PersistentVolume>("", volume->metadata.name);
  h.run(1min);
  EXPECT_FALSE(h.client.peek<PersistentVolume>("", volume->metadata.name));
  EXPECT_TRUE(files.exists(path));
  // A path that is none of ours.
  ASSERT_TRUE(files.mkdirs("/etc/x").ok());
  PersistentVolume evil = *volume;
  evil.metadata.name = "evil";
  evil.metadata.uid.clear();
  evil.metadata.resourceVersion.clear();
  evil.spec.persistentVolumeReclaimPolicy = "Delete";
  evil.spec.persistentVolumeSource.local->path = "/n1/volumes/../../etc/x";
  h.client.put(evil);
  ASSERT_TRUE(
      h.until([&] { return h.hasEvent("VolumeFailedDelete: \"/n1/volumes/../../etc/x\""); }, 1h));
  EXPECT_TRUE(files.exists("/etc/x"));
  EXPECT_TRUE(h.client.peek<PersistentVolume>("", "evil"));
}

TEST_P(LocalPath, ClaimsThatFoldersCannotServe) {
  PersistentVolumeClaim made;
  made.metadata.name = "c";
  made.metadata.namespace_ = "default";
  made.metadata.annotations[api::kSelectedNodeAnnotation] = "n1";
  made.spec.storageClassName = "local-path";
  made.spec.accessModes = {"ReadWriteMany"};
  h.client.put(made);
  ASSERT_TRUE(h.until([&] {
    return h.hasEvent(
        "ProvisioningFailed: failed to provision volume with StorageClass "
        "\"local-path\": NodePath only supports ReadWriteOnce");
  }));
  EXPECT_TRUE(h.client.peekAll<PersistentVolume>().empty());
  EXPECT_FALSE(files.exists("/n1/volumes"));
}

TEST_P(LocalPath, DiskThatFails) {
  ASSERT_TRUE(h.until([&] { return h.client.peek<StorageClass>("", "local-path") != nullptr; }));
  int failures = 3;
  files.reaction = [&failures](std::string_view verb, const std::string&) {
    return verb == "mkdir" && failures-- > 0 ? internalError("no space left") : Status();
  };
  putClaim("n1");
  ASSERT_TRUE(bound());
  EXPECT_TRUE(h.until([&] { return h.hasEvent("no space left"); }));
}

/// It went down after it had made a folder and before its volume; the claim is gone when it is
/// back.
TEST_P(LocalPath, FoldersOfVolumesThatWereNeverMade) {
  const std::string root = "/n3/volumes";
  for (const char* folder :
       {"pvc-gone_default_c", "pvc-full_default_c", "pvc-kept_default_c", "pvc-", "somebody"}) {
    ASSERT_TRUE(files.mkdirs(root + "/" + folder).ok());
  }
  ASSERT_TRUE(files.write(root + "/pvc-full_default_c/data", "x").ok());
  PersistentVolume kept;
  kept.metadata.name = "pvc-kept";
  h.client.put(kept);
  auto& late = h.add<LocalPathProvisioner>(optionsOf("n3"), files, [this](std::string path) {
    return removeNow(files, std::move(path));
  });
  late.start();
  ASSERT_TRUE(h.until([&] { return !files.exists(root + "/pvc-gone_default_c"); }));
  h.run(1min);
  for (const char* stays : {"pvc-full_default_c/data", "pvc-kept_default_c", "pvc-", "somebody"}) {
    EXPECT_TRUE(files.exists(root + "/" + stays)) << stays;
  }
  putClaim("n3");
  EXPECT_TRUE(bound());
}

TEST_P(LocalPath, AnotherClassIsTheDefault) {
  StorageClass other;
  other.metadata.name = "other";
  other.metadata.annotations["storageclass.kubernetes.io/is-default-class"] = "true";
  h.client.put(other);
  ASSERT_TRUE(h.until([&] { return h.client.peek<StorageClass>("", "local-path") != nullptr; }));
  EXPECT_FALSE(api::isDefaultClass(*h.client.peek<StorageClass>("", "local-path")));
}

INSTANTIATE_TEST_SUITE_P(Seeds, LocalPath, ::testing::Values(1, 2, 3, 4, 5));

TEST(RemoveFolderAside, RealFolders) {
  const auto root =
      std::filesystem::temp_directory_path() / ("localpath_test_" + std::to_string(::getpid()));
  std::filesystem::create_directories(root / "a" / "b");
  for (int round = 0; round < 2; ++round) {  // the second time it is gone
    Reactor reactor;
    EXPECT_TRUE(blockOn(reactor, removeFolderAside((root / "a").string())).ok());
    EXPECT_FALSE(std::filesystem::exists(root / "a"));
  }
  std::filesystem::remove_all(root);
}

}  // namespace
}  // namespace coxswain::controllers::localpath
