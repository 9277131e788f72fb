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
#include "scheduler/testing/thin_cluster.h"

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

/// What the cache keeps of nodes and pods, beside the objects themselves, which informers have.
void memory(int nodes, int pods, Shape shape, const char* name) {
  std::vector<std::shared_ptr<const api::core::v1::Node>> nodeObjects;
  std::vector<std::shared_ptr<const api::core::v1::Pod>> podObjects;
  for (int i = 0; i < nodes; ++i) {
    NodeBuilder node("node-" + std::to_string(i));
    nodeObjects.push_back(node.zone("moon-" + std::to_string(i % 3)).toPtr());
  }
  for (int i = 0; i < pods; ++i) {
    PodBuilder pod = shape("deployment-5d59d67564-" + std::to_string(i), "sched-1");
    podObjects.push_back(pod.on("node-" + std::to_string(i % nodes)).toPtr());
  }
  const auto used = [] { return static_cast<double>(mallinfo2().uordblks); };
  Cache cache;
  const double before = used();
  for (auto& node : nodeObjects) cache.setNode(node);
  cache.snapshot();
  const double withNodes = used();
  for (auto& pod : podObjects) cache.setPod(std::make_shared<const PodInfo>(pod));
  const double withPods = used();
  std::printf("memory: %d nodes, %.0f bytes each; %d pods (%s), %.0f bytes each\n", nodes,
              (withNodes - before) / nodes, pods, name, (withPods - withNodes) / pods);
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
    memory(10000, 100000, plain, "no constraint");
    memory(10000, 100000, antiAffinity, "anti-affinity");
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
