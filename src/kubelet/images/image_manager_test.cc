#include "kubelet/images/image_manager.h"

#include <gtest/gtest.h>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/meta/base64.h"
#include "client/testing/fake_client.h"
#include "kubelet/cri/testing/fake_runtime.h"
#include "kubelet/images/keyring.h"
#include "kubelet/images/reference.h"
#include "runtime/sim/sim_executor.h"
#include "runtime/spawn.h"

namespace coxswain::kubelet {
namespace {

using api::core::v1::Container;
using api::core::v1::Event;
using api::core::v1::Pod;
using api::core::v1::Secret;

TEST(ImageReference, IsReadAsUpstreamDoes) {
  struct Row {
    const char* image;
    const char* repository;  ///< or, for a refusal, the end of its message
    const char* tag;         ///< null: refused
  };
  const std::string digest = "sha256:" + std::string(64, 'a');
  const std::string withDigest = "quay.io/a/b@" + digest;
  const std::string withBoth = "quay.io/a/b:v1@" + digest;
  const std::string shortDigest = "a@sha256:abc";
  const std::string hex(64, 'f');
  const Row rows[] = {
      {"nginx", "docker.io/library/nginx", "latest"},
      {"nginx:1.27", "docker.io/library/nginx", "1.27"},
      {"team/app", "docker.io/team/app", "latest"},
      {"index.docker.io/nginx", "docker.io/library/nginx", "latest"},
      {"localhost/app", "localhost/app", "latest"},
      {"localhost:5000/app:x", "localhost:5000/app", "x"},
      {"127.0.0.1:5000/a/b/c", "127.0.0.1:5000/a/b/c", "latest"},
      {"[::1]:5000/app", "[::1]:5000/app", "latest"},
      {"registry.k8s.io/pause:3.10", "registry.k8s.io/pause", "3.10"},
      {"a__b/c-.d", "invalid reference format", nullptr},
      {"a__b/c--d.e", "docker.io/a__b/c--d.e", "latest"},
      {withDigest.c_str(), "quay.io/a/b", ""},
      {withBoth.c_str(), "quay.io/a/b", "v1"},
      {"", "invalid reference format", nullptr},
      {"a:b:c", "invalid reference format", nullptr},
      {"a:", "invalid reference format", nullptr},
      {"a b", "invalid reference format", nullptr},
      {"/a", "invalid reference format", nullptr},
      {"a/", "invalid reference format", nullptr},
      {"http://a/b", "invalid reference format", nullptr},
      {shortDigest.c_str(), "invalid reference format", nullptr},
      {"Nginx", "repository name (library/Nginx) must be lowercase", nullptr},
      {"quay.io/A", "repository name (A) must be lowercase", nullptr},
      {hex.c_str(), "cannot specify 64-byte hexadecimal strings", nullptr},
  };
  for (const auto& row : rows) {
    const auto reference = parseImageReference(row.image);
    EXPECT_EQ(reference.ok(), row.tag != nullptr) << row.image;
    if (!reference.ok()) {
      EXPECT_TRUE(reference.status().message().ends_with(row.repository))
          << reference.status().message();
      continue;
    }
    EXPECT_EQ(reference->repository(), row.repository) << row.image;
    EXPECT_EQ(reference->tag, row.tag) << row.image;
  }
  EXPECT_EQ(withDefaultTag("nginx").value(), "nginx:latest");
  EXPECT_EQ(withDefaultTag("nginx:1").value(), "nginx:1");
  EXPECT_EQ(withDefaultTag(withDigest).value(), withDigest);
  EXPECT_FALSE(parseImageReference("quay.io/" + std::string(256, 'a')).ok());
}

TEST(Keyring, FindsTheMostParticular) {
  Keyring keyring;
  keyring.add("https://index.docker.io/v1/", {"hub", "1"});
  keyring.add("quay.io", {"quay", "2"});
  keyring.add("quay.io/team", {"team", "3"});
  keyring.add("*.example.com", {"glob", "4"});
  keyring.add("reg.local:5000/v2/", {"port", "5"});
  const auto users = [&](const std::string& repository) {
    std::string all;
    for (const auto& credential : keyring.lookup(repository)) all += credential.username + " ";
    return all;
  };
  EXPECT_EQ(users("docker.io/library/nginx"), "hub ");
  EXPECT_EQ(users("nginx"), "hub ");
  EXPECT_EQ(users("quay.io/team/app"), "team quay ");
  EXPECT_EQ(users("quay.io/other"), "quay ");
  EXPECT_EQ(users("a.example.com/x"), "glob ");
  EXPECT_EQ(users("a.b.example.com/x"), "");
  EXPECT_EQ(users("example.com/x"), "");
  EXPECT_EQ(users("reg.local:5000/x"), "port ");
  EXPECT_EQ(users("reg.local:5001/x"), "");
  EXPECT_EQ(users("reg.local/x"), "");
}

TEST(Keyring, ReadsDockerFiles) {
  const std::string auth = api::base64Encode("user:pa:ss");
  const auto entries =
      parseDockerConfig(R"({"auths":{"quay.io":{"auth":")" + auth +
                            R"("},"b":{"username":"u","password":"p"},)" + R"("c":{}}})",
                        true);
  ASSERT_TRUE(entries.ok());
  ASSERT_EQ(entries->size(), 2u);
  EXPECT_EQ((*entries)[0].second, (RegistryCredential{"user", "pa:ss"}));
  EXPECT_EQ((*entries)[1].second, (RegistryCredential{"u", "p"}));
  EXPECT_EQ(parseDockerConfig(R"({"b":{"username":"u","password":"p"}})", false)->size(), 1u);
  EXPECT_TRUE(parseDockerConfig("{}", true)->empty());
  for (const char* bad :
       {"", "[]", "{", R"({"auths":3})", R"({"auths":{"a":1}})", R"({"auths":{"a":{"auth":"!"}}})",
        R"({"auths":{"a":{"auth":"YQ=="}}})"}) {
    EXPECT_FALSE(parseDockerConfig(bad, true).ok()) << bad;
  }
}

