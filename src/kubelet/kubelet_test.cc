#include "kubelet/kubelet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/gen/coordination_v1.h"
#include "api/helpers/pods.h"
#include "client/resources.h"
#include "kubelet/server/backend.h"
#include "kubelet/testing/kubelet_harness.h"

namespace coxswain::kubelet {
namespace {

using api::core::v1::Node;
using api::core::v1::Pod;
using ::testing::ElementsAre;
using testing::KubeletHarness;

std::string conditionOf(const Pod& pod, const char* type) {
  const auto* c = api::findPodCondition(pod.status, type);
  return c ? c->status + (c->reason.empty() ? "" : " " + c->reason) : "absent";
}

TEST(Kubelet, RegistersItsNodeAndKeepsTheLease) {
  KubeletHarness h;
  h.options.nodeLabels["disk"] = "fast";
  h.start();
  auto node = h.client.peek<Node>("", "node-1");
  ASSERT_TRUE(node);
  EXPECT_EQ(node->metadata.labels.at("kubernetes.io/hostname"), "node-1");
  EXPECT_EQ(node->metadata.labels.at("disk"), "fast");
  EXPECT_EQ(node->status.capacity.at("cpu").str(), "4");
  EXPECT_EQ(node->status.capacity.at("memory").str(), "8Gi");
  EXPECT_EQ(node->status.allocatable.at("memory").str(), "8092Mi");
  EXPECT_EQ(node->status.nodeInfo.containerRuntimeVersion, "fake://1.0");
  ASSERT_EQ(node->status.conditions.size(), 4U);
  EXPECT_EQ(node->status.conditions[0].reason, "KubeletHasSufficientMemory");
  EXPECT_EQ(node->status.conditions[3].type, "Ready");
  EXPECT_EQ(node->status.conditions[3].message, "kubelet is posting ready status");
  ASSERT_EQ(node->status.addresses.size(), 2U);
  EXPECT_EQ(node->status.addresses[0].address, "10.0.0.7");

  using api::coordination::v1::Lease;
  ASSERT_TRUE(
      h.until([&] { return h.client.peek<Lease>("kube-node-lease", "node-1") != nullptr; }));
  auto first = h.client.peek<Lease>("kube-node-lease", "node-1")->spec.renewTime;
  h.runFor(11s);
  EXPECT_GT(h.client.peek<Lease>("kube-node-lease", "node-1")->spec.renewTime, first);
  // Quiet: nothing but the lease is written.
  auto writes = h.client.writes();
  h.runFor(100s);
  EXPECT_LE(h.client.writes() - writes, 11U);
}

TEST(Kubelet, TellsWhenTheNetworkIsMissing) {
  KubeletHarness h;
  h.start();
  h.runtime.networkReady = false;
  ASSERT_TRUE(h.until([&] {
    auto node = h.client.peek<Node>("", "node-1");
    return !api::isNodeReady(*node);
  }));
  auto node = h.client.peek<Node>("", "node-1");
  EXPECT_EQ(api::findNodeCondition(*node, "Ready")->message,
            "container runtime network not ready: NetworkReady=false "
            "reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not "
            "initialized");
  h.client.put(KubeletHarness::pod("web"));
  ASSERT_TRUE(h.until([&] { return h.hasEvent("web", "Warning NetworkNotReady network is not"); }));
  EXPECT_EQ(h.runtime.countCalls("RunPodSandbox"), 0U);
  h.runtime.networkReady = true;
  EXPECT_TRUE(h.until([&] { return h.phaseIs("web", "Running"); }));
}

TEST(Kubelet, StartsAPod) {
  KubeletHarness h;
  h.start();
  h.client.put(KubeletHarness::pod("web", {"app", "helper"}));
  ASSERT_TRUE(h.until([&] { return h.phaseIs("web", "Running"); }));
  EXPECT_THAT(h.changes(),
              ElementsAre("RunPodSandbox web", "CreateContainer web/app", "StartContainer web/app",
                          "CreateContainer web/helper", "StartContainer web/helper"));
  auto pod = h.peek("web");
  EXPECT_EQ(conditionOf(*pod, "PodReadyToStartContainers"), "True");
  EXPECT_EQ(conditionOf(*pod, "Initialized"), "True");
  EXPECT_EQ(conditionOf(*pod, "Ready"), "True");
  EXPECT_EQ(conditionOf(*pod, "ContainersReady"), "True");
  EXPECT_EQ(pod->status.hostIP, "10.0.0.7");
  ASSERT_EQ(pod->status.podIPs.size(), 1U);
  EXPECT_EQ(pod->status.podIP, pod->status.podIPs[0].ip);
  EXPECT_EQ(pod->status.qosClass, "BestEffort");
  EXPECT_TRUE(pod->status.startTime.has_value());
  const auto* app = h.statusOf("web", "app");
  EXPECT_TRUE(app->ready && app->started.value_or(false) && app->state.running);
  EXPECT_TRUE(app->containerID.starts_with("fake://"));
  EXPECT_TRUE(h.hasEvent("web", "Normal Created Container created"));
  EXPECT_TRUE(h.hasEvent("web", "Normal Started Container started"));
  // The sandbox's surroundings.
  const auto& config = h.runtime.findSandbox("web")->config;
  EXPECT_EQ(config.hostname, "web");
  EXPECT_THAT(
      config.dnsConfig->searches,
      ElementsAre("default.svc.cluster.local", "svc.cluster.local", "cluster.local", "home.test"));
  EXPECT_EQ(config.logDirectory, "/var/log/pods/default_web_uid-web");
  EXPECT_NE(h.files.read("/var/lib/kubelet/pods/uid-web/etc-hosts")->find("\tweb\n"),
            std::string::npos);
}

TEST(Kubelet, InitContainersAndSidecarsComeInOrder) {
  KubeletHarness h;
  h.start();
  Pod pod = KubeletHarness::pod("web");
  auto first = pod.spec.containers[0];
  first.name = "first";
  auto sidecar = first;
  sidecar.name = "sidecar";
  sidecar.restartPolicy = "Always";
  auto last = first;
  last.name = "last";
  pod.spec.initContainers = {first, sidecar, last};
  h.client.put(pod);
  ASSERT_TRUE(h.until([&] { return h.runs("web", "first"); }));
  ASSERT_TRUE(h.until([&] {
    const auto* s = h.statusOf("web", "app");
    return s && s->state.waiting && s->state.waiting->reason == "PodInitializing";
  }));
  EXPECT_EQ(conditionOf(*h.peek("web"), "Initialized"), "False ContainersNotInitialized");
  h.runtime.exit(*h.runtime.find("web", "first"), 0);
  ASSERT_TRUE(h.until([&] { return h.runs("web", "last"); }));
  EXPECT_EQ(h.runtime.find("web", "app"), nullptr);
  EXPECT_EQ(h.runtime.find("web", "sidecar")->state, cri::CONTAINER_RUNNING);
  h.runtime.exit(*h.runtime.find("web", "last"), 0);
  ASSERT_TRUE(h.until([&] { return h.phaseIs("web", "Running"); }));
  EXPECT_EQ(conditionOf(*h.peek("web"), "Ready"), "True");
  EXPECT_EQ(h.peek("web")->status.initContainerStatuses[0].state.terminated->reason, "Completed");
  // A sidecar that ends comes again.
  h.runtime.exit(*h.runtime.find("web", "sidecar"), 1);
  EXPECT_TRUE(h.until([&] { return h.statusOf("web", "sidecar")->restartCount == 1; }));
}

TEST(Kubelet, AFailedInitContainerFailsAPodThatNeverRestarts) {
  KubeletHarness h;
  h.start();
  Pod pod = KubeletHarness::pod("web");
  pod.spec.restartPolicy = "Never";
  pod.spec.initContainers = {pod.spec.containers[0]};
  pod.spec.initContainers[0].name = "first";
  h.client.put(pod);
  ASSERT_TRUE(h.until([&] { return h.runtime.find("web", "first") != nullptr; }));
  ASSERT_TRUE(h.until([&] { return h.statusOf("web", "first")->state.running.has_value(); }));
  h.runtime.exit(*h.runtime.find("web", "first"), 3);
  ASSERT_TRUE(h.until([&] { return h.phaseIs("web", "Failed"); }));
  EXPECT_EQ(h.runtime.find("web", "app"), nullptr);
  ASSERT_TRUE(
      h.until([&] { return h.runtime.findSandbox("web")->state == cri::SANDBOX_NOTREADY; }));
}

TEST(Kubelet, BacksOffFromCrashes) {
  KubeletHarness h;
  h.start();
  h.client.put(KubeletHarness::pod("web"));
  std::vector<Duration> pauses;
  auto runs = [&] { return h.runtime.countCalls("StartContainer web/app"); };
  for (size_t i = 1; i <= 7; ++i) {
    auto before = h.executor.now();
    ASSERT_TRUE(h.until([&] { return runs() == i; }, 400s)) << i;
    pauses.push_back(h.executor.now() - before);
    h.runFor(10ms);
    h.runtime.exit(*h.runtime.find("web", "app"), 1);
  }
  EXPECT_LT(pauses[1], 1s) << "the first restart is at once";
  EXPECT_NEAR(static_cast<double>(pauses[2] / 1ms), 10000, 1000);
  EXPECT_NEAR(static_cast<double>(pauses[3] / 1ms), 20000, 1000);
  EXPECT_NEAR(static_cast<double>(pauses[5] / 1ms), 80000, 1000);
  EXPECT_NEAR(static_cast<double>(pauses[6] / 1ms), 160000, 1000);
  ASSERT_TRUE(h.until([&] {
    const auto* s = h.statusOf("web", "app");
    return s->state.waiting && s->state.waiting->reason == "CrashLoopBackOff";
  }));
  const auto* status = h.statusOf("web", "app");
  EXPECT_EQ(status->state.waiting->message,
            "back-off 5m0s restarting failed container=app pod=web_default(uid-web)");
  EXPECT_EQ(status->restartCount, 6);
  EXPECT_EQ(status->lastState.terminated->exitCode, 1);
  EXPECT_EQ(status->lastState.terminated->reason, "Error");
  EXPECT_TRUE(h.phaseIs("web", "Running"));
  EXPECT_TRUE(h.hasEvent("web",
                         "Warning BackOff Back-off restarting failed container app in pod "
                         "web_default(uid-web)"));
  // One dead run is kept besides the last.
  EXPECT_LE(h.runtime.containers.size(), 2U);
}

TEST(Kubelet, FinishesAPodByItsExitCodes) {
  KubeletHarness h;
  h.start();
  for (const char* name : {"good", "bad"}) {
    Pod pod = KubeletHarness::pod(name);
    pod.spec.restartPolicy = "Never";
    h.client.put(pod);
    ASSERT_TRUE(h.until([&] { return h.phaseIs(name, "Running"); }));
  }
  h.runtime.exit(*h.runtime.find("good", "app"), 0);
  h.runtime.exit(*h.runtime.find("bad", "app"), 2);
  ASSERT_TRUE(
      h.until([&] { return h.phaseIs("good", "Succeeded") && h.phaseIs("bad", "Failed"); }));
  EXPECT_EQ(conditionOf(*h.peek("good"), "Ready"), "False PodCompleted");
  EXPECT_EQ(conditionOf(*h.peek("bad"), "Ready"), "False PodFailed");
  ASSERT_TRUE(
      h.until([&] { return h.runtime.findSandbox("good")->state == cri::SANDBOX_NOTREADY; }));
  EXPECT_EQ(h.runtime.countCalls("StartContainer"), 2U);
  EXPECT_NE(h.runtime.find("good", "app"), nullptr) << "its log can be read still";
}

TEST(Kubelet, APodIsNotOverWhileItsSidecarRuns) {
  KubeletHarness h;
  h.runtime.stopExitCode = std::nullopt;  // takes its time
  h.start();
  Pod pod = KubeletHarness::pod("web");
  pod.spec.restartPolicy = "Never";
  pod.spec.terminationGracePeriodSeconds = 8;
  pod.spec.initContainers = {pod.spec.containers[0]};
  pod.spec.initContainers[0].name = "sidecar";
  pod.spec.initContainers[0].restartPolicy = "Always";
  h.client.put(pod);
  ASSERT_TRUE(h.until([&] { return h.phaseIs("web", "Running"); }));
  h.runtime.exit(*h.runtime.find("web", "app"), 0);
  ASSERT_TRUE(h.until([&] { return h.runtime.countCalls("StopContainer web/sidecar") == 1; }));
  h.runFor(3s);
  EXPECT_TRUE(h.phaseIs("web", "Running"));
  EXPECT_EQ(conditionOf(*h.peek("web"), "Ready"), "False PodCompleted");
  ASSERT_TRUE(h.until([&] { return h.phaseIs("web", "Succeeded"); }));
  EXPECT_EQ(h.runtime.find("web", "sidecar")->state, cri::CONTAINER_EXITED);
}

TEST(Kubelet, DeletionEndsContainersAndRemovesTheObject) {
  KubeletHarness h;
  h.runtime.stopExitCode = std::nullopt;  // ignores the signal
  h.start();
  Pod pod = KubeletHarness::pod("web");
  pod.spec.terminationGracePeriodSeconds = 7;
  h.client.put(pod);
  ASSERT_TRUE(h.until([&] { return h.phaseIs("web", "Running"); }));
  client::DeleteOptions graceful;
  graceful.gracePeriodSeconds = 7;
  ASSERT_TRUE(h.client.erase<Pod>("default", "web", graceful).ok());
  ASSERT_NE(h.peek("web"), nullptr);
  auto begun = h.executor.now();
  ASSERT_TRUE(h.until([&] { return h.peek("web") == nullptr; }));
  EXPECT_GE(h.executor.now() - begun, 7s);
  EXPECT_LT(h.executor.now() - begun, 8s);
  EXPECT_EQ(h.runtime.countCalls("StopContainer web/app 7"), 1U);
  EXPECT_TRUE(h.hasEvent("web", "Normal Killing Stopping container app"));
  EXPECT_TRUE(h.until([&] { return h.runtime.sandboxes.empty() && h.runtime.containers.empty(); }));
  EXPECT_FALSE(h.files.exists("/var/lib/kubelet/pods/uid-web"));
  EXPECT_FALSE(h.files.exists("/var/log/pods/default_web_uid-web"));
  EXPECT_TRUE(h.kubelet->backend().pods().empty());
}

TEST(Kubelet, AShorterGracePeriodCountsAtOnce) {
  KubeletHarness h;
  h.runtime.stopExitCode = std::nullopt;
  h.start();
  h.client.put(KubeletHarness::pod("web"));
  ASSERT_TRUE(h.until([&] { return h.phaseIs("web", "Running"); }));
  client::DeleteOptions options;
  options.gracePeriodSeconds = 3600;
  ASSERT_TRUE(h.client.erase<Pod>("default", "web", options).ok());
  ASSERT_TRUE(h.until([&] { return h.runtime.countCalls("StopContainer") == 1; }));
  options.gracePeriodSeconds = 5;
  h.client.change<Pod>("default", "web", [](Pod& p) { p.metadata.deletionGracePeriodSeconds = 5; });
  auto begun = h.executor.now();
  ASSERT_TRUE(h.until([&] { return h.peek("web") == nullptr; }));
  EXPECT_LT(h.executor.now() - begun, 8s);
}

TEST(Kubelet, APodDeletedWhileItStartsGoes) {
  KubeletHarness h;
  h.runtime.latency = 500ms;
  h.start();
  h.client.put(KubeletHarness::pod("web"));
  ASSERT_TRUE(h.until([&] { return h.runtime.countCalls("RunPodSandbox") == 1; }));
  client::DeleteOptions options;
  options.gracePeriodSeconds = 30;
  ASSERT_TRUE(h.client.erase<Pod>("default", "web", options).ok());
  EXPECT_TRUE(h.until([&] { return h.peek("web") == nullptr; }));
  EXPECT_TRUE(h.until([&] { return h.runtime.sandboxes.empty(); }));
}

TEST(Kubelet, AnotherKubeletAdoptsWhatRuns) {
  KubeletHarness h;
  h.start();
  h.client.put(KubeletHarness::pod("web"));
  ASSERT_TRUE(h.until([&] { return h.phaseIs("web", "Running"); }));
  h.client.put(KubeletHarness::pod("gone"));
  ASSERT_TRUE(h.until([&] { return h.phaseIs("gone", "Running"); }));
  auto id = h.runtime.find("web", "app")->id;
  auto version = h.peek("web")->metadata.resourceVersion;
  h.stop();
  ASSERT_TRUE(h.client.erase<Pod>("default", "gone", {.gracePeriodSeconds = 0}).ok());
  h.runtime.calls.clear();
  h.start();
  ASSERT_TRUE(h.until([&] { return h.runtime.find("gone", "app") == nullptr; }));
  h.runFor(90s);
  EXPECT_EQ(h.runtime.find("web", "app")->id, id);
  EXPECT_EQ(h.runtime.countCalls("CreateContainer"), 0U);
  EXPECT_EQ(h.runtime.countCalls("StopContainer web"), 0U);
  EXPECT_EQ(h.peek("web")->metadata.resourceVersion, version) << "its status says the same";
}

/// Its event was told before anybody listened, and the runtime's lists learn of it a moment later.
TEST(Kubelet, AnEndJustBeforeItListensIsFoundSoon) {
  KubeletHarness h;
  h.start();
  Pod pod = KubeletHarness::pod("job");
  pod.spec.restartPolicy = "Never";
  h.client.put(pod);
  ASSERT_TRUE(h.until([&] { return h.phaseIs("job", "Running"); }));
  h.stop();
  h.start();
  h.runFor(500ms);
  auto& container = *h.runtime.find("job", "app");
  container.state = cri::CONTAINER_EXITED;
  container.exitCode = 5;
  ASSERT_TRUE(h.until([&] { return h.phaseIs("job", "Failed"); }, 10s));
}

TEST(Kubelet, ASandboxThatDiesIsReplaced) {
  KubeletHarness h;
  h.start();
  h.client.put(KubeletHarness::pod("web"));
  ASSERT_TRUE(h.until([&] { return h.phaseIs("web", "Running"); }));
  auto old = h.runtime.findSandbox("web")->id;
  h.runtime.exit(*h.runtime.find("web", "app"), 137);
  h.runtime.sandboxes[old].state = cri::SANDBOX_NOTREADY;
  ASSERT_TRUE(h.until([&] {
    auto* sandbox = h.runtime.findSandbox("web");
    const auto* s = h.statusOf("web", "app");
    return sandbox->id != old && s->state.running && s->restartCount == 1;
  }));
  EXPECT_EQ(h.runtime.findSandbox("web")->config.metadata->attempt, 1U);
  EXPECT_EQ(h.peek("web")->status.podIP, h.runtime.findSandbox("web")->ip);
}

TEST(Kubelet, TellsWhyAnImageIsMissing) {
  KubeletHarness h;
  h.start();
  Pod pod = KubeletHarness::pod("web");
  pod.spec.containers[0].image = "registry.test/none:1";
  h.client.put(pod);
  ASSERT_TRUE(h.until([&] {
    const auto* s = h.statusOf("web", "app");
    return s && s->state.waiting && s->state.waiting->reason == "ErrImagePull";
  }));
  ASSERT_TRUE(h.until([&] {
    const auto* s = h.statusOf("web", "app");
    return s->state.waiting && s->state.waiting->reason == "ImagePullBackOff";
  }));
  EXPECT_LT(h.runtime.countCalls("PullImage"), 4U);
  h.runtime.addImage("registry.test/none:1");
  EXPECT_TRUE(h.until([&] { return h.phaseIs("web", "Running"); }, 400s));
}

TEST(Kubelet, TellsWhatConfigurationIsMissing) {
  KubeletHarness h;
  h.start();
  Pod pod = KubeletHarness::pod("web");
  auto& env = pod.spec.containers[0].env.emplace_back();
  env.name = "COLOR";
  auto& from = env.valueFrom.emplace().configMapKeyRef.emplace();
  from.localObjectReference.name = "settings";
  from.key = "color";
  h.client.put(pod);
  ASSERT_TRUE(h.until([&] {
    const auto* s = h.statusOf("web", "app");
    return s && s->state.waiting && s->state.waiting->reason == "CreateContainerConfigError";
  }));
  EXPECT_EQ(h.statusOf("web", "app")->state.waiting->message, "configmap \"settings\" not found");
  EXPECT_TRUE(h.hasEvent("web", "Warning Failed Error: configmap \"settings\" not found"));
  api::core::v1::ConfigMap map;
  map.metadata.name = "settings";
  map.metadata.namespace_ = "default";
  map.data["color"] = "blue";
  h.client.put(map);
  ASSERT_TRUE(h.until([&] { return h.phaseIs("web", "Running"); }));
  bool found = false;
  for (const auto& e : h.runtime.find("web", "app")->config.envs) {
    found = found || (e.key == "COLOR" && std::string(std::string_view(e.value)) == "blue");
  }
  EXPECT_TRUE(found);
}

TEST(Kubelet, RejectsWhatDoesNotFit) {
  KubeletHarness h;
  h.start();
  Pod pod = KubeletHarness::pod("big");
  pod.spec.containers[0].resources.requests["cpu"] = *api::Quantity::parse("5");
  h.client.put(pod);
  ASSERT_TRUE(h.until([&] { return h.phaseIs("big", "Failed"); }));
  EXPECT_EQ(h.peek("big")->status.reason, "OutOfcpu");
  EXPECT_EQ(h.peek("big")->status.message,
            "Pod was rejected: Node didn't have enough resource: cpu, requested: 5000, used: 0, "
            "capacity: 4000");
  Pod other = KubeletHarness::pod("elsewhere");
  other.spec.nodeSelector["zone"] = "b";
  h.client.put(other);
  ASSERT_TRUE(h.until([&] { return h.phaseIs("elsewhere", "Failed"); }));
  EXPECT_EQ(h.peek("elsewhere")->status.reason, "NodeAffinity");
  EXPECT_EQ(h.runtime.countCalls("RunPodSandbox"), 0U);
}

TEST(Kubelet, LooksAtTheNodeAgainBeforeItRejects) {
  KubeletHarness h;
  h.start();
  ASSERT_TRUE(h.until([&] { return h.kubelet->ready(); }));
  // A label that no heartbeat has brought here yet.
  h.client.change<api::core::v1::Node>("", h.kubelet->nodeName(), [](api::core::v1::Node& node) {
    node.metadata.labels["zone"] = "b";
  });
  Pod pod = KubeletHarness::pod("picky");
  pod.spec.nodeSelector["zone"] = "b";
  h.client.put(pod);
  EXPECT_TRUE(h.until([&] { return h.phaseIs("picky", "Running"); }));
}

TEST(Kubelet, RestartsWhatItsLivenessProbeFinds) {
  KubeletHarness h;
  h.start();
  Pod pod = KubeletHarness::pod("web");
  auto& probe = pod.spec.containers[0].livenessProbe.emplace();
  probe.handler.tcpSocket.emplace().port = 80;
  probe.periodSeconds = 5;
  probe.failureThreshold = 2;
  probe.timeoutSeconds = 1;
  probe.successThreshold = 1;
  h.client.put(pod);
  ASSERT_TRUE(h.until([&] { return h.phaseIs("web", "Running"); }));
  h.runFor(30s);
  EXPECT_EQ(h.statusOf("web", "app")->restartCount, 0);
  h.transport.healthy = false;
  ASSERT_TRUE(h.until([&] { return h.runtime.countCalls("StopContainer web/app") == 1; }));
  h.transport.healthy = true;
  ASSERT_TRUE(h.until([&] { return h.statusOf("web", "app")->restartCount == 1; }));
  EXPECT_TRUE(h.hasEvent("web",
                         "Normal Killing Container app failed liveness probe, will be "
                         "restarted"));
}

TEST(Kubelet, FailsAPodPastItsDeadline) {
  KubeletHarness h;
  h.start();
  Pod pod = KubeletHarness::pod("web");
  pod.spec.activeDeadlineSeconds = 20;
  h.client.put(pod);
  ASSERT_TRUE(h.until([&] { return h.phaseIs("web", "Running"); }));
  ASSERT_TRUE(h.until([&] { return h.phaseIs("web", "Failed"); }, 25s));
  EXPECT_EQ(h.peek("web")->status.reason, "DeadlineExceeded");
  EXPECT_TRUE(
      h.until([&] { return h.runtime.find("web", "app")->state == cri::CONTAINER_EXITED; }));
}

TEST(Kubelet, StaticPodsRunAndHaveMirrors) {
  KubeletHarness h;
  h.options.staticPodPath = "/etc/kubernetes/manifests";
  ASSERT_TRUE(h.files.mkdirs("/etc/kubernetes/manifests").ok());
  ASSERT_TRUE(h.files
                  .write("/etc/kubernetes/manifests/web.yaml",
                         "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers:\n"
                         "  - {name: app, image: 'registry.test/app:1'}\n")
                  .ok());
  h.start();
  ASSERT_TRUE(h.until([&] { return h.phaseIs("web-node-1", "Running"); }));
  auto mirror = h.peek("web-node-1");
  EXPECT_TRUE(mirror->metadata.annotations.contains("kubernetes.io/config.mirror"));
  EXPECT_EQ(mirror->metadata.ownerReferences[0].kind, "Node");
  // A mirror that somebody deletes comes again; the pod runs on.
  ASSERT_TRUE(h.client.erase<Pod>("default", "web-node-1", {.gracePeriodSeconds = 0}).ok());
  ASSERT_TRUE(h.until([&] { return h.phaseIs("web-node-1", "Running"); }));
  EXPECT_EQ(h.runtime.countCalls("StopContainer"), 0U);
  ASSERT_TRUE(h.files.remove("/etc/kubernetes/manifests/web.yaml").ok());
  ASSERT_TRUE(h.until([&] { return h.peek("web-node-1") == nullptr; }));
  EXPECT_TRUE(h.until([&] { return h.runtime.sandboxes.empty(); }));
}

TEST(Kubelet, SurvivesFaultsOfServerAndRuntime) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    KubeletHarness h;
    h.start();
    h.client.faults.error = 0.1;
    h.client.faults.lostAnswer = 0.1;
    h.client.faults.watchEnd = 0.1;
    SeededRandom random(seed);
    h.runtime.reaction = [&](std::string_view, std::string_view) {
      return random.unit() < 0.1 ? unreachable("runtime is away") : Status();
    };
    for (int i = 0; i < 5; ++i) h.client.put(KubeletHarness::pod("web-" + std::to_string(i)));
    for (int i = 0; i < 5; ++i) {
      EXPECT_TRUE(h.until([&] { return h.phaseIs("web-" + std::to_string(i), "Running"); }, 900s))
          << "seed " << seed;
    }
    for (int i = 0; i < 5; ++i) {
      ASSERT_TRUE(
          h.client.erase<Pod>("default", "web-" + std::to_string(i), {.gracePeriodSeconds = 10})
              .ok());
    }
    EXPECT_TRUE(h.until([&] { return h.client.peekAll<Pod>().empty(); }, 900s)) << "seed " << seed;
    h.runtime.reaction = nullptr;
    EXPECT_TRUE(h.until([&] { return h.runtime.sandboxes.empty(); }, 900s)) << "seed " << seed;
  }
}

}  // namespace
}  // namespace coxswain::kubelet
