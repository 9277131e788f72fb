// Pods a second that the scheduler alone can do: the whole of it (informers, queue, decision,
// binding), against an API server that costs next to nothing. Shapes and sizes of pods as in
// upstream's scheduler_perf. One row of Markdown each.
//
//     bench_scheduler [scenario...]     none: all of them
#include <malloc.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "api/gen/meta_v1.h"
#include "runtime/reactor.h"
#include "runtime/spawn.h"
#include "scheduler/scheduler.h"
#include "scheduler/testing/builders.h"
#include "scheduler/testing/decoding_client.h"
#include "scheduler/testing/thin_cluster.h"
#include "scheduler/trim.h"

namespace coxswain::scheduler {
namespace {

using testing::NodeBuilder;
using testing::PodBuilder;

constexpr const char* kZone = "topology.kubernetes.io/zone";
constexpr const char* kHostname = "kubernetes.io/hostname";

PodBuilder plain(std::string name, std::string ns) {
  PodBuilder pod(std::move(name), std::move(ns));
  pod.cpu("100m").memory("500Mi");
  return pod;
}

void spreadBy(PodBuilder& pod, std::string key, int32_t maxSkew, std::string when) {
  auto& list = pod.pod.spec.topologySpreadConstraints;
  list.emplace_back();
  list.back().maxSkew = maxSkew;
  list.back().topologyKey = std::move(key);
  list.back().whenUnsatisfiable = std::move(when);
  list.back().labelSelector.getOrCreate().matchLabels["color"] = "blue";
}

api::core::v1::PodAffinityTerm near(std::string color, std::string key) {
  api::core::v1::PodAffinityTerm term;
  term.labelSelector.getOrCreate().matchLabels["color"] = std::move(color);
  term.topologyKey = std::move(key);
  term.namespaces = {"sched-1", "sched-0"};
  return term;
}

PodBuilder spread(std::string name, std::string ns) {
  PodBuilder pod = plain(std::move(name), std::move(ns));
  pod.label("color", "blue");
  spreadBy(pod, kZone, 5, "DoNotSchedule");
  spreadBy(pod, kHostname, 5, "DoNotSchedule");
  return pod;
}
PodBuilder preferredSpread(std::string name, std::string ns) {
  PodBuilder pod = plain(std::move(name), std::move(ns));
  pod.label("color", "blue");
  spreadBy(pod, kZone, 5, "ScheduleAnyway");
  return pod;
}
PodBuilder affinity(std::string name, std::string ns) {
  PodBuilder pod = plain(std::move(name), std::move(ns));
  pod.label("color", "blue");
  pod.pod.spec.affinity.getOrCreate()
      .podAffinity.getOrCreate()
      .requiredDuringSchedulingIgnoredDuringExecution.push_back(near("blue", kZone));
  return pod;
}
PodBuilder antiAffinity(std::string name, std::string ns) {
  PodBuilder pod = plain(std::move(name), std::move(ns));
  pod.label("color", "green");
  pod.pod.spec.affinity.getOrCreate()
      .podAntiAffinity.getOrCreate()
      .requiredDuringSchedulingIgnoredDuringExecution.push_back(near("green", kHostname));
  return pod;
}
PodBuilder preferredAffinity(std::string name, std::string ns) {
  PodBuilder pod = plain(std::move(name), std::move(ns));
  pod.label("color", "red");
  auto& list = pod.pod.spec.affinity.getOrCreate()
                   .podAffinity.getOrCreate()
                   .preferredDuringSchedulingIgnoredDuringExecution;
  list.emplace_back();
  list.back().weight = 1;
  list.back().podAffinityTerm = near("red", kHostname);
  return pod;
}
PodBuilder lowPriority(std::string name, std::string ns) {
  PodBuilder pod(std::move(name), std::move(ns));
  pod.cpu("900m").memory("500Mi");
  pod.pod.spec.terminationGracePeriodSeconds = 0;
  return pod;
}
PodBuilder highPriority(std::string name, std::string ns) {
  PodBuilder pod(std::move(name), std::move(ns));
  pod.cpu("3").memory("500Mi").priority(10);
  return pod;
}

using Shape = PodBuilder (*)(std::string name, std::string ns);

struct Scenario {
  const char* name;
  const char* upstream;  ///< the workload's name and gate there
  int zones;
  int initPods;
  Shape init;
  int pods;
  Shape measured;
  double aim;  ///< pods/s
  int nodes = 5000;
};

const Scenario kScenarios[] = {
    {"basic", "SchedulingBasic, 270", 0, 1000, plain, 10000, plain, 10000},
    {"spread", "TopologySpreading, 85", 3, 5000, plain, 5000, spread, 850},
    {"preferred-spread", "PreferredTopologySpreading, -", 3, 5000, plain, 5000, preferredSpread, 0},
    {"affinity", "SchedulingPodAffinity, 35", 1, 5000, affinity, 5000, affinity, 350},
    {"anti-affinity", "SchedulingPodAntiAffinity, 60", 0, 1000, antiAffinity, 2000, antiAffinity,
     600},
    {"preferred-affinity", "SchedulingPreferredPodAffinity, 90", 0, 5000, preferredAffinity, 5000,
     preferredAffinity, 0},
    {"preemption", "PreemptionBasic, 160", 0, 20000, lowPriority, 2000, highPriority, 1600},
    {"preemption-all", "PreemptionBasic, on every node", 0, 20000, lowPriority, 5000, highPriority,
     0},
};

double cpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

Task<void> run(Reactor& reactor, const Scenario& scenario) {
  testing::ThinCluster cluster;
  for (int i = 0; i < scenario.nodes; ++i) {
    NodeBuilder node("node-" + std::to_string(i));
    node.have("cpu", "4").have("memory", "32Gi");
    if (scenario.zones > 0) node.zone("moon-" + std::to_string(i % scenario.zones));
    cluster.put(node.node);
  }
  for (const char* name : {"sched-0", "sched-1"}) {
    api::core::v1::Namespace ns;
    ns.metadata.name = name;
    cluster.put(std::move(ns));
  }
  SystemRandom random;
  client::Informers informers(cluster, reactor);
  Scheduler scheduler({cluster, informers, reactor, random}, {});
  scheduler.start();
  informers.start();
  Event changed;
  cluster.notify(&changed);
  size_t expected = 0;
  double began = 0;
  double cpu = 0;
  for (const bool measured : {false, true}) {
    began = now();
    cpu = cpuSeconds();
    const int count = measured ? scenario.pods : scenario.initPods;
    const auto shape = measured ? scenario.measured : scenario.init;
    for (int i = 0; i < count; ++i) {
      const std::string name = (measured ? "measured-" : "init-") + std::to_string(i);
      cluster.put(shape(name, measured ? "sched-1" : "sched-0").pod);
    }
    expected += static_cast<size_t>(count);
    while (cluster.bound() < expected) {
      changed.reset();
      Status waited = co_await changed.wait();
      if (!waited.ok()) break;
    }
  }
  const double took = now() - began;
  const double spent = cpuSeconds() - cpu;
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf("| %s | %s | %d + %d | %.0f | %.0f | %.0f | %ld MiB |\n", scenario.name,
              scenario.upstream, scenario.initPods, scenario.pods, scenario.pods / took,
              1e6 * spent / scenario.pods, scenario.aim, usage.ru_maxrss / 1024);
  std::fflush(stdout);
  co_await scheduler.stop();
  co_await informers.stop();
  reactor.stop();
}

/// A pod as it runs in earnest: 7 KB once decoded.
PodBuilder running(const std::string& name, const std::string& node, Shape shape) {
  PodBuilder pod = shape(name, "sched-1");
  pod.label("app", "web").label("pod-template-hash", "5d59d67564").on(node).priority(0);
  auto& meta = pod.pod.metadata;
  meta.uid = "9911c655-19df-48ec-9a74-713ca85ec729";
  meta.generateName = "deployment-5d59d67564-";
  meta.ownerReferences.resize(1);
  meta.ownerReferences[0].kind = "ReplicaSet";
  meta.ownerReferences[0].name = "deployment-5d59d67564";
  meta.ownerReferences[0].uid = "614e9181-7e6f-4b80-adde-067e70bece5e";
  auto& spec = pod.pod.spec;
  spec.volumes.resize(1);
  spec.volumes[0].name = "kube-api-access-cx4rp";
  spec.volumes[0].volumeSource.projected.getOrCreate().sources.resize(3);
  auto& mounts = spec.containers[0].volumeMounts;
  mounts.resize(1);
  mounts[0].name = "kube-api-access-cx4rp";
  mounts[0].mountPath = "/var/run/secrets/kubernetes.io/serviceaccount";
  spec.securityContext.getOrCreate();
  pod.tolerate("node.kubernetes.io/not-ready", "NoExecute");
  pod.tolerate("node.kubernetes.io/unreachable", "NoExecute");
  auto& status = pod.pod.status;
  status.phase = "Running";
  for (const char* type :
       {"PodScheduled", "PodReadyToStartContainers", "Initialized", "ContainersReady", "Ready"}) {
    status.conditions.emplace_back();
    status.conditions.back().type = type;
    status.conditions.back().status = "True";
  }
  status.containerStatuses.resize(1);
  status.containerStatuses[0].name = "main";
  status.containerStatuses[0].containerID = "hollow://9911c655-19df-48ec-9a74-713ca85ec729/main/0";
  return pod;
}

/// Lists nodes and running pods that exist while they are read only.
class Crowd final : public testing::DecodingClient {
 public:
  Crowd(client::Client& rest, int nodes, int pods, Shape shape)
      : DecodingClient(rest), nodes_(nodes), pods_(pods), shape_(shape) {}
  Task<Result<client::ObjectList>> list(const client::ResourceType& type, std::string ns,
                                        client::ListOptions options,
                                        std::stop_token stop) override {
    client::ObjectList out;
    out.resourceVersion = "1";
    if (type.plural == "nodes") {
      for (int i = 0; i < nodes_; ++i) {
        NodeBuilder node(nodeName(i));
        node.zone("moon-" + std::to_string(i % 3));
        out.items.push_back(alone(type, std::move(node.node)));
      }
    } else if (type.plural == "pods") {
      for (int i = 0; i < pods_; ++i) {
        PodBuilder pod =
            running("deployment-5d59d67564-" + std::to_string(i), nodeName(i % nodes_), shape_);
        out.items.push_back(alone(type, std::move(pod.pod)));
      }
    } else {
      co_return co_await DecodingClient::list(type, std::move(ns), std::move(options), stop);
    }
    co_return out;
  }

