// A namespace goes with all that is in it, pods first; a finalizer of somebody's holds it.
#include "scenarios/list.h"
#include "scenarios/objects.h"

namespace coxswain::simulation {

using api::core::v1::ConfigMap;
using api::core::v1::Namespace;
using api::core::v1::Pod;
using api::core::v1::Secret;

namespace {

class NothingIsLeft final : public Invariant {
 public:
  void wrote(World& world, const client::ResourceType& /*type*/, const api::ConstObject& before,
             const api::ConstObject& after) override {
    if (!before || after || !before.is<Namespace>()) return;
    const auto& name = before.as<Namespace>()->metadata.name;
    if (!world.server.peekAll<ConfigMap>(name).empty() ||
        !world.server.peekAll<Pod>(name).empty() || !world.server.peekAll<Secret>(name).empty()) {
      world.fail("namespace " + name + " has gone before what is in it");
    }
  }
};

void play(World& world) {
  world.watchFor<NothingIsLeft>();
  world.server.put(named<Namespace>("x"));
  for (int32_t i = world.draw(1, 4); i > 0; --i) {
    auto pod = makePod("p" + std::to_string(i), "x");
    pod.metadata.namespace_ = "x";
    world.server.put(pod);
    world.server.put(named<ConfigMap>("m" + std::to_string(i), "x"));
    world.server.put(named<Secret>("s" + std::to_string(i), "x"));
  }
  auto held = named<ConfigMap>("held", "x");
  held.metadata.finalizers = {"example.com/hold"};
  world.server.put(held);
  world.run(std::chrono::milliseconds(world.draw(0, 3000)));
  (void)world.server.erase<Namespace>("", "x");
  world.until("only what is held is left", [&] {
    return world.server.peekAll<Pod>("x").empty() && world.server.peekAll<Secret>("x").empty() &&
           world.server.peekAll<ConfigMap>("x").size() == 1;
  });
  world.run(30s);
  world.server.change<ConfigMap>("x", "held",
                                 [](ConfigMap& map) { map.metadata.finalizers.clear(); });
  world.until("gone", [&] { return !world.server.peek<Namespace>("", "x"); });
}

void prepare(World& world) {
  world.kubelets.assigns = true;
  world.kubelets.addNode("n1");
}

}  // namespace

Scenario namespaceDeletion() {
  return {"namespace", {"namespace-controller"}, play, prepare, 2min, 0.1};
}

}  // namespace coxswain::simulation
