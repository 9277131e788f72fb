// Nodes are told how long to take what they know for true, as their number crosses a band.
#include <algorithm>

#include "scenarios/list.h"
#include "scenarios/objects.h"

namespace coxswain::simulation {

using api::core::v1::Node;

namespace {

bool allHave(const World& world, std::string_view seconds) {
  const auto nodes = world.server.peekAll<Node>();
  return std::all_of(nodes.begin(), nodes.end(), [seconds](const auto& node) {
    const auto* told = node->metadata.annotations.get("node.alpha.kubernetes.io/ttl");
    return told != nullptr && *told == seconds;
  });
}

void play(World& world) {
  const int32_t count = world.draw(98, 100);
  for (int32_t i = 0; i < count; ++i) world.server.put(named<Node>("n" + std::to_string(i)));
  world.until("0", [&] { return allHave(world, "0"); });
  for (int32_t i = count; i < 102; ++i) world.server.put(named<Node>("n" + std::to_string(i)));
  world.until("15", [&] { return allHave(world, "15"); });
  for (int32_t i = 0; i < 13; ++i) remove<Node>(world, "n" + std::to_string(i));
  world.until("0 again", [&] { return allHave(world, "0"); });
}

void prepare(World& world) {
  (void)world;  // nodes come in play
}

}  // namespace

Scenario nodeTtl() {
  return {"nodettl", {"ttl-controller"}, play, prepare};
}

}  // namespace coxswain::simulation
