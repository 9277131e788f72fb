// Trees of owners: deleted in the background, in the foreground (dependents go first), or let go.
#include "scenarios/list.h"
#include "scenarios/objects.h"

namespace coxswain::simulation {

using api::core::v1::ConfigMap;
using api::core::v1::Secret;
using api::meta::v1::OwnerReference;

namespace {

template <typename T>
OwnerReference refTo(const std::shared_ptr<const T>& owner, bool blocks) {
  OwnerReference reference;
  reference.apiVersion = T::kInfo.kind->apiVersion;
  reference.kind = T::kInfo.kind->kind;
  reference.name = owner->metadata.name;
  reference.uid = owner->metadata.uid;
  reference.blockOwnerDeletion = blocks;
  return reference;
}

/// An owner goes in the foreground only when no dependent is left that blocks it.
class DependentsFirst final : public Invariant {
 public:
  void wrote(World& world, const client::ResourceType& /*type*/, const api::ConstObject& before,
             const api::ConstObject& after) override {
    if (!before || after || !before.is<ConfigMap>()) return;
    const auto& root = before.as<ConfigMap>()->metadata;
    if (!root.name.starts_with("fore")) return;
    for (const auto& secret : world.server.peekAll<Secret>()) {
      for (const auto& owner : secret->metadata.ownerReferences) {
        if (owner.uid == root.uid) world.fail(root.name + " has gone before its dependents");
      }
    }
  }
};

/// A root (a config map), dependents (secrets), and one below each (a config map).
void putTree(World& world, const std::string& name, int32_t width) {
  auto root = world.server.put(named<ConfigMap>(name));
  for (int32_t i = 0; i < width; ++i) {
    auto middle = named<Secret>(name + "-" + std::to_string(i));
    middle.metadata.ownerReferences = {refTo(root, true)};
    auto stored = world.server.put(middle);
    auto leaf = named<ConfigMap>(name + "-leaf-" + std::to_string(i));
    leaf.metadata.ownerReferences = {refTo(stored, true)};
    world.server.put(leaf);
  }
}

size_t countOf(const World& world, const std::string& name) {
  size_t count = 0;
  for (const auto& map : world.server.peekAll<ConfigMap>()) {
    if (map->metadata.name.starts_with(name)) ++count;
  }
  for (const auto& secret : world.server.peekAll<Secret>()) {
    if (secret->metadata.name.starts_with(name)) ++count;
  }
  return count;
}

void playCascade(World& world) {
  world.watchFor<DependentsFirst>();
  putTree(world, "back", world.draw(1, 5));
  putTree(world, "fore", world.draw(1, 5));
  putTree(world, "stays", 2);
  // Two owners: it stays while one of them lives.
  auto one = world.server.put(named<ConfigMap>("back-owner"));
  auto two = world.server.put(named<ConfigMap>("stays-owner"));
  auto shared = named<Secret>("shared");
  shared.metadata.ownerReferences = {refTo(one, false), refTo(two, false)};
  world.server.put(shared);
  world.run(std::chrono::milliseconds(world.draw(0, 5000)));
  remove<ConfigMap>(world, "back", "Background");
  remove<ConfigMap>(world, "back-owner", "Background");
  remove<ConfigMap>(world, "fore", "Foreground");
  world.until("two trees are gone", [&] {
    return countOf(world, "back") == 0 && countOf(world, "fore") == 0 &&
           world.server.peek<Secret>("default", "shared")->metadata.ownerReferences.size() == 1;
  });
}

void playOrphans(World& world) {
  const auto width = world.draw(1, 5);
  putTree(world, "let", width);
  // Whoever made them is known before he goes: what is not seen cannot be let go.
  world.run(2min);
  remove<ConfigMap>(world, "let", "Orphan");
  world.until("the root is gone", [&] { return !world.server.peek<ConfigMap>("default", "let"); });
  world.until("nobody's", [&] {
    for (const auto& secret : world.server.peekAll<Secret>()) {
      if (!secret->metadata.ownerReferences.empty()) return false;
    }
    return true;
  });
  if (countOf(world, "let") != static_cast<size_t>(2 * width)) world.fail("something went along");
}

}  // namespace

Scenario garbageCascade() {
  return {"garbage-cascade", {"garbage-collector-controller"}, playCascade};
}
Scenario garbageOrphans() {
  return {"garbage-orphans", {"garbage-collector-controller"}, playOrphans};
}

}  // namespace coxswain::simulation
