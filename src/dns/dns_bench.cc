// What one question costs: read, looked up among services, answered.

#include <benchmark/benchmark.h>

#include "api/gen/core_v1.h"
#include "api/gen/discovery_v1.h"
#include "api/gen/meta_v1.h"
#include "client/testing/fake_client.h"
#include "dns/zone.h"
#include "runtime/sim/sim_executor.h"
#include "runtime/spawn.h"

namespace coxswain::dns {
namespace {

using api::core::v1::Namespace;
using api::core::v1::Service;

Task<void> stopAll(client::Informers& informers) {
  co_await informers.stop();
}

struct World {
  explicit World(int services) : client(executor), informers(client, executor) {
    Namespace ns;
    ns.metadata.name = "default";
    client.put(ns);
    for (int i = 0; i < services; ++i) {
      Service service;
      service.metadata.namespace_ = "default";
      service.metadata.name = "service-" + std::to_string(i);
      service.spec.clusterIP =
          "10.96." + std::to_string(i / 250) + "." + std::to_string(i % 250 + 1);
      service.spec.clusterIPs = {service.spec.clusterIP};
      client.put(service);
    }
    directory = informerDirectory(informers);
    ZoneOptions options;
    options.domain = *Name::parse("cluster.local");
    zone.emplace(*directory, random, options);
    informers.start();
    executor.runUntil([this] { return directory->ready(); }, 1h);
  }
  ~World() {
    spawn(executor, stopAll(informers));
    executor.runUntilIdle();
  }
  sim::SimExecutor executor;
  client::testing::FakeClient client;
  client::Informers informers;
  SeededRandom random{1};
  std::unique_ptr<Directory> directory;
  std::optional<Zone> zone;
};

void ask(benchmark::State& state, const char* name) {
  World world(static_cast<int>(state.range(0)));
  const auto wire =
      encodeQuery(1, {*Name::parse(name), static_cast<uint16_t>(Type::A)}, false, false);
  for (auto _ : state) {
    auto query = parseQuery(wire);
    auto response = world.zone->answer(query->question);
    benchmark::DoNotOptimize(encodeResponse(*query, *response, kUdpMax));
  }
}

void BM_Found(benchmark::State& state) {
  ask(state, "service-5.default.svc.cluster.local");
}
BENCHMARK(BM_Found)->Arg(100)->Arg(10000);

/// What the search list of a pod makes of an outside name.
void BM_NxDomain(benchmark::State& state) {
  ask(state, "www.example.com.default.svc.cluster.local");
}
BENCHMARK(BM_NxDomain)->Arg(10000);

}  // namespace
}  // namespace coxswain::dns
