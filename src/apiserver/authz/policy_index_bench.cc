#include <benchmark/benchmark.h>

#include <cstdlib>
#include <new>

#include "apiserver/authz/authorizer.h"
#include "apiserver/authz/policy.h"
#include "apiserver/authz/policy_index.h"

namespace {
size_t allocations = 0;
}

void* operator new(size_t size) {
  ++allocations;
  if (void* made = std::malloc(size)) return made;
  std::abort();
}
void operator delete(void* made) noexcept {
  std::free(made);
}
void operator delete(void* made, size_t) noexcept {
  std::free(made);
}

namespace coxswain::apiserver {
namespace {

/// As many bindings as asked for, each for a user of its own in one of 100 namespaces, to roles of
/// ten rules; and what every cluster gives everybody.
class World {
 public:
  explicit World(int64_t bindings) {
    Rules rules = bootstrapRulesOf("system:aggregate-to-edit");
    for (int i = 0; i < 20; ++i) index.setRole("", "role-" + std::to_string(i), rules);
    index.setRole("", "basic", bootstrapRulesOf("system:basic-user"));
    index.setBinding("", "basic", to("basic"), {subject("Group", "system:authenticated")});
    for (int64_t i = 0; i < bindings; ++i) {
      index.setBinding("ns-" + std::to_string(i % 100), "b-" + std::to_string(i),
                       to("role-" + std::to_string(i % 20)),
                       {subject("User", "user-" + std::to_string(i))});
    }
  }
  static api::rbac::v1::RoleRef to(std::string name) {
    api::rbac::v1::RoleRef made;
    made.kind = "ClusterRole";
    made.name = std::move(name);
    return made;
  }
  static api::rbac::v1::Subject subject(std::string kind, std::string name) {
    api::rbac::v1::Subject made;
    made.kind = std::move(kind);
    made.name = std::move(name);
    return made;
  }
  PolicyIndex index;
};

RequestInfo request(std::string verb, std::string ns) {
  RequestInfo info;
  info.isResource = true;
  info.verb = std::move(verb);
  info.group = "apps";
  info.resource = "deployments";
  info.subresource = "scale";
  info.ns = std::move(ns);
  info.name = "x";
  return info;
}

void ask(benchmark::State& state, const char* ns, bool expected) {
  const World world(state.range(0));
  const UserInfo user{"user-42", "", {"system:authenticated"}, {}};
  const auto info = request("update", ns);
  const auto before = allocations;
  for (auto _ : state) {
    const bool allowed = world.index.find({user, info}).binding != nullptr;
    if (allowed != expected) state.SkipWithError("another answer");
  }
  state.counters["allocations"] = benchmark::Counter(static_cast<double>(allocations - before),
                                                     benchmark::Counter::kAvgIterations);
}

void allowed(benchmark::State& state) {
  ask(state, "ns-42", true);
}
void refused(benchmark::State& state) {
  ask(state, "ns-43", false);
}
BENCHMARK(allowed)->Arg(100)->Arg(10'000);
BENCHMARK(refused)->Arg(100)->Arg(10'000);

void becomesKnown(benchmark::State& state) {
  World world(state.range(0));
  int64_t i = 0;
  for (auto _ : state) {
    world.index.setBinding("ns-1", "b-1", World::to(i++ % 2 == 0 ? "role-1" : "role-2"),
                           {World::subject("User", "user-1")});
  }
}
BENCHMARK(becomesKnown)->Arg(10'000);

}  // namespace
}  // namespace coxswain::apiserver
