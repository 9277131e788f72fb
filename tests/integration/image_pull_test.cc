// The image manager, a real containerd and a registry of our own: from the pod's fields to blobs.

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "client/testing/fake_client.h"
#include "kubelet/cri/grpc_services.h"
#include "kubelet/images/image_manager.h"
#include "net/http_server.h"
#include "runtime/files.h"
#include "runtime/mounter.h"
#include "runtime/process.h"
#include "runtime/spawn.h"
#include "test_registry.h"
#include "up/containerd.h"

namespace coxswain {
namespace {

using api::core::v1::Container;
using api::core::v1::Pod;
using api::core::v1::Secret;
using kubelet::ImageManager;
using kubelet::ImageOutcome;

class ImagePullTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0 || !findProgram("containerd").ok()) {
      GTEST_SKIP() << "needs root and containerd";
    }
    std::string pattern = "/tmp/cxw-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder = pattern;
    settings.configFile = folder + "/config.toml";
    settings.root = folder + "/root";
    settings.state = folder + "/state";
    settings.socket = folder + "/c.sock";
    settings.pidFile = folder + "/pid";
    settings.logFile = folder + "/log";
    settings.sandboxImage = "coxswain.local/pause:1";
    settings.cniConfigFolder = folder + "/cni";
    settings.cniPluginFolder = "/usr/lib/cni";
    settings.snapshotter = up::overlayWorks(settings.root) ? "overlayfs" : "native";
    settings.restrictOomScore = !up::mayLowerOomScore();
  }
  void TearDown() override {
    if (folder.empty()) return;
    SystemMounter mounter;
    EXPECT_TRUE(mounter.unmountAll(folder).ok());
    EXPECT_TRUE(SystemFiles().removeAll(folder).ok());
  }

  std::string folder;
  up::ContainerdSettings settings;
};

/// Everything of one run.
struct World {
  World(Reactor& r, const std::string& endpoint)
      : reactor(r),
        cluster(r),
        events(cluster, r, "kubelet", "n1"),
        objects(cluster, r),
        images(r, {endpoint, 1min}),
        manager(images, objects, events, r, options()) {}
  static kubelet::ImageManagerOptions options() {
    kubelet::ImageManagerOptions options;
    options.registryPullQps = 0;
    return options;
  }
  void putSecret(const std::string& name, const std::string& user, const std::string& password) {
    Secret secret;
    secret.metadata.name = name;
    secret.metadata.namespace_ = "ns";
    secret.type = "kubernetes.io/dockerconfigjson";
    secret.data[".dockerconfigjson"] = R"({"auths":{")" + registry.address + R"(":{"username":")" +
                                       user + R"(","password":")" + password + R"("}}})";
    cluster.put(secret);
  }
  Task<ImageOutcome> pull(std::string image, std::vector<std::string> secrets = {}) {
    auto pod = std::make_shared<Pod>();
    pod->metadata.name = "p";
    pod->metadata.namespace_ = "ns";
    pod->metadata.uid = "u" + std::to_string(++pods);
    for (const auto& name : secrets) pod->spec.imagePullSecrets.emplace_back().name = name;
    pod->spec.containers.resize(1);
    pod->spec.containers[0].name = "c";
    pod->spec.containers[0].image = registry.address + "/" + image;
    pod->spec.containers[0].imagePullPolicy = "Always";
    auto container = std::make_shared<Container>(pod->spec.containers[0]);
    co_return co_await manager.ensure(pod, container, nullptr, "", {});
  }

  Reactor& reactor;
  client::testing::FakeClient cluster;
  client::EventRecorder events;
  kubelet::ObjectCache objects;
  kubelet::cri::GrpcImageService images;
  ImageManager manager;
  testing::TestRegistry registry;
  int pods = 0;
};

Task<void> pulls(World& world) {
  ImageOutcome outcome = co_await world.pull("open/app:v1");
  EXPECT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_TRUE(outcome.imageRef.starts_with("sha256:")) << outcome.imageRef;

  outcome = co_await world.pull("nothing/app:v1");
  EXPECT_EQ(outcome.reason, "ErrImagePull");
  EXPECT_NE(outcome.message.find("not found"), std::string::npos) << outcome.message;

  world.putSecret("right", "u", "p");
  world.putSecret("wrong", "u", "nope");
  const std::vector<std::string> right{"right"};
  const std::vector<std::string> wrong{"wrong"};
  for (const std::string kind : {"basic", "bearer"}) {
    outcome = co_await world.pull(kind + "/app:v1");
    EXPECT_EQ(outcome.reason, "ErrImagePull") << kind;
    outcome = co_await world.pull(kind + "/app:v1", wrong);
    EXPECT_EQ(outcome.reason, "ErrImagePull") << kind;
    outcome = co_await world.pull(kind + "/app:v1", right);
    EXPECT_TRUE(outcome.ok()) << kind << ": " << outcome.message;
  }
  const auto& seen = world.registry.seen;
  EXPECT_NE(std::find(seen.begin(), seen.end(), "GET /token"), seen.end());

  world.registry.broken = true;
  outcome = co_await world.pull("open/other:v1");
  EXPECT_EQ(outcome.reason, "ErrImagePull");
  EXPECT_NE(outcome.message.find("503"), std::string::npos) << outcome.message;
}

Task<Status> run(Reactor& reactor, up::ContainerdSettings settings) {
  up::Containerd containerd(reactor, settings);
  CO_TRY_STATUS(co_await containerd.start({}));
  {
    World world(reactor, containerd.endpoint());
    auto server = net::HttpServer::start(reactor, {}, world.registry);
    if (server.ok()) {
      world.registry.address = (*server)->address();
      co_await pulls(world);
      co_await (*server)->stop(1s);
    }
    EXPECT_TRUE(server.ok());
    co_await world.images.close();
    co_await world.objects.stop();
    co_await world.events.stop();
  }
  co_await containerd.end();
  co_return Status();
}

TEST_F(ImagePullTest, FromTheRegistryToTheNode) {
  Reactor reactor;
  const Status status = blockOn(reactor, run(reactor, settings));
  EXPECT_TRUE(status.ok()) << status.toString();
}

}  // namespace
}  // namespace coxswain
