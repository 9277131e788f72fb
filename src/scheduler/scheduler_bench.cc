#include <benchmark/benchmark.h>

#include "scheduler/framework/picker.h"
#include "scheduler/plugins/plugins.h"
#include "scheduler/testing/builders.h"

namespace coxswain::scheduler {
namespace {

/// One decision, with assuming: pods/s that the scheduler alone can do. Args: nodes.
void decideAndAssume(benchmark::State& state) {
  Framework framework(plugins::defaultPlugins(nullptr));
  SeededRandom random(1);
  Picker picker(framework, random);
  Cache cache;
  for (int64_t i = 0; i < state.range(0); ++i) {
    testing::NodeBuilder node("node-" + std::to_string(i));
    node.zone("z" + std::to_string(i % 3)).have("cpu", "64").have("memory", "256Gi");
    cache.setNode(node.toPtr());
  }
  std::vector<std::shared_ptr<const api::core::v1::Pod>> pods;
  for (int i = 0; i < 10000; ++i)
    pods.push_back(
        testing::PodBuilder("pod-" + std::to_string(i)).cpu("100m").memory("64Mi").toPtr());
  size_t next = 0;
  for (auto _ : state) {
    if (next == pods.size()) {
      state.PauseTiming();
      for (const auto& pod : pods) cache.forget("default/" + pod->metadata.name);
      next = 0;
      state.ResumeTiming();
    }
    auto info = std::make_shared<const PodInfo>(pods[next++]);
    const Decision decision = picker.pick(*info, cache.snapshot());
    if (decision.node.empty()) state.SkipWithError("does not fit");
    cache.assume(std::move(info), decision.node);
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()));
}
BENCHMARK(decideAndAssume)->Arg(100)->Arg(1000)->Arg(5000);

/// No node fits: every one is asked.
void rejectedByAll(benchmark::State& state) {
  Framework framework(plugins::defaultPlugins(nullptr));
  SeededRandom random(1);
  Picker picker(framework, random);
  Cache cache;
  for (int64_t i = 0; i < state.range(0); ++i)
    cache.setNode(testing::NodeBuilder("node-" + std::to_string(i)).toPtr());
  const auto pod = testing::PodBuilder("p").cpu("100").info();
  for (auto _ : state) benchmark::DoNotOptimize(picker.pick(*pod, cache.snapshot()));
}
BENCHMARK(rejectedByAll)->Arg(5000);

}  // namespace
}  // namespace coxswain::scheduler