 private:
  static std::string nodeName(int i) { return "node-" + std::to_string(i); }
  template <typename T>
  static api::ConstObject alone(const client::ResourceType& type, T object) {
    object.metadata.resourceVersion = "1";
    return decoded(type, api::ConstObject(api::Object(std::move(object))));
  }
  int nodes_;
  int pods_;
  Shape shape_;
};

/// Heap of a scheduler that has a process of its own, with its informers.
Task<void> settle(Reactor& reactor, int nodes, int pods, Shape shape, double& heap) {
  testing::ThinCluster rest;
  Crowd crowd(rest, nodes, pods, shape);
  SystemRandom random;
  client::Informers informers(crowd, reactor);
  trimForScheduler(informers);
  Scheduler scheduler({crowd, informers, reactor, random, true}, {});
  scheduler.start();
  informers.start();
  while (scheduler.cache().podCount() < static_cast<size_t>(pods)) {
    Status slept = co_await sleepFor(10ms, {});
    if (!slept.ok()) break;
  }
  Status slept = co_await sleepFor(200ms, {});
  heap = slept.ok() ? static_cast<double>(mallinfo2().uordblks) : 0;
  co_await scheduler.stop();
  co_await informers.stop();
  reactor.stop();
}

double heapWith(int nodes, int pods, Shape shape) {
  Reactor reactor;
  double heap = 0;
  spawn(reactor, settle(reactor, nodes, pods, shape, heap));
  reactor.run();
  return heap;
}

void memory(int nodes, int pods, Shape shape, const char* name) {
  const double empty = heapWith(1, 0, shape);
  const double withNodes = heapWith(nodes, 0, shape);
  const double withPods = heapWith(nodes, pods, shape);
  std::printf("memory: %d nodes, %.0f bytes each; %d pods (%s), %.0f bytes each\n", nodes,
              (withNodes - empty) / nodes, pods, name, (withPods - withNodes) / pods);
}

bool wanted(const char* name, int argc, char** argv) {
  for (int i = 1; i < argc; ++i)
    if (std::strcmp(argv[i], name) == 0) return true;
  return argc == 1;
}

}  // namespace
}  // namespace coxswain::scheduler

int main(int argc, char** argv) {
  using namespace coxswain;             // NOLINT
  using namespace coxswain::scheduler;  // NOLINT
  if (wanted("memory", argc, argv)) {
    memory(1000, 10000, plain, "no constraint");
    memory(1000, 10000, antiAffinity, "anti-affinity");
  }
  std::printf(
      "| scenario | upstream's workload, gate | pods: there + measured | pods/s | us CPU a pod | "
      "aim | peak memory |\n|---|---|---|---|---|---|---|\n");
  for (const auto& scenario : kScenarios) {
    if (!wanted(scenario.name, argc, argv)) continue;
    Reactor reactor;
    spawn(reactor, run(reactor, scenario));
    reactor.run();
  }
  return 0;
}
