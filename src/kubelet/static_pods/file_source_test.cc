#include "kubelet/static_pods/file_source.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "runtime/reactor.h"
#include "runtime/sim/memory_files.h"
#include "runtime/sim/sim_executor.h"
#include "runtime/spawn.h"

namespace coxswain::kubelet {
namespace {

using api::core::v1::Pod;

constexpr std::string_view kManifest = R"(
apiVersion: v1
kind: Pod
metadata:
  name: web
  labels: {app: web}
spec:
  hostNetwork: true
  containers:
  - name: c
    image: nginx
    ports: [{containerPort: 80}]
    resources: {limits: {cpu: 100m}}
    livenessProbe: {httpGet: {port: 80}}
    volumeMounts: [{name: data, mountPath: /data}]
  volumes: [{name: data}]
)";

Result<Pod> read(std::string_view text) {
  return readStaticPod(text, "/m/web.yaml", "Node-1", WallTime(std::chrono::seconds(1764108902)));
}

TEST(StaticPod, IsMadeComplete) {
  const auto pod = read(kManifest);
  ASSERT_TRUE(pod.ok()) << pod.status().toString();
  EXPECT_EQ(pod->metadata.name, "web-node-1");
  EXPECT_EQ(pod->metadata.namespace_, "default");
  EXPECT_EQ(pod->metadata.uid.size(), 32u);
  EXPECT_EQ(pod->metadata.annotations.at(kConfigHashAnnotation), pod->metadata.uid);
  EXPECT_EQ(pod->metadata.annotations.at(kConfigSourceAnnotation), "file");
  EXPECT_EQ(pod->metadata.annotations.at(kConfigSeenAnnotation), "2025-11-25T22:15:02.000000000Z");
  EXPECT_EQ(pod->spec.nodeName, "Node-1");
  EXPECT_EQ(pod->spec.restartPolicy, "Always");
  EXPECT_EQ(pod->spec.dnsPolicy, "ClusterFirst");
  EXPECT_EQ(pod->spec.terminationGracePeriodSeconds, 30);
  EXPECT_EQ(pod->status.phase, "Pending");
  ASSERT_EQ(pod->spec.tolerations.size(), 1u);
  EXPECT_EQ(pod->spec.tolerations[0].effect, "NoExecute");
  const auto& container = pod->spec.containers[0];
  EXPECT_EQ(container.imagePullPolicy, "Always");
  EXPECT_EQ(container.ports[0].protocol, "TCP");
  EXPECT_EQ(container.ports[0].hostPort, 80);
  EXPECT_EQ(container.resources.requests.at("cpu").str(), "100m");
  EXPECT_EQ(container.livenessProbe->periodSeconds, 10);
  EXPECT_EQ(container.livenessProbe->handler.httpGet->path, "/");
  EXPECT_TRUE(pod->spec.volumes[0].volumeSource.emptyDir.has_value());
}

TEST(StaticPod, ItsUidFollowsContentFileAndNode) {
  const auto at = WallTime(std::chrono::seconds(5));
  const std::string one = read(kManifest)->metadata.uid;
  EXPECT_EQ(one, readStaticPod(kManifest, "/m/web.yaml", "Node-1", at)->metadata.uid);
  EXPECT_NE(one, readStaticPod(kManifest, "/m/other.yaml", "Node-1", at)->metadata.uid);
  EXPECT_NE(one, readStaticPod(kManifest, "/m/web.yaml", "n2", at)->metadata.uid);
  std::string changed(kManifest);
  changed.replace(changed.find("nginx"), 5, "httpd");
  EXPECT_NE(one, read(changed)->metadata.uid);
}

TEST(StaticPod, JsonAndPolicies) {
  const auto pod = read(R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"x",
    "uid":"mine"},"spec":{"containers":[{"name":"a","image":"h:5000/a:v1"},
    {"name":"b","image":"h:5000/b"},{"name":"c","image":"c@sha256:0"}]}})");
  ASSERT_TRUE(pod.ok()) << pod.status().toString();
  EXPECT_EQ(pod->metadata.uid, "mine");
  EXPECT_EQ(pod->metadata.namespace_, "x");
  EXPECT_EQ(pod->spec.containers[0].imagePullPolicy, "IfNotPresent");
  EXPECT_EQ(pod->spec.containers[1].imagePullPolicy, "Always");
  EXPECT_EQ(pod->spec.containers[2].imagePullPolicy, "IfNotPresent");
}

TEST(StaticPod, RefusesWhatIsNone) {
  const char* rows[] = {
      "",
      "{",
      "[]",
      "kind: Pod",
      "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}",
      "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: []}",
      "apiVersion: v1\nkind: Pod\nmetadata: {name: X_}\nspec: {containers: [{name: a, image: b}]}",
      "apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a, image: b}]}",
      "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: [{name: a}]}",
      "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: [{image: a}]}",
      "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: [{name: a, image: b}, "
      "{name: a, image: b}]}",
      "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: [{name: a, image: b, "
      "volumeMounts: [{name: no, mountPath: /x}]}]}",
      "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: [{name: a, image: b, "
      "envFrom: [{secretRef: {name: s}}]}]}",
      "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {serviceAccountName: s, containers: "
      "[{name: a, image: b}]}",
      "apiVersion: v1\nkind: Pod\nmetadata: {name: x, uid: ../up}\nspec: {containers: [{name: a, "
      "image: b}]}",
      "apiVersion: v1\nkind: Pod\nmetadata: {name: x, namespace: ../up}\nspec: {containers: "
      "[{name: "
      "a, image: b}]}",
  };
  for (const char* text : rows) EXPECT_FALSE(read(text).ok()) << text;
}