/// A runtime whose images want a password.
class PrivateRegistry final : public cri::ImageService {
 public:
  explicit PrivateRegistry(cri::testing::FakeRuntime& inner) : inner_(inner) {}
  std::vector<std::string> users;
  std::string right;  ///< empty: anybody

  Task<Result<std::vector<cri::Image>>> listImages(cri::ImageFilter filter,
                                                   std::stop_token stop) override {
    return inner_.listImages(std::move(filter), std::move(stop));
  }
  Task<Result<std::optional<cri::Image>>> imageStatus(cri::ImageSpec image,
                                                      std::stop_token stop) override {
    return inner_.imageStatus(std::move(image), std::move(stop));
  }
  Task<Result<std::string>> pullImage(cri::ImageSpec image, std::optional<cri::AuthConfig> auth,
                                      cri::PodSandboxConfig sandbox,
                                      std::stop_token stop) override {
    const std::string user = auth ? auth->username : "";
    users.push_back(user);
    ++running;
    runningMax = std::max(runningMax, running);
    Status slept = co_await sleepFor(duration, stop);
    --running;
    if (!slept.ok()) co_return slept;
    if (user != right) co_return forbidden("images", user, "denied");
    co_return co_await inner_.pullImage(std::move(image), std::move(auth), std::move(sandbox),
                                        stop);
  }
  Task<Status> removeImage(cri::ImageSpec image, std::stop_token stop) override {
    return inner_.removeImage(std::move(image), std::move(stop));
  }
  Task<Result<std::vector<cri::FilesystemUsage>>> imageFsInfo(std::stop_token stop) override {
    return inner_.imageFsInfo(std::move(stop));
  }
  Duration duration = 2s;
  int running = 0;
  int runningMax = 0;

 private:
  cri::testing::FakeRuntime& inner_;
};

class ImageManagerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    pod.metadata.name = "web";
    pod.metadata.namespace_ = "ns";
    pod.metadata.uid = "u1";
    pod.spec.containers.resize(1);
    pod.spec.containers[0].name = "c";
    pod.spec.containers[0].image = "nginx";
    pod.spec.containers[0].imagePullPolicy = "IfNotPresent";
    make({});
  }
  void TearDown() override {
    bool done = false;
    spawn(executor, stopAll(done));
    EXPECT_TRUE(executor.runUntil([&] { return done; }, 1h));
  }
  Task<void> stopAll(bool& done) {
    co_await objects.stop();
    co_await events.stop();
    done = true;
  }
  void make(ImageManagerOptions options) {
    manager = std::make_unique<ImageManager>(registry, objects, events, executor, options);
  }
  Task<void> ensureInto(std::shared_ptr<const Pod> which, std::optional<ImageOutcome>& out,
                        std::stop_token stop) {
    auto container = std::make_shared<Container>(which->spec.containers[0]);
    auto outcome = co_await manager->ensure(which, container, nullptr, "", stop);
    out.emplace(std::move(outcome));
  }
  ImageOutcome ensure() {
    std::optional<ImageOutcome> out;
    spawn(executor, ensureInto(std::make_shared<Pod>(pod), out, {}));
    EXPECT_TRUE(executor.runUntil([&] { return out.has_value(); }, 10min));
    return *out;
  }
  std::string eventTexts() {
    executor.runFor(2s);
    std::vector<std::shared_ptr<const Event>> all = cluster.peekAll<Event>();
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
      return std::stoll(a->metadata.resourceVersion) < std::stoll(b->metadata.resourceVersion);
    });
    std::string text;
    for (const auto& event : all) text += event->reason + ": " + event->message + "\n";
    return text;
  }

  sim::SimExecutor executor;
  client::testing::FakeClient cluster{executor};
  client::EventRecorder events{cluster, executor, "kubelet", "n1"};
  ObjectCache objects{cluster, executor};
  cri::testing::FakeRuntime runtime{executor};
  PrivateRegistry registry{runtime};
  std::unique_ptr<ImageManager> manager;
  Pod pod;
};

TEST_F(ImageManagerTest, PresentImagesAreNotPulled) {
  runtime.addImage("nginx:latest");
  const auto outcome = ensure();
  EXPECT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_FALSE(outcome.imageRef.empty());
  EXPECT_TRUE(registry.users.empty());
  EXPECT_EQ(eventTexts(),
            "Pulled: Container image \"nginx:latest\" already present on machine and can be "
            "accessed by the pod\n");
  pod.spec.containers[0].imagePullPolicy = "Always";
  runtime.pullable = {"nginx:latest"};
  EXPECT_TRUE(ensure().ok());
  EXPECT_EQ(registry.users.size(), 1u);
}

TEST_F(ImageManagerTest, AbsentImagesArePulled) {
  runtime.pullable = {"nginx:latest"};
  EXPECT_TRUE(ensure().ok());
  const std::string text = eventTexts();
  EXPECT_TRUE(
      text.starts_with("Pulling: Pulling image \"nginx:latest\"\n"
                       "Pulled: Successfully pulled image \"nginx:latest\" in 2."))
      << text;
  EXPECT_NE(text.find("including waiting). Image size: "), std::string::npos) << text;
}

TEST_F(ImageManagerTest, NeverMeansNever) {
  pod.spec.containers[0].imagePullPolicy = "Never";
  const auto outcome = ensure();
  EXPECT_EQ(outcome.reason, "ErrImageNeverPull");
  EXPECT_EQ(outcome.message,
            "Container image \"nginx:latest\" is not present with pull policy of Never");
  EXPECT_EQ(eventTexts(),
            "ErrImageNeverPull: Container image \"nginx:latest\" is not present with pull policy "
            "of Never\nFailed: Error: ErrImageNeverPull\n");
}

TEST_F(ImageManagerTest, BadNames) {
  pod.spec.containers[0].image = "a b";
  const auto outcome = ensure();
  EXPECT_EQ(outcome.reason, "InvalidImageName");
  EXPECT_EQ(outcome.message,
            "Failed to apply default image tag \"a b\": couldn't parse image reference \"a b\": "
            "invalid reference format");
}

TEST_F(ImageManagerTest, FailuresBackOff) {
  const auto first = ensure();
  EXPECT_EQ(first.reason, "ErrImagePull");
  EXPECT_FALSE(first.message.empty());
  const auto second = ensure();
  EXPECT_EQ(second.reason, "ImagePullBackOff");
  EXPECT_EQ(second.message,
            "Back-off pulling image \"nginx:latest\": ErrImagePull: " + first.message);
  EXPECT_EQ(registry.users.size(), 1u);
  const std::string text = eventTexts();
  EXPECT_NE(text.find("Failed: Failed to pull image \"nginx:latest\": " + first.message + "\n"),
            std::string::npos);
  EXPECT_NE(text.find("Failed: Error: ErrImagePull\n"), std::string::npos);
  EXPECT_NE(text.find("BackOff: Back-off pulling image \"nginx:latest\"\n"), std::string::npos);
  EXPECT_NE(text.find("Failed: Error: ImagePullBackOff\n"), std::string::npos);
  Duration expected = 10s;
  for (int i = 0; i < 7; ++i) {
    const Duration left = manager->backoffLeft(pod, "nginx");
    EXPECT_LE(left, expected);
    EXPECT_GT(left, expected - 5s);
    executor.runFor(left);
    EXPECT_EQ(manager->backoffLeft(pod, "nginx"), 0s);
    EXPECT_EQ(ensure().reason, "ErrImagePull");
    expected = std::min<Duration>(expected * 2, 300s);
  }
  Pod other = pod;
  other.metadata.uid = "u2";
  EXPECT_EQ(manager->backoffLeft(other, "nginx"), 0s);
  executor.runFor(300s);
  runtime.pullable = {"nginx:latest"};
  EXPECT_TRUE(ensure().ok());
  EXPECT_EQ(manager->backoffLeft(pod, "nginx"), 0s);
}

TEST_F(ImageManagerTest, TriesTheSecretsThatFit) {
  runtime.pullable = {"quay.io/team/app:v1"};
  registry.right = "good";
  pod.spec.containers[0].image = "quay.io/team/app:v1";
  const auto put = [&](const std::string& name, const std::string& location,
                       const std::string& user) {
    Secret secret;
    secret.metadata.name = name;
    secret.metadata.namespace_ = "ns";
    secret.type = "kubernetes.io/dockerconfigjson";
    secret.data[".dockerconfigjson"] =
        R"({"auths":{")" + location + R"(":{"username":")" + user + R"(","password":"p"}}})";
    cluster.put(secret);
    pod.spec.imagePullSecrets.emplace_back().name = name;
  };
  put("a", "quay.io/team", "bad");
  put("b", "quay.io", "good");
  put("c", "other.io", "none");
  pod.spec.imagePullSecrets.emplace_back().name = "gone";
  EXPECT_TRUE(ensure().ok());
  EXPECT_EQ(registry.users, (std::vector<std::string>{"bad", "good"}));
  EXPECT_NE(eventTexts().find("FailedToRetrieveImagePullSecret: Unable to retrieve some image pull "
                              "secrets (gone); attempting to pull the image may not succeed.\n"),
            std::string::npos);
}

TEST_F(ImageManagerTest, OneAtATimeOrSeveral) {
  for (const auto& [serial, most, expected] :
       {std::tuple{true, 0, 1}, std::tuple{false, 2, 2}, std::tuple{false, 0, 4}}) {
    ImageManagerOptions options;
    options.serializeImagePulls = serial;
    options.maxParallelImagePulls = most;
    make(options);
    registry.runningMax = 0;
    std::vector<std::optional<ImageOutcome>> out(4);
    for (size_t i = 0; i < out.size(); ++i) {
      Pod one = pod;
      one.metadata.uid = "p" + std::to_string(i);
      one.spec.containers[0].image = "img" + std::to_string(i);
      runtime.images.clear();
      runtime.pullable.push_back("img" + std::to_string(i) + ":latest");
      spawn(executor, ensureInto(std::make_shared<Pod>(one), out[i], {}));
    }
    ASSERT_TRUE(executor.runUntil(
        [&] { return std::all_of(out.begin(), out.end(), [](const auto& o) { return !!o; }); },
        1min));
    EXPECT_EQ(registry.runningMax, expected);
    for (const auto& outcome : out) EXPECT_TRUE(outcome->ok()) << outcome->message;
  }
}

TEST_F(ImageManagerTest, StoppedPullsCountForNothing) {
  runtime.pullable = {"nginx:latest"};
  std::optional<ImageOutcome> out;
  std::stop_source stop;
  spawn(executor, ensureInto(std::make_shared<Pod>(pod), out, stop.get_token()));
  executor.runFor(1s);
  stop.request_stop();
  executor.runFor(1s);
  ASSERT_TRUE(out.has_value());
  EXPECT_FALSE(out->ok());
  EXPECT_EQ(manager->backoffLeft(pod, "nginx"), 0s);
  EXPECT_TRUE(ensure().ok());
}

TEST_F(ImageManagerTest, RateIsBounded) {
  ImageManagerOptions options;
  options.registryPullQps = 0.1;
  options.registryBurst = 1;
  make(options);
  runtime.pullable = {"nginx:latest", "b:latest"};
  EXPECT_TRUE(ensure().ok());
  pod.spec.containers[0].image = "b";
  EXPECT_EQ(ensure().message, "pull QPS exceeded");
  executor.runFor(30s);
  EXPECT_TRUE(ensure().ok());
}

}  // namespace
}  // namespace coxswain::kubelet