class FileSourceTest : public ::testing::Test {
 protected:
  void begin(bool watched = true) {
    FileSource::Options options;
    options.path = "/m";
    options.nodeName = "n1";
    source = std::make_unique<FileSource>(executor, files, watched ? &watches : nullptr, options,
                                          [this](std::vector<FileSource::PodPointer> pods) {
                                            ++calls;
                                            last = std::move(pods);
                                          });
    source->start();
    executor.runFor(1s);
  }
  void TearDown() override {
    bool done = false;
    spawn(executor, stopAll(done));
    EXPECT_TRUE(executor.runUntil([&] { return done; }, 1h));
  }
  Task<void> stopAll(bool& done) {
    co_await source->stop();
    done = true;
  }
  std::string names() const {
    std::string text;
    for (const auto& pod : last) text += pod->metadata.name + " ";
    return text;
  }
  static std::string manifest(const std::string& name) {
    std::string text(kManifest);
    text.replace(text.find("name: web"), 9, "name: " + name);
    return text;
  }

  sim::SimExecutor executor{1};
  sim::MemoryFiles files;
  sim::MemoryFileWatches watches{files};
  std::unique_ptr<FileSource> source;
  int calls = 0;
  std::vector<FileSource::PodPointer> last;
};

TEST_F(FileSourceTest, FollowsAFolder) {
  ASSERT_TRUE(files.mkdirs("/m/sub").ok());
  ASSERT_TRUE(files.write("/m/a.yaml", manifest("a")).ok());
  ASSERT_TRUE(files.write("/m/.hidden", manifest("h")).ok());
  ASSERT_TRUE(files.write("/m/bad", "nonsense: [").ok());
  begin();
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(names(), "a-n1 ");
  const auto first = last[0];
  ASSERT_TRUE(files.write("/m/b.yaml", manifest("b")).ok());
  executor.runFor(1s);
  EXPECT_EQ(names(), "a-n1 b-n1 ");
  EXPECT_EQ(last[0], first);
  ASSERT_TRUE(files.writeAtomically("/m/a.yaml", manifest("c")).ok());
  executor.runFor(1s);
  EXPECT_EQ(names(), "c-n1 b-n1 ");
  ASSERT_TRUE(files.remove("/m/b.yaml").ok());
  executor.runFor(1s);
  EXPECT_EQ(names(), "c-n1 ");
  const int before = calls;
  executor.runFor(5min);
  EXPECT_EQ(calls, before);
}

TEST_F(FileSourceTest, AFolderMayComeLaterAndGo) {
  begin();
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(names(), "");
  ASSERT_TRUE(files.mkdirs("/m").ok());
  ASSERT_TRUE(files.write("/m/a.yaml", manifest("a")).ok());
  executor.runFor(21s);
  EXPECT_EQ(names(), "a-n1 ");
  ASSERT_TRUE(files.removeAll("/m").ok());
  executor.runFor(21s);
  EXPECT_EQ(names(), "");
}

TEST_F(FileSourceTest, WithoutWatchesThePeriodCounts) {
  ASSERT_TRUE(files.mkdirs("/m").ok());
  begin(false);
  ASSERT_TRUE(files.write("/m/a.yaml", manifest("a")).ok());
  executor.runFor(5s);
  EXPECT_EQ(names(), "");
  executor.runFor(20s);
  EXPECT_EQ(names(), "a-n1 ");
}

TEST_F(FileSourceTest, ASingleFile) {
  ASSERT_TRUE(files.write("/m", manifest("a")).ok());
  begin();
  EXPECT_EQ(names(), "a-n1 ");
  ASSERT_TRUE(files.write("/m", manifest("b")).ok());
  executor.runFor(1s);
  EXPECT_EQ(names(), "b-n1 ");
}

Task<bool> followsRealFolder(Reactor& reactor, std::string folder) {
  SystemFiles files;
  SystemFileWatches watches(reactor);
  FileSource::Options options;
  options.path = folder;
  options.nodeName = "n1";
  Channel<size_t> counts(10);
  FileSource source(reactor, files, &watches, options,
                    [&](std::vector<FileSource::PodPointer> pods) { counts.tryPush(pods.size()); });
  source.start();
  Deadline deadline(240s, {});
  auto first = co_await counts.pop(deadline.token());
  const Status written = files.write(folder + "/a.yaml", kManifest, 0644);
  auto second = co_await counts.pop(deadline.token());
  co_await source.stop();
  co_return written.ok() && first == 0u && second == 1u;
}

TEST(FileSource, InotifyTellsAtOnce) {
  char name[] = "/tmp/coxswain-static-XXXXXX";
  ASSERT_NE(::mkdtemp(name), nullptr);
  Reactor reactor;
  EXPECT_TRUE(blockOn(reactor, followsRealFolder(reactor, name)));
  SystemFiles files;
  EXPECT_TRUE(files.removeAll(name).ok());
}

}  // namespace
}  // namespace coxswain::kubelet
